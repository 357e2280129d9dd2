"""Projections on a real PostgreSQL: rows, feeds and checkpoint go together, or not at all and again."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import pytest

from chassis.core.call import Unavailable
from chassis.core.decider import BeyondEnd
from chassis.core.engine import Engine
from chassis.core.record import Record
from chassis.edges.postgres_tables import EMPTIES, NOT_DERIVED, PostgresTables, clear_tables
from chassis.edges.protocols import Row
from chassis.followers import projections
from chassis.followers.projections import Projector, Tables
from chassis.followers.rows import Rows
from chassis.log.postgres_log import MIGRATIONS, Pool, PostgresLog, migrate, open_pool
from chassis.log.writer import Writer
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from support.shell import tally
from support.shell.asking import call_of
from support.shell.tally import Add, Added, Order, Ordered, Tally

ADA = "participant:ada"


class Table:
    """One table of what was ordered; its handler fails as often as the test asks."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures

    def on_ordered(self, rows: Rows, event: Ordered, record: Record) -> None:
        rows.execute("INSERT INTO ordered VALUES ($1, $2)", record.position, event.what)
        if self.failures:
            self.failures -= 1
            rows.execute("INSERT INTO ordered VALUES ($1, $2)", record.position, "twice")


@asynccontextmanager
async def projecting(
    database_url: str, table: Table, alone: bool = True
) -> AsyncIterator[tuple[Writer[Tally], Tables, Pool]]:
    pool = await open_pool(database_url)
    await migrate(pool, {"shell": MIGRATIONS})
    await pool.execute("CREATE TABLE ordered (position bigint PRIMARY KEY, what text NOT NULL)")
    log = PostgresLog("tally", database_url, pool)
    assert await log.lead()
    engine: Engine[Tally] = Engine("tally", tally.decider(), tally.WIRE, Tracing())
    writer = Writer(engine, log, Metrics())
    store = PostgresTables(pool, pool, pool)
    projector = Projector("tally", writer.tail, {Ordered: table.on_ordered}, engine.wire, store)
    await projector.load()
    tasks = [asyncio.create_task(writer.run())]
    if alone:
        tasks.append(asyncio.create_task(projector.run()))
    yield writer, Tables(store, projector), pool
    for task in reversed(tasks):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await log.close()
    await pool.close()


async def fetched(tables: Tables, sql: str, *arguments: object) -> Sequence[Row]:
    async with tables.reading() as reading:
        return await reading.fetch(sql, *arguments)


async def test_a_batch_that_fails_leaves_no_row_and_is_written_again_with_gapless_feeds(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections, "RETRY_SECONDS", 0.05)
    async with projecting(database_url, Table(failures=2)) as (writer, tables, pool):
        for number in range(5):
            done = await writer.submit(Order("bread"), call_of(ADA, f"r{number}"))
        await tables.wait_for(done.position)
        rows = await fetched(tables, "SELECT position FROM ordered ORDER BY position")
        assert [row["position"] for row in rows] == [1, 2, 3, 4, 5]
        feed = await tables.read_feed("bread", 0, 100)
        assert [(entry.sequence, record.position) for entry, record in feed] == [(n, n) for n in range(1, 6)]
        assert await pool.fetchval("SELECT position FROM checkpoints WHERE follower = 'projections'") == 5


