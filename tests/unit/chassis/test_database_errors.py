"""A database that fails for a moment ends no part of the leader: what is stored beside the log is stored again."""

import asyncio
import logging
from contextlib import suppress
from typing import Any

import pytest

from chassis.core.record import Record
from chassis.followers.publisher import Publisher
from chassis.log import retry
from chassis.log.memory_log import MemoryStore
from chassis.log.progress import Progress
from chassis.log.seals import SealedHead, Signer
from support.shell.hearing import (
    KEY,
    SOURCE,
    FakeRemote,
    MemoryForks,
    MemorySeals,
    hearing,
    sealed,
    source_records,
    until_heard,
)


class FailsOnce:
    """Each method of a store fails at its first call, as a connection does that was lost."""

    def __init__(self, store: object) -> None:
        self._store = store
        self.failed: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any) -> Any:
            if name not in self.failed:
                self.failed.add(name)
                raise ConnectionError("the connection was lost")
            return await getattr(self._store, name)(*arguments)

        return call


class Checkpoints:
    def __init__(self) -> None:
        self.position = 0

    async def load_checkpoint(self, follower: str) -> int:
        return self.position

    async def save_checkpoint(self, follower: str, position: int) -> None:
        self.position = position


class RecordsTail(Progress):
    def __init__(self, records: list[Record]) -> None:
        super().__init__()
        self.records = records
        self.reach(len(records))

    async def read(self, after_position: int, records_max: int) -> list[tuple[Record, object]]:
        await self.beyond(after_position)
        return [(record, None) for record in self.records[after_position:][:1]]


class Sent:
    def __init__(self) -> None:
        self.records: list[Record] = []

    async def send(self, records: list[Record]) -> None:
        self.records += records


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "RETRY_SECONDS", 0.01)


async def test_the_publisher_goes_on_after_errors_of_its_database(caplog: pytest.LogCaptureFixture) -> None:
    checkpoints, sent = Checkpoints(), Sent()
    tables: Any = FailsOnce(checkpoints)
    tail: Any = RecordsTail(source_records(3))
    producer: Any = sent
    seals: Any = FailsOnce(MemorySeals())
    publishing = asyncio.create_task(Publisher(tail, producer, tables, Signer(SOURCE, KEY, seals)).run())
    async with asyncio.timeout(30):
        while checkpoints.position < 3 and not publishing.done():
            await asyncio.sleep(0.005)
    assert not publishing.done()
    publishing.cancel()
    with suppress(asyncio.CancelledError):
        await publishing
    assert [record.position for record in sent.records] == [1, 2, 3]
    assert all(record.seal for record in sent.records)
    assert (tables.failed, seals.failed) == ({"load_checkpoint", "save_checkpoint"}, {"keep_seal"})
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]
    assert errors == ["publishing waits: ConnectionError('the connection was lost')"] * 3


async def test_hearing_goes_on_after_errors_of_its_database() -> None:
    remote, forks = FakeRemote(), MemoryForks()
    store: Any = FailsOnce(forks)
    remote.records = source_records(3)
    async with hearing(MemoryStore("tally"), remote, forks=store) as (ear, consumer, _):
        await consumer.batches.put(await sealed(source_records(3)))
        await until_heard(ear, 3)
        other = await sealed(source_records(3, amount=7))
        await consumer.batches.put(other)
        async with asyncio.timeout(30):
            while not forks.proofs:
                await asyncio.sleep(0.005)
    (proof,) = forks.proofs
    assert proof.other == SealedHead(3, other[-1].digest, other[-1].seal)
    assert store.failed == {"fork_proofs", "keep_heard_head", "keep_fork_proof"}


async def test_what_is_tried_again_ends_when_it_is_cancelled_although_its_connection_breaks() -> None:
    began = asyncio.Event()

    async def breaks() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError("connection is closed") from None

    trying = asyncio.create_task(retry.retried("publishing", breaks))
    await began.wait()
    trying.cancel()
    await asyncio.wait({trying}, timeout=5)
    with pytest.raises(ConnectionError):
        trying.result()
