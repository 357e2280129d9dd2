"""What the shell itself records in every log: that it was opened, who leads, what a rehearsal's clock shows, what was
set aside, which source's hearing is halted, what is proposed. Its commands go through tables like those of any domain;
decisions read the engine (`Look`), changes are made to ShellState.

It also folds from any record the orders to other services that await an answer, and the trace that each open subject
continues.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from carbonmarket.log.v1 import log_events_pb2 as pb
from chassis.core import approvals, corrections, proposals, releases, set_aside
from chassis.core.approvals import ApprovalRulesSet, Approvals, Rules, SetApprovalRules, shortened_ms, with_rules
from chassis.core.asides import Asides, Dropped, SetAsideNoted
from chassis.core.corrections import Corrected, HearingResumed, OrderRenamed, RenameOrder, ResumeHearing
from chassis.core.decider import Actor, Context, Decide, Decided, Evolve, Malformed, Rejected, applies, handles, merged
from chassis.core.proposals import (
    CommandProposed,
    Proposal,
    ProposalApproved,
    ProposalExpired,
    ProposalRejected,
    Proposals,
)
from chassis.core.record import Record
from chassis.core.releases import ActivateRelease, Levels, ReleaseActivated
from chassis.core.set_aside import (
    DecideSetAsideAgain,
    DropSetAside,
    SetAside,
    SetAsideDecidedAgain,
    SetAsideDropped,
)
from chassis.core.wire import EventKind

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
class HearingHalted:
    """The source is not heard beyond a record, or not from one on: a fork, or a bug of ours."""

    source_log_id: str
    source_position: int
    halted_because: str


@dataclass(frozen=True, slots=True)
class HearingRecovered:
    """What had halted it is corrected: the source is heard again, from the position it had."""

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
    """The state of hearing a source: `halted_because` is empty while it works."""

    source_log_id: str
    source_position: int
    halted_because: str


NOBODY = Actor("", "")


@dataclass(slots=True)
class ShellState:
    """What every log's records fold to besides the domain's state; unanswered and traces are bounded by open things."""

    log_id: str
    # Of the record that is applied, or was applied last.
    position: int = 0
    actor: Actor = NOBODY
    now_ms: int = 0
    rehearsal: bool = False
    clock_ms: int = 0
    leader_address: str = ""
    # Bounded by ALL_SET_ASIDE_BYTES_MAX.
    set_aside: Asides = field(default_factory=Asides)
    # What people dropped blocks nothing, and can still be decided again; bounded by DROPPED_BYTES_MAX.
    dropped: Dropped = field(default_factory=Dropped)
    # The last record of each source that caused one of ours: nothing before it may be heard again.
    heard_at_least: dict[str, int] = field(default_factory=dict)
    # Sources that are not heard any further, and why.
    halted: dict[str, str] = field(default_factory=dict)
    # Sources that two people put back to an earlier record: what comes again may have been taken in before.
    resumed: set[str] = field(default_factory=set)
    unanswered: set[int] = field(default_factory=set)
    # Of those that were renamed, the position that they are named by now.
    order_names: dict[int, int] = field(default_factory=dict)
    traces: dict[str, str] = field(default_factory=dict)
    proposals: dict[int, Proposal] = field(default_factory=dict)
    approval_rules: Rules = field(default_factory=dict)
    # The release level that was activated last.
    release_level: int = 0


class Shell(Protocol):
    """What the shell's own decisions look at."""

    @property
    def shell(self) -> ShellState: ...


class ShellLook(Shell, Proposals, Approvals, SetAside, Corrected, Levels, Protocol):
    """What any of the shell's decisions looks at (look.py)."""


# Decisions


def open_log(look: Shell, command: OpenLog, context: Context) -> Decided:
    return [LogOpened(look.shell.log_id, command.rehearsal)]


def take_leadership(look: Shell, command: TakeLeadership, context: Context) -> Decided:
    return [LeadershipTaken(command.address)]


def move_clock(look: Shell, command: MoveClock, context: Context) -> Decided:
    shell = look.shell
    if command.to_ms > CLOCK_MS_MAX:
        raise Malformed("CLOCK_OUT_OF_RANGE", "to_ms", to_ms=command.to_ms, to_ms_max=CLOCK_MS_MAX)
    if not shell.rehearsal:
        raise Rejected("NOT_A_REHEARSAL", log_id=shell.log_id)
    if command.to_ms < shell.clock_ms:
        raise Rejected("CLOCK_MOVED_BACK", now_ms=shell.clock_ms, to_ms=command.to_ms)
    return [ClockMoved(command.to_ms)]


def note_hearing(look: Shell, command: NoteHearing, context: Context) -> Decided:
    why = command.halted_because[:WHY_CHARACTERS_MAX]
    if why == look.shell.halted.get(command.source_log_id, ""):
        return []
    if not why:
        return [HearingRecovered(command.source_log_id)]
    return [HearingHalted(command.source_log_id, command.source_position, why)]


# Changes


def fold(shell: ShellState, record: Record) -> None:
    """What the shell takes from any record, before its event is applied."""
    assert record.recorded_ms >= shell.now_ms, "time in a log never goes back"
    shell.now_ms = record.recorded_ms
    shell.position = record.position
    shell.actor = Actor(record.subject, record.role, record.account)
    if record.source_log_id == shell.log_id:
        shell.unanswered.discard(record.source_position)
        shell.order_names.pop(record.source_position, None)
    elif record.source_log_id:
        shell.heard_at_least[record.source_log_id] = record.source_position


def on_log_opened(shell: ShellState, event: LogOpened) -> None:
    assert shell.position == 1 and event.log_id == shell.log_id
    shell.rehearsal = event.rehearsal
    shell.clock_ms = shell.now_ms


