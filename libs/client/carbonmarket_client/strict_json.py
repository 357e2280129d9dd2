"""JSON files that prove something, read in one way only.

Two programs must not read two things in one file: a field that is there twice is refused (parsers differ in which one
they take), and so is a number that is not written as an integer is, and a file that is too large to be honest.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FILE_BYTES_MAX = 32 * 2**20
"""Many times what an honest one has, and read and checked within seconds."""
INTEGER = re.compile(r"-?[1-9][0-9]{0,39}|0")


def read_json(path: Path) -> Any:
    """Raises ValueError on what is no such JSON, OSError where there is no such file."""
    with path.open("rb") as opened:
        data = opened.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise ValueError(f"it is larger than {FILE_BYTES_MAX:,} bytes")
    return strict_json(data.decode())


def strict_json(text: str) -> Any:
    """Raises ValueError."""
    return json.loads(
        text, object_pairs_hook=once_each, parse_int=integer, parse_float=no_number, parse_constant=no_number
    )


def once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    known = dict(pairs)
    if len(known) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has `{next(name for name in names if names.count(name) > 1)}` twice")
    return known


def integer(written: str) -> int:
    return int(written) if INTEGER.fullmatch(written) else no_number(written)


def no_number(written: str) -> int:
    raise ValueError(f"{written[:40]} is no integer as it must be written")
