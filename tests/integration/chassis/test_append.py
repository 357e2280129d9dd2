"""The append on a real PostgreSQL in trouble: never cancelled, in doubt after a warning, whole or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest

from chassis.core.decider import Claim
from chassis.core.misconfigured import Misconfigured
from chassis.core.record import Head, HeardUpTo, Record, chain, genesis
from chassis.log import postgres_log
from chassis.log.postgres_log import FIND, FIND_CLAIMS, MIGRATIONS, PostgresLog, migrate, open_pool
from chassis.log.protocol import Fenced, LogUnavailable, Snapshot, Witness
from chassis.log.verify import contradictions, verify

LOG_ID = "tally"


@asynccontextmanager
async def leading(database_url: str) -> AsyncIterator[tuple[PostgresLog, "asyncpg.Connection[asyncpg.Record]"]]:
    """A log that leads, and a connection by which the database is troubled."""
    pool = await open_pool(database_url)
    await migrate(pool, {"shell": MIGRATIONS})
    log = PostgresLog(LOG_ID, database_url, pool)
    assert await log.lead()
    trouble = await asyncpg.connect(database_url, server_settings={"transaction_timeout": "0"})
    yield log, trouble
    await trouble.close()
    await log.close()
    await pool.close()


def records(head: Head, count: int) -> list[Record]:
    made = []
    for _ in range(count):
        bare = Record(head.position + 1, "tally.Added", b"\x08\x01", 1_000, "ada", request_id=f"r{head.position}")
        bare = replace(bare, command_digest=b"c", command_events=1)
        record = replace(bare, digest=chain(head.digest, bare))
        made.append(record)
        head = Head(record.position, record.digest)
    return made


async def raising(trouble: "asyncpg.Connection[asyncpg.Record]", level: str) -> None:
    """Let every append come with a message of this level."""
    await trouble.execute(
        f"""
        CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE {level} 'canceling wait for synchronous replication'; RETURN NULL; END $$;
        CREATE TRIGGER say AFTER INSERT ON log FOR EACH STATEMENT EXECUTE FUNCTION say();
        """
    )


async def test_an_append_that_takes_too_long_is_in_doubt_but_is_not_cancelled(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_log, "APPEND_SECONDS_MAX", 0.2)
    async with leading(database_url) as (log, trouble):
        async with trouble.transaction():
            await trouble.execute("LOCK TABLE log IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(LogUnavailable, match="in doubt"):
                await log.append(genesis(LOG_ID), records(genesis(LOG_ID), 2), [])
            # Time for a cancellation to arrive, if one was sent.
            await asyncio.sleep(0.3)
        async with asyncio.timeout(60):
            while len(await log.read(0, 10)) < 2:
                await asyncio.sleep(0.02)


async def test_a_cancelled_task_does_not_cancel_the_append_it_waits_for(database_url: str) -> None:
    async with leading(database_url) as (log, trouble):
        async with trouble.transaction():
            await trouble.execute("LOCK TABLE log IN ACCESS EXCLUSIVE MODE")
            waiting = asyncio.create_task(log.append(genesis(LOG_ID), records(genesis(LOG_ID), 1), []))
            await asyncio.sleep(0.1)
            waiting.cancel()
            await asyncio.wait([waiting])
            await asyncio.sleep(0.1)
        async with asyncio.timeout(60):
            while not await log.read(0, 10):
                await asyncio.sleep(0.02)


async def test_an_append_that_comes_with_a_warning_is_in_doubt(database_url: str) -> None:
    async with leading(database_url) as (log, trouble):
        await raising(trouble, "WARNING")
        with pytest.raises(LogUnavailable, match="canceling wait for synchronous replication"):
            await log.append(genesis(LOG_ID), records(genesis(LOG_ID), 1), [])


async def test_a_notice_puts_nothing_in_doubt(database_url: str) -> None:
    async with leading(database_url) as (log, trouble):
        await raising(trouble, "NOTICE")
        await log.append(genesis(LOG_ID), records(genesis(LOG_ID), 1), [])
        assert len(await log.read(0, 10)) == 1


async def test_a_session_that_ends_puts_the_append_in_doubt_and_frees_the_leadership(database_url: str) -> None:
    async with leading(database_url) as (log, trouble):
        await trouble.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON oid = database "
            "WHERE locktype = 'advisory' AND datname = current_database()"
        )
        with pytest.raises(LogUnavailable):
            await log.append(genesis(LOG_ID), records(genesis(LOG_ID), 1), [])
        assert await log.read(0, 10) == []
        assert await trouble.fetchval("SELECT pg_try_advisory_lock($1)", postgres_log.leader_lock(LOG_ID))


async def test_an_append_is_whole_or_not_at_all(database_url: str) -> None:
    async with leading(database_url) as (log, _):
        first, second = records(genesis(LOG_ID), 2)
        twice = replace(second, request_id=first.request_id)
        with pytest.raises(LogUnavailable):
            await log.append(genesis(LOG_ID), [first, twice], [HeardUpTo("other", 3, b"d")])
        assert await log.read(0, 10) == []
        assert await log.heard() == []


async def test_a_database_that_came_back_older_is_not_extended(database_url: str) -> None:
    async with leading(database_url) as (log, trouble):
        made = records(genesis(LOG_ID), 4)
        await log.append(genesis(LOG_ID), made[:3], [])
        await trouble.execute("DELETE FROM log WHERE position = 3")
        with pytest.raises(Fenced):
            await log.append(Head(3, made[2].digest), made[3:], [])


async def of_session(log: PostgresLog, name: str) -> str:
    """What a setting is on the session that appends."""
    assert log._session is not None
    value: str = await log._session.fetchval("SELECT current_setting($1)", name)
    return value


@asynccontextmanager
async def defaults(database_url: str, **settings: str) -> AsyncIterator[None]:
    """What somebody made the database's defaults."""
    connection = await asyncpg.connect(database_url)
    name = await connection.fetchval("SELECT current_database()")
    for setting, value in settings.items():
        await connection.execute(f"ALTER DATABASE {name} SET {setting} = '{value}'")
    await connection.close()
    yield


