"""What was set aside, and the two ways out: to decide it again after its cause is corrected, or to drop it. Each takes
two people (proposals.py).

A heard record is kept with its event, so that its reaction can run again; a timer is decided again if it is still due;
an answer is asked for again: the order is sent once more, and the receiver repeats its answer. It is decided as of now,
and `Context.late` is true, because records that came after it in its source were heard already. If it cannot be applied
now either, the command is refused with that reason, and it stays set aside.

Dropping changes no books; it only ends the blocking, and the record names what is left for people to settle. It can be
reversed: what was dropped can still be decided again, so that a day which turns out to need it does not wait for ever.
Of what was dropped the newest DROPPED_BYTES_MAX (asides.py) are kept for that, tens of thousands of trades.

What a source at fault left behind has one cause, and two people can deal with it in one step: from a position through
another, all that is of the same source and type and has the same reason. Each has its own record, as if they had been
dealt with one by one. A step has a bound; what is left is for the next.

- What is dropped is decided at once, and each is shown to both people.
- What is decided again is decided one after the other, each on the state that the one before it left, up to the first
  that cannot be applied (engine.py). A proposal shows the first and the range: nothing can come into it any more.

What is set aside is kept whole until people have dealt with it. Where there is no room for a heard record, its source
is not heard any further until less is set aside, and nothing is skipped. Timers and answers bring no data and are only
as many as the domain has open, so they always fit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from carbonmarket.log.v1 import log_events_pb2 as pb
from chassis.core.asides import Asides, SetAsideNoted, bytes_of, cause_of, facts_bytes
from chassis.core.decider import (
    Context,
    Decide,
    Decided,
    Facts,
    Malformed,
    NotFound,
    Rejected,
    Timer,
    as_facts,
    handles,
    merged,
)
from chassis.core.reaction import ReactionTable
from chassis.core.shapes import check_text
from chassis.core.submission import DueTimer, HeardRecord, OrderAnswer, service_actor, source_of, timer_actor
from chassis.core.wire import DATA_BYTES_MAX, EventKind

FACTS_MAX = 20
FACT_CHARACTERS_MAX = 500
"""Of a name, and of a value: a character has at most 4 bytes, so all of them together have less than 90,000."""
SET_ASIDE_BYTES_MAX = DATA_BYTES_MAX + 100_000
"""What is set aside always fits, whatever was heard and whatever its refusal says: else the writer would end over it at
every start.
"""
ALL_SET_ASIDE_BYTES_MAX = 20_000_000
DECIDED_AGAIN_AT_ONCE_MAX = 200
"""What one causes may be several records; the writer is held for all of them."""
DROPPED_AT_ONCE_MAX = 400
"""A proposal shows each with its ground, of at most 800 bytes, and must fit into one record."""
DROPPED_AT_ONCE_BYTES_MAX = 2_000_000
"""Of the facts that are repeated: all these records are one append."""


@dataclass(frozen=True, slots=True)
class SetAsideDecidedAgain:
    """The records that follow in the same command are its result."""

    set_aside_position: int
    source_log_id: str
    source_position: int
    type: str
    ground: str


@dataclass(frozen=True, slots=True)
class SetAsideDropped:
    """It is not applied: reason and facts say what is left open."""

    set_aside_position: int
    source_log_id: str
    source_position: int
    type: str
    reason: str
    facts: Facts
    ground: str


@dataclass(frozen=True, slots=True)
class DecideSetAsideAgain:
    """With a `through_position`, all that are set aside for the same cause after the one through the other, too."""

    set_aside_position: int
    ground: str
    through_position: int = 0


@dataclass(frozen=True, slots=True)
class DropSetAside:
    """With a `through_position`, all of the same cause from the one position through the other."""

    set_aside_position: int
    ground: str
    through_position: int = 0


class SetAside(Protocol):
    """What these decisions look at, and how they have a command decided."""

    reactions: Mapping[str, ReactionTable]

    @property
    def log_id(self) -> str: ...

    @property
    def set_aside(self) -> Asides: ...

    @property
    def dropped(self) -> Mapping[int, SetAsideNoted]: ...

    def due(self) -> Timer | None:
        """The domain's timer that is due first."""
        ...

    def decide(self, command: object, context: Context) -> Decided: ...


def aside_of(log_id: str, cause: HeardRecord | OrderAnswer | DueTimer, refusal: Rejected) -> SetAsideNoted:
    source_log_id, source_position = source_of(cause)
    return SetAsideNoted(
        source_log_id=source_log_id or log_id,
        source_position=source_position,
        type="" if isinstance(cause, DueTimer) else cause.type,
        reason=refusal.reason,
        facts=tuple((cut(name), cut(value)) for name, value in as_facts(**refusal.facts)[:FACTS_MAX]),
        data=cause.data if isinstance(cause, HeardRecord) else b"",
        timer=cause.timer.name if isinstance(cause, DueTimer) else "",
    )


