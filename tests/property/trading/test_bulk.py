"""A message of many commands is what the same commands are one by one: answers, refusals, records, counts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import grpc
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from carbonmarket.log.v1 import refusal_pb2
from carbonmarket.trading.v1 import trading_service_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from chassis.core.engine import Engine
from chassis.log.clocks import Clock
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.writer import Writer
from chassis.say.tracing import Tracing
from chassis.serving.server import Role, Server
from support.domains.trading_floor import CEMENT, FRIDAY, POWER, STEEL, quiet_floor
from support.shell.served import CallsCounted, reach
from trading.api import TradingService
from trading.domain.decider import DECIDER
from trading.domain.state import Market
from trading.wire import WIRE

SERVICE = pb.DESCRIPTOR.services_by_name["TradingService"]
ACCOUNTS = ("power", "steel", "nobody", "Not A Name", "nul\0", "")
REQUEST_IDS = ("", "r1", "r2", "r3", "r4", "r5", "r6", " r")
"""Few, so that some come again, with the same command or another."""


class Ended(Exception):
    """The service ended a call."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status.message)
        self.status = status


@dataclass
class Called:
    """A call as gRPC hands it to a handler."""

    actor: str

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("carbonmarket-actor", self.actor),)

    def time_remaining(self) -> None:
        return None

    async def abort(self, code: grpc.StatusCode, details: str, trailing_metadata: Any) -> None:
        raise Ended(status_pb2.Status.FromString(dict(trailing_metadata)["grpc-status-details-bin"]))


class Venue:
    """Trading's commands with a log in memory, on the first morning: power has units, steel has money."""

    def __init__(self) -> None:
        floor = quiet_floor()
        floor.give("power", tonnes=500)
        floor.give("steel", fen=500 * 4_800)
        floor.open(FRIDAY)
        self.now_ms = floor.at("10:00").now_ms
        self.store, self.calls = MemoryStore("trading", lambda: self.now_ms), list[tuple[str, str]]()
        random, log, counted = count(1), MemoryLog(self.store), CallsCounted(self.calls)
        tracing = Tracing(random_bytes=lambda size: next(random).to_bytes(size))
        self.log = log
        engine: Engine[Market] = Engine("trading", DECIDER, WIRE, tracing)
        engine.state = floor.market
        self.writer = Writer(engine, log, counted, cast(Clock, SimpleNamespace(now_ms=lambda: self.now_ms)))
        server = Server([(SERVICE, TradingService(self.writer))], Role(leads=True), tracing, counted, reach)
        (self.handlers,) = server.handlers

    def handler(self, rpc: str) -> Any:
        return self.handlers.service(cast(Any, SimpleNamespace(method=f"/{SERVICE.full_name}/{rpc}")))

    async def one_by_one(self, actor: str, commands: list[pb.ManyCommand]) -> list[pb.ManyOutcome]:
        outcomes = []
        for command in commands:
            name = command.WhichOneof("command")
            if name is None:
                refusal = refusal_pb2.Refusal(
                    code=grpc.StatusCode.INVALID_ARGUMENT.value[0],
                    reason="COMMAND_MISSING",
                    facts={"service": SERVICE.full_name},
                )
                outcomes.append(pb.ManyOutcome(refusal=refusal))
                continue
            request = getattr(command, name)
            (rpc,) = (method for method in SERVICE.methods if method.input_type is request.DESCRIPTOR)
            try:
                data = await self.handler(rpc.name).unary_unary(request.SerializeToString(), Called(actor))
            except Ended as ended:
                outcomes.append(pb.ManyOutcome(refusal=refusal_in(ended.status)))
            else:
                outcome = pb.ManyOutcome()
                getattr(outcome, name).ParseFromString(data)
                outcomes.append(outcome)
        return outcomes

    async def at_once(self, actor: str, commands: list[pb.ManyCommand]) -> list[pb.ManyOutcome]:
        async def messages() -> AsyncIterator[bytes]:
            yield pb.SubmitManyRequest(commands=commands).SerializeToString()

        (answer,) = [data async for data in self.handler("SubmitMany").stream_stream(messages(), Called(actor))]
        return list(pb.SubmitManyResponse.FromString(answer).outcomes)


def refusal_in(status: status_pb2.Status) -> refusal_pb2.Refusal:
    info, wrong = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(wrong)
    where = wrong.field_violations[0].field if wrong.field_violations else ""
    return refusal_pb2.Refusal(code=status.code, reason=info.reason, facts=info.metadata, field=where)


