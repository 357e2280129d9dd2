"""The host's clock and the database's: a log's time is one that both show, for commands and for timers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chassis.core.call import Unavailable
from chassis.core.engine import Engine
from chassis.core.shell import OpenLog
from chassis.followers.timers import Timers
from chassis.log.clocks import CLOCK_SKEW_MS_MAX, ClockSkewed, check_not_ahead, check_skew, compare_clocks, first_beyond
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.writer import Writer
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from support.shell import tally
from support.shell.asking import asked, call_of
from support.shell.tally import Add, AddLater, Tally

NOW_MS = 1_800_000_000_000
YEARS_MS = 40 * 365 * 86_400_000
SLOW_OR_FAST = [-YEARS_MS, -CLOCK_SKEW_MS_MAX - 1, CLOCK_SKEW_MS_MAX + 1, YEARS_MS]


class SetClock:
    """A clock that shows what it is set to. Keeps chassis.log.clocks.Clock."""

    def __init__(self, shows_ms: int = NOW_MS) -> None:
        self.shows_ms = shows_ms

    def now_ms(self) -> int:
        return self.shows_ms

    def seconds(self) -> float:
        return self.shows_ms / 1000


class Both:
    """A leader with both its clocks, and how it ended, if it has."""

    def __init__(self, writer: Writer[Tally], store: MemoryStore, host: SetClock, database: SetClock) -> None:
        self.writer = writer
        self.store = store
        self.host = host
        self.database = database
        self.running = asyncio.create_task(writer.run())

    async def ended(self) -> BaseException | None:
        await asyncio.wait({self.running}, timeout=5)
        return self.running.exception()


@asynccontextmanager
async def leading(*, rehearsal: bool = False) -> AsyncIterator[Both]:
    host, database = SetClock(), SetClock()
    store = MemoryStore("tally", database.now_ms)
    log = MemoryLog(store)
    await log.lead()
    engine: Engine[Tally] = Engine("tally", tally.decider(), tally.WIRE, Tracing())
    both = Both(Writer(engine, log, Metrics(), host), store, host, database)
    await both.writer.insist(asked("service:tally", "", OpenLog(rehearsal)))
    await both.writer.insist(asked("participant:ada", "", AddLater(NOW_MS + 60_000)))
    yield both
    both.running.cancel()
    await asyncio.wait({both.running})


@pytest.mark.parametrize("off_ms", SLOW_OR_FAST)
async def test_a_host_whose_clock_is_wrong_moves_the_markets_time_by_no_record(off_ms: int) -> None:
    async with leading() as both:
        before = list(both.store.records)
        both.host.shows_ms += off_ms
        with pytest.raises(Unavailable):
            await both.writer.submit(Add(1), call_of("participant:ada", "r1"))
        assert isinstance(await both.ended(), ClockSkewed)
        assert both.store.records == before


@pytest.mark.parametrize("off_ms", [60_000, YEARS_MS])
async def test_a_fast_host_does_nothing_that_is_not_due(off_ms: int) -> None:
    async with leading() as both:
        both.host.shows_ms += off_ms
        with pytest.raises(Unavailable):
            await Timers(both.writer).run_overdue()
        assert isinstance(await both.ended(), ClockSkewed)
        assert "tally.Added" not in [record.type for record in both.store.records]


async def test_a_slow_host_does_not_go_on_while_what_is_due_waits() -> None:
    async with leading() as both:
        both.database.shows_ms += 60_000
        await Timers(both.writer).run_overdue()
        assert not both.running.done(), "by its own clock nothing is due"
        with pytest.raises(Unavailable):
            await both.writer.read(lambda _: None)
        assert isinstance(await both.ended(), ClockSkewed)


async def test_a_rehearsals_clock_is_its_own() -> None:
    async with leading(rehearsal=True) as both:
        both.database.shows_ms += YEARS_MS
        both.host.shows_ms -= YEARS_MS
        await both.writer.submit(Add(1), call_of("participant:ada", "r1"))
        assert both.writer.now_ms() == NOW_MS


async def test_a_replica_whose_clock_is_wrong_is_told_before_it_leads() -> None:
    log = MemoryLog(MemoryStore("tally", lambda: NOW_MS))
    assert await compare_clocks(log, lambda: NOW_MS + CLOCK_SKEW_MS_MAX) == NOW_MS
    for off_ms in SLOW_OR_FAST:
        with pytest.raises(ClockSkewed, match="CLOCK_SKEW_MS_MAX is 1000: set the one that is wrong"):
            await compare_clocks(log, SetClock(NOW_MS + off_ms).now_ms)


def test_a_slow_way_is_not_taken_for_a_slow_clock() -> None:
    check_skew(NOW_MS, NOW_MS + 30_000, NOW_MS + 30_000)
    check_skew(NOW_MS, NOW_MS, NOW_MS + 30_000)
    with pytest.raises(ClockSkewed, match="behind"):
        check_skew(NOW_MS, NOW_MS + 30_000, NOW_MS + 30_000 - CLOCK_SKEW_MS_MAX - 1)


async def test_a_log_that_is_ahead_of_both_clocks_names_its_first_record_that_is() -> None:
    async with leading() as both:
        for number in range(5):
            await both.writer.submit(Add(1), call_of("participant:ada", f"timely {number}"))
        timely = len(both.store.records)
        both.host.shows_ms = both.database.shows_ms = NOW_MS + YEARS_MS
        for number in range(4):
            await both.writer.submit(Add(1), call_of("participant:ada", f"ahead {number}"))
        both.host.shows_ms = both.database.shows_ms = NOW_MS

        log, head = both.writer.log, both.writer.engine.head.position
        for count in range(1, head + 1):
            limit_ms = both.store.records[count - 1].recorded_ms - 1
            assert both.store.records[await first_beyond(log, head, limit_ms) - 1].recorded_ms > limit_ms
        with pytest.raises(ClockSkewed, match=rf"first record that lies ahead is {timely + 1}\. .*runbook"):
            await check_not_ahead(log, head, both.writer.engine.shell.now_ms, NOW_MS)
        await check_not_ahead(log, head, both.writer.engine.shell.now_ms, NOW_MS + YEARS_MS)
