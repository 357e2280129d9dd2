"""Two people: one proposes a command, another approves it, and then it is decided as of that moment.

Any command of the operators can be proposed. The owner of a command, or a dated rule (approvals.py), states that it
must be. Commands that a service gives, or somebody for an account of its own, cannot: nobody else may fill the list.
A proposal keeps the command's request as it was asked for, and what it would do: the types of the events that it would
cause, each once; those that the wire table marks each time, with the fields that it names (`shown`). It is refused at
once if the command would be refused now; it ends when it is approved, rejected (its proposer may withdraw it so) or
when its time is over. Only who may call the command may propose, approve or reject it; proposer and approver are
two people, whatever their roles.

An approval decides the command again. Where the facts have changed, so that it cannot be done, or would do something
else than was shown, the approval is refused and the proposal stays, for all to see: what is approved is what both saw.
The same command can also concern something newer that looks the same: an instruction to the same bank, another
suspension. So a proposal is outdated, too, once another event has changed what its own would change
(`EventKind.about`).

The records of an approved command name the ProposalApproved before them (`LOG/POSITION`) as their approval.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from google.protobuf.message import DecodeError

from carbonmarket.log.v1 import log_events_pb2 as pb
from chassis.core.commands import Commands
from chassis.core.decider import (
    Actor,
    Context,
    Decide,
    Decided,
    Malformed,
    NotFound,
    NotPermitted,
    Rejected,
    Timer,
    handles,
    merged,
)
from chassis.core.roles import may_take_two
from chassis.core.shapes import check_text
from chassis.core.wire import EventKind, Wire

Thing = tuple[str | int, ...]
"""What an event changes: a word for its kind, and the fields that name it."""

PROPOSALS_OPEN_MAX = 100
PROPOSALS_OF_ONE_PERSON_MAX = 20
PROPOSAL_BYTES_MAX = 100_000
PROPOSALS_BYTES_MAX = 2_000_000
"""Of all that are open, with what they show: GetStatus answers them in one message."""
PROPOSALS_OF_ONE_PERSON_BYTES_MAX = PROPOSALS_BYTES_MAX // 2
"""Nobody alone keeps others from proposing, by number or by size."""


@dataclass(frozen=True, slots=True)
class ProposeCommand:
    """`type` and `data` are the request's of the command, by its full name, in protobuf's binary form."""

    type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ApproveProposal:
    proposal_id: int


@dataclass(frozen=True, slots=True)
class RejectProposal:
    proposal_id: int
    ground: str


@dataclass(frozen=True, slots=True)
class ExpireProposal:
    proposal_id: int


@dataclass(frozen=True, slots=True)
class Effect:
    """Of an event that the command would cause: its type, and its message with the fields that are shown, if any."""

    type: str
    data: bytes

    @property
    def bytes(self) -> int:
        return len(self.type) + len(self.data)


@dataclass(frozen=True, slots=True)
class CommandProposed:
    """Its position is the proposal's number."""

    type: str
    data: bytes
    proposer: str
    expires_ms: int
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class ProposalApproved:
    """What follows in the same command is what was proposed, decided now."""

    proposal_id: int


@dataclass(frozen=True, slots=True)
class ProposalRejected:
    proposal_id: int
    ground: str


@dataclass(frozen=True, slots=True)
class ProposalExpired:
    proposal_id: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """One that is open. The proposer is a subject in a role. A rule that was set since then can end it earlier than its
    record says."""

    type: str
    data: bytes
    proposer: Actor
    proposed_ms: int
    expires_ms: int
    effects: tuple[Effect, ...]
    # What it would change (`EventKind.about`); read from the effects once, because many events are compared with it.
    changes: frozenset[Thing] = frozenset()
    # The first event since then that changed what this one would change: its name.
    overtaken_by: str = ""

    @property
    def bytes(self) -> int:
        return len(self.data) + sum(effect.bytes for effect in self.effects)


class Proposable:
    """The commands that can be proposed, by their requests' type names; `roles` says who may call each, by its name."""

    def __init__(self, tables: Iterable[Commands] = (), never: Iterable[type] = ()) -> None:
        self.never = frozenset(never)
        self.tables = {name: table for table in tables for name in table.roles}
        without = {kind.__name__ for kind in self.never}
        self.roles = {
            command_name(type_name): table.roles[type_name]
            for type_name, table in self.tables.items()
            if command_name(type_name) not in without
        }


