"""What a service does on hearing another one: by source, a function for each type of record that is of concern.

A reaction turns what was heard into a command of our own; None where this record is of no concern after all. Reactions
are declared by the service whose log they are of: of two services' types, each is heard from its own log only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.message import Message


@dataclass(frozen=True, slots=True)
class Heard:
    """The position of a heard event in its own log."""

    position: int


Reactions = Mapping[type[Message], Callable[[Any, Heard], object | None]]
"""By message, made of `hears` and merged."""

M = TypeVar("M", bound=Message)


def hears(message: type[M], react: Callable[[M, Heard], object | None]) -> Reactions:
    return {message: react}


class ReactionTable:
    """The reactions to one source, by type name."""

    def __init__(self, reactions: Reactions) -> None:
        self._by_name = {kind.DESCRIPTOR.full_name: (kind, react) for kind, react in reactions.items()}

    def __contains__(self, type_name: str) -> bool:
        return type_name in self._by_name

    def react(self, type_name: str, data: bytes, position: int) -> object | None:
        """The command that a record causes. Raises whatever a reaction with a bug in it raises."""
        kind, react = self._by_name[type_name]
        return react(kind.FromString(data), Heard(position))
