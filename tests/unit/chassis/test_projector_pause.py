"""Between two writes a projector pauses, so that a batch grows; not where somebody waits for what is not written, nor
before a batch that is full.
"""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from chassis.core.record import Record
from chassis.core.shell import SHELL_KINDS, LogOpened
from chassis.core.wire import Wire
from chassis.followers import projections
from chassis.followers.projections import Projector
from chassis.log.progress import Progress

EVENT = LogOpened("here", True)


def record_at(position: int) -> Record:
    return Record(position, "carbonmarket.log.v1.LogOpened", b"", 0, "service:here")


class GrowingTail(Progress):
    """A log that grows when it is told to."""

    def is_proved(self) -> bool:
        return True

    async def read(self, after_position: int, records_max: int) -> list[tuple[Record, object]]:
        upto = min(after_position + records_max, self.position)
        return [(record_at(position), EVENT) for position in range(after_position + 1, upto + 1)]


class CountedTables:
    """`written` is up to which position each write went."""

    def __init__(self) -> None:
        self.written: list[int] = []

    async def write(self, follower: str, before: int, position: int, *rows: object) -> None:
        self.written.append(position)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_comes_during_the_pause_is_written_together_and_at_once_when_somebody_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(projections, "GATHER_SECONDS", 3_600)
    tables, tail = CountedTables(), GrowingTail()
    standing: Any = ("tally", tail, {}, Wire(*SHELL_KINDS), tables)
    projector = Projector(*standing)
    running = asyncio.create_task(projector.run())
    for position in (1, 2, 3):
        tail.reach(position)
        await settle()
    assert tables.written == [1]
    await projector.wait_for(1)
    assert tables.written == [1], "the pause goes on: what was asked for is written"
    async with asyncio.timeout(60):
        await asyncio.gather(projector.wait_for(2), projector.wait_for(3))
    assert tables.written == [1, 3]
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_full_batch_is_written_without_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projections, "GATHER_SECONDS", 3_600)
    tables, tail = CountedTables(), GrowingTail()
    standing: Any = ("tally", tail, {}, Wire(*SHELL_KINDS), tables)
    running = asyncio.create_task(Projector(*standing).run())
    tail.reach(2 * projections.BATCH_RECORDS_MAX + 1)
    await settle()
    full = projections.BATCH_RECORDS_MAX
    assert tables.written == [full, 2 * full], "the last one, alone, waits for more"
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
