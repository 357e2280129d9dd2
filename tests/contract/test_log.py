"""One suite for every log: what PostgreSQL and the in-memory twin both keep."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
import pytest_asyncio

from chassis.core.decider import Claim, as_facts
from chassis.core.keys import Found, Key
from chassis.core.record import Head, HeardUpTo, Record, chain, first_fault, genesis
from chassis.log.clocks import CLOCK_SKEW_MS_MAX, ClockSkewed
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.postgres_log import MIGRATIONS, PostgresLog, migrate, open_pool
from chassis.log.protocol import Fenced, Log, LogUnavailable, Snapshot

LOG_ID = "tally"
NOW_MS = 1_800_000_000_000
SetClock = Callable[[int], Awaitable[None]]


@dataclass
class Sessions:
    """Makes sessions on one and the same log, as competing replicas have them; sets the clock of their database."""

    new: Callable[[], Awaitable[Log]]
    set_clock: SetClock

    async def __call__(self) -> Log:
        return await self.new()


NewSession = Sessions


@pytest_asyncio.fixture(params=["memory", "postgres"])
async def session(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[NewSession]:
    opened: list[Log] = []
    if request.param == "memory":
        store = MemoryStore(LOG_ID)

        async def set_store(now_ms: int) -> None:
            store.clock_ms = lambda: now_ms

        async def new() -> Log:
            opened.append(MemoryLog(store))
            return opened[-1]

        yield Sessions(new, set_store)
        return
    pool = await open_pool(database_url)
    await migrate(pool, {"shell": MIGRATIONS})

    async def connect() -> Log:
        opened.append(PostgresLog(LOG_ID, database_url, pool))
        return opened[-1]

    async def set_database(now_ms: int) -> None:
        await pool.execute(f"CREATE OR REPLACE FUNCTION clock_ms() RETURNS bigint LANGUAGE sql AS 'SELECT {now_ms}'")

    yield Sessions(connect, set_database)
    for log in opened:
        await log.close()
    await pool.close()


def extend(head: Head, count: int, **fields: object) -> list[Record]:
    records = []
    for _ in range(count):
        bare = Record(head.position + 1, "tally.Added", b"\x08\x01", 1_000, "ada", "participant", "power")
        bare = replace(bare, **fields)  # type: ignore[arg-type]  # the fields are the test's own
        record = replace(bare, digest=chain(head.digest, bare))
        records.append(record)
        head = Head(record.position, record.digest)
    return records


def end_of(records: Sequence[Record]) -> Head:
    return Head(records[-1].position, records[-1].digest)


async def test_an_empty_log_ends_at_position_0(session: NewSession) -> None:
    log = await session()
    assert await log.read(0, 10) == []
    await log.lead()
    with pytest.raises(Fenced):
        await log.append(Head(1, genesis(LOG_ID).digest), [], [])
    await log.append(genesis(LOG_ID), [], [])


async def test_what_is_appended_is_read_back_whole_and_in_order(session: NewSession) -> None:
    log = await session()
    assert await log.lead()
    records = extend(genesis(LOG_ID), 5, traceparent="00-a-b-01", source_log_id="other", source_position=7)
    await log.append(genesis(LOG_ID), records[:2], [])
    await log.append(end_of(records[:2]), records[2:], [])
    assert await log.read(0, 10) == records
    assert await log.read(2, 2) == records[2:4]
    assert first_fault(genesis(LOG_ID), await log.read(0, 10)) is None


async def test_only_one_session_leads_until_it_ends(session: NewSession) -> None:
    first, second = await session(), await session()
    assert await first.lead()
    assert await first.lead(), "asking again keeps it"
    assert not await second.lead()
    with pytest.raises(Fenced):
        await second.append(genesis(LOG_ID), extend(genesis(LOG_ID), 1), [])
    await first.close()
    for _ in range(100):
        if await second.lead():
            break
    assert await second.lead()


async def test_the_first_append_extends_the_logs_own_beginning(session: NewSession) -> None:
    log = await session()
    await log.lead()
    for head in (genesis("another"), Head(0, b"\x00" * 32)):
        with pytest.raises(Fenced):
            await log.append(head, extend(head, 1), [])
    assert await log.read(0, 10) == []


async def test_an_append_to_another_head_changes_nothing(session: NewSession) -> None:
    log = await session()
    await log.lead()
    records = extend(genesis(LOG_ID), 2)
    await log.append(genesis(LOG_ID), records, [])
    wrong_digest = Head(2, b"\x00" * 32)
    for head in (genesis(LOG_ID), Head(1, records[0].digest), wrong_digest, Head(9, records[1].digest)):
        with pytest.raises(Fenced):
            await log.append(head, extend(head, 1, data=b"\x08\x02"), [HeardUpTo("other", 5, b"d")])
    assert await log.read(0, 10) == records
    assert await log.heard() == []


async def test_an_append_repeated_after_a_lost_answer_succeeds_and_adds_nothing(session: NewSession) -> None:
    log = await session()
    await log.lead()
    records = extend(genesis(LOG_ID), 3)
    await log.append(genesis(LOG_ID), records, [])
    await log.append(genesis(LOG_ID), records, [])
    assert await log.read(0, 10) == records


async def test_an_empty_append_proves_the_leadership_and_notes_what_was_heard(session: NewSession) -> None:
    log = await session()
    await log.lead()
    await log.append(genesis(LOG_ID), [], [HeardUpTo("other", 4, b"four")])
    await log.append(genesis(LOG_ID), [], [HeardUpTo("other", 5, b"five")])
    assert await log.heard() == [HeardUpTo("other", 5, b"five")]
    with pytest.raises(Fenced):
        await log.append(Head(3, b"\x01" * 32), [], [])


async def test_a_command_is_found_by_subject_account_and_request_id_only(session: NewSession) -> None:
    log = await session()
    await log.lead()
    first, second = extend(genesis(LOG_ID), 2, request_id="r1")
    first = replace(first, command_digest=b"body", command_events=2)
    await log.append(genesis(LOG_ID), [first, second], [])
    key = Key("ada", "power", "r1")
    others = [Key("bea", "power", "r1"), Key("ada", "steel", "r1"), Key("ada", "", "r1"), Key("ada", "power", "r2")]
    found = await log.find([key, *others])
    assert dict(found) == {key: Found(b"body", 1, 2)}


async def test_a_command_id_is_kept_once_for_ever(session: NewSession) -> None:
    log = await session()
    await log.lead()
    (first,) = extend(genesis(LOG_ID), 1, request_id="r1")
    await log.append(genesis(LOG_ID), [replace(first, command_digest=b"body", command_events=1)], [])
    later = extend(end_of([first]), 30)
    await log.append(end_of([first]), later, [])
    assert await log.find([Key("ada", "power", "r1")])


async def test_a_second_command_of_a_key_is_not_appended(session: NewSession) -> None:
    log = await session()
    await log.lead()
    (first,) = extend(genesis(LOG_ID), 1, request_id="r1", command_digest=b"body", command_events=1)
    await log.append(genesis(LOG_ID), [first], [])
    (second,) = extend(end_of([first]), 1, request_id="r1", command_digest=b"another", command_events=1)
    with pytest.raises(LogUnavailable):
        await log.append(end_of([first]), [second], [HeardUpTo("other", 4, b"four")])
    assert (await log.read(0, 10), await log.heard()) == ([first], [])
    assert await log.find([Key("ada", "power", "r1")]) == {Key("ada", "power", "r1"): Found(b"body", 1, 1)}


async def test_the_newest_snapshot_of_the_same_fold_is_loaded(session: NewSession) -> None:
    log = await session()
    assert await log.load_snapshot("v1") is None
    for position, version in ((10, "v1"), (20, "v1"), (30, "v2")):
        await log.save_snapshot(Snapshot(position, b"d", version, str(position).encode()))
    assert await log.load_snapshot("v1") == Snapshot(20, b"d", "v1", b"20")
    assert await log.load_snapshot("v2") == Snapshot(30, b"d", "v2", b"30")
    assert await log.load_snapshot("v3") is None


@pytest.mark.parametrize("field", [one.name for one in fields(Record) if one.compare])
def test_a_record_that_was_changed_in_any_field_is_found(field: str) -> None:
    """The seal is no part of the record: it signs the log as it ends there."""
    records = extend(genesis(LOG_ID), 5)
    was = getattr(records[2], field)
    other: Any = was + 1 if isinstance(was, int) else was + (b"x" if isinstance(was, bytes) else "x")
    records[2] = replace(records[2], **{field: other})
    fault = first_fault(genesis(LOG_ID), records)
    assert fault is not None
    assert fault.position == 3


@pytest.mark.parametrize("harm", ["missing", "swapped"])
def test_a_missing_or_reordered_record_is_found_where_it_stands(harm: str) -> None:
    records = extend(genesis(LOG_ID), 5)
    if harm == "missing":
        del records[2]
    else:
        records[2], records[3] = replace(records[3], position=3), replace(records[2], position=4)
    fault = first_fault(genesis(LOG_ID), records)
    assert fault is not None
    assert fault.position == 3


@pytest.mark.parametrize("off_ms", [CLOCK_SKEW_MS_MAX + 1, -CLOCK_SKEW_MS_MAX - 1, 40 * 365 * 86_400_000])
async def test_nothing_is_appended_by_a_host_whose_clock_is_not_the_databases(session: NewSession, off_ms: int) -> None:
    log = await session()
    await log.lead()
    await session.set_clock(NOW_MS)
    assert await log.clock_ms() == NOW_MS
    timely = extend(genesis(LOG_ID), 1, recorded_ms=NOW_MS + min(off_ms, 0))
    for records in (timely, []):
        with pytest.raises(ClockSkewed, match="ahead of the" if off_ms > 0 else "behind the"):
            await log.append(genesis(LOG_ID), records, [HeardUpTo("other", 4, b"four")], lambda: NOW_MS + off_ms)
    assert (await log.read(0, 10), await log.heard()) == ([], [])


@pytest.mark.parametrize("off_ms", [CLOCK_SKEW_MS_MAX, 0, -CLOCK_SKEW_MS_MAX])
async def test_a_host_whose_clock_is_near_the_databases_appends(session: NewSession, off_ms: int) -> None:
    log = await session()
    await log.lead()
    await session.set_clock(NOW_MS)
    records = extend(genesis(LOG_ID), 1, recorded_ms=NOW_MS + off_ms)
    await log.append(genesis(LOG_ID), records, [], lambda: NOW_MS + off_ms)
    await log.append(end_of(records), [], [], lambda: NOW_MS + off_ms)
    assert await log.read(0, 10) == records


async def test_what_was_decided_while_the_clock_was_ahead_is_not_appended_when_it_is_right_again(
    session: NewSession,
) -> None:
    log = await session()
    await log.lead()
    await session.set_clock(NOW_MS)
    records = extend(genesis(LOG_ID), 1, recorded_ms=NOW_MS + CLOCK_SKEW_MS_MAX + 1)
    with pytest.raises(ClockSkewed, match="a decision was made when it was ahead"):
        await log.append(genesis(LOG_ID), records, [], lambda: NOW_MS)
    assert await log.read(0, 10) == []


async def test_a_rehearsal_has_its_own_time_and_is_not_held_against_the_databases(session: NewSession) -> None:
    log = await session()
    await log.lead()
    records = extend(genesis(LOG_ID), 1, recorded_ms=NOW_MS * 2)
    await log.append(genesis(LOG_ID), records, [], None)
    assert await log.read(0, 10) == records


async def test_a_name_is_taken_once_with_the_append_that_takes_it_and_for_ever(session: NewSession) -> None:
    log = await session()
    await log.lead()
    bread, salt = Claim("name", "ada", "bread"), Claim("name", "ada", "salt")
    facts = as_facts(account="power-0001", amount_fen=5)
    first, second = extend(genesis(LOG_ID), 2)
    await log.append(genesis(LOG_ID), [first], [], None, [(bread, facts)])
    assert await log.find_claims([bread, salt, Claim("name", "bea", "bread")]) == {bread: facts}
    with pytest.raises(LogUnavailable):
        await log.append(end_of([first]), [second], [HeardUpTo("other", 4, b"four")], None, [(salt, ()), (bread, ())])
    assert (await log.read(0, 10), await log.heard()) == ([first], [])
    assert await log.find_claims([salt]) == {}
    await log.append(genesis(LOG_ID), [first], [], None, [(bread, facts)])
    assert await log.find_claims([bread]) == {bread: facts}, "a retry after a lost answer takes it no second time"


async def test_what_ended_a_process_is_noted_once_for_the_release_that_it_ended(session: NewSession) -> None:
    log = await session()
    for _ in range(2):
        await log.note_culprit("trading/7", "release 1", "it did not add up")
    assert await log.culprits("release 1") == {"trading/7": "it did not add up"}
    assert await log.culprits("release 2") == {}
