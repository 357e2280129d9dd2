"""Corrections that two people make (proposals.py): at which record hearing of a forked source resumes, and under which
name an order to another service is sent.

An order is sent under the name of its position, by which its receiver recognises a repeat. If the receiver has recorded
another command under that name (`REQUEST_ID_REUSED`: a release encoded it differently, or a log was restored older), it
never answers the order under it. RenameOrder sends the order under the position of the record that renames it. Nothing
can happen twice by that: the receiver has recorded the old name, so nothing sent under it takes effect any more; and it
decides a renamed order by what it orders, as it must after a fork: what was done already is answered as a repeat if it
is the same, and refused if it is not.

History is never edited: a correction is an event that names what it corrects; its approval names who proposed it and
who approved it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from carbonmarket.log.v1 import log_events_pb2 as pb
from chassis.core.decider import Context, Decide, Decided, Malformed, NotFound, Rejected, handles, merged
from chassis.core.record import DIGEST_BYTES, HeardUpTo
from chassis.core.shapes import check_text
from chassis.core.wire import EventKind


@dataclass(frozen=True, slots=True)
class ResumeHearing:
    source_log_id: str
    source_position: int
    source_digest: bytes
    ground: str


@dataclass(frozen=True, slots=True)
class HearingResumed:
    source_log_id: str
    source_position: int
    source_digest: bytes
    ground: str


@dataclass(frozen=True, slots=True)
class RenameOrder:
    order_position: int
    ground: str


@dataclass(frozen=True, slots=True)
class OrderRenamed:
    """Its position is the order's name from now on."""

    order_position: int
    ground: str


class Orders(Protocol):
    """What the decision looks at: the positions of the orders that await their answer."""

    @property
    def unanswered(self) -> Collection[int]: ...


class Hearings(Protocol):
    """What the decision looks at."""

    sources: frozenset[str]

    @property
    def halted(self) -> Mapping[str, str]: ...

    @property
    def heard(self) -> Mapping[str, HeardUpTo]: ...


def resume_hearing(look: Hearings, command: ResumeHearing, context: Context) -> Decided:
    """Only of a source that is halted, and never beyond what was heard: what is heard again, or passed over, counts."""
    check_text(command.ground, "ground")
    if command.source_position < 1:
        raise Malformed("POSITION_OUT_OF_RANGE", "source_position", source_position=command.source_position)
    if len(command.source_digest) != DIGEST_BYTES:
        raise Malformed("DIGEST_MALFORMED", "source_digest", bytes=len(command.source_digest))
    if command.source_log_id not in look.sources:
        raise NotFound("SOURCE_UNKNOWN", source_log_id=command.source_log_id)
    if command.source_log_id not in look.halted:
        raise Rejected("HEARING_NOT_HALTED", source_log_id=command.source_log_id)
    upto = look.heard.get(command.source_log_id)
    heard_position = upto.position if upto else 0
    if command.source_position > heard_position:
        raise Rejected("POSITION_NOT_HEARD", source_position=command.source_position, heard_position=heard_position)
    return [HearingResumed(command.source_log_id, command.source_position, command.source_digest, command.ground)]


def rename_order(look: Orders, command: RenameOrder, context: Context) -> Decided:
    check_text(command.ground, "ground")
    if command.order_position not in look.unanswered:
        raise NotFound("ORDER_NOT_UNANSWERED", order_position=command.order_position)
    return [OrderRenamed(command.order_position, command.ground)]


class Corrected(Hearings, Orders, Protocol):
    """What either decision looks at."""


DECIDE: Decide[Corrected] = merged(
    handles(ResumeHearing, resume_hearing),
    handles(RenameOrder, rename_order),
)

CORRECTION_KINDS = (
    EventKind(
        HearingResumed,
        pb.HearingResumed,
        shown=("source_log_id", "source_position", "source_digest", "ground"),
        about=("hearing", "source_log_id"),
    ),
    EventKind(
        OrderRenamed,
        pb.OrderRenamed,
        shown=("order_position", "ground"),
        about=("order's name", "order_position"),
    ),
)
