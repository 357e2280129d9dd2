"""What every refusal of a domain must be, whatever its rule."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import reduce
from typing import Any

from chassis.core.decider import Malformed


@contextmanager
def naming_its_field(command: object) -> Iterator[None]:
    """Where a command is refused as malformed, the refusal names a field that it has. Request and command have the same
    fields by name (chassis.core.commands), so the path leads to the caller's field, too.
    """
    try:
        yield
    except Malformed as refused:
        reduce(step, refused.field.split("."), command)
        raise


def step(holder: Any, name: str) -> Any:
    bare, _, index = name.rstrip("]").partition("[")
    assert re.fullmatch("[a-z_]+", bare)
    assert bare in {field.name for field in fields(holder)}, f"{type(holder).__name__} has no field {bare}"
    value = getattr(holder, bare)
    return value[int(index)] if index else value
