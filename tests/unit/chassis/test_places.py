"""Places: what one caller, or one kind of call, can take of a replica, and what waiting gives back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2

from carbonmarket.log.v1 import log_service_pb2
from chassis.core.call import Call, Overloaded
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from chassis.serving import door as door_module
from chassis.serving import places as places_module
from chassis.serving.door import GrpcDoor
from chassis.serving.places import Kind, Places
from chassis.serving.server import Role, Server
from support.shell.served import reach

LOG = log_service_pb2.DESCRIPTOR.services_by_name["LogService"]
EVE, BOB, TRADING = "exchange_operator:eve", "exchange_operator:bob", "service:trading"


class Polled:
    """A LogService: Read works until it is let go, GetStatus waits until then, the others answer at once."""

    def __init__(self) -> None:
        self.working = 0
        self.waiting = 0
        self.let_go = asyncio.Event()
        for method in LOG.methods:
            if not hasattr(self, method.name):
                setattr(self, method.name, self.MoveClock)

    async def Read(self, request: Message, call: Call) -> Message:
        self.working += 1
        await self.let_go.wait()
        return log_service_pb2.ReadResponse()

    async def GetStatus(self, request: Message, call: Call) -> Message:
        with call.waiting() as may_wait:
            self.waiting += 1
            if may_wait:
                await self.let_go.wait()
        return log_service_pb2.GetStatusResponse()

    async def MoveClock(self, request: Message, call: Call) -> Message:
        return log_service_pb2.MoveClockResponse()


class Caller:
    """A connection of its own, and who calls over it."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])

    def call(self, name: str, actor: str = EVE) -> "grpc.aio.UnaryUnaryCall[bytes, bytes]":
        rpc: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self.channel.unary_unary(f"/{LOG.full_name}/{name}")
        return rpc(b"", metadata=(("carbonmarket-actor", actor),), timeout=30)

    def half_a_call(self, path: str, actor: str = EVE) -> "grpc.aio.StreamUnaryCall[bytes, bytes]":
        """Its headers, and no message."""
        rpc: grpc.aio.StreamUnaryMultiCallable[bytes, bytes] = self.channel.stream_unary(path)
        return rpc(metadata=(("carbonmarket-actor", actor),))


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Polled, Places, str]]:
    api, door = Polled(), GrpcDoor("127.0.0.1:0")
    server = Server([(LOG, api)], Role(leads=True), Tracing(), Metrics(), reach)
    door.serve(server.handlers, server.names)
    await door.say_health(serves=True)
    port = await door.start()
    yield api, server.places, f"127.0.0.1:{port}"
    api.let_go.set()
    await door._server.stop(None)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)


async def answer_of(call: "grpc.aio.UnaryUnaryCall[bytes, bytes]") -> grpc.StatusCode:
    return await call.code()


def idle() -> dict[Kind, int]:
    return dict.fromkeys(Kind, 0)


async def test_queries_at_work_take_no_place_from_commands_nor_from_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "CALLS_OF_A_KIND_MAX", 3)
    async with served() as (api, places, address):
        caller = Caller(address)
        reads = [caller.call("Read") for _ in range(3)]
        await until(lambda: api.working == 3)
        assert await answer_of(caller.call("Read", BOB)) is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await answer_of(caller.call("MoveClock")) is grpc.StatusCode.OK
        of_service = caller.call("Read", TRADING)
        await until(lambda: api.working == 4)
        api.let_go.set()
        assert [await call.code() for call in (*reads, of_service)] == [grpc.StatusCode.OK] * 4
        await until(lambda: places.at_work == idle())
        assert (places.waiting, places.of_actor) == (0, {})
        await caller.channel.close()


async def test_a_call_that_waits_gives_its_place_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "CALLS_OF_A_KIND_MAX", 1)
    async with served() as (api, places, address):
        caller = Caller(address)
        polls = [caller.call("GetStatus") for _ in range(20)]
        await until(lambda: places.waiting == 20)
        assert places.at_work == idle()
        read = caller.call("Read")
        await until(lambda: api.working == 1)
        api.let_go.set()
        assert [await call.code() for call in (*polls, read)] == [grpc.StatusCode.OK] * 21
        await caller.channel.close()


async def test_where_too_many_wait_a_long_poll_is_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "WAITING_MAX", 2)
    async with served() as (_, places, address):
        caller = Caller(address)
        polls = [caller.call("GetStatus") for _ in range(2)]
        await until(lambda: places.waiting == 2)
        assert await answer_of(caller.call("GetStatus")) is grpc.StatusCode.OK
        assert not any(poll.done() for poll in polls)
        await caller.channel.close()


