"""The frame around every rpc: one error mapper, bulk, passing on."""

import logging

import grpc
import grpc.aio
import pytest

from chassis.core.call import Bug, Expired, KeptAway, Overloaded, RequestIdReused, Unavailable
from chassis.core.decider import Malformed, NotFound, NotPermitted, Rejected
from chassis.serving.bulk import BULK_COMMANDS_MAX
from chassis.serving.server import Role, Server
from support.shell.served import Api, create, refusal, replica, serving, submit_many


async def test_bytes_that_are_no_request_are_malformed_not_a_crash() -> None:
    async with replica(leads=True) as (_, address):
        code, reason, _ = await refusal(address, data=b"\xff\xff\xff")
        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_NOT_READABLE")


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (
            Malformed("PRICE_OUT_OF_RANGE", "price_fen", price_fen=-1),
            grpc.StatusCode.INVALID_ARGUMENT,
            "PRICE_OUT_OF_RANGE",
        ),
        (NotFound("ACCOUNT_UNKNOWN", account="x"), grpc.StatusCode.NOT_FOUND, "ACCOUNT_UNKNOWN"),
        (NotPermitted("NOT_OWNER", account="x"), grpc.StatusCode.PERMISSION_DENIED, "NOT_OWNER"),
        (Rejected("SUSPENDED", ground="x"), grpc.StatusCode.FAILED_PRECONDITION, "SUSPENDED"),
        (RequestIdReused("r"), grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
        (Expired(), grpc.StatusCode.DEADLINE_EXCEEDED, "CALL_EXPIRED"),
        (Overloaded("TOO_MANY_CALLS", calls_max=1), grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS"),
        (Unavailable("away"), grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"),
        (KeptAway("LOG_CAME_BACK_OLDER", witness="x"), grpc.StatusCode.UNAVAILABLE, "LOG_CAME_BACK_OLDER"),
        (Bug("secret detail"), grpc.StatusCode.INTERNAL, "INTERNAL"),
        (ZeroDivisionError("secret detail"), grpc.StatusCode.INTERNAL, "INTERNAL"),
    ],
)
async def test_every_failure_has_one_status_with_its_reason(
    error: Exception, code: grpc.StatusCode, reason: str
) -> None:
    async with replica(leads=True) as (api, address):
        api.fails_with = error
        answer = await refusal(address)
        assert answer[:2] == (code, reason)
        assert "secret" not in str(answer)


@pytest.mark.parametrize("leads", [True, False])
async def test_a_bug_of_the_frame_itself_is_internal_and_logged_with_its_traceback(
    leads: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(Server, "_place" if leads else "_leader", bug)
    async with replica(leads=leads) as (_, address):
        code, reason, facts = await refusal(address)
    assert (code, reason, facts) == (grpc.StatusCode.INTERNAL, "INTERNAL", {})
    (line,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert line.exc_info is not None and line.exc_info[0] is ZeroDivisionError


async def test_a_replica_that_does_not_lead_passes_calls_and_refusals_on_to_the_one_that_does() -> None:
    async with replica(leads=True) as (leader, at), replica(leader_address=at) as (standby, address):
        assert await create(address) == 1
        leader.fails_with = Rejected("VINTAGE_EXISTS", vintage="CEA")
        assert await refusal(address) == (grpc.StatusCode.FAILED_PRECONDITION, "VINTAGE_EXISTS", {"vintage": "CEA"})
        assert standby.calls == []
        leader.fails_with = None
        outcomes = await submit_many(address, ["CEA", "BAD"])
        assert [outcome.WhichOneof("outcome") for outcome in outcomes] == ["create_vintage", "refusal"]


@pytest.mark.parametrize(("also", "given_again"), [((), False), ((("carbonmarket-given-again", "yes"),), True)])
async def test_whether_a_call_is_given_again_is_known_to_the_replica_that_leads_whichever_it_reaches(
    also: tuple[tuple[str, str], ...], given_again: bool
) -> None:
    async with replica(leads=True) as (leader, at), replica(leader_address=at) as (_, standby):
        for address in (at, standby):
            await create(address, also=also)
            await submit_many(address, ["CEA"], also=also)
        assert [call.given_again for call in leader.calls] == [given_again] * 4


@pytest.mark.parametrize("role", [{}, {"leader_address": "127.0.0.1:9", "own_address": "127.0.0.1:9"}])
async def test_where_nobody_leads_yet_the_answer_is_unavailable(role: dict[str, str]) -> None:
    async with replica(**role) as (_, address):
        code, reason, _ = await refusal(address)
        assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")


async def test_many_commands_in_one_message_are_done_in_order_each_with_its_own_outcome() -> None:
    async with replica(leads=True) as (api, address):
        outcomes = await submit_many(address, ["A", "BAD", "B", "C"], empty=1)
        kinds = [outcome.WhichOneof("outcome") for outcome in outcomes]
        assert kinds == ["create_vintage", "refusal", "create_vintage", "create_vintage", "refusal"]
        assert api.vintages == ["A", "B", "C"]
        assert outcomes[1].refusal.reason == "VINTAGE_EXISTS"
        assert outcomes[1].refusal.facts == {"vintage": "BAD"}
        assert outcomes[4].refusal.reason == "COMMAND_MISSING"


async def test_each_command_in_a_stream_is_checked_for_its_role_as_its_own_rpc_is() -> None:
    async with replica(leads=True) as (api, address):
        (outcome,) = await submit_many(address, ["A"], actor="participant:power-1")
        assert outcome.refusal.reason == "ROLE_NOT_ALLOWED"
        assert api.vintages == []


async def test_a_message_of_too_many_commands_is_refused_whole() -> None:
    async with replica(leads=True) as (api, address):
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await submit_many(address, ["A"] * (BULK_COMMANDS_MAX + 1))
        assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert api.vintages == []


async def test_two_replicas_that_take_each_other_for_the_leader_send_no_call_to_and_fro() -> None:
    first, second = Role(), Role()
    async with serving(Api(), first) as at_first, serving(Api(), second) as at_second:
        first.leader_address, second.leader_address = at_second, at_first
        code, reason, _ = await refusal(at_first)
        assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")


async def test_a_leader_that_cannot_be_reached_is_unavailable_and_its_address_is_not_told() -> None:
    async with replica(leader_address="127.0.0.1:9") as (_, address):
        code, reason, facts = await refusal(address)
        assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
        assert "127.0.0.1" not in str(facts)


async def test_what_a_caller_wrote_at_length_comes_back_shortened_and_arrives() -> None:
    async with replica(leads=True) as (api, address):
        api.fails_with = NotFound("ACCOUNT_UNKNOWN", account="户" * 20_000, vintage="x" * 20_000)
        code, reason, facts = await refusal(address)
        assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_UNKNOWN")
        assert facts["account"].startswith("户户") and facts["account"].endswith("…")
        code, reason, _ = await refusal(address, actor="registry_operator:" + "a" * 5_000)
        assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "ACTOR_MISSING")
