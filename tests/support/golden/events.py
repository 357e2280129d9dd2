"""Golden bytes: how every event is stored, written down once, so that a later release is held to it.

Of every event type there are two instances: one with every field filled, all values different, and one with every field
at its default. `python -m support.golden.events` (in `tests/`) writes the files that are missing; with names of event
types it writes those again. See tests/golden/README.md for when that is allowed.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import IntEnum
from itertools import count
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import clearing.wire
import registry.wire
import trading.wire
from chassis.core.decider import Facts
from chassis.core.shell import SHELL_KINDS
from chassis.core.wire import EventKind, Wire
from support.source.repository import ROOT

FOLDER = ROOT / "tests/golden/events"
RELEASED = ROOT / "proto/released.binpb"

WIRE = Wire(
    *SHELL_KINDS,
    *registry.wire.WIRE.by_event.values(),
    *trading.wire.WIRE.by_event.values(),
    *clearing.wire.WIRE.by_event.values(),
)
"""Every event type of every log."""


def instances(kind: EventKind[Any, Any]) -> dict[str, object]:
    return {"filled": filled(kind.event, count(1), kind.event.__name__), "defaults": default(kind.event)}


def filled(hint: Any, numbers: Iterator[int], name: str) -> Any:
    """A value of a type, different from every other that the same numbers gave; every third number is negative."""
    if is_dataclass(hint):
        return construct(hint, lambda field, of: filled(of, numbers, field))
    if hint == Facts:
        return tuple((f"fact_{next(numbers)}", f"{name} {next(numbers)}") for _ in range(2))
    if get_origin(hint) is tuple:
        return tuple(filled(get_args(hint)[0], numbers, name) for _ in range(2))
    number = next(numbers)
    if hint is bool:
        return True
    if hint is int:
        return -number * 1_000_003 if number % 3 == 0 else number * 1_000_003
    if hint is str:
        return f"{name} {number} 碳"
    if hint is bytes:
        return bytes(range(number, number + 32))
    assert issubclass(hint, IntEnum), f"{name}: {hint}"
    return list(hint)[-1]


def default(hint: Any) -> Any:
    """Nothing filled in; of a numbering that does not know zero its first number."""
    if is_dataclass(hint):
        return construct(hint, lambda _, of: default(of))
    if get_origin(hint) is tuple:
        return ()
    return min(hint) if issubclass(hint, IntEnum) else hint()


def construct(kind: Any, value_of: Any) -> Any:
    hints = get_type_hints(kind)
    return kind(**{field.name: value_of(field.name, hints[field.name]) for field in fields(kind)})


def plain(value: Any) -> Any:
    """A value as JSON has it: fields by their names, numberings by their numbers, bytes in hexadecimal."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if isinstance(value, IntEnum):
        return value.value
    return value.hex() if isinstance(value, bytes) else value


def file_of(type_name: str) -> Path:
    return FOLDER / f"{type_name}.json"


def written(kind: EventKind[Any, Any]) -> str:
    whole = {
        name: {"value": plain(event), "bytes": WIRE.encode(event)[1].hex()} for name, event in instances(kind).items()
    }
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def main(again: list[str]) -> None:
    if again and RELEASED.exists():
        sys.exit("There is a release: what it stored must be readable for ever. Add a new event type instead.")
    for type_name, kind in WIRE.by_name.items():
        file = file_of(type_name)
        if not file.exists() or type_name in again or type_name.rpartition(".")[2] in again:
            file.write_text(written(kind), encoding="utf-8")
            print(f"written: {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main(sys.argv[1:])
