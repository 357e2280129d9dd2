"""Values that no request may contain, whatever its field means: each is refused with the path of its field.

proto3 accepts any number for an enumeration. A number without a name means something to its sender, perhaps by a newer
release of the protos, so it must not be treated as "unspecified". proto3 also accepts the character NUL in a text,
which PostgreSQL cannot store: once recorded, it would stop every table that shows it.
"""

from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from chassis.core.decider import Malformed

NUL = "\0"


def check_values(message: Any, path: str = "") -> None:
    """Raises Malformed at the first such value, in the message or in a part of it."""
    for field in fields_to_check(message.DESCRIPTOR):
        if field.is_repeated:
            for number, part in enumerate(getattr(message, field.name)):
                check_part(field, part, f"{path}{field.name}[{number}]")
        elif field.message_type is None or message.HasField(field.name):
            check_part(field, getattr(message, field.name), f"{path}{field.name}")


def check_part(field: FieldDescriptor, part: Any, path: str) -> None:
    if field.message_type is not None:
        check_values(part, f"{path}.")
    elif field.enum_type is not None:
        if part not in field.enum_type.values_by_number:
            raise Malformed("ENUM_VALUE_UNKNOWN", path, value=part)
    elif NUL in part:
        raise Malformed("TEXT_HAS_NUL", path, at=part.index(NUL) + 1)


@cache
def fields_to_check(message: Descriptor) -> tuple[FieldDescriptor, ...]:
    """The fields that are enumerations or texts, or have some inside. No request contains itself, or a map."""
    return tuple(
        field
        for field in message.fields
        if field.enum_type is not None
        or field.type == FieldDescriptor.TYPE_STRING
        or (field.message_type is not None and fields_to_check(field.message_type))
    )
