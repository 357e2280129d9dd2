"""What was stored stays readable: every event type's golden bytes are decoded to the same values and encoded again."""

import json
from typing import Any

import pytest

from support.golden.events import FOLDER, WIRE, file_of, instances, plain


def stored(type_name: str) -> Any:
    file = file_of(type_name)
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


INSTANCES = [
    pytest.param(type_name, golden, id=f"{type_name}-{name}")
    for type_name in WIRE.by_name
    for name, golden in stored(type_name).items()
]


def test_every_event_type_has_golden_bytes_and_nothing_else_has() -> None:
    assert {file.name.removesuffix(".json") for file in FOLDER.iterdir()} == set(WIRE.by_name), (
        "write the missing with `cd tests && ../.venv/bin/python -m support.golden.events`"
    )


@pytest.mark.parametrize(("type_name", "golden"), INSTANCES)
def test_golden_bytes_are_decoded_to_the_same_values_and_encoded_to_the_same_bytes(type_name: str, golden: Any) -> None:
    data = bytes.fromhex(golden["bytes"])
    event = WIRE.decode(type_name, data)
    assert same(plain(event), golden["value"]), f"{type_name} is read otherwise than it was stored: {plain(event)}"
    assert WIRE.encode(event) == (type_name, data), f"{type_name} is stored otherwise than before"


@pytest.mark.parametrize("type_name", WIRE.by_name)
def test_some_golden_instance_fills_every_field_of_its_event(type_name: str) -> None:
    today = plain(instances(WIRE.by_name[type_name])["filled"])
    assert any(each["value"].keys() == today.keys() for each in stored(type_name).values()), (
        "see tests/golden/README.md for what to do about a field that was added"
    )


def same(now: Any, then: Any) -> bool:
    """Whether a value is the golden one. A field that was not there then has its default."""
    if isinstance(now, dict):
        return now.keys() >= then.keys() and all(
            same(value, then[name]) if name in then else not value for name, value in now.items()
        )
    if isinstance(now, list):
        return len(now) == len(then) and all(same(*pair) for pair in zip(now, then, strict=True))
    return bool(now == then)


def test_a_value_is_not_the_golden_one_if_a_field_differs_is_gone_or_is_new_and_filled() -> None:
    then = {"a": 1, "rows": [{"b": 2}]}
    assert same({"a": 1, "rows": [{"b": 2, "new": 0}]}, then)
    for other in ({"a": 2, "rows": [{"b": 2}]}, {"rows": [{"b": 2}]}, {"a": 1, "rows": [{"b": 2, "new": 3}]}):
        assert not same(other, then)
