"""A file that proves something is read in one way only, whichever program reads it."""

from pathlib import Path

import pytest

from carbonmarket_client import strict_json as module
from carbonmarket_client.strict_json import read_json, strict_json


def test_what_is_written_in_the_usual_way_is_read() -> None:
    assert strict_json(' {"a": [1, -1, 0, "\\u0041", null, true]}\n') == {"a": [1, -1, 0, "A", None, True]}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1, "a": 1}', "it has `a` twice"),
        ('[{"b": {"a": 1, "b": 2, "\\u0061": 3}}]', "it has `a` twice"),
        ("1.0", "1.0 is no integer"),
        ("1e6", "1e6 is no integer"),
        ("-0", "-0 is no integer"),
        ("NaN", "NaN is no integer"),
        ("-Infinity", "-Infinity is no integer"),
        ("9" * 5_000, "999 is no integer"),
        ("01", "Extra data"),
        ("{} {}", "Extra data"),
        ('{"a": 1', "delimiter"),
        ("", "Expecting value"),
    ],
)
def test_what_can_be_read_in_two_ways_is_not_read(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        strict_json(text)


def test_a_file_that_no_honest_one_can_be_as_large_as_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FILE_BYTES_MAX", 10)
    file = tmp_path / "one.json"
    file.write_text(f"{'1':>10}")
    assert read_json(file) == 1
    file.write_text(f"{'1':>11}")
    with pytest.raises(ValueError, match="larger than 10 bytes"):
        read_json(file)
    with pytest.raises(ValueError, match="larger than 10 bytes"):
        read_json(Path("/dev/zero"))
    file.write_bytes(b"\xff")
    with pytest.raises(ValueError, match="utf-8"):
        read_json(file)