@asynccontextmanager
async def open_venue() -> AsyncIterator[Venue]:
    venue = Venue()
    await venue.log.lead()
    running = asyncio.create_task(venue.writer.run())
    try:
        yield venue
    finally:
        running.cancel()
        await asyncio.wait([running])


def requests(kind: Any, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, request_id=st.sampled_from(REQUEST_IDS), **fields)


PLACED = requests(
    pb.PlaceOrderRequest,
    account=st.sampled_from(ACCOUNTS),
    instrument=st.sampled_from(("CEA", "CEA", "CEA", "CEA99", "cea")),
    side=st.sampled_from((1, 2, 2, 0, 9)),
    price_fen=st.sampled_from((4_800, 4_801, 4_320, 4_319, 0, -1)),
    quantity_tonnes=st.sampled_from((1, 200, 400, 0, 10**15)),
)
TAKEN = requests(
    pb.TakeListingRequest,
    account=st.sampled_from(ACCOUNTS),
    order_id=st.integers(0, 4),
    quantity_tonnes=st.sampled_from((1, 200, 0)),
    price_fen=st.sampled_from((4_800, 4_801)),
)
CANCELLED = requests(pb.CancelOrderRequest, order_id=st.integers(0, 4))
OPENED = requests(pb.OpenDayRequest, day=st.sampled_from((FRIDAY, "", "2021-07-16\0")))
"""Another role's, and one that answers with its position alone."""
COMMANDS = st.one_of(
    st.builds(pb.ManyCommand, place_order=PLACED),
    st.builds(pb.ManyCommand, place_order=PLACED),
    st.builds(pb.ManyCommand, take_listing=TAKEN),
    st.builds(pb.ManyCommand, cancel_order=CANCELLED),
    st.builds(pb.ManyCommand, open_day=OPENED),
    st.builds(pb.ManyCommand),
)
Message = tuple[str, list[pb.ManyCommand]]
MESSAGES = st.tuples(
    st.sampled_from((POWER, POWER, STEEL, CEMENT, "exchange_operator:ann")), st.lists(COMMANDS, max_size=12)
)
Give = Callable[[Venue, str, list[pb.ManyCommand]], Awaitable[list[pb.ManyOutcome]]]


async def played(messages: list[Message], give: Give) -> tuple[object, ...]:
    """What the callers are answered, what the log has then, what the books are, and what was counted."""
    async with open_venue() as venue:
        answers = [await give(venue, actor, commands) for actor, commands in messages]
        engine = venue.writer.engine
        return answers, venue.store.records, engine.state, sorted(venue.calls)


@given(st.lists(MESSAGES, max_size=4))
def test_a_message_of_many_commands_is_what_the_same_commands_are_one_by_one(messages: list[Message]) -> None:
    at_once = asyncio.run(played(messages, Venue.at_once))
    assert at_once == asyncio.run(played(messages, Venue.one_by_one))


SELLS = pb.PlaceOrderRequest(
    account="power", instrument="CEA", side=types.SIDE_SELL, price_fen=4_800, quantity_tonnes=1, request_id="r1"
)


async def test_what_a_message_may_hold_is_done_refused_and_recognised_command_by_command() -> None:
    """That the property above is about more than refusals."""
    unreadable = pb.PlaceOrderRequest(account="power", side=cast(Any, 9), request_id="r2")
    other = pb.PlaceOrderRequest()
    other.CopyFrom(SELLS)
    other.quantity_tonnes = 2
    commands = [
        pb.ManyCommand(place_order=SELLS),
        pb.ManyCommand(place_order=SELLS),
        pb.ManyCommand(place_order=other),
        pb.ManyCommand(place_order=unreadable),
        pb.ManyCommand(),
        pb.ManyCommand(cancel_order=pb.CancelOrderRequest(order_id=1, request_id="r3")),
        pb.ManyCommand(open_day=pb.OpenDayRequest(day=FRIDAY, request_id="r4")),
    ]
    async with open_venue() as venue:
        outcomes = await venue.at_once(POWER, commands)
        reasons = [one.refusal.reason or one.WhichOneof("outcome") for one in outcomes]
        assert reasons == [
            "place_order",
            "place_order",
            "REQUEST_ID_REUSED",
            "ENUM_VALUE_UNKNOWN",
            "COMMAND_MISSING",
            "cancel_order",
            "ROLE_NOT_ALLOWED",
        ]
        assert outcomes[0] == outcomes[1]
        assert len(venue.store.records) == 2
        assert len(venue.calls) == len(commands) - 1
