"""What was set aside, and the two ways out: to decide it again after its cause is corrected, or to drop it. Each takes
two people (proposals.py).

A heard record is kept with its event, so that its reaction can run again; a timer is decided again if it is still due;
an answer is asked for again: the order is sent once more, and the receiver repeats its answer. It is decided as of now,
and `Context.late` is true, because records that came after it in its source were heard already. If it cannot be applied
now either, the command is refused with that reason, and it stays set aside.

Dropping changes no books; it only ends the blocking, and the record names what is left for people to settle. It can be
reversed: what was dropped can still be decided again, so that a day which turns out to need it does not wait for ever.
Of what was dropped the newest DROPPED_BYTES_MAX are kept for that, tens of thousands of trades.

What is set aside is kept whole until people have dealt with it. Where there is no room for a heard record, its source
is not heard any further until less is set aside, and nothing is skipped. Timers and answers bring no data and are only
as many as the domain has open, so they always fit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from carbonmarket.log.v1 import log_events_pb2 as pb
from chassis.core.decider import Context, Decide, Decided, Facts, NotFound, Rejected, Timer, as_facts, handles, merged
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
DROPPED_BYTES_MAX = 20_000_000
ASIDE_BYTES = 500
"""About what one has beside its data and facts."""


@dataclass(frozen=True, slots=True)
class SetAsideNoted:
    """`data` is the heard record's, `timer` a timer's name. A timer, and an answer to our own order, are of our own
    log; a timer has no source position. `type` is what the log itself calls it, so that a renamed class changes
    nothing: the type of the heard record, or of the order that was answered; a timer has its name alone.
    """

    source_log_id: str
    source_position: int
    type: str
    reason: str
    facts: Facts
    data: bytes = b""
    timer: str = ""


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
    set_aside_position: int
    ground: str


@dataclass(frozen=True, slots=True)
class DropSetAside:
    set_aside_position: int
    ground: str


class SetAside(Protocol):
    """What these decisions look at, and how they have a command decided."""

    reactions: Mapping[str, ReactionTable]

    @property
    def log_id(self) -> str: ...

    @property
    def set_aside(self) -> Mapping[int, SetAsideNoted]: ...

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


def bytes_of(aside: SetAsideNoted) -> int:
    return ASIDE_BYTES + len(aside.data) + sum(len(name) + len(value) for name, value in aside.facts)


def has_room(all_bytes: int, aside: SetAsideNoted) -> bool:
    """Whether one more heard record can be set aside."""
    return all_bytes + bytes_of(aside) <= ALL_SET_ASIDE_BYTES_MAX


def keep_dropped(dropped: dict[int, SetAsideNoted], position: int, aside: SetAsideNoted) -> None:
    """With those dropped before; the ones that were set aside first are forgotten where all are too many."""
    dropped[position] = aside
    kept_bytes = sum(map(bytes_of, dropped.values()))
    for oldest in sorted(dropped):
        if kept_bytes <= DROPPED_BYTES_MAX:
            break
        kept_bytes -= bytes_of(dropped.pop(oldest))


def decide_set_aside_again(look: SetAside, command: DecideSetAsideAgain, context: Context) -> Decided:
    check_text(command.ground, "ground")
    position = command.set_aside_position
    aside = look.dropped[position] if position in look.dropped else find(look, position)
    again = SetAsideDecidedAgain(
        command.set_aside_position, aside.source_log_id, aside.source_position, aside.type, command.ground
    )
    # It no longer counts among what is set aside: it must not block itself. The resulting events follow `again`.
    remaining = len(look.set_aside.keys() - {position})
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


def drop_set_aside(look: SetAside, command: DropSetAside, context: Context) -> Decided:
    check_text(command.ground, "ground")
    aside = find(look, command.set_aside_position)
    return [
        SetAsideDropped(
            set_aside_position=command.set_aside_position,
            source_log_id=aside.source_log_id,
            source_position=aside.source_position,
            type=aside.type,
            reason=aside.reason,
            facts=aside.facts,
            ground=command.ground,
        )
    ]


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