async def test_tables_that_stand_still_stop_no_command_and_say_so_to_queries(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(projections, "CATCH_UP_SECONDS_MAX", 0.3)
    async with projecting(database_url, Table(failures=10**9)) as (writer, tables, _):
        done = await writer.submit(Order("bread"), call_of(ADA, "r1"))
        with pytest.raises(Unavailable):
            await tables.wait_for(done.position)
        assert (await writer.submit(Order("salt"), call_of(ADA, "r2"))).position == 2


async def test_a_position_beyond_the_log_is_not_waited_for(database_url: str) -> None:
    async with projecting(database_url, Table()) as (writer, tables, _):
        done = await writer.submit(Order("bread"), call_of(ADA, "r1"))
        async with asyncio.timeout(projections.CATCH_UP_SECONDS_MAX / 2):
            with pytest.raises(BeyondEnd) as refusal:
                await tables.wait_for(done.position + 1)
        assert refusal.value.facts == {"position": done.position + 1, "end_position": done.position}


async def test_a_text_that_no_table_can_hold_is_in_none(database_url: str) -> None:
    async with projecting(database_url, Table()) as (writer, tables, _):
        done = await writer.submit(Order("bread"), call_of(ADA, "r1"))
        await tables.wait_for(done.position)
        async with tables.reading() as reading:
            assert await reading.fetch("SELECT * FROM ordered WHERE what = $1", "\x00") == []
            assert len(await reading.fetch("SELECT * FROM ordered")) == 1, "the reading goes on"


async def test_of_two_replicas_that_both_write_tables_each_batch_is_written_by_one(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(projections, "BATCH_RECORDS_MAX", 3)

    def count(rows: Rows, event: Added, record: Record) -> None:
        rows.execute("INSERT INTO counted VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = counted.n + excluded.n")

    async with projecting(database_url, Table(), alone=False) as (writer, _, pool):
        await pool.execute("CREATE TABLE counted (id int PRIMARY KEY, n bigint NOT NULL)")
        both = [
            Projector("tally", writer.tail, {Added: count}, writer.engine.wire, PostgresTables(pool, pool, pool))
            for _ in range(2)
        ]
        for projector in both:
            await projector.load()
        running = [asyncio.create_task(projector.run()) for projector in both]
        for number in range(60):
            await writer.submit(Add(1), call_of(ADA, f"r{number}"))
        async with asyncio.timeout(60):
            while any(projector.position < 60 for projector in both):
                await asyncio.sleep(0.02)
        assert await pool.fetchval("SELECT n FROM counted") == 60
        for task in running:
            task.cancel()
        await asyncio.wait(running)


async def test_a_new_leader_knows_where_each_feed_ends_without_reading_the_feeds(database_url: str) -> None:
    async with projecting(database_url, Table()) as (writer, tables, pool):
        for number, what in enumerate(("bread", "salt", "bread", "bread")):
            done = await writer.submit(Order(what), call_of(ADA, f"r{number}"))
        await tables.wait_for(done.position)
        grouped = await pool.fetch("SELECT account, max(sequence) FROM feed GROUP BY account")
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE feed IN ACCESS EXCLUSIVE MODE")
            positions, feeds = await asyncio.wait_for(
                PostgresTables(pool, pool, pool).load_feeds(("projections", "new")), 30
            )
        assert positions == {"projections": 4, "new": 0}
        sequences = {account: head.sequence for account, head in feeds.items()}
        assert sequences == {row["account"]: row["max"] for row in grouped} == {"bread": 3, "salt": 1}
        entries = await tables.read_feed("bread", 2, 1)
        assert [entry.digest for entry, _ in entries] == [feeds["bread"].digest]


async def test_tables_that_are_cleared_are_written_anew_and_read_by_nobody_before_they_are_whole(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections, "LOOK_SECONDS", 0.1)
    table = Table()
    async with projecting(database_url, table) as (writer, tables, pool):
        for number in range(5):
            done = await writer.submit(Order("bread"), call_of(ADA, f"r{number}"))
        await tables.wait_for(done.position)
        before = await fetched(tables, "SELECT * FROM ordered ORDER BY position")
        feed = await tables.read_feed("bread", 0, 100)
        await pool.execute("UPDATE ordered SET what = 'stone' WHERE position = 3")

        monkeypatch.setattr(projections, "BATCH_RECORDS_MAX", 2)
        monkeypatch.setattr(projections, "RETRY_SECONDS", 0.1)
        table.failures = 10**9
        assert await clear_tables(pool, projections.FOLLOWER, projections.REBUILT) == 5
        async with asyncio.timeout(60):
            while tables._projector.position > 0:
                await asyncio.sleep(0.02)
        for reading in (fetched(tables, "SELECT * FROM ordered"), tables.read_feed("bread", 0, 100)):
            with pytest.raises(Unavailable, match="being rebuilt, 0 of 5 records"):
                await reading
        table.failures = 0
        async with asyncio.timeout(60):
            while tables._projector.position < 5:
                await asyncio.sleep(0.02)
        assert await fetched(tables, "SELECT * FROM ordered ORDER BY position") == before
        assert await tables.read_feed("bread", 0, 100) == feed
        done = await writer.submit(Order("bread"), call_of(ADA, "after"))
        await tables.wait_for(done.position)
        assert [entry.sequence for entry, _ in await tables.read_feed("bread", 0, 100)] == [1, 2, 3, 4, 5, 6]


async def test_tables_that_are_cleared_answer_nothing_before_the_follower_has_seen_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections, "LOOK_SECONDS", 10**6)
    async with projecting(database_url, Table()) as (writer, tables, pool):
        done = await writer.submit(Order("bread"), call_of(ADA, "r1"))
        await tables.wait_for(done.position)
        assert len(await fetched(tables, "SELECT * FROM ordered")) == 1

        await clear_tables(pool, projections.FOLLOWER, projections.REBUILT)
        assert tables._projector.position == done.position, "the follower does not know"
        for reading in (fetched(tables, "SELECT * FROM ordered"), tables.read_feed("bread", 0, 100)):
            with pytest.raises(Unavailable, match="being rebuilt"):
                await reading


async def test_what_is_fetched_in_one_reading_is_as_of_one_position_though_a_batch_is_projected_meanwhile(
    database_url: str,
) -> None:
    async with projecting(database_url, Table()) as (writer, tables, _):
        first = await writer.submit(Order("bread"), call_of(ADA, "r1"))
        await tables.wait_for(first.position)
        async with tables.reading() as reading:
            assert await reading.fetch("SELECT * FROM ordered WHERE what = 'salt'") == []
            second = await writer.submit(Order("salt"), call_of(ADA, "r2"))
            await tables.wait_for(second.position)
            assert [row["what"] for row in await reading.fetch("SELECT what FROM ordered")] == ["bread"]
            assert reading.position == first.position
        async with tables.reading() as reading:
            assert len(await reading.fetch("SELECT * FROM ordered")) == 2
            assert reading.position == second.position


async def test_tables_are_not_emptied_before_a_reading_ends(database_url: str) -> None:
    """A snapshot that was taken before TRUNCATE shows empty tables after it."""
    async with projecting(database_url, Table()) as (writer, tables, pool):
        done = await writer.submit(Order("bread"), call_of(ADA, "r1"))
        await tables.wait_for(done.position)
        async with tables.reading() as reading:
            clearing = asyncio.create_task(clear_tables(pool, projections.FOLLOWER, projections.REBUILT))
            await asyncio.sleep(0.2)
            assert len(await reading.fetch("SELECT * FROM ordered")) == 1
            assert not clearing.done()
        await asyncio.wait_for(clearing, 60)
        with pytest.raises(Unavailable, match="being rebuilt"):
            await fetched(tables, "SELECT * FROM ordered")


async def test_a_reading_that_waits_while_tables_are_emptied_finds_that_they_were(database_url: str) -> None:
    """Its snapshot must not be older than the lock that it waits for, or it shows the old count and empty tables."""
    async with projecting(database_url, Table()) as (writer, tables, pool):
        done = await writer.submit(Order("bread"), call_of(ADA, "r1"))
        await tables.wait_for(done.position)
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(EMPTIES)
            await connection.execute("UPDATE tables_emptied SET times = times + 1")
            await connection.execute("TRUNCATE ordered")
            waiting = asyncio.create_task(fetched(tables, "SELECT * FROM ordered"))
            await asyncio.sleep(0.3)
            assert not waiting.done()
        with pytest.raises(Unavailable, match="being rebuilt"):
            await waiting


async def test_a_follower_that_fails_also_where_it_looks_how_far_it_had_come_goes_on_when_the_database_is_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections, "RETRY_SECONDS", 0.05)
    failures = 3
    load_feeds = PostgresTables.load_feeds

    async def fails_at_first(self: PostgresTables, followers: Sequence[str]) -> Any:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise asyncpg.ConnectionDoesNotExistError("the database is away")
        return await load_feeds(self, followers)

    async with projecting(database_url, Table(failures=1)) as (writer, tables, _):
        monkeypatch.setattr(PostgresTables, "load_feeds", fails_at_first)
        done = await writer.submit(Order("bread"), call_of(ADA, "r1"))
        await tables.wait_for(done.position)
        assert failures < 0
        assert len(await fetched(tables, "SELECT * FROM ordered")) == 1


def test_of_the_shells_tables_only_the_feeds_are_derived() -> None:
    made = [name for file in MIGRATIONS.glob("*.sql") for name in re.findall(r"CREATE TABLE (\w+)", file.read_text())]
    assert set(made) - set(NOT_DERIVED) == {"feed", "feed_heads"}
