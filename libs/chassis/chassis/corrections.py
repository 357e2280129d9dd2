"""Corrections of the shell's own books, by two people: an event that was set aside, a source that forked.

History is never edited: a correction is an event that names what it corrects, who proposed it and who approved it. The
first operator's call proposes; the same call by another approves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from carbonmarket.log.v1 import log_events_pb2 as pb
from chassis.decider import Actor, Malformed, NotFound, Rejected, check_second_person
from chassis.shapes import check_ground
from chassis.wire import EventKind

DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class ResolveSetAside:
    set_aside_position: int
    ground: str


@dataclass(frozen=True, slots=True)
class ResumeHearing:
    source_log_id: str
    source_position: int
    source_digest: bytes
    ground: str


@dataclass(frozen=True, slots=True)
class CorrectionProposed:
    correction: str
    ground: str
    proposer: str


@dataclass(frozen=True, slots=True)
class SetAsideResolved:
    set_aside_position: int
    ground: str
    proposer: str
    approver: str


@dataclass(frozen=True, slots=True)
class HearingResumed:
    source_log_id: str
    source_position: int
    source_digest: bytes
    ground: str
    proposer: str
    approver: str


Proposers = Mapping[str, str]
"""Who proposed each correction that awaits a second person."""


def resolve_set_aside(
    waiting: Mapping[int, object], proposers: Proposers, command: ResolveSetAside, actor: Actor
) -> object:
    check_ground(command.ground)
    if command.set_aside_position not in waiting:
        raise NotFound("SET_ASIDE_UNKNOWN", set_aside_position=command.set_aside_position)
    return by_two(
        correction_of(command),
        proposers,
        actor,
        command.ground,
        lambda proposer: SetAsideResolved(command.set_aside_position, command.ground, proposer, str(actor)),
    )


def resume_hearing(
    sources: frozenset[str],
    halted: Mapping[str, str],
    heard_position: int,
    proposers: Proposers,
    command: ResumeHearing,
    actor: Actor,
) -> object:
    """Only of a source that is halted, and never beyond what was heard: what is heard again, or passed over, counts."""
    check_ground(command.ground)
    if command.source_position < 1:
        raise Malformed("POSITION_OUT_OF_RANGE", "source_position", source_position=command.source_position)
    if len(command.source_digest) != DIGEST_BYTES:
        raise Malformed("DIGEST_MALFORMED", "source_digest", bytes=len(command.source_digest))
    if command.source_log_id not in sources:
        raise NotFound("SOURCE_UNKNOWN", source_log_id=command.source_log_id)
    if command.source_log_id not in halted:
        raise Rejected("HEARING_NOT_HALTED", source_log_id=command.source_log_id)
    if command.source_position > heard_position:
        raise Rejected("POSITION_NOT_HEARD", source_position=command.source_position, heard_position=heard_position)
    return by_two(
        correction_of(command),
        proposers,
        actor,
        command.ground,
        lambda proposer: HearingResumed(
            command.source_log_id, command.source_position, command.source_digest, command.ground, proposer, str(actor)
        ),
    )


def by_two(name: str, proposers: Proposers, actor: Actor, ground: str, done: Callable[[str], object]) -> object:
    """The correction, if somebody else proposed it before; else its proposal."""
    proposer = proposers.get(name)
    if proposer is None:
        return CorrectionProposed(name, ground, str(actor))
    check_second_person(actor, proposer)
    return done(proposer)


def correction_of(correction: ResolveSetAside | SetAsideResolved | ResumeHearing | HearingResumed) -> str:
    """Its name, by which the second person's call finds what the first proposed."""
    if isinstance(correction, ResolveSetAside | SetAsideResolved):
        return f"set-aside/{correction.set_aside_position}"
    return f"hearing/{correction.source_log_id}/{correction.source_position}/{correction.source_digest.hex()}"


CORRECTION_KINDS = (
    EventKind(CorrectionProposed, pb.CorrectionProposed),
    EventKind(SetAsideResolved, pb.SetAsideResolved),
    EventKind(HearingResumed, pb.HearingResumed),
)