async def test_whatever_the_database_has_as_its_defaults_the_leaders_session_is_durable_and_never_cancelled(
    database_url: str,
) -> None:
    async with leading(database_url):
        pass
    async with (
        defaults(
            database_url,
            synchronous_commit="off",
            client_min_messages="error",
            statement_timeout="2s",
            lock_timeout="2s",
            transaction_timeout="2s",
            idle_session_timeout="60s",
        ),
        leading(database_url) as (log, trouble),
    ):
        assert {name: await of_session(log, name) for name in postgres_log.DURABLE} == {
            "synchronous_commit": "on",
            "client_min_messages": "warning",
            "statement_timeout": "0",
            "lock_timeout": "0",
            "transaction_timeout": "0",
            "idle_session_timeout": "0",
            "fsync": "on",
            "full_page_writes": "on",
        }
        async with trouble.transaction():
            await trouble.execute("LOCK TABLE log IN ACCESS EXCLUSIVE MODE")
            appending = asyncio.create_task(log.append(genesis(LOG_ID), records(genesis(LOG_ID), 1), []))
            await asyncio.sleep(2.5)
            assert not appending.done(), "no time limit of the server's ends an append"
        await appending


async def test_a_database_that_asks_for_more_than_on_is_not_given_less(database_url: str) -> None:
    async with defaults(database_url, synchronous_commit="remote_apply"), leading(database_url) as (log, _):
        assert await of_session(log, "synchronous_commit") == "remote_apply"


