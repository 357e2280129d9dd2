"""The writer when things go wrong: callers that leave, parts that fail after the commit, a state that breaks."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import pytest

from chassis.core.call import Bug, Expired, Overloaded, Unavailable
from chassis.core.decider import Claimed, Context, Decider, Malformed
from chassis.core.engine import Batch, Done, Engine, StateUnusable
from chassis.core.record import Head, HeardUpTo, Record
from chassis.core.submission import HeardRecord
from chassis.log import tail as tail_module
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.protocol import LogUnavailable
from chassis.log.writer import COMMANDS_WAITING_MAX, Writer, catch_up
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from support.shell import tally
from support.shell.asking import call_of
from support.shell.tally import Add, Added, Tally

ADA = "participant:ada"
ADDED_BYTES = len(tally.WIRE.encode(Added(1))[1])


class GatedLog(MemoryLog):
    """Commits when it is let to; its reads fail if the test asks."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.may_commit = asyncio.Event()
        self.may_commit.set()
        self.reads_fail = False
        self.appends_fail = False

    async def append(
        self,
        head: Head,
        records: Sequence[Record],
        heard: Sequence[HeardUpTo],
        host_ms: Callable[[], int] | None = None,
        claims: Sequence[Claimed] = (),
    ) -> None:
        await self.may_commit.wait()
        if self.appends_fail:
            raise LogUnavailable("the append is in doubt")
        await super().append(head, records, heard, host_ms, claims)

    async def read(self, after_position: int, records_max: int) -> list[Record]:
        if self.reads_fail:
            raise OSError("the pool is away")
        return await super().read(after_position, records_max)


@dataclass(frozen=True, slots=True)
class AddTwice:
    amount: int


@dataclass(frozen=True, slots=True)
class Ruin:
    """Causes an event that cannot be applied."""


def add_twice(state: Tally, command: AddTwice, context: Context) -> list[object]:
    return [Added(command.amount), Added(command.amount + 1)]


def ruin(state: Tally, command: Ruin, context: Context) -> list[object]:
    return [Added(tally.TALLY_MAX + 1)]


def troubled() -> Decider[Tally]:
    sound = tally.decider()
    return Decider(sound.initial, {**sound.decide, AddTwice: add_twice, Ruin: ruin}, sound.evolve, sound.due)


@asynccontextmanager
async def writing(
    store: MemoryStore | None = None,
) -> AsyncIterator[tuple[Writer[Tally], GatedLog, "asyncio.Task[None]"]]:
    log = GatedLog(store or MemoryStore("tally"))
    await log.lead()
    engine: Engine[Tally] = Engine("tally", troubled(), tally.WIRE, Tracing())
    await catch_up(engine, log)
    writer = Writer(engine, log, Metrics())
    writer.tail.start_at(engine.head.position)
    running = asyncio.create_task(writer.run())
    yield writer, log, running
    log.may_commit.set()
    running.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await running
    await log.close()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)


@pytest.mark.parametrize("request_id", ["\x00", "a\nb", "\u2028"])
async def test_a_request_id_that_the_database_could_not_hold_is_malformed(request_id: str) -> None:
    async with writing() as (writer, _, _):
        with pytest.raises(Malformed):
            await writer.submit(Add(1), call_of(ADA, request_id))


async def two_batches(writer: Writer[Tally]) -> list["asyncio.Task[Done]"]:
    """One whose append is under way, and one that was decided meanwhile: all that comes later waits for its turn."""
    batches = []
    for name in ("appended", "decided"):
        batches.append(asyncio.create_task(writer.submit(Add(1), call_of(ADA, name))))
        await settle()
    return batches


async def test_of_the_commands_whose_callers_leave_before_their_turn_none_is_decided() -> None:
    store = MemoryStore("tally")
    async with writing(store) as (writer, log, _):
        log.may_commit.clear()
        batches = await two_batches(writer)
        leaving = [asyncio.create_task(writer.submit(Add(100), call_of(ADA, f"r{number}"))) for number in range(20)]
        staying = asyncio.create_task(writer.submit(Add(7), call_of(ADA, "stays")))
        await settle()
        for task in leaving:
            task.cancel()
        await settle()
        log.may_commit.set()
        assert (await staying).position == 3
        await asyncio.gather(*batches)
        assert (await writer.read(lambda state: state.total)).value == 9
        assert (await writer.submit(Add(100), call_of(ADA, "r0"))).position == 4, "its id was not used up"


