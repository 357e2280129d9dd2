"""P3: how long an order waits at 500 a second, and how long after a pick its obligation is recorded.

An open loop: every order has its time to be sent, whatever became of those before it, and its wait counts from that
time. So an order that could not be sent in time because others were waited for has waited, too (coordinated omission).
Every second order is a pick. A pick's obligation counts from the same time to the moment when a reader of clearing's
log has its record: more than from the trade, which nobody outside can see, and never less.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

import grpc.aio

from bench.harness.figures import Against, Figure, Goal, Pair, Pairs
from bench.harness.row import Place, Round, Row
from bench.market import PRICE_FEN, Endowment, Market, buyer, in_flight, market_for, seller
from bench.rows.unary import PLACE_ORDER, order
from carbonmarket.clearing.v1 import clearing_events_pb2 as events
from carbonmarket.trading.v1 import trading_service_pb2 as pb
from rehearsal.opening import INSTRUMENT
from rehearsal.people import CLEARING_OPERATOR

RATE_PER_S = 500
PAIRS = 128
"""An account may have 1,000 open orders, of all rounds together."""
TAKE_LISTING = "/carbonmarket.trading.v1.TradingService/TakeListing"
ORDER_MS_MAX, OBLIGATION_MS_MAX = 10.0, 50.0
OBLIGATIONS_S_MAX = 30.0
PERCENTILE = 0.99


@dataclass(frozen=True, slots=True)
class Size:
    orders: int


FULL, TINY = Size(orders=10_000), Size(orders=200)
ROUNDS_MAX = 16
"""With every repeat: so much the sellers' listings have to last for."""


@dataclass(slots=True)
class Waits:
    """Of one round, in seconds from the time at which each was to be sent; by trade until its obligation is there."""

    orders: list[float] = field(default_factory=list)
    picked_at: dict[int, float] = field(default_factory=dict)
    recorded_at: dict[int, float] = field(default_factory=dict)

    def obligations(self) -> list[float]:
        return [self.recorded_at[trade_id] - at for trade_id, at in self.picked_at.items()]

    @property
    def complete(self) -> bool:
        return self.picked_at.keys() <= self.recorded_at.keys()


def percentile(numbers: Sequence[float], share: float = PERCENTILE) -> float:
    """The least of the numbers that so large a share of them does not exceed."""
    return sorted(numbers)[max(math.ceil(share * len(numbers)), 1) - 1]


class Driver:
    """Sends the orders of a round at their times."""

    def __init__(self, channel: grpc.aio.Channel, listings: Sequence[int]) -> None:
        self._place: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(PLACE_ORDER)
        self._take: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(TAKE_LISTING)
        self._listings = listings
        self._numbers = count()

    async def round(self, orders: int, waits: Waits) -> None:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(orders):
                due = began + number / RATE_PER_S
                while (ahead_s := due - time.perf_counter()) > 0:
                    await asyncio.sleep(ahead_s)
                send = self._pick if number % 2 else self._list
                group.create_task(send(next(self._numbers), due, waits))

    async def _list(self, number: int, due: float, waits: Waits) -> None:
        call = order("open-loop", number, PAIRS)
        await self._place(call.data, metadata=call.metadata)
        waits.orders.append(time.perf_counter() - due)

    async def _pick(self, number: int, due: float, waits: Waits) -> None:
        account = buyer(number % PAIRS)
        request = pb.TakeListingRequest(
            request_id=f"pick-{number}",
            account=account,
            order_id=self._listings[number % PAIRS],
            quantity_tonnes=1,
            price_fen=PRICE_FEN,
        )
        answer = await self._take(
            request.SerializeToString(), metadata=(("carbonmarket-actor", f"participant:{account}"),)
        )
        waits.orders.append(time.perf_counter() - due)
        waits.picked_at[pb.TakeListingResponse.FromString(answer).trade_id] = due


async def list_for_picks(market: Market, tonnes: int) -> list[int]:
    """A listing of each seller's that lasts for all its picks, at the best price; gives their ids."""
    found: dict[int, int] = {}

    async def one(number: int) -> None:
        trading = market.people.participant(seller(number)).trading
        listed = await trading.place_order(
            seller(number), INSTRUMENT, "sell", price_fen=PRICE_FEN, quantity_tonnes=tonnes
        )
        found[number] = listed.order_id

    await in_flight(one(number) for number in range(PAIRS))
    return [found[number] for number in range(PAIRS)]


async def read_obligations(market: Market, after_position: int, waits: Waits) -> None:
    """Notes when each obligation is in clearing's log, until all of the round are."""
    clearing = market.people.acting_as(CLEARING_OPERATOR).clearing
    async with aclosing(clearing.follow_log(after_position)) as records:
        async for record in records:
            if isinstance(record.event, events.ObligationRecorded):
                waits.recorded_at[record.event.trade_id] = time.perf_counter()


@asynccontextmanager
async def open_row(place: Place) -> AsyncIterator[Round]:
    size = TINY if place.tiny else FULL
    picked_tonnes = ROUNDS_MAX * size.orders // PAIRS
    endowment = Endowment(PAIRS, 2 * picked_tonnes)
    async with (
        market_for(place, "open-loop", endowment) as market,
        grpc.aio.insecure_channel(market.stack.addresses["trading"]) as channel,
    ):
        driver = Driver(channel, await list_for_picks(market, picked_tonnes))
        await driver.round(RATE_PER_S // 5, Waits())

        async def play() -> Pairs:
            waits = Waits()
            reading = asyncio.create_task(read_obligations(market, await market.people.head("clearing"), waits))
            try:
                await driver.round(size.orders, waits)
                async with asyncio.timeout(OBLIGATIONS_S_MAX):
                    while not waits.complete:
                        await asyncio.sleep(0.05)
            finally:
                reading.cancel()
            return {
                "P3.order": Pair(percentile(waits.orders) * 1e3, ORDER_MS_MAX),
                "P3.obligation": Pair(percentile(waits.obligations()) * 1e3, OBLIGATION_MS_MAX),
            }

        yield play


ROW = Row(
    name="P3",
    figures=(
        Figure(
            name="P3.order",
            what=f"order acknowledged, {RATE_PER_S} per s, open loop, p99",
            unit="ms",
            floor="the goal",
            against=Against.BOUND,
            goal=Goal(1),
        ),
        Figure(
            name="P3.obligation",
            what="pick to obligation recorded and read, p99",
            unit="ms",
            floor="the goal",
            against=Against.BOUND,
            goal=Goal(1),
        ),
    ),
    rounds=5,
    seconds_max=240,
    open=open_row,
)