async def test_one_actor_can_take_only_so_many_calls_at_work_and_waiting_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places_module, "CALLS_OF_AN_ACTOR_MAX", 4)
    async with served() as (api, places, address):
        caller, other = Caller(address), Caller(address)
        calls = [caller.call("GetStatus") for _ in range(3)] + [caller.call("Read")]
        await until(lambda: places.waiting == 3 and api.working == 1)
        refused = other.call("MoveClock", EVE)
        assert await refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await refused.details() == f"TOO_MANY_CALLS_OF_ACTOR: actor={EVE}, calls_max=4"
        assert await answer_of(other.call("MoveClock", BOB)) is grpc.StatusCode.OK
        calls.pop().cancel()
        await until(lambda: places.of_actor == {EVE: 3})
        assert await answer_of(other.call("MoveClock", EVE)) is grpc.StatusCode.OK
        for channel in (caller.channel, other.channel):
            await channel.close()


async def test_calls_whose_message_does_not_come_take_no_place_of_others_nor_of_health(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places_module, "CALLS_OF_A_KIND_MAX", 2)
    monkeypatch.setattr(places_module, "CALLS_OF_AN_ACTOR_MAX", 2)
    monkeypatch.setattr(door_module, "ARRIVING_MAX", 10)
    async with served() as (_, places, address):
        callers = [Caller(address) for _ in range(5)]
        paths = ["/grpc.health.v1.Health/Check", f"/{LOG.full_name}/Read", f"/{LOG.full_name}/MoveClock"]
        half = [caller.half_a_call(path) for caller in callers for path in paths for _ in range(20)]
        await asyncio.sleep(0.3)
        assert not any(call.done() for call in half), "they have begun nothing that could be refused"
        assert (places.at_work, places.of_actor) == (idle(), {})
        honest = Caller(address)
        for _ in range(5):
            assert await answer_of(honest.call("MoveClock")) is grpc.StatusCode.OK
        check: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = honest.channel.unary_unary(paths[0])
        answered = health_pb2.HealthCheckResponse.FromString(await check(b"", timeout=5))
        assert answered.status is health_pb2.HealthCheckResponse.SERVING
        for caller in (*callers, honest):
            await caller.channel.close()


async def test_of_the_calls_that_arrive_only_the_newest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "ARRIVING_MAX", 10)
    async with served() as (_, _places, address):
        caller = Caller(address)
        half = [caller.half_a_call(f"/{LOG.full_name}/Read") for _ in range(100)]
        await asyncio.sleep(0.3)
        serving = [task for task in asyncio.all_tasks() if "HandleExceptions" in task.get_name()]
        assert len(serving) == 10, "of the hundred"
        assert len(half) == 100
        await caller.channel.close()


def test_a_message_of_a_stream_is_worked_at_only_while_there_is_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "CALLS_OF_A_KIND_MAX", 2)
    places = Places()
    with places.place(Kind.COMMAND, EVE) as stream, stream.streaming():
        assert (places.at_work[Kind.COMMAND], places.waiting) == (0, 1)
        with stream.working():
            assert (places.at_work[Kind.COMMAND], places.waiting) == (1, 0)
        with (
            places.place(Kind.COMMAND, BOB),
            places.place(Kind.COMMAND, BOB),
            pytest.raises(Overloaded),
            stream.working(),
        ):
            raise AssertionError("there is no place")
        assert (places.at_work[Kind.COMMAND], places.waiting) == (0, 1)
    assert (places.at_work, places.waiting, places.of_actor) == (idle(), 0, {})


async def test_a_standby_that_is_stopped_does_not_wait_for_long_polls_that_it_passed_on() -> None:
    async with served() as (api, leaders, leader):
        door = GrpcDoor("127.0.0.1:0")
        standby = Server([(LOG, api)], Role(leader_address=leader), Tracing(), Metrics(), reach)
        door.serve(standby.handlers, standby.names)
        caller = Caller(f"127.0.0.1:{await door.start()}")
        polls, status = [caller.call("Read"), caller.call("Read", BOB)], caller.call("GetStatus")
        await until(lambda: (api.working, api.waiting, leaders.waiting) == (2, 1, 1))
        closing = asyncio.create_task(door.close(60, standby.places.polls))
        await asyncio.sleep(0.1)
        assert not closing.done(), "it waits for a call that is no long poll"
        status.cancel()
        async with asyncio.timeout(30):
            await closing
        await door.end_connections()
        assert [await poll.code() for poll in polls] == [grpc.StatusCode.UNAVAILABLE] * 2
        await caller.channel.close()
        await door._server.stop(None)