def cut(text: str) -> str:
    return text if len(text) <= FACT_CHARACTERS_MAX else text[: FACT_CHARACTERS_MAX - 1] + "…"


def has_room(all_bytes: int, aside: SetAsideNoted) -> bool:
    """Whether one more heard record can be set aside."""
    return all_bytes + bytes_of(aside) <= ALL_SET_ASIDE_BYTES_MAX


def decide_set_aside_again(look: SetAside, command: DecideSetAsideAgain, context: Context) -> Decided:
    check_text(command.ground, "ground")
    position = command.set_aside_position
    aside = look.dropped[position] if position in look.dropped else find(look, position)
    if command.through_position:
        check_through(command)
    again = SetAsideDecidedAgain(
        command.set_aside_position, aside.source_log_id, aside.source_position, aside.type, command.ground
    )
    # It no longer counts among what is set aside: it must not block itself. The resulting events follow `again`.
    remaining = len(look.set_aside) - (position in look.set_aside)
    late = replace(context, late=True, set_aside=remaining, next_position=context.next_position + 1)
    if aside.timer:
        timer = look.due()
        if timer is None or timer.name != aside.timer or timer.due_ms > context.now_ms:
            raise Rejected("TIMER_NOT_DUE", timer=aside.timer)
        return [again, *look.decide(timer.command, replace(late, actor=timer_actor(look.log_id)))]
    if aside.source_log_id == look.log_id:
        return [again]
    caused = look.reactions[aside.source_log_id].react(aside.type, aside.data, aside.source_position)
    if caused is None:
        return [again]
    return [again, *look.decide(caused, replace(late, actor=service_actor(aside.source_log_id)))]


def rest_decided_again(look: SetAside, command: DecideSetAsideAgain) -> list[DecideSetAsideAgain]:
    """What is decided again after the one that the command names."""
    if not command.through_position:
        return []
    position = command.set_aside_position
    first = look.dropped[position] if position in look.dropped else look.set_aside[position]
    rest = [each for each in of_cause_of(look, first, command) if each != position]
    return [DecideSetAsideAgain(each, command.ground) for each in rest[: DECIDED_AGAIN_AT_ONCE_MAX - 1]]


def drop_set_aside(look: SetAside, command: DropSetAside, context: Context) -> Decided:
    check_text(command.ground, "ground")
    return [dropped(position, look.set_aside[position], command.ground) for position in dropped_by(look, command)]


def dropped_by(look: SetAside, command: DropSetAside) -> list[int]:
    """The positions that are dropped in this step."""
    position = command.set_aside_position
    first = find(look, position)
    if not command.through_position:
        return [position]
    check_through(command)
    positions: list[int] = []
    repeated_bytes = 0
    for each in islice(of_cause_of(look, first, command), DROPPED_AT_ONCE_MAX):
        repeated_bytes += facts_bytes(look.set_aside[each])
        if positions and repeated_bytes > DROPPED_AT_ONCE_BYTES_MAX:
            break
        positions.append(each)
    return positions


def check_through(command: DecideSetAsideAgain | DropSetAside) -> None:
    position, through = command.set_aside_position, command.through_position
    if through < position:
        raise Malformed(
            "THROUGH_POSITION_TOO_LOW", "through_position", set_aside_position=position, through_position=through
        )


def of_cause_of(look: SetAside, first: SetAsideNoted, command: DecideSetAsideAgain | DropSetAside) -> Iterator[int]:
    """The positions of what is set aside for the same cause as the first, from that one on through the last."""
    for position in look.set_aside.of_cause(cause_of(first)):
        if command.set_aside_position <= position <= command.through_position:
            yield position


def dropped(position: int, aside: SetAsideNoted, ground: str) -> SetAsideDropped:
    return SetAsideDropped(
        set_aside_position=position,
        source_log_id=aside.source_log_id,
        source_position=aside.source_position,
        type=aside.type,
        reason=aside.reason,
        facts=aside.facts,
        ground=ground,
    )


def find(look: SetAside, position: int) -> SetAsideNoted:
    aside = look.set_aside.get(position)
    if aside is None:
        raise NotFound("SET_ASIDE_UNKNOWN", set_aside_position=position)
    return aside


DECIDE: Decide[SetAside] = merged(
    handles(DecideSetAsideAgain, decide_set_aside_again),
    handles(DropSetAside, drop_set_aside),
)

SET_ASIDE_KINDS = (
    EventKind(SetAsideNoted, pb.SetAsideNoted, concern=lambda event: event.reason),
    EventKind(
        SetAsideDecidedAgain,
        pb.SetAsideDecidedAgain,
        shown=("set_aside_position", "ground"),
        about=("set aside", "set_aside_position"),
    ),
    EventKind(
        SetAsideDropped,
        pb.SetAsideDropped,
        shown=("set_aside_position", "ground"),
        about=("set aside", "set_aside_position"),
    ),
)
