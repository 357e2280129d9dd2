"""One command of every type with its digest, as files that are written once: what a release must come to again.

A command is kept by its fields, so that a field which a later release adds has its default: then the digest must be the
same. tests/golden/README.md says when the command at the end is to be used:

    cd tests && ../.venv/bin/python -m support.golden.commands [TYPE ...]

It adds the types that are missing and writes those named again, as long as nothing was released.
"""

import json
import sys
import types
import typing
from collections.abc import Iterable, Sequence
from dataclasses import is_dataclass
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any

from chassis.core.command_digest import command_digest
from chassis.core.shell import DECIDE_ALL
from clearing.domain.decider import DECIDER as CLEARING
from registry.domain.decider import DECIDER as REGISTRY
from support.golden.events import RELEASED, filled, plain
from support.source.repository import ROOT
from trading.domain.decider import DECIDER as TRADING

FOLDER = ROOT / "tests" / "golden" / "command_digests"
COMMANDS: dict[str, list[type]] = {
    "shell": [*DECIDE_ALL],
    "registry": list(REGISTRY.decide),
    "trading": list(TRADING.decide),
    "clearing": list(CLEARING.decide),
}

Entry = dict[str, Any]
"""The fields of a command, as JSON holds them, and its digest in hexadecimal."""


def file_of(service: str) -> Path:
    return FOLDER / f"{service}.json"


def entries_of(service: str) -> dict[str, Entry]:
    path = file_of(service)
    entries: dict[str, Entry] = json.loads(path.read_text()) if path.exists() else {}
    return entries


def missing(service: str) -> list[type]:
    known = entries_of(service)
    return [kind for kind in COMMANDS[service] if kind.__name__ not in known]


def write(service: str, again: Sequence[str]) -> list[str]:
    """Make an entry of every type that has none, and of those named `again`; return their names. Types that are gone go
    too, as long as nothing was released.
    """
    kinds = {kind.__name__: kind for kind in COMMANDS[service]}
    kept = {name: entry for name, entry in entries_of(service).items() if name not in again}
    if not RELEASED.exists():
        kept = {name: entry for name, entry in kept.items() if name in kinds}
    added = {name: entry_of(filled(kind, count(1), name)) for name, kind in kinds.items() if name not in kept}
    FOLDER.mkdir(parents=True, exist_ok=True)
    whole = dict(sorted({**kept, **added}.items()))
    file_of(service).write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
    return sorted(added)


def entry_of(command: Any) -> Entry:
    return {"fields": plain(command), "digest": command_digest(command).hex()}


def kinds_by_name(kinds: Iterable[type]) -> dict[str, type]:
    return {kind.__name__: kind for kind in kinds}


def from_json(hint: Any, kept: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        items = arguments[:1] * len(kept) if arguments[-1] is ... else arguments
        return tuple(from_json(item, each) for item, each in zip(items, kept, strict=True))
    if origin in (typing.Union, types.UnionType):
        return from_json(next(item for item in arguments if item is not type(None)), kept)
    if is_dataclass(hint):
        kind: Any = hint
        hints = typing.get_type_hints(kind)
        return kind(**{name: from_json(hints[name], part) for name, part in kept.items()})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(kept)
    return bytes.fromhex(kept) if hint is bytes else kept


def main(again: Sequence[str]) -> None:
    if again and RELEASED.exists():
        sys.exit("something was released: its digests are in logs for ever")
    for service in COMMANDS:
        for name in write(service, again):
            print(f"{service}: {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
