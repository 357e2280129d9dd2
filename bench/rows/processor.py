"""P4: settled trades per second of a processor, in which services, broker and database are counted together.

A round is a trading day: listings and picks over the bulk streams, the close, the settlement of every trade and the
agreement of the three books. The driver, a client, is not counted.

Held against the figure that Mojaloop, an open payment hub with the same parts, published of its own clearing: 13.5
transfers a second for each virtual processor. That was another machine and other software for another kind of transfer:
it says what order of size is usual, and no more.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from google.protobuf.message import Message

from bench.harness.figures import Against, Figure, Goal, Pair, Pairs
from bench.harness.row import Place, Round, Row
from bench.market import PRICE_FEN, Endowment, Market, buyer, in_flight, many, market_for, seller
from bench.usage import used_by
from carbonmarket.trading.v1 import trading_service_pb2 as pb
from rehearsal.opening import INSTRUMENT

MOJALOOP_PER_CPU_S = 13.5
ROUNDS_MAX = 16


@dataclass(frozen=True, slots=True)
class Size:
    pairs: int
    trades_each: int

    @property
    def trades(self) -> int:
        return self.pairs * self.trades_each


FULL, TINY = Size(pairs=50, trades_each=60), Size(pairs=4, trades_each=5)


async def trade(market: Market, size: Size) -> None:
    """Every seller lists, and its buyer takes a tonne at a time."""

    async def one(number: int) -> None:
        listed = await market.people.participant(seller(number)).trading.place_order(
            seller(number), INSTRUMENT, "sell", price_fen=PRICE_FEN, quantity_tonnes=size.trades_each
        )
        takes: list[Message] = [
            pb.TakeListingRequest(
                account=buyer(number), order_id=listed.order_id, quantity_tonnes=1, price_fen=PRICE_FEN
            )
            for _ in range(size.trades_each)
        ]
        await many(market.people.participant(buyer(number)).trading, takes)

    await in_flight(one(number) for number in range(size.pairs))


async def play_day(market: Market, size: Size) -> float:
    """A trading day to the agreement of the books, and the opening of the next; gives the processor's seconds."""
    before = used_by(market.stack).all_cpu_s
    await trade(market, size)
    await market.settle_day(size.trades)
    await market.open_next_day()
    return used_by(market.stack).all_cpu_s - before


@asynccontextmanager
async def open_row(place: Place) -> AsyncIterator[Round]:
    size = TINY if place.tiny else FULL
    endowment = Endowment(size.pairs, ROUNDS_MAX * size.trades_each)
    async with market_for(place, "processor", endowment) as market:

        async def play() -> Pairs:
            return {"P4": Pair(size.trades / await play_day(market, size), MOJALOOP_PER_CPU_S)}

        yield play


ROW = Row(
    name="P4",
    figures=(
        Figure(
            name="P4",
            what="settled trades, services + broker + database counted",
            unit="per cpu s",
            floor="Mojaloop's, on another machine",
            against=Against.PUBLISHED,
            goal=Goal(100),
            more_is_better=True,
        ),
    ),
    rounds=5,
    seconds_max=330,
    open=open_row,
)
