"""Domain events and their stored form, as a table that each service's wire.py fills in.

The table is the only list of what a service publishes. An entry names the event and its message, whose fields are the
same (chassis.core.codec), and what the shell cannot know: in whose feeds the event shows, which subject's trace it
continues, why people should look at it, if they should (a reason in UPPER_SNAKE: such an event is a warning in the
service's log lines), which fields two people must agree on (proposals.py), and since which release level it may be
written.

A subject is what a trace is about (`trade/17`). The first record about a subject leaves its trace context in the
shell's state; later records about it continue that trace whatever command causes them, and link the trace of that
command. `ends_subject` marks the last record of a subject, so that state stays bounded by what is open.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from google.protobuf.message import Message

from chassis.core.codec import Codec, codec_of

E = TypeVar("E")
M = TypeVar("M", bound=Message)

DATA_BYTES_MAX = 500_000
"""An event larger than this is refused before the append: Kafka must be able to carry it."""


def nobody(event: Any) -> Sequence[str]:
    return ()


def no_concern(event: Any) -> str:
    return ""


class OfAccount(Protocol):
    """An event of one account."""

    @property
    def account(self) -> str: ...


def account(event: OfAccount) -> tuple[str]:
    return (event.account,)


@dataclass(frozen=True, slots=True)
class EventKind(Generic[E, M]):
    """One event: its domain type, its message and what the shell needs to know of it."""

    event: type[E]
    message: type[M]
    accounts: Callable[[E], Sequence[str]] = nobody
    subject: Callable[[E], str] | None = None
    ends_subject: bool = False
    links: Callable[[E], Sequence[str]] = nobody
    concern: Callable[[E], str] = no_concern
    # The fields that a proposal shows; an approval is refused where one of them would be another: proposals.py.
    shown: Sequence[str] = ()
    # What it changes: a word, and which of the shown fields name it, as `("instruction", "payout_id")`. Once such an
    # event has happened, an earlier proposal that would change the same is outdated: proposals.py.
    about: Sequence[str] = ()
    # The release level from which on it may be written: releases.py.
    since: int = 0
    codec: Codec[E, M] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "codec", codec_of(self.event, self.message))
        unknown = set(self.shown) - set(self.message.DESCRIPTOR.fields_by_name)
        assert not unknown, f"{self.type_name} has no {sorted(unknown)} to show"
        assert set(self.about[1:]) <= set(self.shown), f"{self.type_name} must show what it is about"

    @property
    def type_name(self) -> str:
        name: str = self.message.DESCRIPTOR.full_name
        return name


class Wire:
    """The table, both ways: by domain type to encode, by type name to decode."""

    def __init__(self, *kinds: EventKind[Any, Any]) -> None:
        self.by_event = {kind.event: kind for kind in kinds}
        self.by_name = {kind.type_name: kind for kind in kinds}
        assert len(self.by_event) == len(self.by_name) == len(kinds), "an event is listed twice in the table"

    def encode(self, event: object) -> tuple[str, bytes]:
        kind = self.by_event[type(event)]
        data: bytes = kind.codec.encode(event).SerializeToString(deterministic=True)
        return kind.type_name, data

    def decode(self, type_name: str, data: bytes) -> object:
        """Raises KeyError on a type this release does not know: the reader must stop."""
        kind = self.by_name[type_name]
        event: object = kind.codec.decode(kind.message.FromString(data))
        return event