class Proposals(Protocol):
    """What these decisions look at, and how they have a command decided."""

    proposable: Proposable

    @property
    def wire(self) -> Wire: ...

    @property
    def proposals(self) -> dict[int, Proposal]: ...

    @property
    def next_approval(self) -> str:
        """`LOG/POSITION` of the record that comes next."""
        ...

    def proposal_ends_ms(self, now_ms: int) -> int:
        """When a proposal that is made now ends."""
        ...

    def decide(self, command: object, context: Context) -> Decided: ...


def propose_command(look: Proposals, command: ProposeCommand, context: Context) -> Decided:
    if len(command.data) > PROPOSAL_BYTES_MAX:
        raise Malformed("COMMAND_TOO_LARGE", "data", bytes=len(command.data), bytes_max=PROPOSAL_BYTES_MAX)
    proposed = read_command(look.proposable, command.type, command.data)
    check_may_call(look.proposable, command.type, context.role)
    check_may_take_two(command_name(command.type), look.proposable.tables[command.type].roles[command.type])
    own = [one for one in look.proposals.values() if one.proposer.subject == context.subject]
    if len(own) >= PROPOSALS_OF_ONE_PERSON_MAX:
        raise Rejected("TOO_MANY_PROPOSALS_OF_ONE_PERSON", proposals_max=PROPOSALS_OF_ONE_PERSON_MAX)
    if len(look.proposals) >= PROPOSALS_OPEN_MAX:
        raise Rejected("TOO_MANY_PROPOSALS", proposals_max=PROPOSALS_OPEN_MAX)
    # What would be refused now is refused now; what would happen is shown, and nothing of it happens.
    caused = look.decide(proposed, approved_by(look, context, context.actor))
    # As a request is kept: without the shell's own fields.
    _, data = look.proposable.tables[command.type].encode(proposed)
    expires_ms = look.proposal_ends_ms(context.now_ms)
    made = Proposal(command.type, data, context.actor, context.now_ms, expires_ms, effects_of(look.wire, caused))
    for open_, bytes_max in (
        (own, PROPOSALS_OF_ONE_PERSON_BYTES_MAX),
        (look.proposals.values(), PROPOSALS_BYTES_MAX),
    ):
        if sum(one.bytes for one in open_) + made.bytes > bytes_max:
            raise Rejected("PROPOSALS_TOO_LARGE", bytes_max=bytes_max)
    return [CommandProposed(made.type, made.data, str(made.proposer), made.expires_ms, made.effects)]


def approve_proposal(look: Proposals, command: ApproveProposal, context: Context) -> Decided:
    proposal = open_proposal(look, command.proposal_id, context)
    if context.subject == proposal.proposer.subject:
        raise Rejected("SECOND_PERSON_REQUIRED", proposer=str(proposal.proposer))
    if context.now_ms >= proposal.expires_ms:
        raise Rejected("PROPOSAL_EXPIRED", proposal_id=command.proposal_id, expires_ms=proposal.expires_ms)
    proposed = read_command(look.proposable, proposal.type, proposal.data)
    caused = look.decide(proposed, approved_by(look, context, proposal.proposer))
    check_as_shown(look.wire, command.proposal_id, proposal.effects, effects_of(look.wire, caused))
    if proposal.overtaken_by:
        raise Rejected("PROPOSAL_OUTDATED", proposal_id=command.proposal_id, changed=proposal.overtaken_by)
    return [ProposalApproved(command.proposal_id), *caused]


def approved_by(look: Proposals, context: Context, proposer: Actor) -> Context:
    """As what was proposed is decided: its events come after the ProposalApproved."""
    return replace(
        context,
        approval=look.next_approval,
        proposed_by=str(proposer),
        next_position=context.next_position + 1,
    )


def reject_proposal(look: Proposals, command: RejectProposal, context: Context) -> Decided:
    check_text(command.ground, "ground")
    open_proposal(look, command.proposal_id, context)
    return [ProposalRejected(command.proposal_id, command.ground)]


def expire_proposal(look: Proposals, command: ExpireProposal, context: Context) -> Decided:
    assert command.proposal_id in look.proposals
    return [ProposalExpired(command.proposal_id)]


def open_proposal(look: Proposals, number: int, context: Context) -> Proposal:
    proposal = look.proposals.get(number)
    if proposal is None:
        raise NotFound("PROPOSAL_UNKNOWN", proposal_id=number)
    check_may_call(look.proposable, proposal.type, context.role)
    return proposal


def command_name(type_name: str) -> str:
    """As its rpc is called: `SetFees` for carbonmarket.trading.v1.SetFeesRequest."""
    return type_name.rpartition(".")[2].removesuffix("Request")


