"""P2b: durable orders over the bulk stream, several accounts at once.

Floor: the records that these orders became, through a bare append in batches of 500. The messages are made before the
time counts. After each round the orders are cancelled, so that every round finds the same book.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import grpc.aio

from bench.floors.append import bare_append, records_after
from bench.harness.figures import Against, Figure, Goal, Pair, Pairs
from bench.harness.row import Place, Round, Row
from bench.market import PRICE_FEN, Endowment, Market, many, market_for, seller
from carbonmarket.trading.v1 import trading_service_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from rehearsal.opening import INSTRUMENT

SUBMIT_MANY = "/carbonmarket.trading.v1.TradingService/SubmitMany"
STREAMS = 4
"""So many accounts send at once."""
COMMANDS_PER_MESSAGE = 500
ON_THE_WAY_MAX = 4
"""Messages of a stream without an answer, as the client has it."""


@dataclass(frozen=True, slots=True)
class Size:
    sellers: int
    orders_each: int


FULL, TINY = Size(sellers=20, orders_each=1_000), Size(sellers=2, orders_each=50)
"""An account may have 1,000 open orders."""


def messages(account: str, numbers: Iterator[int], orders: int) -> list[bytes]:
    """An account's orders as SubmitMany takes them."""
    found = []
    for start in range(0, orders, COMMANDS_PER_MESSAGE):
        request = pb.SubmitManyRequest()
        for _ in range(min(COMMANDS_PER_MESSAGE, orders - start)):
            number = next(numbers)
            request.commands.add().place_order.MergeFrom(
                pb.PlaceOrderRequest(
                    request_id=f"bulk-{number}",
                    account=account,
                    instrument=INSTRUMENT,
                    side=types.SIDE_SELL,
                    price_fen=PRICE_FEN + number % 100,
                    quantity_tonnes=1,
                )
            )
        found.append(request.SerializeToString())
    return found


async def send(channel: grpc.aio.Channel, account: str, sent: list[bytes]) -> list[bytes]:
    """One account's stream; gives the answers."""
    call: Any = channel.stream_stream(SUBMIT_MANY)(metadata=(("carbonmarket-actor", f"participant:{account}"),))
    answers = []
    for number, message in enumerate(sent):
        if number >= ON_THE_WAY_MAX:
            answers.append(await call.read())
        await call.write(message)
    await call.done_writing()
    while len(answers) < len(sent):
        answers.append(await call.read())
    return answers


async def send_all(address: str, by_account: dict[str, list[bytes]]) -> tuple[float, dict[str, list[int]]]:
    """The seconds until every order is answered, and the orders' ids by account."""
    async with grpc.aio.insecure_channel(address) as channel:
        accounts = iter(by_account)
        answers: dict[str, list[bytes]] = {}

        async def stream() -> None:
            for account in accounts:
                answers[account] = await send(channel, account, by_account[account])

        began_s = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(STREAMS):
                group.create_task(stream())
        took_s = time.perf_counter() - began_s
    return took_s, {account: order_ids(of_account) for account, of_account in answers.items()}


def order_ids(answers: list[bytes]) -> list[int]:
    found = []
    for answer in answers:
        for outcome in pb.SubmitManyResponse.FromString(answer).outcomes:
            assert outcome.WhichOneof("outcome") == "place_order", outcome
            found.append(outcome.place_order.order_id)
    return found


async def cancel(market: Market, placed: dict[str, list[int]]) -> None:
    for account, ids in placed.items():
        trading = market.people.participant(account).trading
        await many(trading, [pb.CancelOrderRequest(order_id=order_id) for order_id in ids])


@asynccontextmanager
async def open_row(place: Place) -> AsyncIterator[Round]:
    size = TINY if place.tiny else FULL
    numbers, orders = count(), size.sellers * size.orders_each
    async with market_for(place, "bulk", Endowment(size.sellers, size.orders_each)) as market:
        trading, database_url = market.stack.addresses["trading"], market.stack.postgres.url("trading")

        async def play() -> Pairs:
            sellers = [seller(number) for number in range(size.sellers)]
            sent = {account: messages(account, numbers, size.orders_each) for account in sellers}
            before = await market.people.head("trading")
            took_s, placed = await send_all(trading, sent)
            async with bare_append(database_url) as bare:
                appended = 0
                async for records in records_after(database_url, before):
                    ours = [record for record in records if record.type.endswith(".OrderPlaced")]
                    appended += len(ours)
                    await bare.append(ours)
            assert appended == orders, appended
            await cancel(market, placed)
            return {"P2b": Pair(orders / took_s, orders / bare.seconds)}

        yield play


ROW = Row(
    name="P2b",
    figures=(
        Figure(
            name="P2b",
            what=f"durable orders in bulk, {STREAMS} streams",
            unit="per s",
            floor="bare append of the same records, batches of 500",
            against=Against.FLOOR,
            goal=Goal(0.3, value=20_000),
            more_is_better=True,
        ),
    ),
    rounds=5,
    seconds_max=240,
    open=open_row,
)
