"""Many commands in one message, counted before they are parsed: an empty one takes two bytes, and about a hundred
when parsed.
"""

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError

from chassis.core.decider import Malformed

BULK_COMMANDS_MAX = 500
VARINT_BYTES_MAX = 10
LAYOUT_BITS = 0b111
VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5
"""How a field's bytes are laid out, by the last bits of its tag."""


def parse_many(kind: type[Any], data: bytes) -> Sequence[Any]:
    """The commands of a `SubmitMany` message. Raises Malformed."""
    if fields_in(data, BULK_COMMANDS_MAX + 1) > BULK_COMMANDS_MAX:
        raise Malformed("TOO_MANY_COMMANDS", "commands", commands_max=BULK_COMMANDS_MAX)
    try:
        commands: Sequence[Any] = kind.FromString(data).commands
    except DecodeError:
        raise Malformed("REQUEST_NOT_READABLE", "", message=kind.DESCRIPTOR.full_name) from None
    return commands


def fields_in(data: bytes, fields_max: int) -> int:
    """The number of top-level fields of a message, up to `fields_max`. A group, which no message of ours has and
    the parser would pass over, counts as more than any number: what is behind it is not counted.
    """
    at = 0
    for count in range(fields_max):
        if at >= len(data):
            return count
        tag, at = varint(data, at)
        layout = tag & LAYOUT_BITS
        if layout == VARINT:
            _, at = varint(data, at)
        elif layout == LENGTH:
            size, at = varint(data, at)
            at += size
        elif layout == EIGHT_BYTES:
            at += 8
        elif layout == FOUR_BYTES:
            at += 4
        else:
            return fields_max
    return fields_max


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins there, and where it ends, if there are enough bytes."""
    value = 0
    for place, byte in enumerate(data[at : at + VARINT_BYTES_MAX]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    return value, len(data)
