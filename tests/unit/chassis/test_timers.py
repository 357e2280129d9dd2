"""Timers: what falls due, on the clock's way or overdue at start; what fails, and what cannot be applied."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from chassis.core.call import Bug, RequestIdReused
from chassis.core.decider import Context, Decider, Rejected, Timer
from chassis.core.engine import Engine
from chassis.core.keys import Found, Key
from chassis.core.record import first_fault, genesis
from chassis.core.shell import CLOCK_MS_MAX, ClockMoved, MoveClock, OpenLog
from chassis.core.submission import DueTimer
from chassis.followers.timers import RehearsalClock, Timers
from chassis.log.machine_clock import MachineClock
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.writer import Writer, catch_up
from chassis.say.telemetry import Metrics
from chassis.say.traceparent import is_well_formed
from chassis.say.tracing import Tracing, is_sampled
from support.shell import tally
from support.shell.asking import asked, call_of
from support.shell.tally import Add, AddLater, Ring, Tally

OPERATOR = "exchange_operator:eve"


def failing(error: Callable[[], Exception], at_ms: int) -> Decider[Tally]:
    """A domain whose timer of one moment fails."""
    sound = tally.decider()

    def ring(state: Tally, command: Ring, context: Context) -> list[object]:
        if command.due_ms == at_ms:
            raise error()
        return sound.decide[Ring](state, command, context)

    return Decider(sound.initial, {**sound.decide, Ring: ring}, sound.evolve, sound.due)


@asynccontextmanager
async def rehearsal(
    decider: Decider[Tally], store: MemoryStore | None = None
) -> AsyncIterator[tuple[Writer[Tally], RehearsalClock]]:
    """A market with three timers, at 3,000, 4,000 and 9,000; goes on with a store that has them."""
    log = MemoryLog(store or MemoryStore("tally"))
    await log.lead()
    engine: Engine[Tally] = Engine("tally", decider, tally.WIRE, Tracing())
    await catch_up(engine, log)
    writer = Writer(engine, log, Metrics(), MachineClock(1_000))
    writer.tail.start_at(engine.head.position)
    running = asyncio.create_task(writer.run())
    if engine.head.position == 0:
        await writer.insist(asked("service:tally", "", OpenLog(True)))
        for due_ms in (3_000, 4_000, 9_000):
            await writer.insist(asked("participant:ada", "", AddLater(due_ms)))
    yield writer, RehearsalClock(writer)
    running.cancel()
    await asyncio.wait([running])
    await log.close()


async def test_a_rehearsals_clock_steps_from_timer_to_timer() -> None:
    async with rehearsal(tally.decider()) as (writer, clock):
        moved = await clock.move(MoveClock(5_000), call_of(OPERATOR, "move"))
        assert (writer.engine.state.total, moved.only(ClockMoved).now_ms, writer.now_ms()) == (2, 5_000, 5_000)
        records = await writer.log.read(0, 100)
        assert [r.recorded_ms for r in records if r.role == "timer" and r.request_id] == [3_000, 4_000]
        assert await clock.move(MoveClock(5_000), call_of(OPERATOR, "move")) == moved, "a repeat gets the first answer"


async def test_a_move_that_is_refused_does_nothing_that_would_have_fallen_due() -> None:
    async with rehearsal(tally.decider()) as (writer, clock):
        await clock.move(MoveClock(2_000), call_of(OPERATOR, "move"))
        before = writer.engine.head
        for to_ms, request_id, reason in (
            (CLOCK_MS_MAX + 1, "beyond", "CLOCK_OUT_OF_RANGE"),
            (1_999, "back", "CLOCK_MOVED_BACK"),
            (5_000, "", "REQUEST_ID_MISSING"),
        ):
            with pytest.raises(Rejected) as refused:
                await clock.move(MoveClock(to_ms), call_of(OPERATOR, request_id))
            assert refused.value.reason == reason
        with pytest.raises(RequestIdReused):
            await clock.move(MoveClock(5_000), call_of(OPERATOR, "move"))
        assert writer.engine.head == before


async def test_a_timer_with_a_bug_stops_the_clock_where_it_is_due_and_the_log_stays_whole() -> None:
    async with rehearsal(failing(lambda: ZeroDivisionError("a bug"), at_ms=4_000)) as (writer, clock):
        for _ in range(2):
            with pytest.raises(Bug):
                await clock.move(MoveClock(10_000), call_of(OPERATOR, "move"))
            assert (writer.now_ms(), writer.engine.state.total) == (4_000, 1)
        await writer.insist(asked("participant:ada", "", Add(7)))
        records = await writer.log.read(0, 100)
        assert first_fault(genesis("tally"), records) is None
        assert [record.request_id for record in records if record.role == "exchange_operator"] == []


async def test_a_timer_that_is_set_aside_holds_up_those_behind_it_but_not_the_time() -> None:
    store = MemoryStore("tally")
    decider = failing(lambda: Rejected("BELL_BROKEN"), at_ms=4_000)
    async with rehearsal(decider, store) as (writer, clock):
        await clock.move(MoveClock(10_000), call_of(OPERATOR, "move"))
        assert (writer.now_ms(), writer.engine.state.total) == (10_000, 1)
        await clock.move(MoveClock(11_000), call_of(OPERATOR, "again"))
        assert [event.reason for event in writer.engine.shell.set_aside.values()] == ["BELL_BROKEN"]
    async with rehearsal(decider, store) as (writer, clock):
        await clock.move(MoveClock(12_000), call_of(OPERATOR, "after a restart"))
        assert len(writer.engine.shell.set_aside) == 1


async def test_a_timer_that_an_older_release_did_otherwise_does_not_hold_up_the_clock() -> None:
    store = MemoryStore("tally")
    store.commands[Key("timer:tally", "", "ring/3000")] = Found(b"as an older release wrote it", 1, 1)
    async with rehearsal(tally.decider(), store) as (writer, clock):
        await clock.move(MoveClock(5_000), call_of(OPERATOR, "move"))
        assert writer.now_ms() == 5_000


async def test_a_timer_due_twice_happens_once() -> None:
    async with rehearsal(tally.decider()) as (writer, clock):
        await clock.move(MoveClock(3_000), call_of(OPERATOR, "move"))
        timer = writer.engine.due()
        assert timer is not None and timer.due_ms == 4_000
        await clock.move(MoveClock(4_500), call_of(OPERATOR, "on"))
        await writer.insist(DueTimer("tally", timer))
        assert writer.engine.state.total == 2


async def test_a_timer_that_is_not_due_yet_causes_nothing_and_happens_when_it_is() -> None:
    async with rehearsal(tally.decider()) as (writer, clock):
        timer = writer.engine.due()
        assert timer is not None and timer.due_ms > writer.now_ms()
        assert (await writer.insist(DueTimer("tally", timer))).events == ()
        await clock.move(MoveClock(timer.due_ms), call_of(OPERATOR, "move"))
        assert writer.engine.state.total == 1


async def trace_with(carried: str) -> str:
    """Of the record that a timer causes which carries its subject's trace."""
    sound = tally.decider()
    timer = Timer(0, "order", tally.Order("bread"), traces={"order/bread": carried})
    async with rehearsal(Decider(sound.initial, sound.decide, sound.evolve, lambda _: timer)) as (writer, _):
        await writer.insist(DueTimer("tally", timer))
        return (await writer.log.read(1, 100))[-1].traceparent


