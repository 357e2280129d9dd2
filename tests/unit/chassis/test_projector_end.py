"""A projector that is cancelled ends, even if the broken connection's error hides the cancellation."""

import asyncio
from typing import Any

import pytest

from chassis.core.record import Record
from chassis.core.shell import SHELL_KINDS, LogOpened
from chassis.core.wire import Wire
from chassis.followers.projections import Projector

OPENED = (Record(1, "carbonmarket.log.v1.LogOpened", b"", 0, "service:here"), LogOpened("here", True))


class OneRecord:
    """A tail that has a record and then nothing."""

    async def beyond(self, position: int, seconds: float) -> bool:
        return position == 0

    async def read(self, after_position: int, records_max: int) -> list[tuple[Record, object]]:
        return [OPENED]


class BreakingTables:
    """Their connection is gone by the time that a statement on it is cancelled."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def write(self, *batch: object) -> None:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError("connection is closed") from None


async def test_a_projector_ends_when_it_is_told_to_although_its_connection_breaks() -> None:
    tables, tail = BreakingTables(), OneRecord()
    standing: Any = ("tally", tail, {}, Wire(*SHELL_KINDS), tables)
    running = asyncio.create_task(Projector(*standing).run())
    await tables.asked.wait()
    running.cancel()
    done, _ = await asyncio.wait({running}, timeout=5)
    assert done == {running}
    with pytest.raises(ConnectionError):
        running.result()
