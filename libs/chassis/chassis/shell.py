"""What the shell itself keeps in every log: that it was opened, who leads, where a rehearsal's clock stands, what was
set aside, which source is not heard any further.

Also what it folds from any record: the orders to other services that await an answer, and the trace that each open
subject continues.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from carbonmarket.log.v1 import log_events_pb2 as pb
from chassis.corrections import (
    CORRECTION_KINDS,
    CorrectionProposed,
    HearingResumed,
    ResolveSetAside,
    ResumeHearing,
    SetAsideResolved,
    correction_of,
    resolve_set_aside,
    resume_hearing,
)
from chassis.decider import Actor, Facts, Malformed, Rejected, person
from chassis.record import HeardUpTo, Record
from chassis.releases import RELEASE_KINDS, ActivateRelease, ReleaseActivated, activate_release, activation_of
from chassis.wire import EventKind

WHY_CHARACTERS_MAX = 1_000
CLOCK_MS_MAX = 4_102_415_999_999
"""The end of 2099 in China. A log's time never goes back: one step into a year without a calendar would be for ever."""


@dataclass(frozen=True, slots=True)
class LogOpened:
    log_id: str
    rehearsal: bool


@dataclass(frozen=True, slots=True)
class LeadershipTaken:
    address: str


@dataclass(frozen=True, slots=True)
class ClockMoved:
    now_ms: int


@dataclass(frozen=True, slots=True)
class HeardEventSetAside:
    source_log_id: str
    source_position: int
    type: str
    reason: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class HearingHalted:
    """The source is not heard beyond a record, or not from one on: a fork, or a bug of ours."""

    source_log_id: str
    source_position: int
    why: str


@dataclass(frozen=True, slots=True)
class HearingWentOn:
    """What had halted it is mended: the source is heard again, from where it stood."""

    source_log_id: str


@dataclass(frozen=True, slots=True)
class OpenLog:
    rehearsal: bool


@dataclass(frozen=True, slots=True)
class TakeLeadership:
    address: str


@dataclass(frozen=True, slots=True)
class MoveClock:
    to_ms: int


@dataclass(frozen=True, slots=True)
class NoteHearing:
    """How hearing a source stands: `halted_because` is empty while it goes well."""

    source_log_id: str
    source_position: int
    halted_because: str


@dataclass(slots=True)
class ShellState:
    """What every log's records fold to beside the domain's state. unanswered and traces are bounded by what is open."""

    log_id: str
    rehearsal: bool = False
    now_ms: int = 0
    clock_ms: int = 0
    leader_address: str = ""
    set_aside: dict[int, HeardEventSetAside] = field(default_factory=dict)
    # The last record of each source that caused one of ours: nothing before it may be heard again.
    heard_at_least: dict[str, int] = field(default_factory=dict)
    # Sources that are not heard any further, and why.
    halted: dict[str, str] = field(default_factory=dict)
    unanswered: set[int] = field(default_factory=set)
    traces: dict[str, str] = field(default_factory=dict)
    proposers: dict[str, str] = field(default_factory=dict)
    # The release level that was activated last.
    release_level: int = 0


NOTHING_HEARD: Mapping[str, HeardUpTo] = {}


def decide_shell(
    shell: ShellState,
    command: object,
    actor: Actor,
    sources: frozenset[str] = frozenset(),
    heard: Mapping[str, HeardUpTo] = NOTHING_HEARD,
    release_level: int = 0,
) -> list[object] | None:
    """The events of one of the shell's own commands; None if it is the domain's."""
    match command:
        case ResolveSetAside():
            return [resolve_set_aside(shell.set_aside, shell.proposers, command, actor)]
        case ResumeHearing():
            upto = heard.get(command.source_log_id)
            position = upto.position if upto else 0
            return [resume_hearing(sources, shell.halted, position, shell.proposers, command, actor)]
        case ActivateRelease():
            return [activate_release(release_level, shell.release_level, shell.proposers, command, actor)]
        case NoteHearing():
            return note_hearing(shell, command)
        case OpenLog(rehearsal):
            return [LogOpened(shell.log_id, rehearsal)]
        case TakeLeadership(address):
            return [LeadershipTaken(address)]
        case MoveClock(to_ms):
            if to_ms > CLOCK_MS_MAX:
                raise Malformed("CLOCK_OUT_OF_RANGE", "to_ms", to_ms=to_ms, to_ms_max=CLOCK_MS_MAX)
            if not shell.rehearsal:
                raise Rejected("NOT_A_REHEARSAL", log_id=shell.log_id)
            if to_ms < shell.clock_ms:
                raise Rejected("CLOCK_MOVED_BACK", now_ms=shell.clock_ms, to_ms=to_ms)
            return [ClockMoved(to_ms)]
    return None