async def test_a_session_that_does_not_get_its_durability_does_not_lead(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a pooler, where what one statement sets another does not have."""
    monkeypatch.setattr(postgres_log, "SET", "SELECT $1::text, $2::text[]")
    async with defaults(database_url, synchronous_commit="off"):
        with pytest.raises(Misconfigured, match="synchronous_commit = off, not on or remote_apply"):
            async with leading(database_url):
                pass


async def test_a_proof_of_leadership_is_a_commit_and_its_row_stays_on_one_page(database_url: str) -> None:
    async with leading(database_url) as (log, trouble):
        before = await trouble.fetchval("SELECT pg_current_wal_flush_lsn()")
        await log.append(genesis(LOG_ID), [], [])
        assert await trouble.fetchval("SELECT pg_current_wal_flush_lsn() > $1", before)
        for _ in range(2_000):
            await log.append(genesis(LOG_ID), [], [])
        assert await trouble.fetchval("SELECT proofs FROM leadership") == 2_001
        assert await trouble.fetchval("SELECT pg_relation_size('leadership') / 8192") == 1


TAMPERING = {
    "changed": "UPDATE log SET data = '\\x0802' WHERE position = 1500",
    "a subject changed": "UPDATE log SET subject = 'eve' WHERE position = 1500",
    "missing": "DELETE FROM log WHERE position = 1500",
    "reordered": """
        UPDATE log SET position = 9999 WHERE position = 1500;
        UPDATE log SET position = 1500 WHERE position = 1501;
        UPDATE log SET position = 1501 WHERE position = 9999
    """,
}


@pytest.mark.parametrize("harm", TAMPERING)
async def test_verify_says_up_to_where_a_tampered_log_is_good(database_url: str, harm: str) -> None:
    async with leading(database_url) as (log, trouble):
        made = records(genesis(LOG_ID), 2_100)
        for start in range(0, 2_100, 700):
            head = Head(made[start - 1].position, made[start - 1].digest) if start else genesis(LOG_ID)
            await log.append(head, made[start : start + 700], [])
        assert await verify(log) == (Head(2_100, made[-1].digest), None)
        await trouble.execute(TAMPERING[harm])
        good, fault = await verify(log)
        assert good == Head(1_499, made[1_498].digest)
        assert fault is not None and fault.position == 1_500


async def test_witnesses_know_whether_the_end_of_a_log_was_cut_off_or_is_another(database_url: str) -> None:
    async with leading(database_url) as (log, trouble):
        made = records(genesis(LOG_ID), 5)
        await log.append(genesis(LOG_ID), made, [])
        await log.save_snapshot(Snapshot(4, made[3].digest, "v1", b""))
        await trouble.execute("INSERT INTO checkpoints VALUES ('publisher', 5)")
        witnesses = [*await log.witnesses(), Witness("clearing", 5, made[4].digest)]
        head, _ = await verify(log)
        assert await contradictions(log, head, witnesses) == []

        await trouble.execute("DELETE FROM log WHERE position > 3")
        cut, fault = await verify(log)
        assert (cut.position, fault) == (3, None)
        assert await contradictions(log, cut, witnesses) == [
            "ends at 3, but its follower publisher knew it up to 5: it was cut off",
            "ends at 3, but a snapshot knew it up to 4: it was cut off",
            "ends at 3, but clearing knew it up to 5: it was cut off",
        ]

        first, second = records(cut, 2)
        other = replace(first, request_id="another", digest=b"")
        other = replace(other, digest=chain(cut.digest, other))
        await log.append(cut, [other, replace(second, digest=chain(other.digest, second))], [])
        forked, fault = await verify(log)
        assert (forked.position, fault) == (5, None)
        assert await contradictions(log, forked, witnesses) == [
            "record 4 is not the one that a snapshot knew: the log has forked",
            "record 5 is not the one that clearing knew: the log has forked",
        ]


@pytest.mark.parametrize("known", [0, 3], ids=["empty", "small"])
@pytest.mark.parametrize(("statement", "index"), [(FIND, "log_command"), (FIND_CLAIMS, "claims_pkey")])
async def test_names_are_looked_up_by_their_index_by_a_plan_that_was_made_while_the_log_was_small(
    database_url: str, statement: str, index: str, known: int
) -> None:
    async with leading(database_url) as (log, trouble):
        if known:
            start = genesis(LOG_ID)
            claims = [(Claim("kind", "scope", f"name-{number}"), ()) for number in range(known)]
            await log.append(start, records(start, known), [], None, claims)
            for table in ("log", "claims"):
                await trouble.execute(f"VACUUM ANALYZE {table}")
        pool = await open_pool(database_url)
        async with pool.acquire() as session:
            await session.execute("SET plan_cache_mode = force_generic_plan")
            await session.execute(f"PREPARE wanted AS {statement}")
            plan = "\n".join(row[0] for row in await session.fetch("EXPLAIN EXECUTE wanted('{}', '{}', '{}')"))
        await pool.close()
    assert f"Index Scan using {index}" in plan
    # Every name is looked for by itself: a part of the index is read for each, and never all of it.
    assert "Nested Loop" in plan
    assert "Index Cond" in plan


async def test_an_append_finds_the_end_of_the_log_by_its_index_also_after_a_plan_that_was_made_for_a_few_records(
    database_url: str,
) -> None:
    head = genesis(LOG_ID)
    async with leading(database_url) as (log, trouble):
        for count in (3, *[1] * 8):
            made = records(head, count)
            await log.append(head, made, [])
            head = Head(made[-1].position, made[-1].digest)
            if count == 3:
                await trouble.execute("VACUUM ANALYZE log")
        # A session that ends has told the server what it read.
        await log.close()
        counted = "SELECT n_tup_ins, seq_tup_read FROM pg_stat_user_tables WHERE relname = 'log'"
        while (counts := await trouble.fetchrow(counted)) is None or counts["n_tup_ins"] < head.position:
            await asyncio.sleep(0.05)
        assert counts["seq_tup_read"] == 0
