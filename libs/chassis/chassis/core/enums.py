"""Enumerations in a request: a number that this release has no name for is refused as what it is.

proto3 lets any number through. Whoever sent it means something, perhaps by a newer release of the protos, so it must
not pass for "unspecified".
"""

from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from chassis.core.decider import Malformed


def check_enums(message: Any, path: str = "") -> None:
    """Raises Malformed at the first number without a name, in the message or in a part of it."""
    for field in fields_with_enums(message.DESCRIPTOR):
        if field.is_repeated:
            for number, part in enumerate(getattr(message, field.name)):
                check_part(field, part, f"{path}{field.name}[{number}]")
        elif field.message_type is None or message.HasField(field.name):
            check_part(field, getattr(message, field.name), f"{path}{field.name}")


def check_part(field: FieldDescriptor, part: Any, path: str) -> None:
    if field.enum_type is None:
        check_enums(part, f"{path}.")
    elif part not in field.enum_type.values_by_number:
        raise Malformed("ENUM_VALUE_UNKNOWN", path, field=path, value=part)


@cache
def fields_with_enums(message: Descriptor) -> tuple[FieldDescriptor, ...]:
    """The fields that are enumerations or have some inside. No request contains itself."""
    return tuple(
        field
        for field in message.fields
        if field.enum_type is not None or (field.message_type is not None and fields_with_enums(field.message_type))
    )
