"""The publisher's pauses and checkpoints; what it sends and when it goes on are proved by the simulation."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from chassis.core.record import Record
from chassis.followers import publisher
from chassis.followers.publisher import GATHER_SECONDS_MAX, GATHER_SECONDS_MIN, Publisher, pause_after
from chassis.log.progress import Progress
from support.shell.hearing import source_records


class Log(Progress):
    """What is read of it comes a record at a time."""

    def __init__(self, records: Sequence[Record]) -> None:
        super().__init__()
        self._records = records
        self.reach(len(records))

    async def read(self, after_position: int, records_max: int) -> list[tuple[Record, object]]:
        return [(record, None) for record in self._records[after_position : after_position + 1]]


class Sent:
    def __init__(self) -> None:
        self.positions: list[int] = []

    async def send(self, records: Sequence[Record]) -> None:
        self.positions += [record.position for record in records]


class Checkpoints:
    def __init__(self) -> None:
        self.saved: list[int] = []

    async def load_checkpoint(self, follower: str) -> int:
        return 2

    async def save_checkpoint(self, follower: str, position: int) -> None:
        self.saved.append(position)


def test_the_pause_after_a_send_grows_with_what_was_sent_up_to_a_bound() -> None:
    assert pause_after(1) == GATHER_SECONDS_MIN < pause_after(20) < pause_after(publisher.BATCH_RECORDS_MAX)
    assert pause_after(publisher.BATCH_RECORDS_MAX) == GATHER_SECONDS_MAX


async def test_the_checkpoint_is_saved_when_nothing_more_comes_and_not_at_each_send(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publisher, "CHECKPOINT_SECONDS", 3_600.0)
    sent, checkpoints = Sent(), Checkpoints()
    log: Any = Log(source_records(9))
    tables: Any = checkpoints
    producer: Any = sent
    running = asyncio.create_task(Publisher(log, producer, tables).run())
    async with asyncio.timeout(30):
        while len(sent.positions) < 7:
            await asyncio.sleep(0.001)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert (sent.positions, checkpoints.saved) == ([3, 4, 5, 6, 7, 8, 9], [])
    monkeypatch.setattr(publisher, "CHECKPOINT_SECONDS", 0.001)
    again = asyncio.create_task(Publisher(log, producer, tables).run())
    async with asyncio.timeout(30):
        while not checkpoints.saved or checkpoints.saved[-1] < 9:
            await asyncio.sleep(0.001)
    again.cancel()
    with suppress(asyncio.CancelledError):
        await again