def on_leadership_taken(shell: ShellState, event: LeadershipTaken) -> None:
    shell.leader_address = event.address


def on_clock_moved(shell: ShellState, event: ClockMoved) -> None:
    assert shell.rehearsal and event.now_ms >= shell.clock_ms
    shell.clock_ms = event.now_ms


def on_set_aside_noted(shell: ShellState, event: SetAsideNoted) -> None:
    shell.set_aside.add(shell.position, event)


def on_set_aside_decided_again(shell: ShellState, event: SetAsideDecidedAgain) -> None:
    position = event.set_aside_position
    dropped = shell.dropped.take(position)
    aside = dropped if dropped is not None else shell.set_aside.take(position)
    assert (aside.source_log_id, aside.source_position) == (event.source_log_id, event.source_position)
    if event.source_log_id == shell.log_id and event.source_position:
        # The order is sent again, and its answer decided when it comes.
        shell.unanswered.add(event.source_position)


def on_set_aside_dropped(shell: ShellState, event: SetAsideDropped) -> None:
    position = event.set_aside_position
    shell.dropped.add(position, shell.set_aside.take(position))


def on_hearing_halted(shell: ShellState, event: HearingHalted) -> None:
    shell.halted[event.source_log_id] = event.halted_because


def on_hearing_recovered(shell: ShellState, event: HearingRecovered) -> None:
    del shell.halted[event.source_log_id]


def on_hearing_resumed(shell: ShellState, event: HearingResumed) -> None:
    shell.halted.pop(event.source_log_id, None)
    shell.heard_at_least[event.source_log_id] = event.source_position
    shell.resumed.add(event.source_log_id)


def on_order_renamed(shell: ShellState, event: OrderRenamed) -> None:
    assert event.order_position in shell.unanswered
    shell.order_names[event.order_position] = shell.position


def on_release_activated(shell: ShellState, event: ReleaseActivated) -> None:
    assert event.release_level == shell.release_level + 1
    shell.release_level = event.release_level


def on_command_proposed(shell: ShellState, event: CommandProposed) -> None:
    assert event.proposer == str(shell.actor)
    shell.proposals[shell.position] = Proposal(
        event.type, event.data, shell.actor, shell.now_ms, event.expires_ms, event.effects
    )


def on_approval_rules_set(shell: ShellState, event: ApprovalRulesSet) -> None:
    shell.approval_rules = with_rules(shell.approval_rules, event, shell.now_ms)
    for number, proposal in shell.proposals.items():
        ends = shortened_ms(shell.approval_rules, proposal.proposed_ms, proposal.expires_ms)
        shell.proposals[number] = replace(proposal, expires_ms=ends)


def on_proposal_approved(shell: ShellState, event: ProposalApproved) -> None:
    assert shell.proposals.pop(event.proposal_id).proposer.subject != shell.actor.subject, "two people"


def on_proposal_rejected(shell: ShellState, event: ProposalRejected) -> None:
    del shell.proposals[event.proposal_id]


def on_proposal_expired(shell: ShellState, event: ProposalExpired) -> None:
    del shell.proposals[event.proposal_id]


DECIDE: Decide[Shell] = merged(
    handles(OpenLog, open_log),
    handles(TakeLeadership, take_leadership),
    handles(MoveClock, move_clock),
    handles(NoteHearing, note_hearing),
)
DECIDE_ALL: Decide[ShellLook] = merged(
    DECIDE, proposals.DECIDE, approvals.DECIDE, set_aside.DECIDE, corrections.DECIDE, releases.DECIDE
)

EVOLVE: Evolve[ShellState] = merged(
    applies(LogOpened, on_log_opened),
    applies(LeadershipTaken, on_leadership_taken),
    applies(ClockMoved, on_clock_moved),
    applies(SetAsideNoted, on_set_aside_noted),
    applies(SetAsideDecidedAgain, on_set_aside_decided_again),
    applies(SetAsideDropped, on_set_aside_dropped),
    applies(HearingHalted, on_hearing_halted),
    applies(HearingRecovered, on_hearing_recovered),
    applies(HearingResumed, on_hearing_resumed),
    applies(OrderRenamed, on_order_renamed),
    applies(ReleaseActivated, on_release_activated),
    applies(ApprovalRulesSet, on_approval_rules_set),
    applies(CommandProposed, on_command_proposed),
    applies(ProposalApproved, on_proposal_approved),
    applies(ProposalRejected, on_proposal_rejected),
    applies(ProposalExpired, on_proposal_expired),
)

NEEDS_TWO: frozenset[type] = frozenset(
    (DecideSetAsideAgain, DropSetAside, ResumeHearing, RenameOrder, ActivateRelease, SetApprovalRules)
)
"""The shell's own commands that always take two people."""


def order_name(shell: ShellState, position: int) -> str:
    """Under which request id an order to another service is sent."""
    return f"{shell.log_id}/{shell.order_names.get(position, position)}"


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
    *proposals.PROPOSAL_KINDS,
    *approvals.APPROVAL_KINDS,
    *set_aside.SET_ASIDE_KINDS,
    *corrections.CORRECTION_KINDS,
    *releases.RELEASE_KINDS,
    EventKind(LogOpened, pb.LogOpened),
    EventKind(LeadershipTaken, pb.LeadershipTaken),
    EventKind(ClockMoved, pb.ClockMoved),
    EventKind(HearingHalted, pb.HearingHalted),
    EventKind(HearingRecovered, pb.HearingRecovered, shown=("source_log_id",), about=("hearing", "source_log_id")),
)
