"""P1: the published year, 356 days and 59,700 trades, settled, reconciled and audited.

The clock runs from the first command until the auditor, who recomputes everything from the logs, has found nothing and
the projections of all services are at the heads of their logs. Starting the processes and making the plan is not in it.

Floor: the same commands through a bare gRPC stream, then the same records through a bare append, then through a bare
producer and a bare consumer, one after another: no work of one is hidden behind another's.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console

from bench.floors.append import bare_append, records_after
from bench.floors.broker import bare_broker
from bench.floors.echo import echo_server
from bench.floors.stream import messages, stream_s
from bench.harness.figures import Against, Figure, Goal, Pair, Pairs
from bench.harness.row import Place, Round, Row
from bench.plan import DIGEST, commands_of, digest
from bench.settled import until_projected
from rehearsal.people import People
from rehearsal.plan import Plan, build_plan, parse_rows
from rehearsal.stack import SERVICES, Stack
from rehearsal.year.main import Task, play, start_of, task_of
from support.auditor import assert_clean

HEADER = "trade_date,instrument,open,high,low,close,listed_volume_t,listed_amount_cny,block_volume_t,block_amount_cny"
TINY_ROWS = (
    "2021-07-16,CEA,48.00,52.80,47.10,49.50,2000,99000.00,0,0",
    "2021-07-19,CEA,49.00,50.00,48.00,49.00,300,14700.00,100000,4900000.00",
)
TINY_ACCOUNTS, TINY_TRADES = 10, 20
PAGE_RECORDS = 5_000


def task_for(place: Place) -> Task:
    """The published year; two invented days where it only has to be shown that it works."""
    if not place.tiny:
        task = task_of(None, None)
        assert digest(commands_of(task.plan)) == DIGEST, "the year has other commands than the recorded one"
        return task
    rows = parse_rows([HEADER, *TINY_ROWS])
    return Task(build_plan(seed=7, rows=rows, accounts=TINY_ACCOUNTS, trades=TINY_TRADES))


async def year_s(stack: Stack, task: Task) -> float:
    """Plays the year; gives its seconds."""
    async with People(stack.addresses) as people:
        began_s = time.perf_counter()
        results, _ = await play(stack, people, task, Console(quiet=True))
        assert results.flawless, results
        audited = await assert_clean(stack.addresses)
        await until_projected(people)
        took_s = time.perf_counter() - began_s
    assert audited["trades"] == task.plan.trades
    return took_s


async def commands_s(echo: str, plan: Plan) -> float:
    """The commands of the plan through bare streams, one service after another."""
    seconds = 0.0
    for service in SERVICES:
        requests = (asked.request for asked in commands_of(plan) if asked.service == service)
        seconds += await stream_s(echo, service, list(messages(service, requests)))
    return seconds


async def records_s(stack: Stack) -> float:
    """What the three logs have, through a bare append, a bare producer and a bare consumer."""
    seconds = 0.0
    for service in SERVICES:
        database_url = stack.postgres.url(service)
        async with bare_append(database_url) as bare, bare_broker(stack.kafka) as broker:
            async for records in records_after(database_url, 0, PAGE_RECORDS):
                await bare.append(records)
                await broker.pass_through(records)
            seconds += bare.seconds + broker.seconds
    return seconds


@asynccontextmanager
async def open_row(place: Place) -> AsyncIterator[Round]:
    task = task_for(place)

    async def one_year() -> Pairs:
        folder = place.own("year")
        async with Stack(folder, start_of(task.plan)) as stack:
            value_s = await year_s(stack, task)
            for service in SERVICES:
                await stack.supervisor.stop_child(service)
            async with echo_server(stack.logs) as echo:
                floor_s = await commands_s(echo, task.plan) + await records_s(stack)
        return {"P1": Pair(value_s, floor_s)}

    yield one_year


ROW = Row(
    name="P1",
    figures=(
        Figure(
            name="P1",
            what="a year settled, reconciled and audited",
            unit="s",
            floor="its commands and records through bare gRPC, PostgreSQL and Kafka",
            against=Against.FLOOR,
            goal=Goal(2),
        ),
    ),
    rounds=3,
    seconds_max=1_500,
    open=open_row,
    seed=f"digest {DIGEST}",
)
