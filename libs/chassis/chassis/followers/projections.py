"""Projections: events become rows that queries read. Nothing is decided here.

The rows, the accounts' feeds and the checkpoint of a batch are written in one transaction. Handlers only say what to
write: statements are sent in the order they were said, equal neighbours together. What cannot be written is tried
again: tables that stand still are an alarm, but no reason to stop the market.

Rows are derived, so `python -m <service> rebuild-tables` may empty them at any time: the follower finds its checkpoint
moved, begins anew, and nobody reads them before they are whole again.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chassis.core.call import Unavailable
from chassis.core.record import Record
from chassis.core.shapes import check_min_position
from chassis.core.wire import Wire
from chassis.edges.protocols import FeedEntry, Row, TableStore
from chassis.followers.rows import Rows
from chassis.log.progress import Progress
from chassis.log.writer import ASK_AGAIN, Tail

BATCH_RECORDS_MAX = 1_000
CATCH_UP_SECONDS_MAX = 10.0
RETRY_SECONDS = 5.0
LOOK_SECONDS = 2.0
"""So often, when there is nothing to write, the checkpoint is looked at."""
FOLLOWER = "projections"
REBUILT = "projections, whole from"
"""A checkpoint beside the follower's: its tables are not read before it has come so far."""

logger = logging.getLogger(__name__)

Handlers = Mapping[type, Callable[[Rows, Any, Record], None]]


class Projector(Progress):
    """Follows the log into tables, and wakes those who wait for a position."""

    def __init__(self, tail: Tail, handlers: Handlers, wire: Wire, tables: TableStore) -> None:
        super().__init__()
        self._tail = tail
        self._handlers = handlers
        self._wire = wire
        self._tables = tables
        self._sequences: dict[str, int] = {}
        self._whole_from = 0
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}

    async def load(self) -> None:
        """Where it stands, before anybody may ask."""
        self._whole_from = await self._tables.load_checkpoint(REBUILT)
        self.reach(await self._tables.load_checkpoint(FOLLOWER))
        self._sequences = await self._tables.load_sequences()

    async def run(self) -> None:
        """Projects until cancelled, from where `load` found it."""
        while True:
            is_behind = await self._tail.beyond(self.position, LOOK_SECONDS)
            batch = await self._tail.read(self.position, BATCH_RECORDS_MAX) if is_behind else ()
            try:
                if batch:
                    await self._project(batch)
                elif await self._tables.load_checkpoint(FOLLOWER) != self.position:
                    logger.warning("somebody moved the tables' checkpoint: they are written from there")
                    await self.load()
            except Exception as error:
                if is_cancelled():
                    raise
                logger.critical("the tables stay as of %d: %r", self.position, error, exc_info=error)
                await asyncio.sleep(RETRY_SECONDS)
                await self.load()

    async def _project(self, batch: Sequence[tuple[Record, object]]) -> None:
        rows = Rows()
        feed: list[FeedEntry] = []
        sequences: dict[str, int] = {}
        for record, event in batch:
            handle = self._handlers.get(type(event))
            if handle is not None:
                handle(rows, event, record)
            for account in sorted(set(self._wire.by_event[type(event)].accounts(event))):
                sequences[account] = sequences.get(account, self._sequences.get(account, 0)) + 1
                feed.append((account, sequences[account], record.position))
        position = batch[-1][0].position
        await self._tables.write(FOLLOWER, self.position, position, rows.statements, feed)
        self._sequences |= sequences
        self.reach(position)
        for account in sequences:
            for waiting in self._waiting.pop(account, ()):
                if not waiting.done():
                    waiting.set_result(None)

    async def beyond_sequence(self, account: str, sequence: int, seconds: float) -> bool:
        """Whether an account's feed goes beyond `sequence`; waits until it grows, or for so many seconds. Nobody is
        woken by what does not concern its account.
        """
        if self._sequences.get(account, 0) <= sequence and seconds > 0:
            grown: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            waiting = self._waiting.setdefault(account, [])
            waiting.append(grown)
            try:
                await asyncio.wait({grown}, timeout=seconds)
            finally:
                waiting.remove(grown)
                if not waiting and self._waiting.get(account) is waiting:
                    del self._waiting[account]
        return self._sequences.get(account, 0) > sequence

    async def feed_end(self, account: str, asked: int) -> int:
        """The sequence of the last record in an account's feed; 0 while there is none. Raises Unavailable as
        `log_end` does.
        """
        if asked > self._sequences.get(account, 0):
            await self._tail.prove_anew()
        self.check_readable()
        return self._sequences.get(account, 0)

    async def log_end(self, asked: int) -> int:
        """Where the log itself ends, for who asks for a position. Raises Unavailable where nothing may be read here
        (check_readable). That a position is beyond the end is said only on a proof of leadership made since: another
        replica may have led, and recorded more.
        """
        if asked > self._tail.position:
            await self._tail.prove_anew()
        self.check_readable()
        return self._tail.position

    async def wait_for(self, position: int) -> None:
        """Returns when the tables show `position`. Raises Unavailable if that takes too long, and BeyondEnd at once
        where the log itself does not reach so far: there is nothing to wait for.
        """
        check_min_position(position, await self.log_end(position))
        if not await self.beyond(position - 1, CATCH_UP_SECONDS_MAX):
            raise Unavailable(f"tables stand at {self.position}, asked for {position}")

    def check_readable(self) -> None:
        """Raises Unavailable where the log takes no append (who leads now, and what is true, nobody can tell here), and
        while the tables are being rebuilt.
        """
        if not self._tail.is_proved():
            raise Unavailable(ASK_AGAIN)
        if self.position < self._whole_from:
            raise Unavailable(f"the tables are being rebuilt, {self.position} of {self._whole_from} records")


def is_cancelled() -> bool:
    """Whether this task is told to end: a statement that is cancelled on a broken connection raises the connection's
    error in place of the cancellation.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Tables:
    """Read access for queries."""

    def __init__(self, store: TableStore, projector: Projector) -> None:
        self._store = store
        self._projector = projector

    @property
    def position(self) -> int:
        """What an answer shows at least: read before its rows, so that they show no less."""
        return self._projector.position

    async def log_end(self, asked: int) -> int:
        """Where the log itself ends; the tables may be behind. Raises Unavailable."""
        return await self._projector.log_end(asked)

    async def feed_end(self, account: str, asked: int) -> int:
        """Where an account's feed ends, for who asks for a place in it. Raises Unavailable."""
        return await self._projector.feed_end(account, asked)

    async def wait_for(self, position: int) -> None:
        """Returns when the tables, and with them the state, show a position. Raises as the projector's does."""
        await self._projector.wait_for(position)

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Row]:
        """Rows by name. Raises Unavailable."""
        self._projector.check_readable()
        return await self._store.fetch(sql, *arguments)

    async def fetch_one(self, sql: str, *arguments: Any) -> Row | None:
        rows = await self.fetch(sql, *arguments)
        return rows[0] if rows else None

    async def feed_beyond(self, account: str, sequence: int, seconds: float) -> bool:
        """Whether an account's feed goes beyond `sequence`; waits for so many seconds until it does. Raises
        Unavailable.
        """
        is_beyond = await self._projector.beyond_sequence(account, sequence, seconds)
        self._projector.check_readable()
        return is_beyond

    async def read_feed(self, account: str, after_sequence: int, records_max: int) -> list[tuple[int, Record]]:
        """The records that concern an account, by its own sequence. Raises Unavailable."""
        self._projector.check_readable()
        return await self._store.read_feed(account, after_sequence, records_max)
