"""The end of the log as its leader's followers see it: the newest committed records, kept in memory with their events,
and how long ago it was proved that this replica leads. The writer extends it after each commit (writer.py).
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any

from chassis.core.call import Unavailable
from chassis.core.engine import Batch, Engine
from chassis.core.record import Record
from chassis.log.progress import Progress
from chassis.log.protocol import READ_RECORDS_MAX, Log, Readable

TAIL_RECORDS_MAX = 20_000
TAIL_BYTES_MAX = 64_000_000
PROVED_SECONDS_MAX = 10.0
"""So old the last proof of leadership may be where tables are read: five of those that an idle leader makes."""
ASK_AGAIN = "the log cannot be written now; ask again"


class Tail(Progress):
    """See the module. What is older than the newest is read from the log."""

    def __init__(self, log: Log, engine: Engine[Any], prove: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self._log = log
        self._engine = engine
        self._prove = prove
        self._newest: dict[int, tuple[Record, object]] = {}
        """By position, without a gap from the oldest to the end of the log."""
        self._newest_bytes = 0
        self._oldest = 1
        self._proved_at = -math.inf

    def start_at(self, position: int) -> None:
        self.reach(position)

    def is_proved(self) -> bool:
        """Whether this replica's leadership was proved of late: an append, also one of no records, was committed."""
        return asyncio.get_running_loop().time() - self._proved_at <= PROVED_SECONDS_MAX

    async def prove_anew(self) -> None:
        """Returns when an append that began now is committed. Raises Unavailable where none is: this replica leads no
        more.
        """
        try:
            async with asyncio.timeout(PROVED_SECONDS_MAX):
                await self._prove()
        except TimeoutError:
            raise Unavailable(ASK_AGAIN) from None

    def extend(self, batch: Batch) -> None:
        self._proved_at = asyncio.get_running_loop().time()
        if batch.records:
            if not self._newest:
                self._oldest = batch.records[0].position
            for record, event in zip(batch.records, batch.events, strict=True):
                self._newest[record.position] = record, event
                self._newest_bytes += len(record.data)
            while len(self._newest) > TAIL_RECORDS_MAX or self._newest_bytes > TAIL_BYTES_MAX:
                record, _ = self._newest.pop(self._oldest)
                self._newest_bytes -= len(record.data)
                self._oldest += 1
            self.reach(batch.records[-1].position)

    async def read(self, after_position: int, records_max: int) -> list[tuple[Record, object]]:
        """At most `records_max` committed records after a position, with their events; waits until there is one."""
        await self.beyond(after_position)
        newest = self._among_newest(after_position, records_max)
        if newest is not None:
            return newest
        records = await self._stored(self._log, after_position, records_max)
        return [(record, self._engine.wire.decode(record.type, record.data)) for record in records]

    async def records(self, after_position: int, records_max: int, log: Readable | None = None) -> list[Record]:
        """The records alone, older ones read from `log` where it is given. One that was changed in the database may
        hold no event any more; whoever verifies the log must see it as it is stored.
        """
        await self.beyond(after_position)
        newest = self._among_newest(after_position, records_max)
        if newest is not None:
            return [record for record, _ in newest]
        return await self._stored(log or self._log, after_position, records_max)

    def _among_newest(self, after_position: int, records_max: int) -> list[tuple[Record, object]] | None:
        first = self._oldest if self._newest else self.position + 1
        if after_position + 1 < first:
            return None
        upto = min(after_position + records_max, self.position)
        return [self._newest[position] for position in range(after_position + 1, upto + 1)]

    async def _stored(self, log: Readable, after_position: int, records_max: int) -> list[Record]:
        """Never past what is committed as this process knows it: a follower must not run ahead of the answers."""
        return await log.read(after_position, min(records_max, READ_RECORDS_MAX, self.position - after_position))
