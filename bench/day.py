"""The largest day that admission takes, through the processes: traded, settled, reconciled, and the next day opened.

Reported is the longest hold of each service's loop, beside the bound of 200 ms: no step, and no collection of garbage,
may keep everything else from being decided any longer. Wall time counts what the host gave to others; `computed` is the
process's own part.
"""

import asyncio
import os
import time as clock
from collections.abc import Awaitable
from pathlib import Path

from google.protobuf.message import Message

from bench.harness.figures import Against, Figure, Measured, Pair
from bench.harness.report import show
from bench.market import PRICE_FEN, Endowment, buyer, in_flight, many, running_market, seller
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from rehearsal.collector import EXPORT_INTERVAL_MS, Collector, collector
from rehearsal.opening import INSTRUMENT
from rehearsal.people import People
from rehearsal.stack import SERVICES

TRADES = 200_000
PAIRS = 1_000
"""Of accounts: as many sell as buy. The national market has some 2,200 entities."""
HOLD_S_MAX = 0.2
TRADING_S_MAX = 1_800.0
SETTLING_S_MAX = 900.0


async def run(folder: Path, trades: int = TRADES) -> None:
    async with collector() as seen:
        environment = {**seen.environment, "OTEL_TRACES_EXPORTER": "none"}
        os.environ |= environment
        async with running_market(folder, Endowment(PAIRS, -(-trades // PAIRS))) as market:
            traded_s = await timed(trade(market.people, trades), TRADING_S_MAX)
            settled_s = await timed(market.settle_day(trades), SETTLING_S_MAX)
            await market.open_next_day()
            await asyncio.sleep(2 * EXPORT_INTERVAL_MS / 1_000)
            memory_mb = {service: usage.rss_mb_max for service, usage in market.stack.usages().items()}
            # Not after the end: a process that stops keeps its state, and nobody waits for it any more.
            report(seen, trades, traded_s, settled_s, memory_mb)
        for name in environment:
            del os.environ[name]


async def timed(work: Awaitable[None], seconds_max: float) -> float:
    started = clock.perf_counter()
    async with asyncio.timeout(seconds_max):
        await work
    return clock.perf_counter() - started


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


def report(seen: Collector, trades: int, traded_s: float, settled_s: float, memory_mb: dict[str, float]) -> None:
    found = []
    for service in SERVICES:
        wall_s, computed_s = (
            seen.largest(service, "carbonmarket.loop.held", time=kind) for kind in ("wall", "computed")
        )
        collection_s = seen.largest(service, "carbonmarket.collection.longest")
        for what, held_s in (("wall", wall_s), ("computed", computed_s), ("garbage collection", collection_s)):
            figure = Figure(service, f"longest hold of the loop, {what}", "ms", "the most it may be", Against.BOUND)
            found.append(Measured(figure, (Pair(held_s * 1e3, HOLD_S_MAX * 1e3),)))
    show(f"A day of {trades:,} trades: traded in {traded_s:,.0f} s, settled in {settled_s:,.0f} s", found)
    print("Most memory: " + ", ".join(f"{service} {memory_mb[service]:,.0f} MB" for service in SERVICES))
