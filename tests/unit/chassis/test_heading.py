"""Who calls, in which role and until when: said once, and asked before any rule."""

import asyncio
import time
from typing import cast

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message

from carbonmarket.access.v1 import access_pb2
from carbonmarket.registry.v1 import registry_query_service_pb2 as query_pb
from chassis.core.call import Call, Expired
from chassis.core.decider import Actor, Rejected
from chassis.core.roles import EVERY_ROLE
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from chassis.serving.frame import Failed, Frame, Rpc
from chassis.serving.heading import Context, Heading, authenticate, heading_of
from chassis.serving.places import Kind, Places
from chassis.serving.server import Role
from support.shell.served import CREATE, LOG, SERVICE, Waiting, create, refusal, replica, serving_log, submit_many


async def test_a_caller_that_does_not_say_who_it_is_is_turned_away() -> None:
    async with replica(leads=True) as (api, address):
        for actor in (None, "", "ann", "registry_operator:", "registry_operator:Ann Smith", ":ann", "x" * 200 + ":a"):
            code, reason, _ = await refusal(address, actor=actor)
            assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "ACTOR_MISSING")
        assert api.calls == []


async def test_a_role_that_the_rpc_does_not_name_is_turned_away_before_any_rule() -> None:
    async with replica(leads=True) as (api, address):
        code, reason, facts = await refusal(address, actor="participant:power-1")
        assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")
        assert facts["role"] == "participant"
        assert "registry_operator" in facts["roles"]
        assert api.calls == []


@pytest.mark.parametrize("leads", [True, False])
@pytest.mark.parametrize(
    "twice",
    [
        (("carbonmarket-actor", "registry_operator:bob"),),
        (("carbonmarket-actor", "registry_operator:ann"),),
        (("carbonmarket-passed-on", "once"), ("carbonmarket-passed-on", "once")),
        (("carbonmarket-given-again", "yes"), ("carbonmarket-given-again", "yes")),
    ],
)
async def test_a_call_that_says_a_thing_twice_is_refused_whichever_replica_it_reaches(
    twice: tuple[tuple[str, str], ...], leads: bool
) -> None:
    async with replica(leads=True) as (leader, at), replica(leader_address=at) as (_, standby):
        address = at if leads else standby
        code, reason, facts = await refusal(address, also=twice)
        assert (code, reason, facts["name"]) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "METADATA_REPEATED",
            twice[-1][0],
        )
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await submit_many(address, ["A"], also=twice)
        assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert leader.calls == []


@pytest.mark.parametrize("said", ["", "no", "YES", "true", "yes "])
async def test_what_is_given_again_says_yes_or_nothing(said: str) -> None:
    async with replica(leads=True) as (leader, address):
        code, reason, facts = await refusal(address, also=(("carbonmarket-given-again", said),))
        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "GIVEN_AGAIN_MALFORMED")
        assert facts["must_be"] == "yes"
        assert leader.calls == []


@pytest.mark.parametrize("role", ["trader", "anyone", "unspecified", "role_participant", "participants"])
async def test_a_role_that_does_not_exist_may_call_nothing_not_even_what_anyone_may(role: str) -> None:
    async with replica(leads=True) as (api, address):
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await submit_many(address, ["A"], actor=f"{role}:eve")
        assert failed.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert api.calls == []
    waiting = Waiting()
    async with serving_log(waiting) as address, grpc.aio.insecure_channel(address) as channel:
        status: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{LOG.full_name}/GetStatus")
        assert not LOG.methods_by_name["GetStatus"].GetOptions().Extensions[access_pb2.roles], "anyone may call it"
        await status(b"", metadata=(("carbonmarket-actor", "participant:power-1"),), timeout=5)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await status(b"", metadata=(("carbonmarket-actor", f"{role}:eve"),), timeout=5)
        assert failed.value.code() is grpc.StatusCode.PERMISSION_DENIED


class InTime:
    """What grpc says of a call that has so many seconds left."""

    def __init__(self, seconds: float | None, *metadata: tuple[str, str]) -> None:
        self._seconds = seconds
        self._metadata = metadata

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("carbonmarket-actor", "registry_operator:ann"), *self._metadata)

    def time_remaining(self) -> float | None:
        return self._seconds


async def test_a_trace_context_that_is_not_well_formed_is_no_trace() -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    for sent, kept in ((trace, trace), ("forged", ""), (trace.upper(), ""), (f"00-{'0' * 32}-{'b' * 16}-01", "")):
        heading = heading_of(cast("Context", InTime(None, ("traceparent", sent))))
        assert heading.traceparent == kept
        assert authenticate(heading, EVERY_ROLE).traceparent == kept
        assert ("traceparent" in dict(heading.passed_on())) == bool(kept)


