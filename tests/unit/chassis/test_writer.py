"""The writer: nothing is answered before its commit, and one append is in flight at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import pytest

from chassis.core.call import Overloaded, RequestIdReused, Unavailable
from chassis.core.decider import Claimed, Malformed, Rejected
from chassis.core.engine import Done, Engine
from chassis.core.record import Head, HeardUpTo, Record
from chassis.log import writer as writer_module
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.protocol import Fenced, LogUnavailable
from chassis.log.writer import BATCH_SUBMISSIONS_MAX, COMMANDS_WAITING_MAX, Writer, catch_up
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from support.shell import tally
from support.shell.asking import call_of
from support.shell.tally import Add, Added, Tally

ADA = "participant:ada"


class SlowLog(MemoryLog):
    """Commits when it is let to, and counts how many appends are under way."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.may_commit = asyncio.Event()
        self.may_commit.set()
        self.under_way = 0
        self.most_under_way = 0
        self.appends = 0
        self.fails_with: Exception | None = None

    async def append(
        self,
        head: Head,
        records: Sequence[Record],
        heard: Sequence[HeardUpTo],
        host_ms: Callable[[], int] | None = None,
        claims: Sequence[Claimed] = (),
    ) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await self.may_commit.wait()
        self.under_way -= 1
        self.appends += 1
        if self.fails_with is not None:
            raise self.fails_with
        await super().append(head, records, heard, host_ms, claims)


@asynccontextmanager
async def writing(store: MemoryStore | None = None) -> AsyncIterator[tuple[Writer[Tally], SlowLog]]:
    log = SlowLog(store or MemoryStore("tally"))
    await log.lead()
    engine: Engine[Tally] = Engine("tally", tally.decider(), tally.WIRE, Tracing())
    await catch_up(engine, log)
    writer = Writer(engine, log, Metrics())
    writer.tail.start_at(engine.head.position)
    running = asyncio.create_task(writer.run())
    yield writer, log
    running.cancel()
    log.may_commit.set()
    with suppress(asyncio.CancelledError, LogUnavailable, Fenced):
        await running


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)


async def test_nothing_is_answered_shown_or_read_before_its_commit() -> None:
    async with writing() as (writer, log):
        log.may_commit.clear()
        answer = asyncio.create_task(writer.submit(Add(1), call_of(ADA, "r1")))
        await settle()
        look = asyncio.create_task(writer.read(lambda state: state.total))
        refusal = asyncio.create_task(writer.submit(Add(tally.TALLY_MAX), call_of(ADA, "r2")))
        repeat = asyncio.create_task(writer.submit(Add(1), call_of(ADA, "r1")))
        await settle()
        assert not any(task.done() for task in (answer, look, refusal, repeat))
        assert writer.tail.position == 0
        log.may_commit.set()
        assert (await answer).only(Added) == Added(1)
        assert (await look).value == 1
        assert (await repeat).position == 1
        with pytest.raises(Rejected):
            await refusal
        assert writer.tail.position == 1


async def test_one_append_is_in_flight_and_what_waits_meanwhile_goes_together() -> None:
    async with writing() as (writer, log):
        log.may_commit.clear()
        tasks = [asyncio.create_task(writer.submit(Add(1), call_of(ADA, "first")))]
        await settle()
        tasks += [asyncio.create_task(writer.submit(Add(1), call_of(ADA, f"r{number}"))) for number in range(50)]
        await settle()
        log.may_commit.set()
        await asyncio.gather(*tasks)
        assert log.most_under_way == 1
        assert log.appends < 10
        assert (await writer.read(lambda state: state.total)).value == 51


async def test_a_repeat_is_recognised_after_a_restart() -> None:
    store = MemoryStore("tally")
    async with writing(store) as (writer, log):
        first = await writer.submit(Add(5), call_of(ADA, "r1"))
        await log.close()
    async with writing(store) as (writer, log):
        assert await writer.submit(Add(5), call_of(ADA, "r1")) == first
        with pytest.raises(RequestIdReused):
            await writer.submit(Add(6), call_of(ADA, "r1"))
        assert (await writer.read(lambda state: state.total)).value == 5


async def test_a_failed_append_answers_unavailable_and_ends_the_writer() -> None:
    async with writing() as (writer, log):
        log.fails_with = LogUnavailable("no space left on device")
        log.may_commit.clear()
        tasks = [asyncio.create_task(writer.submit(Add(1), call_of(ADA, f"r{number}"))) for number in range(3)]
        await settle()
        late = asyncio.create_task(writer.submit(Add(1), call_of(ADA, "late")))
        await settle()
        log.may_commit.set()
        for outcome in await asyncio.gather(*tasks, late, return_exceptions=True):
            assert isinstance(outcome, Unavailable)
        await settle()
        with pytest.raises(Unavailable):
            await writer.submit(Add(1), call_of(ADA, "after"))


