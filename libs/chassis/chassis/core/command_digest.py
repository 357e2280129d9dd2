"""A repeat is recognised by a digest over the domain command, not over the bytes that it arrived in.

The digest is kept for ever with the events, so every later release must compute the same one. A field that has its
default is therefore left out: a release may add a field whose default means what was meant before the field existed,
and a default is never changed. A field declared with `compare=False` is not part of what is ordered (the trace of a
leg) and is left out too. An enum counts by its value. Text is written in ASCII, which is the same in every version of
Python.
"""

import hashlib
from dataclasses import fields
from enum import Enum
from typing import Any

TAKEN_AS_THEY_ARE = frozenset({bool, bytes, int, str})
DEFAULTS: dict[type, tuple[tuple[str, object], ...]] = {}
"""What defaults_of has looked up: one entry for every kind of command."""


def command_digest(command: object) -> bytes:
    return hashlib.sha256(ascii(plain(command)).encode()).digest()


def plain(value: Any) -> object:
    """A command, or a part of one, as tuples of plain values."""
    kind = type(value)
    if kind in TAKEN_AS_THEY_ARE:
        return value
    if kind is tuple:
        return tuple([plain(each) for each in value])
    if isinstance(value, Enum):
        return value.value
    parts: list[object] = [kind.__name__]
    for name, default in defaults_of(kind):
        part = getattr(value, name)
        if part != default:
            parts += (name, part if type(part) in TAKEN_AS_THEY_ARE else plain(part))
    return tuple(parts)


def defaults_of(kind: type) -> tuple[tuple[str, object], ...]:
    """The fields that count and what each is by default; nothing equals the default of one that has none."""
    if kind not in DEFAULTS:
        DEFAULTS[kind] = tuple((field.name, field.default) for field in fields(kind) if field.compare)
    return DEFAULTS[kind]