async def test_a_caller_that_leaves_after_the_decision_does_not_take_it_back() -> None:
    async with writing() as (writer, log, _):
        log.may_commit.clear()
        batches = await two_batches(writer)
        for task in batches:
            task.cancel()
        await settle()
        log.may_commit.set()
        assert (await writer.submit(Add(1), call_of(ADA, "decided"))).position == 2, "the repeat gets the first answer"
        assert (await writer.read(lambda state: state.total)).value == 2


async def test_a_command_whose_deadline_passes_before_its_turn_is_not_decided() -> None:
    async with writing() as (writer, log, _):
        log.may_commit.clear()
        batches = await two_batches(writer)
        now = asyncio.get_running_loop().time()
        late = asyncio.create_task(writer.submit(Add(100), replace(call_of(ADA, "late"), ends_at=now + 0.05)))
        in_time = asyncio.create_task(writer.submit(Add(7), replace(call_of(ADA, "in time"), ends_at=now + 60)))
        await asyncio.sleep(0.1)
        log.may_commit.set()
        with pytest.raises(Expired):
            await late
        assert (await in_time).position == 3
        await asyncio.gather(*batches)
        assert (await writer.read(lambda state: state.total)).value == 9


async def test_a_look_whose_caller_leaves_before_its_turn_is_not_taken_but_what_must_be_decided_is() -> None:
    looked: list[int] = []
    async with writing() as (writer, log, _):
        log.may_commit.clear()
        batches = await two_batches(writer)
        heard = HeardRecord(HeardUpTo("other", 1, b"d"), "", Add(5))
        leaving = [
            asyncio.create_task(writer.read(lambda state: looked.append(state.total))),
            asyncio.create_task(writer.insist(heard)),
        ]
        await settle()
        for task in leaving:
            task.cancel()
        await settle()
        log.may_commit.set()
        await asyncio.gather(*batches)
        assert (await writer.read(lambda state: state.total)).value == 7
        assert looked == []


async def test_a_caller_that_leaves_frees_no_place_in_the_queue_before_its_turn() -> None:
    async with writing() as (writer, log, _):
        log.may_commit.clear()
        batches = await two_batches(writer)
        leaving = [
            asyncio.create_task(writer.submit(Add(0), call_of(ADA, f"r{number}")))
            for number in range(COMMANDS_WAITING_MAX // 2)
        ]
        await settle()
        for task in leaving:
            task.cancel()
        await settle()
        with pytest.raises(Overloaded):
            await writer.submit(Add(0), call_of(ADA, "one more"))
        log.may_commit.set()
        await asyncio.gather(*batches)
        assert (await writer.read(lambda state: state.total)).position == 2
        assert (await writer.submit(Add(7), call_of(ADA, "now"))).position == 3


async def test_what_fails_after_the_commit_leaves_nobody_waiting_and_ends_an_idle_writer() -> None:
    def failing(batch: Batch) -> None:
        raise ZeroDivisionError("a follower with a bug")

    async with writing() as (writer, _, running):
        writer.after_commit.append(failing)
        asked = [asyncio.create_task(writer.submit(Add(1), call_of(ADA, f"r{number}"))) for number in range(3)]
        outcomes = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 2)
        assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
        await asyncio.wait([running], timeout=30)
        assert isinstance(running.exception(), ZeroDivisionError)


async def test_a_repeat_of_several_events_is_read_from_the_log_in_full() -> None:
    store = MemoryStore("tally")
    async with writing(store) as (writer, _, _):
        await writer.submit(Add(5), call_of(ADA, "before"))
        first = await writer.submit(AddTwice(7), call_of(ADA, "twice"))
    async with writing(store) as (writer, _, _):
        again = await writer.submit(AddTwice(7), call_of(ADA, "twice"))
        assert again == first == Done((Added(7), Added(8)), 3)
        assert (await writer.read(lambda state: state.total)).value == 20


