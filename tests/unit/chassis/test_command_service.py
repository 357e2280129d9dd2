"""An rpc that answers with a position needs no method; one that answers with more does."""

from typing import Any, cast

import pytest

from carbonmarket.registry.v1 import registry_service_pb2 as pb
from chassis.core.call import Call
from chassis.core.decider import Actor
from chassis.core.engine import Done
from chassis.serving.command_service import CommandService, method_of
from registry.domain.vintages import CreateVintage
from registry.wire import COMMANDS

RPCS = pb.DESCRIPTOR.services_by_name["RegistryService"].methods_by_name
CALL = Call(Actor("ann", "registry_operator"), "r1")


class Taking:
    """A writer that takes every command and ends at position 7."""

    def __init__(self) -> None:
        self.taken: list[tuple[object, Call]] = []

    async def submit(self, command: object, call: Call) -> Done:
        self.taken.append((command, call))
        return Done((), 7)


class Service(CommandService[Any]):
    async def IssueAllowances(self, request: pb.IssueAllowancesRequest, call: Call) -> pb.IssueAllowancesResponse:
        return pb.IssueAllowancesResponse(position=1)


async def test_a_command_without_a_method_is_submitted_and_answered_with_its_position() -> None:
    writer = Taking()
    serve = method_of(Service(cast(Any, writer), COMMANDS), RPCS["CreateVintage"])
    request = pb.CreateVintageRequest(request_id="r1", vintage="CEA", compliance_year=2021)
    assert await serve(request, CALL) == pb.CreateVintageResponse(position=7)
    assert writer.taken == [(CreateVintage("CEA", 2021), CALL)]


async def test_a_method_of_the_rpcs_name_serves_it() -> None:
    serve = method_of(Service(cast(Any, Taking()), COMMANDS), RPCS["IssueAllowances"])
    assert await serve(pb.IssueAllowancesRequest(), CALL) == pb.IssueAllowancesResponse(position=1)


@pytest.mark.parametrize(
    ("served", "rpc"), [(Service(cast(Any, Taking()), COMMANDS), "DeliverAllowances"), (object(), "CreateVintage")]
)
def test_an_rpc_that_nothing_serves_is_found_when_the_replica_is_put_together(served: object, rpc: str) -> None:
    with pytest.raises(AssertionError, match=f"{rpc} has no method"):
        method_of(served, RPCS[rpc])
