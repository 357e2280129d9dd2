"""The caller: each order is sent until it is answered, and its answer is recorded once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from types import MappingProxyType
from typing import Any, cast

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import StringValue

from chassis.core.call import AnswerContradictory, NotYet, Refused
from chassis.core.corrections import RenameOrder
from chassis.core.decider import Context, Decider, Rejected
from chassis.core.engine import Engine
from chassis.edges.remote import Remote
from chassis.followers import caller as module
from chassis.followers.caller import CALLS_IN_FLIGHT_MAX, Caller, Outgoing
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.writer import Writer, catch_up
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from support.shell import tally
from support.shell.asking import call_of
from support.shell.tally import Answered, Delivered, Order, Ordered, Tally
from support.shell.two_people import approved, declared, proposed

ADA = "participant:ada"
CALLERS: list[Caller] = []
Deliver = Callable[[Ordered, Outgoing], Awaitable[object]]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUG_RETRY_SECONDS", 0.01)


@asynccontextmanager
async def calling(
    store: MemoryStore,
    deliver: Deliver,
    decider: Decider[Tally] | None = None,
    remotes: Mapping[str, Remote] = MappingProxyType({}),
) -> AsyncIterator[tuple[Writer[Tally], "asyncio.Task[Any]"]]:
    log = MemoryLog(store)
    await log.lead()
    engine: Engine[Tally] = Engine(
        "tally", decider or tally.decider(), tally.WIRE, Tracing(), frozenset({Ordered}), declared()
    )
    await catch_up(engine, log)
    writer = Writer(engine, log, Metrics())
    writer.tail.start_at(engine.head.position)
    writing = asyncio.create_task(writer.run())
    CALLERS.append(Caller({Ordered: deliver}, remotes, writer, Tracing()))
    running = asyncio.create_task(CALLERS[-1].run())
    await asyncio.sleep(0)
    yield writer, running
    for task in (running, writing):
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task
    await log.close()


async def until_answered(writer: Writer[Tally], *orders: str) -> list[str]:
    async with asyncio.timeout(5):
        while True:
            delivered = (await writer.read(lambda state: list(state.delivered))).value
            if set(orders) <= set(delivered):
                return delivered
            await asyncio.sleep(0.01)


async def test_orders_that_wait_keep_no_other_order_from_being_sent() -> None:
    async def deliver(order: Ordered, outgoing: Outgoing) -> object:
        if order.what.startswith("stuck"):
            raise NotYet("the other side has not come so far")
        return Answered(order.what)

    async with calling(MemoryStore("tally"), deliver) as (writer, _):
        for number in range(CALLS_IN_FLIGHT_MAX):
            await writer.submit(Order(f"stuck {number}"), call_of(ADA, f"r{number}"))
        await asyncio.sleep(0.05)
        await writer.submit(Order("bread"), call_of(ADA, "bread"))
        assert await until_answered(writer, "bread") == ["bread"]


async def test_an_answer_that_a_bug_keeps_from_being_recorded_is_tried_again_and_ends_nothing() -> None:
    broken = [True, True]
    sound = tally.decider()

    def answered(state: Tally, command: Answered, context: Context) -> list[object]:
        if broken:
            broken.pop()
            raise ZeroDivisionError("a bug")
        return [Delivered(command.what)]

    async def deliver(order: Ordered, outgoing: Outgoing) -> object:
        return Answered(order.what)

    decider = Decider(sound.initial, {**sound.decide, Answered: answered}, sound.evolve)
    async with calling(MemoryStore("tally"), deliver, decider) as (writer, running):
        await writer.submit(Order("bread"), call_of(ADA, "r1"))
        assert await until_answered(writer, "bread") == ["bread"]
        assert not running.done()
        assert broken == []


async def test_after_a_restart_what_is_unanswered_is_sent_again_under_its_name_and_answered_once() -> None:
    store = MemoryStore("tally")
    sent: list[str] = []
    away = asyncio.Event()

    async def deliver(order: Ordered, outgoing: Outgoing) -> object:
        sent.append(outgoing.order_id)
        if not away.is_set():
            raise NotYet("away")
        return Answered(order.what)

    async with calling(store, deliver) as (writer, _):
        await writer.submit(Order("bread"), call_of(ADA, "r1"))
        await asyncio.sleep(0.05)
    assert set(sent) == {"tally/1"}
    away.set()
    async with calling(store, deliver) as (writer, _):
        assert await until_answered(writer, "bread") == ["bread"]
    count = len(sent)
    async with calling(store, deliver) as (writer, _):
        await asyncio.sleep(0.05)
        assert len(sent) == count, "what was answered is not sent again"
    assert set(sent) == {"tally/1"}
    assert [record.request_id for record in store.records] == ["r1", "answer/1"]


class Refuser:
    """A service that refuses by gRPC until it is repaired."""

    def __init__(self) -> None:
        self.refuses = True

    async def unary(self, rpc: str, request: Message, response: type[Message], traceparent: str = "") -> Message:
        if self.refuses:
            raise Refused(grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED", {"request_id": "tally/1"})
        return response()


async def test_a_grpc_refusal_answers_nothing_and_is_an_alarm_until_there_is_an_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refuser = Refuser()

    async def deliver(order: Ordered, outgoing: Outgoing) -> object:
        await outgoing.unary("baker", "bakery/Bake", Empty(), Empty)
        return Answered(order.what)

    async with calling(MemoryStore("tally"), deliver, remotes={"baker": cast(Remote, refuser)}) as (writer, running):
        caller = CALLERS[-1]
        await writer.submit(Order("bread"), call_of(ADA, "r1"))
        async with asyncio.timeout(5):
            while not caller.refused:
                await asyncio.sleep(0.01)
        (alarm,) = caller.refused.values()
        assert (alarm.position, alarm.order, alarm.service) == (1, "Ordered", "baker")
        assert (alarm.reason, alarm.facts) == ("REQUEST_ID_REUSED", {"request_id": "tally/1"})
        assert writer.engine.shell.unanswered == {1}
        assert [line.levelname for line in caplog.records if "waits for people" in line.message] == ["ERROR"]
        refuser.refuses = False
        assert await until_answered(writer, "bread") == ["bread"]
        async with asyncio.timeout(5):
            while caller.refused:
                await asyncio.sleep(0.01)
        assert not running.done()


async def test_an_answer_that_contradicts_itself_is_none_and_an_alarm_until_there_is_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    contradicts = True

    async def deliver(order: Ordered, outgoing: Outgoing) -> object:
        if contradicts:
            raise AnswerContradictory("baker", "LOAVES_CONTRADICTORY", why="the loaves do not add up")
        return Answered(order.what)

    async with calling(MemoryStore("tally"), deliver) as (writer, _):
        caller = CALLERS[-1]
        await writer.submit(Order("bread"), call_of(ADA, "r1"))
        async with asyncio.timeout(5):
            while not caller.refused:
                await asyncio.sleep(0.01)
        (alarm,) = caller.refused.values()
        assert (alarm.service, alarm.reason) == ("baker", "LOAVES_CONTRADICTORY")
        assert alarm.facts == {"why": "the loaves do not add up"}
        assert [line.levelname for line in caplog.records if "waits for people" in line.message] == ["ERROR"]
        contradicts = False
        assert await until_answered(writer, "bread") == ["bread"]


class KnowsAnother:
    """A service that knows another command by the name of the first order."""

    def __init__(self) -> None:
        self.taken_by: list[str] = []

    async def unary(self, rpc: str, request: StringValue, response: type[Message], traceparent: str = "") -> Message:
        if request.value == "tally/1":
            raise Refused(grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED", {"request_id": request.value})
        self.taken_by.append(request.value)
        return response()


async def test_an_order_whose_name_means_another_command_is_sent_under_the_name_that_two_people_give_it() -> None:
    store, receiver = MemoryStore("tally"), KnowsAnother()

    async def deliver(order: Ordered, outgoing: Outgoing) -> object:
        await outgoing.unary("baker", "bakery/Bake", StringValue(value=outgoing.order_id), Empty)
        return Answered(order.what)

    remotes = {"baker": cast(Remote, receiver)}
    async with calling(store, deliver, remotes=remotes) as (writer, _):
        await writer.submit(Order("bread"), call_of(ADA, "r1"))
        number = await proposed(writer, RenameOrder(1, "the baker came back older"), "registry_operator:ann")
        renamed = await approved(writer, number, "registry_operator:ben")
        assert await until_answered(writer, "bread") == ["bread"]
        assert receiver.taken_by == [f"tally/{renamed.position}"]
        assert writer.engine.shell.order_names == {}
        assert await refused_proposal(writer, RenameOrder(1, "once more")) == "ORDER_NOT_UNANSWERED"


async def test_a_restart_does_not_forget_an_orders_new_name() -> None:
    store, receiver, away = MemoryStore("tally"), KnowsAnother(), asyncio.Event()

    async def deliver(order: Ordered, outgoing: Outgoing) -> object:
        if not away.is_set():
            raise NotYet("away")
        await outgoing.unary("baker", "bakery/Bake", StringValue(value=outgoing.order_id), Empty)
        return Answered(order.what)

    remotes = {"baker": cast(Remote, receiver)}
    async with calling(store, deliver, remotes=remotes) as (writer, _):
        await writer.submit(Order("bread"), call_of(ADA, "r1"))
        number = await proposed(writer, RenameOrder(1, "the baker came back older"), "registry_operator:ann")
        renamed = await approved(writer, number, "registry_operator:ben")
    away.set()
    async with calling(store, deliver, remotes=remotes) as (writer, _):
        assert await until_answered(writer, "bread") == ["bread"]
    assert receiver.taken_by == [f"tally/{renamed.position}"]


async def test_an_order_is_sent_under_a_new_name_only_once_that_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", (0.01,))
    store, sent = MemoryStore("tally"), list[str]()
    may_commit = asyncio.Event()
    may_commit.set()

    async def deliver(order: Ordered, outgoing: Outgoing) -> object:
        sent.append(outgoing.order_id)
        raise NotYet("away")

    async with calling(store, deliver) as (writer, _):
        await writer.submit(Order("bread"), call_of(ADA, "r1"))
        number = await proposed(writer, RenameOrder(1, "the baker came back older"), "registry_operator:ann")
        append = writer.log.append

        async def append_later(*batch: Any) -> None:
            await may_commit.wait()
            await append(*batch)

        writer.log.append = append_later  # type: ignore[assignment,method-assign]  # as a database that is slow
        may_commit.clear()
        renaming = asyncio.create_task(approved(writer, number, "registry_operator:ben"))
        async with asyncio.timeout(5):
            while not writer.engine.shell.order_names:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert set(sent) == {"tally/1"}
        may_commit.set()
        renamed = await renaming
        async with asyncio.timeout(5):
            while sent[-1] == "tally/1":
                await asyncio.sleep(0.01)
        assert sent[-1] == f"tally/{renamed.position}"


async def refused_proposal(writer: Writer[Tally], command: object) -> str:
    with pytest.raises(Rejected) as refused:
        await proposed(writer, command, "registry_operator:ann", "another")
    return refused.value.reason
