"""The largest day that admission takes, through the processes: traded, settled, reconciled, and the next day opened.

Reported is the longest hold of each service's loop, beside the bound of 200 ms: no step, and no collection of garbage,
may keep everything else from being decided any longer. Wall time counts what the host gave to others; `computed` is the
process's own part.
"""

import asyncio
import os
import time as clock
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator
from datetime import time
from pathlib import Path
from typing import Protocol

from google.protobuf.message import Message
from rich.console import Console
from rich.table import Table

from carbonmarket.clearing.v1 import clearing_service_pb2 as clearing
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket_client import Outcome
from rehearsal.collector import EXPORT_INTERVAL_MS, Collector, collector
from rehearsal.opening import (
    CLOCK_START,
    DAY_BEFORE,
    FIRST_DAY,
    INSTRUMENT,
    NEXT_DAY,
    PROVINCE,
    TRADING_DAYS,
    rules_of_2021,
)
from rehearsal.people import (
    BANK,
    EXCHANGE_OPERATOR,
    REGISTRY_OPERATOR,
    SETTLEMENT_BANK,
    People,
    china_ms,
    next_record,
    wait_until_heard,
)
from rehearsal.stack import SERVICES, Stack, Start

TRADES = 200_000
PAIRS = 1_000
"""Of accounts: as many sell as buy. The national market has some 2,200 entities."""
PRICE_FEN = 48_00
COMMANDS_IN_FLIGHT = 8
HOLD_S_MAX = 0.2
TRADING_S_MAX = 1_800.0
SETTLING_S_MAX = 900.0


class TakesMany(Protocol):
    """The client of a service with a bulk stream."""

    def submit_many(self, commands: Iterable[Message]) -> AsyncIterator[Outcome]: ...


async def run(folder: Path, trades: int = TRADES) -> None:
    async with collector() as seen:
        environment = {**seen.environment, "OTEL_TRACES_EXPORTER": "none"}
        os.environ |= environment
        async with Stack(folder, Start(clock=CLOCK_START, spans=False)) as stack, People(stack.addresses) as people:
            await open_day(people, trades)
            traded_s = await timed(trade(people, trades), TRADING_S_MAX)
            settled_s = await timed(settle(people, trades), SETTLING_S_MAX)
            await people.move_clocks(china_ms(NEXT_DAY, time(9)))
            await people.acting_as(EXCHANGE_OPERATOR).trading.open_day(NEXT_DAY.isoformat())
            await asyncio.sleep(2 * EXPORT_INTERVAL_MS / 1_000)
            memory_mb = {service: usage.rss_mb_max for service, usage in stack.usages().items()}
            # Not after the end: a process that stops keeps its state, and nobody waits for it any more.
            report(seen, trades, traded_s, settled_s, memory_mb)
        for name in environment:
            del os.environ[name]


async def timed(work: Awaitable[None], seconds_max: float) -> float:
    started = clock.perf_counter()
    async with asyncio.timeout(seconds_max):
        await work
    return clock.perf_counter() - started


def seller(number: int) -> str:
    return f"seller-{number % PAIRS:04}"


def buyer(number: int) -> str:
    return f"buyer-{number % PAIRS:04}"


