"""An rpc that answers with a position needs no method; one that answers with more does."""

import asyncio
from typing import Any, cast

import pytest

from carbonmarket.registry.v1 import registry_service_pb2 as pb
from chassis.core.call import Call
from chassis.core.decider import Actor
from chassis.core.engine import Done
from chassis.serving.command_service import CommandService, method_of
from registry.domain.accounts import OpenAccount
from registry.domain.vintages import CreateVintage
from registry.wire import COMMANDS

RPCS = pb.DESCRIPTOR.services_by_name["RegistryService"].methods_by_name
CALL = Call(Actor("ann", "registry_operator"), "r1")


class Taking:
    """A writer that takes every command and ends at position 7."""

    def __init__(self) -> None:
        self.taken: list[tuple[object, Call]] = []

    def queue_command(self, command: object, call: Call) -> "asyncio.Future[Done]":
        self.taken.append((command, call))
        done: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        done.set_result(Done((), 7))
        return done


class Service(CommandService[Any]):
    def OpenAccount(self, done: Done) -> pb.OpenAccountResponse:
        return pb.OpenAccountResponse(position=100 + done.position)

    async def IssueAllowances(self, request: pb.IssueAllowancesRequest, call: Call) -> pb.IssueAllowancesResponse:
        return pb.IssueAllowancesResponse(position=1)


async def test_a_command_without_a_method_is_submitted_and_answered_with_its_position() -> None:
    writer = Taking()
    serve = method_of(Service(cast(Any, writer), COMMANDS), RPCS["CreateVintage"])
    request = pb.CreateVintageRequest(request_id="r1", vintage="CEA", compliance_year=2021)
    assert await serve(request, CALL) == pb.CreateVintageResponse(position=7)
    assert writer.taken == [(CreateVintage("CEA", 2021), CALL)]


async def test_a_command_that_answers_with_more_is_submitted_and_answered_by_the_method_of_its_name() -> None:
    writer = Taking()
    serve = method_of(Service(cast(Any, writer), COMMANDS), RPCS["OpenAccount"])
    assert await serve(pb.OpenAccountRequest(request_id="r1", account="power-1"), CALL) == pb.OpenAccountResponse(
        position=107
    )
    assert [command for command, _ in writer.taken] == [OpenAccount("power-1", 0, "", "", False)]


async def test_a_method_that_is_given_the_request_serves_its_rpc_alone() -> None:
    serve = method_of(Service(cast(Any, Taking()), COMMANDS), RPCS["IssueAllowances"])
    assert await serve(pb.IssueAllowancesRequest(), CALL) == pb.IssueAllowancesResponse(position=1)


@pytest.mark.parametrize(
    ("served", "rpc"), [(Service(cast(Any, Taking()), COMMANDS), "DeliverAllowances"), (object(), "CreateVintage")]
)
def test_an_rpc_that_nothing_serves_is_found_when_the_replica_is_put_together(served: object, rpc: str) -> None:
    with pytest.raises(AssertionError, match=f"{rpc} has no method"):
        method_of(served, RPCS[rpc])
