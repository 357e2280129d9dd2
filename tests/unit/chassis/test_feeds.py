"""Feeds: who waits for an account's next record is woken by it, and by nothing that concerns others."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from carbonmarket.log.v1 import log_service_pb2 as pb
from chassis.core.engine import Engine
from chassis.core.record import Record
from chassis.followers.projections import Projector, Tables
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.writer import Writer
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from chassis.serving.log_service import Followed, LogService
from support.shell import tally
from support.shell.asking import call_of
from support.shell.tally import Order, Tally

AUDITOR = call_of("auditor:aud")


class MemoryTables:
    """A feed in memory that counts how often it is read, and does not write when told."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.feed: list[tuple[str, int, int]] = []
        self.reads = 0

    async def load_checkpoint(self, follower: str) -> int:
        return 0

    async def load_sequences(self) -> dict[str, int]:
        return {account: sequence for account, sequence, _ in self.feed}

    async def write(self, follower: str, before: int, position: int, statements: object, feed: Sequence[Any]) -> None:
        self.feed += feed

    async def read_feed(self, account: str, after_sequence: int, records_max: int) -> list[tuple[int, Record]]:
        self.reads += 1
        return [
            (sequence, self._store.records[position - 1])
            for name, sequence, position in self.feed
            if name == account and sequence > after_sequence
        ][:records_max]


@asynccontextmanager
async def fed() -> AsyncIterator[tuple[LogService, Writer[Tally], MemoryTables, Projector]]:
    store = MemoryStore("tally")
    log = MemoryLog(store)
    await log.lead()
    engine: Engine[Tally] = Engine("tally", tally.decider(), tally.WIRE, Tracing(), frozenset({Order}))
    writer = Writer(engine, log, Metrics())
    store_of_tables: Any = MemoryTables(store)
    projector = Projector(writer.tail, {}, engine.wire, store_of_tables)
    await projector.load()
    running = [asyncio.create_task(part) for part in (writer.run(), projector.run())]
    await writer.read(lambda _: None)  # proves the leadership
    service = LogService(writer, Tables(store_of_tables, projector), lambda: Followed([], [], []))
    yield service, writer, store_of_tables, projector
    for task in running:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*running)


def ask(account: str, after: int = 0, wait_ms: int = 30_000) -> pb.ReadFeedRequest:
    return pb.ReadFeedRequest(account=account, after_sequence=after, wait_ms=wait_ms)


async def test_of_many_that_wait_only_the_account_that_is_concerned_is_woken_and_read() -> None:
    async with fed() as (service, writer, tables, projector):
        polls = {f"p{n}": asyncio.create_task(service.ReadFeed(ask(f"p{n}"), AUDITOR)) for n in range(200)}
        await asyncio.sleep(0)
        done = await writer.submit(Order("p7"), call_of("auditor:aud", "r1"))
        (record,) = (await asyncio.wait_for(polls.pop("p7"), 5)).records
        assert (record.sequence, record.record.position) == (1, done.position)
        await asyncio.sleep(0.05)
        assert not any(poll.done() for poll in polls.values())
        assert tables.reads == 1
        for poll in polls.values():
            poll.cancel()
        await asyncio.wait(polls.values())
        assert projector._waiting == {}, "who left is not remembered"


async def test_what_is_there_already_is_not_waited_for_and_an_end_in_vain_reads_nothing() -> None:
    async with fed() as (service, writer, tables, projector):
        for number in range(3):
            done = await writer.submit(Order("p1"), call_of("auditor:aud", f"r{number}"))
        await projector.wait_for(done.position)
        answer = await asyncio.wait_for(service.ReadFeed(ask("p1", after=1), AUDITOR), 5)
        assert [record.sequence for record in answer.records] == [2, 3]
        assert list((await service.ReadFeed(ask("p1", after=3, wait_ms=20), AUDITOR)).records) == []
        assert list((await service.ReadFeed(ask("p1", after=3, wait_ms=0), AUDITOR)).records) == []
        assert tables.reads == 1


async def test_several_who_wait_for_one_account_are_all_told() -> None:
    async with fed() as (service, writer, _, _projector):
        polls = [asyncio.create_task(service.ReadFeed(ask("p1"), AUDITOR)) for _ in range(5)]
        await asyncio.sleep(0)
        await writer.submit(Order("p1"), call_of("auditor:aud", "r1"))
        answers = await asyncio.wait_for(asyncio.gather(*polls), 5)
        assert [len(answer.records) for answer in answers] == [1] * 5
