"""What the shell's own decisions may read of the engine. They change nothing in it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from chassis.core.approvals import Rules, ends_ms, takes_two
from chassis.core.asides import Asides, SetAsideNoted
from chassis.core.decider import Context, Decided, Decider, Rejected, Timer
from chassis.core.proposals import ApproveProposal, Proposable, Proposal
from chassis.core.reaction import ReactionTable
from chassis.core.record import Head, HeardUpTo
from chassis.core.set_aside import DecideSetAsideAgain, rest_decided_again
from chassis.core.shell import DECIDE_ALL, NEEDS_TWO, ShellState
from chassis.core.wire import Wire


@dataclass(frozen=True, slots=True)
class Declared:
    """What a service declares that the shell's decisions need: the reactions to each source that it hears, the commands
    that can be proposed, the highest release level that its code knows.
    """

    reactions: Mapping[str, ReactionTable] = field(default_factory=dict)
    proposable: Proposable = field(default_factory=Proposable)
    release_level: int = 0


class Decides(Protocol):
    """An engine, as it is looked at."""

    shell: ShellState
    state: Any
    head: Head
    heard: dict[str, HeardUpTo]
    decider: Decider[Any]
    declared: Declared
    wire: Wire


class Look:
    def __init__(self, engine: Decides) -> None:
        self._engine = engine
        declared = engine.declared
        self.reactions, self.proposable = declared.reactions, declared.proposable
        self.sources = frozenset(declared.reactions)
        self.release_level = declared.release_level
        self.always_two = NEEDS_TWO | engine.decider.needs_two

    @property
    def shell(self) -> ShellState:
        return self._engine.shell

    @property
    def log_id(self) -> str:
        return self.shell.log_id

    @property
    def halted(self) -> Mapping[str, str]:
        return self.shell.halted

    @property
    def set_aside(self) -> Asides:
        return self.shell.set_aside

    @property
    def dropped(self) -> Mapping[int, SetAsideNoted]:
        return self.shell.dropped

    @property
    def wire(self) -> Wire:
        return self._engine.wire

    @property
    def unanswered(self) -> Collection[int]:
        return self.shell.unanswered

    @property
    def proposals(self) -> dict[int, Proposal]:
        return self.shell.proposals

    @property
    def approval_rules(self) -> Rules:
        return self.shell.approval_rules

    def proposal_ends_ms(self, now_ms: int) -> int:
        return ends_ms(self.approval_rules, now_ms)

    @property
    def heard(self) -> Mapping[str, HeardUpTo]:
        return self._engine.heard

    @property
    def next_approval(self) -> str:
        return f"{self.log_id}/{self._engine.head.position + 1}"

    def due(self) -> Timer | None:
        return self._engine.decider.due(self._engine.state)

    def rest_of_approved(self, command: object) -> list[DecideSetAsideAgain]:
        """What is decided after a command whose approval was accepted, in its turn."""
        if not isinstance(command, ApproveProposal):
            return []
        proposal = self.proposals[command.proposal_id]
        approved = self.proposable.tables[proposal.type].decode(proposal.type, proposal.data)
        return rest_decided_again(self, approved) if isinstance(approved, DecideSetAsideAgain) else []

    def decide(self, command: object, context: Context) -> Decided:
        """The events of any command, the domain's or the shell's. Raises Rejected, last of all where it takes two
        people: whoever asks alone learns first what is wrong with the command itself.
        """
        kind = type(command)
        if kind in DECIDE_ALL:
            events = DECIDE_ALL[kind](self, command, context)
        else:
            events = self._engine.decider.decide[kind](self._engine.state, command, context)
        if not context.approval and takes_two(self.approval_rules, self.always_two, kind, context):
            raise Rejected("APPROVAL_REQUIRED", command=kind.__name__)
        return events
