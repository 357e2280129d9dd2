"""P2a: durable orders, one unary call each, 64 of them at once.

Floor: a bare gRPC server that parses the same requests and answers them, 64 at once. Both are called with bytes that
were made before, so what is compared is the servers and not the client.
"""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count

import grpc.aio

from bench.floors.echo import echo_server
from bench.harness.figures import Against, Figure, Goal, Pair, Pairs
from bench.harness.row import Place, Round, Row
from bench.market import PRICE_FEN, Endowment, in_flight, market_for, seller
from carbonmarket.trading.v1 import trading_service_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from rehearsal.opening import INSTRUMENT

IN_FLIGHT = 64
SELLERS = 64
PLACE_ORDER = "/carbonmarket.trading.v1.TradingService/PlaceOrder"


@dataclass(frozen=True, slots=True)
class Size:
    orders: int


FULL, TINY = Size(orders=2_000), Size(orders=64)


@dataclass(frozen=True, slots=True)
class Call:
    """An order as it goes over the wire."""

    data: bytes
    metadata: tuple[tuple[str, str], ...]


def orders(numbers: Iterator[int], how_many: int) -> list[Call]:
    """Listings of a tonne, each account's in its turn."""
    return [order("unary", next(numbers), SELLERS) for _ in range(how_many)]


def order(row: str, number: int, sellers: int) -> Call:
    account = seller(number % sellers)
    request = pb.PlaceOrderRequest(
        request_id=f"{row}-{number}",
        account=account,
        instrument=INSTRUMENT,
        side=types.SIDE_SELL,
        price_fen=PRICE_FEN + number % 100,
        quantity_tonnes=1,
    )
    return Call(request.SerializeToString(), (("carbonmarket-actor", f"participant:{account}"),))


async def rate(address: str, calls: list[Call]) -> float:
    """Calls answered per second, the first call on the channel not counted."""
    async with grpc.aio.insecure_channel(address) as channel:
        place: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(PLACE_ORDER)

        async def one(call: Call) -> None:
            answer = pb.PlaceOrderResponse.FromString(await place(call.data, metadata=call.metadata))
            assert answer.position, "the order is in the log"

        await one(calls[0])
        began_s = time.perf_counter()
        await in_flight((one(call) for call in calls[1:]), IN_FLIGHT)
        return (len(calls) - 1) / (time.perf_counter() - began_s)


@asynccontextmanager
async def open_row(place: Place) -> AsyncIterator[Round]:
    size = TINY if place.tiny else FULL
    endowment = Endowment(pairs=SELLERS, each_tonnes=1_000)
    async with market_for(place, "unary", endowment) as market, echo_server(market.stack.logs) as echo:
        numbers = count()
        trading = market.stack.addresses["trading"]
        await rate(trading, orders(numbers, size.orders))

        async def play() -> Pairs:
            calls = orders(numbers, size.orders)
            floor = await rate(echo, calls)
            return {"P2a": Pair(await rate(trading, calls), floor)}

        yield play


ROW = Row(
    name="P2a",
    figures=(
        Figure(
            name="P2a",
            what=f"durable orders, unary, {IN_FLIGHT} at once",
            unit="per s",
            floor=f"bare gRPC echo of the same messages, {IN_FLIGHT} at once",
            against=Against.FLOOR,
            goal=Goal(0.7),
            more_is_better=True,
        ),
    ),
    rounds=5,
    seconds_max=150,
    open=open_row,
)
