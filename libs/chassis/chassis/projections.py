"""Projections: events become rows that queries read. Nothing is decided here.

The rows, the accounts' feeds and the checkpoint of a batch are written in one transaction. Handlers only say what to
write: statements are sent in the order they were said, equal neighbours together. What cannot be written is tried
again: tables that stand still are an alarm, but no reason to stop the market.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import asyncpg

from chassis.call import Unavailable
from chassis.checkpoint import MOVE, load_checkpoint
from chassis.postgres_log import Pool
from chassis.progress import Progress
from chassis.record import Record
from chassis.wire import Wire
from chassis.writer import Tail

BATCH_RECORDS_MAX = 1_000
CATCH_UP_SECONDS_MAX = 10.0
RETRY_SECONDS = 5.0
FOLLOWER = "projections"

logger = logging.getLogger(__name__)

Handlers = Mapping[type, Callable[["Rows", Any, Record], None]]


class Rows:
    """What a batch of events writes, in order."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, list[tuple[Any, ...]]]] = []

    def execute(self, sql: str, *arguments: Any) -> None:
        if self.statements and self.statements[-1][0] == sql:
            self.statements[-1][1].append(arguments)
        else:
            self.statements.append((sql, [arguments]))


READ_FEED = """
SELECT feed.sequence, log.position, log.type, log.data, log.recorded_ms, log.actor, log.request_id, log.traceparent,
       log.source_log_id, log.source_position, log.digest
FROM feed JOIN log USING (position)
WHERE feed.account = $1 AND feed.sequence > $2 ORDER BY feed.sequence LIMIT $3
"""


class Projector(Progress):
    """Follows the log into tables, and wakes those who wait for a position."""

    def __init__(self, tail: Tail, handlers: Handlers, wire: Wire, pool: Pool) -> None:
        super().__init__()
        self._tail = tail
        self._handlers = handlers
        self._wire = wire
        self._pool = pool
        self._sequences: dict[str, int] = {}

    async def load(self) -> None:
        """Where it stands, before anybody may ask."""
        self.reach(await load_checkpoint(self._pool, FOLLOWER))
        rows = await self._pool.fetch("SELECT account, max(sequence) AS sequence FROM feed GROUP BY account")
        self._sequences = {row["account"]: row["sequence"] for row in rows}

    async def run(self) -> None:
        """Projects until cancelled, from where `load` found it."""
        while True:
            batch = await self._tail.read(self.position, BATCH_RECORDS_MAX)
            try:
                await self._project(batch)
            except Exception as error:
                if is_cancelled():
                    raise
                logger.critical("the tables stay as of %d: %r", self.position, error, exc_info=error)
                await asyncio.sleep(RETRY_SECONDS)
                await self.load()

    async def _project(self, batch: Sequence[tuple[Record, object]]) -> None:
        rows, feed = Rows(), []
        for record, event in batch:
            handle = self._handlers.get(type(event))
            if handle is not None:
                handle(rows, event, record)
            for account in sorted(set(self._wire.by_event[type(event)].accounts(event))):
                sequence = self._sequences.get(account, 0) + 1
                self._sequences[account] = sequence
                feed.append((account, sequence, record.position))
        position = batch[-1][0].position
        async with self._pool.acquire() as connection, connection.transaction():
            # First of all, so that of two replicas (one leads no more and does not know it) only one writes a batch.
            if await connection.fetchval(MOVE, FOLLOWER, position, self.position) is None:
                raise RuntimeError("another replica has written these rows")
            for sql, arguments in rows.statements:
                if len(arguments) == 1:
                    await connection.execute(sql, *arguments[0])
                else:
                    await connection.executemany(sql, arguments)
            if feed:
                await connection.copy_records_to_table(
                    "feed", records=feed, columns=("account", "sequence", "position")
                )
        self.reach(position)

    async def wait_for(self, position: int) -> None:
        """Returns when the tables show `position`. Raises Unavailable if that takes too long, and at once where the log
        itself does not reach so far: there is nothing to wait for.
        """
        if position > self._tail.position:
            raise Unavailable(f"the log stands at {self._tail.position}, asked for {position}")
        if not await self.beyond(position - 1, CATCH_UP_SECONDS_MAX):
            raise Unavailable(f"tables stand at {self.position}, asked for {position}")


def is_cancelled() -> bool:
    """Whether this task is told to end: a statement that is cancelled on a broken connection raises the connection's
    error in place of the cancellation.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Tables:
    """Read access for queries."""

    def __init__(self, pool: Pool, projector: Projector) -> None:
        self._pool = pool
        self._projector = projector

    @property
    def position(self) -> int:
        return self._projector.position

    def as_of(self, min_position: int) -> int:
        """What an answer shows at least: read before its rows, so that they show no less."""
        return max(self.position, min_position)

    async def fetch(self, sql: str, *arguments: Any, min_position: int = 0) -> list[asyncpg.Record]:
        """Rows by name, once the tables show `min_position`. Raises Unavailable."""
        await self._projector.wait_for(min_position)
        try:
            return await self._pool.fetch(sql, *arguments)
        except asyncpg.CharacterNotInRepertoireError:
            # A text that no table can hold is in none.
            return []
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError) as error:
            raise Unavailable("the tables cannot be read now; ask again") from error

    async def fetch_one(self, sql: str, *arguments: Any, min_position: int = 0) -> asyncpg.Record | None:
        rows = await self.fetch(sql, *arguments, min_position=min_position)
        return rows[0] if rows else None

    async def read_feed(
        self, account: str, after_sequence: int, records_max: int, wait_seconds: float
    ) -> list[tuple[int, Record]]:
        """The records that concern an account, by its own sequence. Waits for one to come if there is none."""
        ends = time.monotonic() + wait_seconds
        while True:
            seen = self._projector.position
            rows = await self.fetch(READ_FEED, account, after_sequence, records_max)
            left = ends - time.monotonic()
            if rows or left <= 0:
                return [(row["sequence"], Record(*list(row.values())[1:])) for row in rows]
            await self._projector.beyond(seen, left)
