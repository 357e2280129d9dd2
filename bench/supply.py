"""Stating the supply of a day and proving a holding in it, with few and very many accounts, and what commands wait
meanwhile.

Beside what the services did themselves, holdings are written into the registry's tables: one vintage, a registry and a
trading holding for each account, of up to a million tonnes each.
"""

import asyncio
import statistics
import time
from pathlib import Path

import asyncpg
from rich.console import Console
from rich.table import Table

from bench.commands import VINTAGE, endowed
from carbonmarket_client import CarbonMarket
from carbonmarket_client.errors import Unavailable
from carbonmarket_client.proofs import check_proof, proof_in
from carbonmarket_client.settings import pinned_keys
from rehearsal.stack import Stack, Start

DAYS = (("2021-07-15", 0), ("2021-07-16", 2_508), ("2021-07-17", 100_000))
CLOCK = "{}T08:00:00+08:00"
NEXT_MORNING_MS = 1_626_393_600_000
DAY_MS = 86_400_000
PROOFS = 5

FILL = """
WITH made AS (
    SELECT 'bench-' || number AS account, 1 + number * 7919 % 1000000 AS registry_tonnes,
           1 + number * 104729 % 1000000 AS trading_tonnes
    FROM generate_series($1::bigint, $2::bigint) AS number
), held AS (
    INSERT INTO holdings SELECT account, $3, registry_tonnes, trading_tonnes FROM made
), moved AS (
    INSERT INTO movements SELECT account, $4, 0, $3, 1, registry_tonnes + trading_tonnes, 0, '', 0, 0, '', '' FROM made
    UNION ALL
    SELECT account, $4 + 1, 0, $3, 4, -trading_tonnes, trading_tonnes, '', 0, 0, '', '' FROM made
)
UPDATE vintages SET issued_tonnes = issued_tonnes + (SELECT sum(registry_tonnes + trading_tonnes) FROM made)
WHERE vintage = $3
"""


async def run(folder: Path) -> None:
    async with Stack(folder, Start(clock=CLOCK.format(DAYS[0][0]), spans=False)) as stack:
        registry = stack.addresses["registry"]
        async with CarbonMarket.connect(registry=registry, actor="registry_operator:ann", deadline_s=600) as operator:
            holder = await endowed(operator)
            connection = await asyncpg.connect(stack.postgres.url("registry"))
            keys = pinned_keys("registry", stack.environment)
            rows, filled = [], 0
            for morning, (day, accounts) in enumerate(DAYS):
                if accounts:
                    await connection.execute(FILL, filled + 1, accounts, VINTAGE, 1)
                    filled = accounts
                await move_clock(registry, NEXT_MORNING_MS + morning * DAY_MS)
                rows.append(await measured(stack, operator, holder, keys, day, accounts))
            await connection.close()
    show(rows)


async def move_clock(registry: str, to_ms: int) -> None:
    async with CarbonMarket.connect(registry=registry, actor="exchange_operator:zoe") as exchange:
        await exchange.registry.move_clock(to_ms)


async def measured(
    stack: Stack, operator: CarbonMarket, holder: CarbonMarket, keys: list[bytes], day: str, accounts: int
) -> list[str]:
    """A row: the supply of a day that nobody asked for yet, commands meanwhile, and proofs in it."""
    before = stack.usages()["registry"]
    alone = [await one_command(holder) for _ in range(50)]
    stated = asyncio.create_task(until_stated(operator, day))
    started = time.perf_counter()
    beside = []
    while not stated.done():
        beside.append(await one_command(holder))
    await stated
    took = time.perf_counter() - started
    started = time.perf_counter()
    for _ in range(PROOFS):
        check_proof(proof_in("power-0001", await operator.registry.get_holding_proof("power-0001", day)), keys)
    a_proof = (time.perf_counter() - started) / PROOFS
    after = stack.usages()["registry"]
    return [
        f"{accounts:,}",
        f"{took:.2f}",
        f"{a_proof * 1_000:.0f}",
        f"{statistics.median(alone) * 1_000:.1f}",
        f"{statistics.median(beside) * 1_000:.1f}" if beside else "-",
        f"{max(beside, default=0) * 1_000:.0f}",
        f"{after.cpu_s - before.cpu_s:.1f}",
        f"{after.rss_mb_max:.0f}",
    ]


async def until_stated(operator: CarbonMarket, day: str) -> None:
    """On a busy machine it takes longer than a call may; it goes on without the caller."""
    while True:
        try:
            await operator.registry.get_supply(day)
            return
        except Unavailable:
            continue


async def one_command(holder: CarbonMarket) -> float:
    started = time.perf_counter()
    await holder.registry.transfer_to_trading("power-0001", VINTAGE, 1)
    return time.perf_counter() - started


def show(rows: list[list[str]]) -> None:
    table = Table(title="The supply of a day", title_justify="left")
    for heading in (
        *("accounts", "stated, s", "a proof and its check, ms"),
        *("a command alone, ms", "beside it, median, ms", "most, ms", "registry's processor, s", "its memory, MB"),
    ):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*row)
    Console(width=140).print(table)
