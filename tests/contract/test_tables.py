"""One suite for a service's tables: what PostgreSQL's and their twin of the simulation both keep."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from chassis.core.feed_chain import FeedEntry, FeedHead
from chassis.core.record import Head, Record, chain, genesis
from chassis.edges.postgres_tables import PostgresTables
from chassis.edges.protocols import Row
from chassis.log.forks import ForkProof
from chassis.log.memory_log import MemoryLog
from chassis.log.postgres_log import MIGRATIONS, PostgresLog, migrate, open_pool
from chassis.log.protocol import Log
from chassis.log.seals import Attestation, SealedFeed, SealedHead
from support.simulation.database import Database, Tables
from support.simulation.weather import Chance, Weather

LOG_ID = "tally"
HELD = "CREATE TABLE held (account text PRIMARY KEY, tonnes bigint NOT NULL)"
PUT = "INSERT INTO held (account, tonnes) VALUES ($1::text, $2::bigint)"
ADD = "UPDATE held SET tonnes = tonnes + $2::bigint WHERE account = $1::text"
ALL = "SELECT account, tonnes FROM held ORDER BY account"
OF = "SELECT tonnes FROM held WHERE account = $1::text"


@dataclass
class Store:
    """Tables as two replicas have them, and the log that they follow."""

    tables: PostgresTables | Tables
    others: PostgresTables | Tables
    log: Log
    execute: Callable[[str], Awaitable[object]]


@pytest_asyncio.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        database, chance = Database(LOG_ID, tmp_path), Chance(0, Weather(slow=0))

        async def execute(sql: str) -> object:
            return database.tables.execute(sql)

        tables = [Tables(database, chance, place) for place in ("first", "second")]
        yield Store(tables[0], tables[1], MemoryLog(database.store), execute)
        database.close()
        return
    pool = await open_pool(database_url)
    await migrate(pool, {"shell": MIGRATIONS})
    log = PostgresLog(LOG_ID, database_url, pool)
    yield Store(PostgresTables(pool, pool, pool), PostgresTables(pool, pool, pool), log, pool.execute)
    await log.close()
    await pool.close()


async def logged(log: Log, count: int) -> list[Record]:
    await log.lead()
    head, records = genesis(LOG_ID), []
    for _ in range(count):
        bare = Record(head.position + 1, "tally.Added", b"\x08\x01", 1_000, "ada", "participant", "power", "", "r1")
        records.append(replace(bare, digest=chain(head.digest, bare)))
        head = Head(records[-1].position, records[-1].digest)
    await log.append(genesis(LOG_ID), records, [])
    return records


async def fetched(tables: PostgresTables | Tables, sql: str, *arguments: object) -> Sequence[Row]:
    async with tables.reading("projections") as reading:
        return await reading.fetch(sql, *arguments)


def entry(account: str, sequence: int, position: int) -> FeedEntry:
    return FeedEntry(account, sequence, position, f"{account} {sequence}".encode())


async def test_a_follower_begins_at_0_and_is_where_it_was_left(store: Store) -> None:
    assert await store.tables.load_checkpoint("publisher") == 0
    await store.tables.save_checkpoint("publisher", 7)
    await store.tables.save_checkpoint("publisher", 9)
    assert await store.others.load_checkpoint("publisher") == 9
    assert await store.tables.load_checkpoint("projections") == 0


async def test_rows_feed_and_checkpoint_are_written_together_statements_in_their_order(store: Store) -> None:
    await store.execute(HELD)
    statements = [(PUT, [("power", 5), ("steel", 6)]), (ADD, [("power", 10)]), (PUT, [("cement", 1)])]
    await store.tables.write("projections", 0, 3, statements, [entry("power", 1, 1), entry("power", 2, 3)])
    rows = [(row["account"], row["tonnes"]) for row in await fetched(store.others, ALL)]
    assert rows == [("cement", 1), ("power", 15), ("steel", 6)]
    assert [row["tonnes"] for row in await fetched(store.tables, OF, "steel")] == [6]
    assert await store.others.load_feeds(["projections", "other"]) == (
        {"projections": 3, "other": 0},
        {"power": FeedHead(2, b"power 2")},
    )


async def test_of_two_replicas_only_one_writes_a_batch_and_the_other_one_writes_nothing(store: Store) -> None:
    await store.execute(HELD)
    await store.tables.write("projections", 0, 2, [(PUT, [("power", 5)])], [entry("power", 1, 1)])
    with pytest.raises(RuntimeError, match="another replica has written these rows"):
        await store.others.write("projections", 0, 2, [(ADD, [("power", 5)])], [entry("power", 2, 2)])
    assert [row["tonnes"] for row in await fetched(store.tables, OF, "power")] == [5]
    assert await store.tables.load_feeds(["projections"]) == ({"projections": 2}, {"power": FeedHead(1, b"power 1")})


async def test_a_reading_names_the_position_that_its_tables_are_as_of(store: Store) -> None:
    await store.execute(HELD)
    await store.tables.write("projections", 0, 3, [(PUT, [("power", 5)])], [])
    async with store.others.reading("projections") as reading:
        assert (reading.position, reading.times_emptied) == (3, await store.tables.times_emptied())
        row = await reading.fetch_one(OF, "power")
        assert row is not None and row["tonnes"] == 5
        assert await reading.fetch_one(OF, "steel") is None
    async with store.others.reading("nobody") as reading:
        assert reading.position == 0


async def test_a_batch_of_which_one_statement_fails_leaves_nothing(store: Store) -> None:
    await store.execute(HELD)
    with pytest.raises(Exception, match=r"(?i)unique"):
        await store.tables.write(
            "projections", 0, 2, [(PUT, [("power", 5)]), (PUT, [("power", 6)])], [entry("power", 1, 1)]
        )
    assert list(await fetched(store.tables, ALL)) == []
    assert await store.tables.load_feeds(["projections"]) == ({"projections": 0}, {})
    await store.tables.write("projections", 0, 2, [(PUT, [("power", 5)])], [])
    assert len(await fetched(store.tables, ALL)) == 1


async def test_an_entry_of_a_feed_is_never_written_twice(store: Store) -> None:
    await store.tables.write("projections", 0, 1, [], [entry("power", 1, 1)])
    with pytest.raises(Exception, match=r"(?i)unique"):
        await store.tables.write("projections", 1, 2, [], [entry("power", 1, 2)])
    assert await store.tables.load_feeds(["projections"]) == ({"projections": 1}, {"power": FeedHead(1, b"power 1")})


async def test_a_feed_is_read_from_after_a_sequence_with_the_logs_records(store: Store) -> None:
    records = await logged(store.log, 4)
    entries = [entry("power", 1, 1), entry("steel", 1, 2), entry("power", 2, 3), entry("power", 3, 4)]
    await store.tables.write("projections", 0, 4, [], entries)
    whole = [(entries[0], records[0]), (entries[2], records[2]), (entries[3], records[3])]
    assert list(await store.others.read_feed("power", 0, 10)) == whole
    assert list(await store.others.read_feed("power", 1, 1)) == whole[1:2]
    assert list(await store.others.read_feed("power", 3, 10)) == []
    assert list(await store.others.read_feed("nobody", 0, 10)) == []


async def test_of_two_seals_of_one_position_the_first_is_kept(store: Store) -> None:
    assert await store.tables.newest_seal() is None
    first, other = SealedHead(4, b"four", "key:first"), SealedHead(4, b"another four", "key:other")
    assert await store.tables.keep_seal(first) == first
    assert await store.others.keep_seal(other) == first
    later = SealedHead(9, b"nine", "key:nine")
    assert await store.tables.keep_seal(later) == later
    assert await store.others.newest_seal() == later
    assert [await store.others.seal_from(position) for position in (1, 4, 5, 10)] == [first, first, later, None]


async def test_of_two_seals_of_one_end_of_a_feed_the_first_is_kept(store: Store) -> None:
    first, other = SealedFeed("power", 2, b"two", 7, "key:a"), SealedFeed("power", 2, b"another two", 8, "key:b")
    assert await store.tables.keep_feed_seal(first) == first
    assert await store.others.keep_feed_seal(other) == first
    assert await store.others.feed_seal("power", 2) == first
    assert await store.others.feed_seal("power", 1) is None
    assert await store.others.feed_seal("steel", 2) is None
    of_another = SealedFeed("steel", 2, b"two of steel", 9, "key:c")
    assert await store.tables.keep_feed_seal(of_another) == of_another


async def test_of_two_attestations_of_one_name_the_first_is_kept(store: Store) -> None:
    first, other = Attestation("supply", "day 1", b"one", b"salt"), Attestation("supply", "day 1", b"two", b"pepper")
    assert await store.tables.keep_attestation(first) == first
    assert await store.others.keep_attestation(other) == first
    assert await store.others.attestation("supply", "day 1") == first
    assert await store.others.attestation("supply", "day 2") is None
    assert await store.others.attestation("demand", "day 1") is None
    of_another = Attestation("demand", "day 1", b"three", b"")
    assert await store.tables.keep_attestation(of_another) == of_another


async def test_heads_that_were_heard_are_kept_by_log_and_position_and_the_first_stays(store: Store) -> None:
    assert await store.tables.newest_heard_head("trading") is None
    first, other = SealedHead(4, b"four", "key:first"), SealedHead(4, b"another four", "key:other")
    assert await store.tables.keep_heard_head("trading", first) == first
    assert await store.others.keep_heard_head("trading", other) == first
    assert await store.tables.keep_heard_head("clearing", other) == other
    later = SealedHead(5, b"five", "key:five")
    await store.tables.keep_heard_head("trading", later)
    assert await store.others.newest_heard_head("trading") == later
    assert await store.others.newest_heard_head("clearing") == other


async def test_what_another_service_heard_of_a_lost_record_is_kept_until_it_says_otherwise(store: Store) -> None:
    assert await store.tables.lost_head("trading") is None
    await store.tables.keep_lost_head("trading", None)
    await store.tables.keep_lost_head("trading", Head(9, b"nine"))
    await store.tables.keep_lost_head("clearing", Head(7, b"seven"))
    assert await store.others.lost_head("trading") == Head(9, b"nine")
    await store.tables.keep_lost_head("trading", Head(8, b"eight"))
    assert await store.others.lost_head("trading") == Head(8, b"eight")
    await store.tables.keep_lost_head("trading", None)
    assert await store.others.lost_head("trading") is None
    assert await store.others.lost_head("clearing") == Head(7, b"seven")


async def test_proofs_of_forks_are_kept_in_the_order_in_which_they_were_found(store: Store) -> None:
    proofs = [
        ForkProof("trading", SealedHead(n, b"one", "key:one"), SealedHead(n, b"other", "key:other")) for n in (7, 3, 9)
    ]
    for proof in proofs:
        await store.tables.keep_fork_proof(proof)
    assert list(await store.others.fork_proofs(10)) == proofs
    assert list(await store.others.fork_proofs(2)) == proofs[:2]