async def test_a_call_that_has_no_time_left_is_refused_before_anything_else() -> None:
    assert heading_of(cast("Context", InTime(None))).ends_at is None
    assert heading_of(cast("Context", InTime(100))).seconds_left() == pytest.approx(100, abs=50)
    with pytest.raises(Expired):
        heading_of(cast("Context", InTime(0)))


def keep_busy(seconds: float) -> None:
    time.sleep(seconds)


async def test_a_call_whose_deadline_has_passed_reaches_no_method_on_either_replica() -> None:
    async with replica(leads=True) as (leader, at), replica(leader_address=at) as (_, standby):
        for address in (at, standby):
            async with grpc.aio.insecure_channel(address) as channel:
                await channel.channel_ready()
                rpc: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
                    f"/{SERVICE.full_name}/{CREATE}"
                )
                calls = [
                    rpc(b"", metadata=(("carbonmarket-actor", "registry_operator:ann"),), timeout=0.02)
                    for _ in range(9)
                ]
                await asyncio.sleep(0)
                # The loop that serves is busy for longer than that.
                keep_busy(0.1)
                assert {await call.code() for call in calls} == {grpc.StatusCode.DEADLINE_EXCEEDED}
        await asyncio.sleep(0.1)
        assert leader.calls == []


@pytest.mark.parametrize("by_way_of_a_standby", [False, True])
async def test_a_method_knows_the_deadline_of_its_call_whichever_replica_the_caller_asked(
    by_way_of_a_standby: bool,
) -> None:
    async with replica(leads=True) as (leader, at), replica(leader_address=at) as (_, standby):
        address, clock = standby if by_way_of_a_standby else at, asyncio.get_running_loop().time
        began = clock()
        await create(address, seconds=5)
        await submit_many(address, ["A"], seconds=5)
        ended = clock()
        assert [began + 4 < (call.ends_at or 0) < ended + 6 for call in leader.calls] == [True, True]


@pytest.mark.parametrize("by_way_of_a_standby", [False, True])
async def test_a_caller_that_gives_up_ends_its_method_whichever_replica_it_asked(by_way_of_a_standby: bool) -> None:
    waiting = Waiting()
    async with (
        serving_log(waiting) as at,
        serving_log(Waiting(), Role(leader_address=at)) as standby,
        grpc.aio.insecure_channel(standby if by_way_of_a_standby else at) as channel,
    ):
        read: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{LOG.full_name}/Read")
        call = read(b"", metadata=(("carbonmarket-actor", "service:trading"),))
        while waiting.reading == 0:
            await asyncio.sleep(0.01)
        call.cancel()
        async with asyncio.timeout(30):
            while waiting.reading > 0:
                await asyncio.sleep(0.01)


async def test_the_method_knows_the_authenticated_actor() -> None:
    async with replica(leads=True) as (api, address):
        assert await create(address) == 1
        (call,) = api.calls
        assert (call.actor, call.request_id) == (Actor("ann", "registry_operator"), "r")


@pytest.mark.parametrize(
    ("caller", "subject", "role", "account"),
    [
        ("participant:power-07", "power-07", "participant", "power-07"),
        ("province:hubei", "hubei", "province", "hubei"),
        ("settlement_bank:icbc", "icbc", "settlement_bank", "icbc"),
        ("clearing_operator:ann", "ann", "clearing_operator", ""),
        ("service:clearing", "service:clearing", "service", ""),
    ],
)
def test_a_caller_is_a_subject_in_a_role_for_an_account(caller: str, subject: str, role: str, account: str) -> None:
    actor = authenticate(Heading(caller), EVERY_ROLE).actor
    assert (actor.subject, actor.role, actor.account, str(actor)) == (subject, role, account, caller)


async def test_a_query_is_answered_only_when_the_position_asked_for_is_shown() -> None:
    happened: list[object] = []

    async def reach(position: int) -> None:
        happened.append(position)
        if position > 5:
            raise Rejected("POSITION_BEYOND_END", min_position=position, head_position=5)

    async def answer(request: Message, call: Call) -> Message:
        happened.append("answered")
        return query_pb.GetAccountResponse()

    def asking(min_position: int) -> bytes:
        return query_pb.GetAccountRequest(account="a", min_position=min_position).SerializeToString()

    frame, place = Frame(Tracing(), Metrics(), reach), Places().place(Kind.QUERY, "auditor:kate")
    rpc = Rpc("", "", EVERY_ROLE, query_pb.GetAccountRequest, query_pb.GetAccountResponse, answer)
    heading = Heading("auditor:kate")
    await frame.answer(rpc, asking(4), heading, place)
    assert happened == [4, "answered"]
    with pytest.raises(Failed, match="POSITION_BEYOND_END"):
        await frame.answer(rpc, asking(6), heading, place)
    assert happened == [4, "answered", 6]
