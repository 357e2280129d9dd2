"""What the pools write, and for how long they wait: derived data is light, what is given away is durable."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import grpc
import pytest

from chassis.core.call import Unavailable
from chassis.core.feed_chain import FeedEntry, FeedHead
from chassis.core.record import Head, Record
from chassis.edges.postgres_tables import PostgresTables
from chassis.log import postgres_log
from chassis.log.for_callers import CANNOT_ANSWER, LogForCallers
from chassis.log.forks import ForkProof
from chassis.log.postgres_log import (
    MIGRATIONS,
    POOL_CONNECTIONS_MAX,
    Pool,
    PostgresLog,
    migrate,
    open_pool,
)
from chassis.log.protocol import LogUnavailable
from chassis.log.seals import SealedFeed, SealedHead, Signer
from chassis.process import main
from chassis.process.configuration import read_settings
from chassis.process.main import SERVING_POOLS, reach_database, real_edges
from chassis.serving.errors import failure_of
from chassis.serving.feed_heads import SignedFeeds
from chassis.serving.log_heads import SignedLog
from support.shell.hearing import KEY

ENVIRONMENT = {
    "CARBONMARKET_LISTEN": "127.0.0.1:0",
    "CARBONMARKET_KAFKA": "127.0.0.1:1",
    "CARBONMARKET_ACTOR_FROM": "metadata",
}
KEPT = ("seals", "feed_seals", "heard_heads", "fork_proofs", "lost_heads", "culprits")
WATCH = """
CREATE TABLE watched (name text, setting text);
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO watched VALUES (TG_TABLE_NAME, current_setting('synchronous_commit')); RETURN NULL; END $$;
"""


async def test_what_is_given_away_is_committed_durably_and_what_is_derived_is_not(database_url: str) -> None:
    pool = await open_pool(database_url)
    await migrate(pool, {"shell": MIGRATIONS})
    await pool.execute(WATCH)
    for name in (*KEPT, "checkpoints"):
        await pool.execute(f"CREATE TRIGGER watch AFTER INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION watch()")
    tables, log = PostgresTables(pool, pool, pool), PostgresLog("tally", database_url, pool)
    head, other = SealedHead(1, b"d", "s"), SealedHead(1, b"e", "t")
    assert await tables.keep_seal(head) == head
    feed = SealedFeed("power", 1, b"d", 1, "s")
    assert await tables.keep_feed_seal(feed) == feed
    assert await tables.keep_heard_head("trading", head) == head
    await tables.keep_fork_proof(ForkProof("trading", head, other))
    await tables.keep_lost_head("trading", Head(1, b"d"))
    await log.note_culprit("trading/7", "release 1", "it did not add up")
    await tables.save_checkpoint("publisher", 7)
    settings = {row["name"]: row["setting"] for row in await pool.fetch("SELECT name, setting FROM watched")}
    assert settings == {**dict.fromkeys(KEPT, "on"), "checkpoints": "off"}
    assert await pool.fetchval("SELECT current_setting('synchronous_commit')") == "off", "not for what comes after it"
    await pool.close()


async def test_a_caller_whose_query_a_server_ends_is_asked_to_try_again(database_url: str) -> None:
    pool = await open_pool(database_url)
    await migrate(pool, {"shell": MIGRATIONS})
    tables = PostgresTables(pool, pool, pool)

    async def read(sql: str) -> None:
        async with tables.reading("tables") as reading:
            await reading.fetch(sql)
            await reading.fetch("SELECT pg_sleep(5)")

    for ended in ("SELECT pg_terminate_backend(pg_backend_pid())", "SELECT pg_cancel_backend(pg_backend_pid())"):
        with pytest.raises(Unavailable, match="ask again"):
            await read(ended)
    pool.terminate()


async def test_a_caller_whose_query_was_prepared_before_a_table_was_changed_is_asked_to_try_again(
    database_url: str,
) -> None:
    pool = await open_pool(database_url, connections_max=1)
    await migrate(pool, {"shell": MIGRATIONS})
    tables = PostgresTables(pool, pool, pool)

    async def read() -> None:
        async with tables.reading("tables") as reading:
            await reading.fetch("SELECT * FROM checkpoints")

    await read()
    await pool.execute("ALTER TABLE checkpoints ADD COLUMN of_another_release int")
    with pytest.raises(Unavailable, match="ask again"):
        await read()
    await read()
    await pool.close()


TROUBLES = (
    TimeoutError(),
    ConnectionResetError(),
    asyncpg.InterfaceError("cannot perform operation: connection is closed"),
    asyncpg.InterfaceError("pool is closing"),
    *(kind("trouble") for kind in CANNOT_ANSWER if kind is not OSError),
)
BUGS = (
    asyncpg.UndefinedColumnError("no"),
    asyncpg.DataError("no"),
    asyncpg.exceptions._base.DataError("invalid input for query argument $1"),
    asyncpg.InterfaceError("the server expects 1 argument for this query, 2 were passed"),
    asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
    asyncpg.exceptions._base.ClientConfigurationError("no"),
    KeyError("no"),
)


class Troubled:
    """A pool of which no connection, or no statement, comes to an end."""

    def __init__(self, error: Exception, *, connects: bool) -> None:
        self._error = error
        self._connects = connects

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator["Troubled"]:
        if not self._connects:
            raise self._error
        yield self

    @asynccontextmanager
    async def transaction(self, **_: object) -> AsyncIterator[None]:
        yield

    async def execute(self, *_: object) -> None:
        raise self._error

    fetch = fetchrow = execute


class NothingSigned(PostgresTables):
    """Says that no head was signed, so that the one that is signed now is kept."""

    async def seal_from(self, position: int) -> SealedHead | None:
        return None

    async def feed_seal(self, account: str, sequence: int) -> SealedFeed | None:
        return None


class Followed:
    """What a leader knows of its log and its feeds without asking a database."""

    record = Record(1, "t", b"", 0, "s", "r", digest=b"d")

    async def records(self, *_: object) -> list[Record]:
        return [self.record]

    def feed_head(self, account: str) -> tuple[FeedHead, int]:
        return FeedHead(1, b"d"), 1

    async def read_feed(self, *_: object) -> list[tuple[FeedEntry, Record]]:
        return [(FeedEntry("power", 1, 1, b"d"), self.record)]


def asked_by_callers(pool: Any) -> list[Awaitable[object]]:
    """All that callers have a database do."""
    tables, nothing_signed = PostgresTables(pool, pool, pool), NothingSigned(pool, pool, pool)
    signer, first_signer = Signer("tally", KEY, tables), Signer("tally", KEY, nothing_signed)
    followed: Any = Followed()
    return [
        tables.reading("tables").__aenter__(),
        tables.read_feed("power", 0, 1),
        tables.times_emptied(),
        tables.fork_proofs(1),
        SignedLog(followed, signer).at(1, "auditor:aud"),
        SignedLog(followed, first_signer).at(1, "auditor:aud"),
        SignedFeeds(followed, signer).newest("power"),
        SignedFeeds(followed, signer).at("power", 1, "participant:power"),
        SignedFeeds(followed, first_signer).at("power", 1, "participant:power"),
        LogForCallers(PostgresLog("tally", "", pool)).read(0, 1),
    ]


@pytest.mark.parametrize("error", TROUBLES, ids=lambda error: type(error).__name__)
async def test_whatever_keeps_a_database_from_an_answer_a_caller_is_asked_to_try_again_and_the_log_says_why(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    for connects in (False, True):
        for asked in asked_by_callers(Troubled(error, connects=connects)):
            caplog.clear()
            with pytest.raises(Unavailable) as told:
                await asked
            failure = failure_of(told.value)
            assert (failure.code, failure.facts["why"]) == (
                grpc.StatusCode.UNAVAILABLE,
                "the database gives no answer now; ask again",
            )
            assert [type(error).__name__ in line.getMessage() for line in caplog.records] == [True]


@pytest.mark.parametrize("error", BUGS, ids=str)
async def test_a_statement_that_is_wrong_is_a_bug(error: Exception) -> None:
    for asked in asked_by_callers(Troubled(error, connects=True)):
        with pytest.raises(type(error)) as told:
            await asked
        assert failure_of(told.value).code is grpc.StatusCode.INTERNAL


async def test_a_migration_may_take_longer_than_a_query_and_another_replica_waits_for_it(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0001_slow.sql").write_text("CREATE TABLE made (number int); SELECT pg_sleep(1);")
    monkeypatch.setattr(postgres_log, "QUERY_SECONDS_MAX", 0.3)
    pools = [await open_pool(database_url) for _ in range(2)]
    async with asyncio.timeout(20):
        await asyncio.gather(*(migrate(pool, {"service": tmp_path}) for pool in pools))
    assert await pools[0].fetchval("SELECT name FROM migrations") == "service/0001_slow.sql"
    for pool in pools:
        await pool.close()


async def test_what_callers_ask_for_waits_for_no_connection_of_the_shell(database_url: str) -> None:
    shell, queries, seals = await reach_database(database_url, SERVING_POOLS)
    await migrate(shell, {"shell": MIGRATIONS})
    service: Any = SimpleNamespace(name="tally", package="tally", migrations=None, reactions={})
    settings = read_settings({**ENVIRONMENT, "CARBONMARKET_DATABASE_URL": database_url}, "tally", ())
    edges = real_edges(service, settings, shell, queries, seals)
    store: Any = edges.tables
    assert edges.log_for_callers is not None
    async with AsyncExitStack() as held, asyncio.timeout(20):
        for _ in range(POOL_CONNECTIONS_MAX):
            await held.enter_async_context(shell.acquire())
        assert await edges.log_for_callers.read(0, 10) == []
        head, feed = SealedHead(1, b"d", "s"), SealedFeed("power", 1, b"d", 1, "s")
        assert await store.keep_seal(head) == await store.seal_from(1) == head
        assert await store.keep_feed_seal(feed) == feed
        assert await store.read_feed("power", 0, 10) == []
        async with store.reading("projections") as reading:
            assert reading.position == 0
    for pool in (shell, queries, seals):
        await pool.close()


async def test_a_pool_is_given_back_where_the_next_one_cannot_be_opened(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Pool] = []

    async def only_one(url: str, connections_max: int) -> Pool:
        if opened:
            raise ConnectionRefusedError("too many")
        opened.append(await open_pool(url, connections_max))
        return opened[0]

    monkeypatch.setattr(main, "open_pool", only_one)
    monkeypatch.setattr(main, "DATABASE_SECONDS_MAX", 0)
    with pytest.raises(LogUnavailable):
        await reach_database(database_url, SERVING_POOLS)
    assert opened[0].is_closing()