def note_hearing(shell: ShellState, command: NoteHearing) -> list[object]:
    why = command.halted_because[:WHY_CHARACTERS_MAX]
    if why == shell.halted.get(command.source_log_id, ""):
        return []
    if not why:
        return [HearingWentOn(command.source_log_id)]
    return [HearingHalted(command.source_log_id, command.source_position, why)]


def evolve_shell(shell: ShellState, record: Record, event: object) -> bool:
    """Applies what the shell folds from any record. True if the event is the shell's own, and none of the domain's
    business.
    """
    assert record.recorded_ms >= shell.now_ms, "time in a log never goes back"
    shell.now_ms = record.recorded_ms
    if record.source_log_id == shell.log_id:
        shell.unanswered.discard(record.source_position)
    elif record.source_log_id:
        shell.heard_at_least[record.source_log_id] = record.source_position
    match event:
        case LogOpened(log_id, rehearsal):
            assert record.position == 1 and log_id == shell.log_id
            shell.rehearsal = rehearsal
            shell.clock_ms = record.recorded_ms
        case LeadershipTaken(address):
            shell.leader_address = address
        case ClockMoved(now_ms):
            assert shell.rehearsal and now_ms >= shell.clock_ms
            shell.clock_ms = now_ms
        case HeardEventSetAside():
            shell.set_aside[record.position] = event
        case HearingHalted():
            shell.halted[event.source_log_id] = event.why
        case HearingWentOn():
            del shell.halted[event.source_log_id]
        case CorrectionProposed(correction, _, proposer):
            shell.proposers[correction] = proposer
        case SetAsideResolved():
            assert person(event.approver) != person(shell.proposers.pop(correction_of(event)))
            del shell.set_aside[event.set_aside_position]
        case HearingResumed():
            assert person(event.approver) != person(shell.proposers.pop(correction_of(event)))
            shell.halted.pop(event.source_log_id, None)
            shell.heard_at_least[event.source_log_id] = event.source_position
        case ReleaseActivated(release_level, _, _, approver):
            assert release_level == shell.release_level + 1
            assert person(approver) != person(shell.proposers.pop(activation_of(release_level)))
            shell.release_level = release_level
        case _:
            return False
    return True


def keep_trace(shell: ShellState, kind: EventKind[object, pb.LogOpened], record: Record, event: object) -> None:
    """Remembers under which trace an event's subject goes on, and forgets it when the subject ends."""
    if kind.subject is None:
        return
    subject = kind.subject(event)
    if kind.ends_subject:
        shell.traces.pop(subject, None)
    elif record.traceparent:
        shell.traces[subject] = record.traceparent


SHELL_KINDS: tuple[EventKind[Any, Any], ...] = (
    *CORRECTION_KINDS,
    *RELEASE_KINDS,
    EventKind(LogOpened, pb.LogOpened),
    EventKind(LeadershipTaken, pb.LeadershipTaken),
    EventKind(ClockMoved, pb.ClockMoved),
    EventKind(HearingHalted, pb.HearingHalted),
    EventKind(HearingWentOn, pb.HearingWentOn),
    EventKind(HeardEventSetAside, pb.HeardEventSetAside, concern=lambda event: event.reason),
)