def read_command(proposable: Proposable, type_name: str, data: bytes) -> object:
    table = proposable.tables.get(type_name)
    if table is None:
        raise NotFound("COMMAND_UNKNOWN", type=type_name)
    try:
        command = table.decode(type_name, data)
    except DecodeError:
        raise Malformed("COMMAND_NOT_READABLE", "data", type=type_name) from None
    if type(command) in proposable.never:
        raise NotFound("COMMAND_UNKNOWN", type=type_name)
    return command


def check_may_call(proposable: Proposable, type_name: str, role: str) -> None:
    roles = proposable.tables[type_name].roles[type_name]
    if role not in roles:
        raise NotPermitted("ROLE_NOT_ALLOWED", role=role, roles=", ".join(sorted(roles)))


def check_may_take_two(command: str, roles: frozenset[str]) -> None:
    if not may_take_two(roles):
        raise Rejected("COMMAND_NEVER_TAKES_TWO", command=command, roles=", ".join(sorted(roles)))


def effects_of(wire: Wire, events: Decided) -> tuple[Effect, ...]:
    """What is shown of the events that a command would cause: of a type without fields to show its name, once."""
    effects: list[Effect] = []
    named: set[str] = set()
    for event in events:
        kind = wire.by_event[type(event)]
        if kind.shown:
            message = kind.codec.encode(event)
            for field in message.DESCRIPTOR.fields_by_name:
                if field not in kind.shown:
                    message.ClearField(field)
            effects.append(Effect(kind.type_name, message.SerializeToString(deterministic=True)))
        elif kind.type_name not in named:
            named.add(kind.type_name)
            effects.append(Effect(kind.type_name, b""))
    return tuple(effects)


def check_as_shown(wire: Wire, number: int, shown: tuple[Effect, ...], now: tuple[Effect, ...]) -> None:
    if shown != now:
        raise Rejected("PROPOSAL_OUTDATED", proposal_id=number, changed=changed(wire, shown, now))


def changed(wire: Wire, shown: tuple[Effect, ...], now: tuple[Effect, ...]) -> str:
    """The first difference: `OpeningOverridden.obstacles`, or the events where they are others."""
    if [one.type for one in shown] != [one.type for one in now]:
        return "events"
    before, after = next((before, after) for before, after in zip(shown, now, strict=True) if before != after)
    kind = wire.by_name[before.type]
    was, is_now = kind.message.FromString(before.data), kind.message.FromString(after.data)
    field = next(name for name in kind.shown if getattr(was, name) != getattr(is_now, name))
    return f"{kind.message.DESCRIPTOR.name}.{field}"


def overtake(wire: Wire, proposals: dict[int, Proposal], position: int, event: object) -> None:
    """Notes at a new proposal what it would change, and at every open one that an event has changed that."""
    if isinstance(event, CommandProposed):
        proposals[position] = replace(proposals[position], changes=things_of(wire, event.effects))
    kind = wire.by_event[type(event)]
    if not kind.about or not proposals:
        return
    changed_now = thing_of(kind, event)
    for number, proposal in proposals.items():
        if not proposal.overtaken_by and changed_now in proposal.changes:
            proposals[number] = replace(proposal, overtaken_by=kind.message.DESCRIPTOR.name)


def thing_of(kind: EventKind[Any, Any], event_or_message: object) -> Thing:
    """What an event changes; its message has the same field names."""
    word, *fields = kind.about
    return word, *(getattr(event_or_message, field) for field in fields)


def things_of(wire: Wire, effects: tuple[Effect, ...]) -> frozenset[Thing]:
    kinds = [(wire.by_name.get(effect.type), effect.data) for effect in effects]
    return frozenset(thing_of(kind, kind.message.FromString(data)) for kind, data in kinds if kind and kind.about)


def first_to_expire(proposals: dict[int, Proposal]) -> Timer | None:
    if not proposals:
        return None
    number, proposal = min(proposals.items(), key=lambda item: (item[1].expires_ms, item[0]))
    return Timer(proposal.expires_ms, f"expire-proposal/{number}", ExpireProposal(number))


DECIDE: Decide[Proposals] = merged(
    handles(ProposeCommand, propose_command),
    handles(ApproveProposal, approve_proposal),
    handles(RejectProposal, reject_proposal),
    handles(ExpireProposal, expire_proposal),
)

PROPOSAL_KINDS = (
    EventKind(CommandProposed, pb.CommandProposed),
    EventKind(ProposalApproved, pb.ProposalApproved),
    EventKind(ProposalRejected, pb.ProposalRejected),
    EventKind(ProposalExpired, pb.ProposalExpired),
)