async def open_day(people: People, trades: int) -> None:
    """Every seller has units and every buyer money for its share of the trades."""
    share = -(-trades // PAIRS)
    operator = people.acting_as(REGISTRY_OPERATOR)
    accounts = [name(number) for number in range(PAIRS) for name in (seller, buyer)]
    await many(operator.registry, [opened(PROVINCE, ""), *(opened(account, PROVINCE) for account in accounts)])
    await operator.registry.create_vintage(INSTRUMENT, 2020)
    await operator.registry.issue_allowances(INSTRUMENT, PROVINCE, share * PAIRS, "bench")
    await many(
        people.acting_as(f"province:{PROVINCE}").registry,
        [
            registry.AllocateAllowancesRequest(
                vintage=INSTRUMENT, from_account=PROVINCE, account=seller(number), quantity_tonnes=share, basis="bench"
            )
            for number in range(PAIRS)
        ],
    )
    await in_flight(
        people.participant(seller(number)).registry.transfer_to_trading(seller(number), INSTRUMENT, share)
        for number in range(PAIRS)
    )
    await wait_until_heard(people, "trading", "registry")
    await wait_until_heard(people, "clearing", "trading")
    await operator.clearing.set_settlement_banks(DAY_BEFORE.isoformat(), [BANK], "bench")
    await many(
        people.acting_as(SETTLEMENT_BANK).clearing,
        [
            clearing.RecordDepositRequest(
                bank_reference=f"bench-{number}", account=buyer(number), amount_fen=share * PRICE_FEN
            )
            for number in range(PAIRS)
        ],
    )
    await wait_until_heard(people, "trading", "clearing")
    exchange = people.acting_as(EXCHANGE_OPERATOR).trading
    await exchange.announce_trading_days(TRADING_DAYS)
    await exchange.set_trading_rules(rules_of_2021(FIRST_DAY))
    await exchange.admit_instrument(INSTRUMENT, FIRST_DAY.isoformat(), reference_price_fen=PRICE_FEN)
    await people.move_clocks(china_ms(FIRST_DAY, time(9)))
    await exchange.open_day(FIRST_DAY.isoformat())
    await people.move_clocks(china_ms(FIRST_DAY, time(10)))


def opened(account: str, province: str) -> registry.OpenAccountRequest:
    kind = registry_types.ACCOUNT_KIND_KEY_EMITTING_ENTITY if province else registry_types.ACCOUNT_KIND_PROVINCE
    return registry.OpenAccountRequest(
        account=account, kind=kind, name=account, province=province, eligible_to_trade=bool(province)
    )


async def trade(people: People, trades: int) -> None:
    """Every seller lists its share, and its buyer takes a tonne at a time."""
    share = -(-trades // PAIRS)

    async def one(number: int) -> None:
        tonnes = min(share, trades - number * share)
        if tonnes <= 0:
            return
        listed = await people.participant(seller(number)).trading.place_order(
            seller(number), INSTRUMENT, "sell", price_fen=PRICE_FEN, quantity_tonnes=tonnes
        )
        take = trading.TakeListingRequest(
            account=buyer(number), order_id=listed.order_id, quantity_tonnes=1, price_fen=PRICE_FEN
        )
        takes: list[Message] = [trading.TakeListingRequest() for _ in range(tonnes)]
        for each in takes:
            each.CopyFrom(take)
        await many(people.participant(buyer(number)).trading, takes)

    await in_flight(one(number) for number in range(PAIRS))


async def settle(people: People, trades: int) -> None:
    """The day is closed; returns when it is settled and the three books were found equal."""
    exchange = people.acting_as(EXCHANGE_OPERATOR).trading
    await people.move_clocks(china_ms(FIRST_DAY, time(15)))
    while True:
        day = await exchange.get_day(FIRST_DAY.isoformat())
        if day.settled and day.books_agreed:
            assert day.trades == trades, day.trades
            return
        await next_record(exchange, day.position)


async def many(service: TakesMany, commands: list[Message]) -> None:
    outcomes = [outcome async for outcome in service.submit_many(commands)]
    refused = next((outcome for outcome in outcomes if outcome.refusal is not None), None)
    assert refused is None, refused


async def in_flight(calls: Iterator[Awaitable[object]]) -> None:
    async def worker() -> None:
        for call in calls:
            await call

    async with asyncio.TaskGroup() as group:
        for _ in range(COMMANDS_IN_FLIGHT):
            group.create_task(worker())


def report(seen: Collector, trades: int, traded_s: float, settled_s: float, memory_mb: dict[str, float]) -> None:
    title = f"A day of {trades:,} trades: traded in {traded_s:,.0f} s, settled in {settled_s:,.0f} s"
    table = Table(title=title, title_justify="left")
    table.add_column("longest hold, ms, of at most 200")
    for column in ("wall", "of the bound", "computed", "of the bound", "garbage collection", "most memory, MB"):
        table.add_column(column, justify="right")
    for service in SERVICES:
        wall_s, computed_s = (
            seen.largest(service, "carbonmarket.loop.held", time=kind) for kind in ("wall", "computed")
        )
        collection_s = seen.largest(service, "carbonmarket.collection.longest")
        table.add_row(
            service,
            f"{wall_s * 1e3:,.0f}",
            f"{wall_s / HOLD_S_MAX:.2f}",
            f"{computed_s * 1e3:,.0f}",
            f"{computed_s / HOLD_S_MAX:.2f}",
            f"{collection_s * 1e3:,.0f}",
            f"{memory_mb[service]:,.0f}",
        )
    Console(width=120).print(table)