async def test_a_timers_event_continues_the_trace_that_the_timer_carries_for_its_subject() -> None:
    sampled = f"00-{'a' * 32}-{'1' * 16}-01"
    assert await trace_with(sampled) == sampled


@pytest.mark.parametrize("carried", ["", "nonsense-01", "x" * 1_000_000, "00-" + "g" * 32 + "-" + "1" * 16 + "-01"])
async def test_a_subjects_trace_that_is_none_is_left_out(carried: str) -> None:
    begun = await trace_with(carried)
    assert is_well_formed(begun) and not is_sampled(begun), "its own"


async def test_an_overdue_timer_that_fails_ends_neither_the_start_nor_the_service() -> None:
    for error, left in ((lambda: ZeroDivisionError("a bug"), 0), (lambda: Rejected("BELL_BROKEN"), 1)):
        log = MemoryLog(MemoryStore("tally"))
        await log.lead()
        on: Engine[Tally] = Engine("tally", failing(error, at_ms=4_000), tally.WIRE, Tracing())
        writer = Writer(on, log, Metrics())
        running = asyncio.create_task(writer.run())
        await writer.insist(asked("service:tally", "", OpenLog(False)))
        for due_ms in (3_000, 4_000, 9_000):
            await writer.insist(asked("participant:ada", "", AddLater(due_ms)))
        await Timers(writer).run_overdue()
        assert on.state.total == 1, "those before it are done, those behind it wait"
        assert len(on.shell.set_aside) == left
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])


async def test_a_timer_that_waits_for_a_release_is_tried_again_and_logged_once_as_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("chassis.followers.timers.STUCK_SECONDS", 0.01)
    tries, tried_again = 0, asyncio.Event()

    def not_active() -> Exception:
        nonlocal tries
        tries += 1
        if tries > 3:
            tried_again.set()
        return Rejected("RELEASE_NOT_ACTIVE", release_level=1)

    log = MemoryLog(MemoryStore("tally"))
    await log.lead()
    on: Engine[Tally] = Engine("tally", failing(not_active, at_ms=3_000), tally.WIRE, Tracing())
    writer = Writer(on, log, Metrics())
    running = [asyncio.create_task(writer.run())]
    await writer.insist(asked("service:tally", "", OpenLog(False)))
    await writer.insist(asked("participant:ada", "", AddLater(3_000)))
    running.append(asyncio.create_task(Timers(writer).run()))
    async with asyncio.timeout(30):
        await tried_again.wait()
    of_timers = [record for record in caplog.records if record.name == "chassis.followers.timers"]
    assert [record.levelname for record in of_timers] == ["WARNING"]
    assert "ring/3000: Ring waits until a release is activated" in of_timers[0].getMessage()
    for task in running:
        task.cancel()
    await asyncio.wait(running)
