"""One codec by name: a dataclass of a domain and its message have the same fields, so nobody writes converters.

`codec_of(kind, message)` compares the dataclass's type hints with the message's descriptor and raises `Mismatch` where
names or types differ, in either direction: a service whose event lacks a field in proto, or whose proto has a field
that the event lacks, cannot even be imported. Then it writes the two functions as Python source, as `dataclasses` does
for `__init__`, and compiles them once: they are as fast as written by hand. `source` is there to be read.

| in the dataclass              | in the message                                                             |
|-------------------------------|----------------------------------------------------------------------------|
| `int`, `bool`, `str`, `bytes` | a whole number, `bool`, `string`, `bytes`                                  |
| an `IntEnum`                  | the enum of the same names and numbers                                     |
| `Facts`                       | `map<string, string>`                                                      |
| a dataclass                   | a message, a pair like this one; one that is absent has every field empty  |
| `X | None`                    | what X is, with presence: None is absent                                   |
| `tuple[X, ...]`               | `repeated`, of what X is                                                   |

A request is not the domain's alone: it may have SHELL_FIELDS beside the command's. And its numbers are what somebody
sent, of those that the proto names (`core.request_values` refuses the others): a command takes an enum that may be
left out as an `int` or as a numbering with UNSPECIFIED.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import IntEnum
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from chassis.core.decider import Facts

V = TypeVar("V")
M = TypeVar("M", bound=Message)

SHELL_FIELDS = frozenset({"request_id"})
"""Fields of a request that are no part of the command."""

PLAIN = {
    FieldDescriptor.CPPTYPE_INT32: int,
    FieldDescriptor.CPPTYPE_INT64: int,
    FieldDescriptor.CPPTYPE_BOOL: bool,
    FieldDescriptor.CPPTYPE_STRING: str,
}


class Mismatch(TypeError):
    """A dataclass and its message do not say the same."""


@dataclass(frozen=True, slots=True)
class Codec(Generic[V, M]):
    """Both directions of one pair."""

    encode: Callable[[V], M]
    decode: Callable[[M], V]
    source: str


@dataclass(frozen=True, slots=True)
class Part:
    """One field, both ways: expressions of `value` and of `message`, and what they call, by name."""

    encoded: str
    decoded: str
    names: Mapping[str, object]


MADE: dict[tuple[type, type[Message], bool], Codec[Any, Any]] = {}
"""Every pair is compared and compiled once."""


def codec_of(kind: type[V], message: type[M], of_request: bool = False) -> Codec[V, M]:
    """Raises Mismatch, naming the field that is not the same on both sides."""
    pair = (kind, message, of_request)
    if pair not in MADE:
        MADE[pair] = compiled(kind, message, of_request)
    return MADE[pair]


def compiled(kind: type[Any], message: type[Message], of_request: bool) -> Codec[Any, Any]:
    declared: dict[str, Any] = {field.name: field for field in message.DESCRIPTOR.fields}
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    differ = set(names) ^ declared.keys() - (SHELL_FIELDS if of_request else set())
    if differ:
        raise Mismatch(f"{kind.__name__} and {message.DESCRIPTOR.full_name}: only one of them has {sorted(differ)}")
    parts = {name: part(f"{kind.__name__}.{name}", hints[name], declared[name], of_request) for name in names}
    encoded = "".join(f"        {name}={parts[name].encoded},\n" for name in names)
    decoded = "".join(f"        {name}={parts[name].decoded},\n" for name in names)
    source = f"def encode(value):\n    return Message(\n{encoded}    )\n\n"
    source += f"def decode(message):\n    return Value(\n{decoded}    )\n"
    space: dict[str, Any] = {"Message": message, "Value": kind}
    for each in parts.values():
        space.update(each.names)
    exec(compile(source, f"<codec of {kind.__name__}>", "exec"), space)
    return Codec(space["encode"], space["decode"], source)


def part(where: str, hint: Any, field: FieldDescriptor, of_request: bool) -> Part:
    name = field.name
    value, message = f"value.{name}", f"message.{name}"
    if is_map(field) or hint == Facts:
        check(where, hint, field, hint == Facts and is_map_of_texts(field))
        return Part(f"dict({value})", f"tuple(sorted({message}.items()))", {})
    if get_origin(hint) is tuple:
        check(where, hint, field, field.is_repeated and get_args(hint)[1:] == (...,))
        each = single(where, "each", "each", get_args(hint)[0], field, of_request)
        if not each.names:
            return Part(value, f"tuple({message})", {})
        return Part(
            f"[{each.encoded} for each in {value}]", f"tuple([{each.decoded} for each in {message}])", each.names
        )
    check(where, hint, field, not field.is_repeated)
    if isinstance(hint, UnionType):
        inner = [each for each in get_args(hint) if each is not NoneType]
        check(where, hint, field, len(inner) == 1 and field.has_presence)
        there = single(where, value, message, inner[0], field, of_request)
        return Part(
            f"None if {value} is None else {there.encoded}",
            f'{there.decoded} if message.HasField("{name}") else None',
            there.names,
        )
    return single(where, value, message, hint, field, of_request)


def single(where: str, value: str, message: str, hint: Any, field: FieldDescriptor, of_request: bool) -> Part:
    """One value of a field, whether it has one or many."""
    name = field.name
    if field.message_type is not None:
        check(where, hint, field, is_dataclass(hint))
        nested = codec_of(hint, GetMessageClass(field.message_type), of_request)
        names = {f"encode_{name}": nested.encode, f"decode_{name}": nested.decode}
        return Part(f"encode_{name}({value})", f"decode_{name}({message})", names)
    if field.enum_type is not None:
        if of_request and hint is int:
            return Part(value, message, {})
        check(where, hint, field, isinstance(hint, type) and issubclass(hint, IntEnum))
        check_numbering(where, hint, field.enum_type, of_request)
        return Part(value, f"kind_of_{name}({message})", {f"kind_of_{name}": hint})
    check(where, hint, field, hint is (bytes if field.type == field.TYPE_BYTES else PLAIN.get(field.cpp_type)))
    return Part(value, message, {})


def check(where: str, hint: Any, field: FieldDescriptor, same: bool) -> None:
    if not same:
        raise Mismatch(f"{where} is {hint}, which is not what {field.full_name} is")


def check_numbering(where: str, ours: type[IntEnum], theirs: EnumDescriptor, of_request: bool) -> None:
    prefix = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", theirs.name).upper() + "_"
    named = {prefix + member.name: member.value for member in ours}
    if {f"{prefix}UNSPECIFIED": 0} | named != {each.name: each.number for each in theirs.values}:
        raise Mismatch(f"{where}: {ours.__name__} does not number as {theirs.full_name} does")
    if of_request and 0 not in named.values():
        raise Mismatch(f"{where} is a {ours.__name__}, but what is sent may be left out: give it UNSPECIFIED")


def is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def is_map_of_texts(field: FieldDescriptor) -> bool:
    entry = field.message_type
    return entry is not None and is_map(field) and all(part.type == part.TYPE_STRING for part in entry.fields)
