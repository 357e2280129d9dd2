"""Commands that two people give, in the tests of the shell: one proposes, another approves."""

from collections.abc import Mapping
from typing import Any, TypeVar

from chassis.core.commands import Commands
from chassis.core.engine import Done, Engine
from chassis.core.look import Declared
from chassis.core.proposals import ApproveProposal, Proposable, ProposeCommand
from chassis.core.reaction import Reactions, ReactionTable
from chassis.log.writer import Writer
from chassis.process.service import Service
from chassis.say.tracing import Tracing
from chassis.serving.log_service import NOT_PROPOSED, SHELL_COMMANDS
from support.shell.asking import asked, call_of

S = TypeVar("S")

NO_REACTIONS: Mapping[str, Reactions] = {}


def declared(release_level: int = 0, reactions: Mapping[str, Reactions] = NO_REACTIONS) -> Declared:
    """What a service of the tests declares: of commands, the shell's own can be proposed."""
    tables = {source: ReactionTable(of_source) for source, of_source in reactions.items()}
    return Declared(tables, Proposable((SHELL_COMMANDS,), NOT_PROPOSED), release_level)


def proposal_of(command: object, commands: Commands = SHELL_COMMANDS) -> ProposeCommand:
    """The proposal of one of the shell's own commands, or of a service's."""
    return ProposeCommand(*commands.encode(command))


def engine_of(service: Service[S], state: S) -> Engine[S]:
    """A service's engine, over a state that the test has made."""
    engine = Engine(service.name, service.decider, service.wire, Tracing(), declared=service.declared({}))
    engine.state = state
    return engine


def by_two(
    engine: Engine[Any],
    command: object,
    proposer: str,
    approver: str,
    now_ms: int = 1_000,
    commands: Commands = SHELL_COMMANDS,
) -> Done:
    """One of the shell's commands, or of a service's, proposed and approved."""
    proposed = engine.decide(asked(proposer, "", proposal_of(command, commands)), {}, now_ms)
    assert isinstance(proposed, Done), proposed
    approved = engine.decide(asked(approver, "", ApproveProposal(proposed.position)), {}, now_ms)
    assert isinstance(approved, Done), approved
    return approved


async def proposed(writer: Writer[Any], command: object, proposer: str, request_id: str = "propose") -> int:
    """The number of a proposal of one of the shell's commands."""
    return (await writer.submit(proposal_of(command), call_of(proposer, request_id))).position


async def approved(writer: Writer[Any], number: int, approver: str, request_id: str = "approve") -> Done:
    return await writer.submit(ApproveProposal(number), call_of(approver, request_id))
