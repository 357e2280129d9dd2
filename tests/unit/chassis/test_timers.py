"""Timers: what falls due, on the clock's way or overdue at start; what fails, and what cannot be applied."""

import asyncio
from collections.abc import Callable

from chassis.call import Bug
from chassis.decider import Context, Decider, Rejected
from chassis.engine import Done, Engine
from chassis.log import Found, Key
from chassis.memory_log import MemoryLog, MemoryStore
from chassis.record import first_fault, genesis
from chassis.shell import ClockMoved, MoveClock, OpenLog
from chassis.submission import AskedCommand, DueTimer
from chassis.telemetry import Metrics
from chassis.timers import Timers
from chassis.tracing import Tracing
from chassis.writer import Writer, catch_up
from support import tally
from support.asking import acting, asked
from support.tally import Add, AddLater, Ring, Tally

OPERATOR = "exchange_operator:eve"


def failing(error: Callable[[], Exception], at_ms: int) -> Decider[Tally]:
    """A domain whose timer of one moment fails."""
    sound = tally.decider()

    def ring(state: Tally, command: Ring, context: Context) -> list[object]:
        if command.due_ms == at_ms:
            raise error()
        return sound.decide[Ring](state, command, context)

    return Decider(sound.initial, {**sound.decide, Ring: ring}, sound.evolve, sound.due)


def rehearsal(decider: Decider[Tally]) -> Engine[Tally]:
    fresh: Engine[Tally] = Engine("tally", decider, tally.WIRE, Tracing())
    fresh.shell.rehearsal, fresh.shell.clock_ms = True, 1_000
    fresh.decide(asked("service:tally", "", OpenLog(True)), {}, 1_000)
    for due_ms in (3_000, 4_000, 9_000):
        fresh.decide(asked("participant:ada", "", AddLater(due_ms)), {}, 1_000)
    return fresh


def move(on: Engine[Tally], to_ms: int, request_id: str = "move") -> Done | Found | Exception:
    return on.decide(asked(OPERATOR, request_id, MoveClock(to_ms)), {}, 1_000)


def test_a_timer_with_a_bug_stops_the_clock_where_it_is_due_and_the_log_stays_whole() -> None:
    on = rehearsal(failing(lambda: ZeroDivisionError("a bug"), at_ms=4_000))
    assert isinstance(move(on, 10_000), Bug)
    assert (on.shell.clock_ms, on.state.total) == (4_000, 1)
    assert isinstance(move(on, 10_000), Bug)
    on.decide(asked("participant:ada", "", Add(7)), {}, 1_000)
    records = on.take_batch().records
    assert first_fault(genesis("tally"), records) is None
    assert [record.request_id for record in records if record.role != "timer" and record.request_id] == []


def test_a_timer_that_is_set_aside_holds_up_those_behind_it_but_not_the_time() -> None:
    on = rehearsal(failing(lambda: Rejected("BELL_BROKEN"), at_ms=4_000))
    moved = move(on, 10_000)
    assert isinstance(moved, Done) and moved.only(ClockMoved).now_ms == on.shell.clock_ms == 10_000
    assert on.state.total == 1
    assert [event.reason for event in on.shell.set_aside.values()] == ["BELL_BROKEN"]
    assert isinstance(move(on, 11_000, "again"), Done)
    assert len(on.shell.set_aside) == 1


async def test_a_timer_that_was_set_aside_is_not_set_aside_again_after_a_restart() -> None:
    store = MemoryStore("tally")
    log = MemoryLog(store)
    await log.lead()
    decider = failing(lambda: Rejected("BELL_BROKEN"), at_ms=3_000)
    on = rehearsal(decider)
    assert isinstance(move(on, 3_500), Done)
    batch = on.take_batch()
    await log.append(batch.head, batch.records, batch.heard)

    again: Engine[Tally] = Engine("tally", decider, tally.WIRE, Tracing())
    await catch_up(again, log)
    writer = Writer(again, log, Metrics())
    submission = asked(OPERATOR, "later", MoveClock(9_500))
    found = await writer.log.find(again.keys_of(submission))
    assert isinstance(again.decide(submission, found, 1_000), Done)
    assert len(again.shell.set_aside) == 1
    keys: list[Key] = [Key(r.subject, r.account, r.request_id) for r in again.take_batch().records if r.command_digest]
    assert not [key for key in keys if key in store.commands], "the database keeps a command's key once"


def test_a_timer_that_an_older_release_set_aside_does_not_hold_up_the_clock() -> None:
    on = rehearsal(failing(lambda: Rejected("BELL_BROKEN"), at_ms=3_000))
    found = {Key("timer:tally", "", "ring/3000"): Found(b"as an older release wrote it", 1, 1)}
    moved = on.decide(asked(OPERATOR, "move", MoveClock(5_000)), found, 1_000)
    assert isinstance(moved, Done) and on.shell.clock_ms == 5_000


def test_a_timer_due_twice_happens_once() -> None:
    on = rehearsal(tally.decider())
    assert isinstance(move(on, 3_000), Done)
    timer = on.due()
    assert timer is not None and timer.due_ms == 4_000
    move(on, 4_500, "on")
    again = on.decide(DueTimer("tally", timer), {}, 1_000)
    assert isinstance(again, Done)
    assert on.state.total == 2


def test_a_subjects_trace_that_is_none_is_left_out() -> None:
    on = rehearsal(tally.decider())
    sampled = f"00-{'a' * 32}-{'1' * 16}-01"
    for carried in ("nonsense-01", "x" * 1_000_000, "00-" + "g" * 32 + "-" + "1" * 16 + "-01"):
        traces = {"order/bread": carried}
        submission = AskedCommand(acting("participant:ada"), "", tally.Order("bread"), sampled, traces)
        assert isinstance(on.decide(submission, {}, 1_000), Done)
    assert {record.traceparent for record in on.take_batch().records[4:]} == {sampled}


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