async def test_a_writer_that_no_longer_leads_answers_nothing_not_even_a_read() -> None:
    store = MemoryStore("tally")
    async with writing(store) as (writer, _):
        await writer.submit(Add(1), call_of(ADA, "r1"))
        store.leader = MemoryLog(store)
        with pytest.raises(Unavailable):
            await writer.read(lambda state: state.total)


async def test_commands_beyond_the_bound_are_turned_away_but_what_is_heard_is_not() -> None:
    async with writing() as (writer, log):
        log.may_commit.clear()
        deciding = [
            asyncio.create_task(writer.submit(Add(0), call_of(ADA, f"d{n}"))) for n in range(2 * BATCH_SUBMISSIONS_MAX)
        ]
        await settle()
        waiting = [
            asyncio.create_task(writer.submit(Add(0), call_of(f"participant:{n % 10}", f"r{n}")))
            for n in range(COMMANDS_WAITING_MAX * 10 // 11 + 1)
        ]
        await settle()
        with pytest.raises(Overloaded) as full:
            await writer.submit(Add(0), call_of("participant:3", "one more"))
        assert full.value.reason == "TOO_MANY_COMMANDS_WAITING"
        heard = asyncio.create_task(writer.read(lambda state: state.total))
        await settle()
        assert not heard.done()
        log.may_commit.set()
        await asyncio.gather(*deciding, *waiting, heard)


async def test_one_caller_cannot_fill_the_queue_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "COMMANDS_WAITING_MAX", 60)
    async with writing() as (writer, log):
        log.may_commit.clear()
        for name in ("appended", "decided"):
            deciding = asyncio.create_task(writer.submit(Add(0), call_of(ADA, name)))
            await settle()
        taken: dict[str, int] = {}
        asked: list[asyncio.Task[Done]] = []
        for actor in ("participant:greedy", "participant:greedier", "participant:modest"):
            tasks = [asyncio.create_task(writer.submit(Add(0), call_of(actor, f"r{n}"))) for n in range(70)]
            await settle()
            refused = [task for task in tasks if task.done()]
            assert all(isinstance(task.exception(), Overloaded) for task in refused)
            asked += [task for task in tasks if not task.done()]
            taken[actor] = len(tasks) - len(refused)
        assert taken == {"participant:greedy": 30, "participant:greedier": 15, "participant:modest": 8}
        log.may_commit.set()
        await asyncio.gather(deciding, *asked)
        assert (await writer.submit(Add(1), call_of("participant:greedy", "next"))).position == len(asked) + 3


UNUSABLE_IDS: list[tuple[str, str, dict[str, int | str]]] = [
    ("", "REQUEST_ID_MISSING", {}),
    ("x" * 101, "REQUEST_ID_MALFORMED", {"at": 101, "why": "at most 100 characters"}),
    ("r1 ", "REQUEST_ID_MALFORMED", {"at": 3, "why": "a space at the end"}),
]


@pytest.mark.parametrize(("request_id", "reason", "facts"), UNUSABLE_IDS)
async def test_a_command_whose_request_id_is_missing_or_ill_written_is_told_which(
    request_id: str, reason: str, facts: dict[str, int | str]
) -> None:
    async with writing() as (writer, _):
        with pytest.raises(Malformed) as refused:
            await writer.submit(Add(1), call_of(ADA, request_id))
        assert (refused.value.reason, refused.value.facts) == (reason, facts)


async def test_a_follower_reads_only_what_is_committed_from_memory_or_from_the_log() -> None:
    store = MemoryStore("tally")
    async with writing(store) as (writer, log):
        for number in range(5):
            await writer.submit(Add(number), call_of(ADA, f"r{number}"))
        await log.close()
    async with writing(store) as (writer, log):
        await writer.submit(Add(9), call_of(ADA, "r9"))
        everything = [Added(number) for number in (0, 1, 2, 3, 4, 9)]
        assert [event for _, event in await writer.tail.read(0, 100)] == everything
        assert [event for _, event in await writer.tail.read(5, 100)] == everything[5:]
        waiting = asyncio.create_task(writer.tail.read(6, 100))
        log.may_commit.clear()
        answer = asyncio.create_task(writer.submit(Add(1), call_of(ADA, "r10")))
        await settle()
        assert not waiting.done()
        log.may_commit.set()
        await answer
        assert [record.position for record, _ in await waiting] == [7]