async def test_a_repeat_that_cannot_be_read_keeps_nobody_else_waiting() -> None:
    store = MemoryStore("tally")
    async with writing(store) as (writer, _, _):
        await writer.submit(Add(5), call_of(ADA, "r1"))
    async with writing(store) as (writer, log, running):
        log.reads_fail = True
        repeat = asyncio.create_task(writer.submit(Add(5), call_of(ADA, "r1")))
        other = asyncio.create_task(writer.submit(Add(6), call_of(ADA, "r2")))
        assert (await asyncio.wait_for(other, 30)).only(Added) == Added(6)
        with pytest.raises(Unavailable):
            await asyncio.wait_for(repeat, 30)
        await asyncio.wait([running], timeout=30)
        assert isinstance(running.exception(), OSError)


async def test_a_state_that_breaks_in_a_batch_answers_and_appends_nothing_of_that_batch() -> None:
    store = MemoryStore("tally")
    async with writing(store) as (writer, log, running):
        log.may_commit.clear()
        first = asyncio.create_task(writer.submit(Add(1), call_of(ADA, "r1")))
        await settle()
        batch = [
            asyncio.create_task(writer.submit(command, call_of(ADA, f"b{number}")))
            for number, command in enumerate((Add(2), Ruin(), Add(3)))
        ]
        await settle()
        log.may_commit.set()
        for outcome in await asyncio.gather(*batch, return_exceptions=True):
            assert isinstance(outcome, Unavailable)
        assert (await first).position == 1, "what was in flight is finished and answered"
        await asyncio.wait([running], timeout=30)
        assert isinstance(running.exception(), StateUnusable)
    assert [record.position for record in store.records] == [1]


async def test_ending_the_writer_cancels_no_append_that_is_under_way() -> None:
    store = MemoryStore("tally")
    async with writing(store) as (writer, log, running):
        log.may_commit.clear()
        first = asyncio.create_task(writer.submit(Add(1), call_of(ADA, "r1")))
        await settle()
        second = asyncio.create_task(writer.submit(Add(2), call_of(ADA, "r2")))
        await settle()
        running.cancel()
        await settle()
        assert not first.done(), "its append is under way: nobody knows its outcome yet"
        log.may_commit.set()
        assert (await first).position == 1
        with pytest.raises(Unavailable):
            await second
    assert len(store.records) == 1


async def test_an_append_that_fails_while_the_writer_is_being_ended_leaves_no_exception_that_nobody_looked_at() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context["message"]))
    async with writing() as (writer, log, running):
        log.may_commit.clear()
        log.appends_fail = True
        first = asyncio.create_task(writer.submit(Add(1), call_of(ADA, "r1")))
        await settle()
        running.cancel()
        log.may_commit.set()
        with pytest.raises(Unavailable):
            await first
    del writer, log, running, first
    gc.collect()
    assert complaints == []


async def test_a_command_that_ended_the_process_is_not_decided_again_by_the_same_release() -> None:
    store = MemoryStore("tally")
    async with writing(store) as (writer, _, running):
        with pytest.raises(Unavailable):
            await writer.submit(Ruin(), call_of(ADA, "r1"))
        await asyncio.wait({running})
        assert isinstance(running.exception(), StateUnusable)
    async with writing(store) as (writer, _, running):
        for _ in range(2):
            with pytest.raises(Bug, match="it ended the process before"):
                await writer.submit(Ruin(), call_of(ADA, "r1"))
        assert (await writer.submit(Add(1), call_of(ADA, "r2"))).position == 1
        assert not running.done()
    store.culprits = {(name, "another release"): why for (name, _), why in store.culprits.items()}
    async with writing(store) as (writer, _, running):
        with pytest.raises(Unavailable):
            await writer.submit(Ruin(), call_of(ADA, "r1"))


@pytest.mark.parametrize(("bound", "size"), [("TAIL_RECORDS_MAX", 4), ("TAIL_BYTES_MAX", 4 * ADDED_BYTES)])
async def test_a_reader_at_the_border_of_what_memory_keeps_sees_every_record_once(
    bound: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_module, bound, size)
    store = MemoryStore("tally")
    async with writing(store) as (writer, _, _):
        for number in range(7):
            await writer.submit(Add(number + 1), call_of(ADA, f"r{number}"))
        kept = [record.position for record, _ in writer.tail._newest.values()]
        assert kept == [4, 5, 6, 7]
        seen: list[int] = []
        while len(seen) < 7:
            seen += [record.position for record, _ in await writer.tail.read(len(seen), 2)]
        assert seen == [1, 2, 3, 4, 5, 6, 7]
