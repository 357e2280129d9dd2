"""Projections: events become rows that queries read. Nothing is decided here.

The rows, the accounts' feeds and the checkpoint of a batch are written in one transaction. Handlers only queue
statements: they are sent in that order, equal neighbours together. A write that fails is tried again: tables that do
not advance are an alarm, but no reason to stop the market.

Rows are derived, so `python -m <service> rebuild-tables` may empty them at any time: the follower finds its checkpoint
moved, starts over, and nobody reads the tables before they are complete again. The follower notices this a little
later, and another replica may believe that it still leads. So the database itself counts how often its tables were
emptied: rows count only if that number, as it is where they are read, is still the one with which the tables were known
to be complete.

Whatever an answer consists of is fetched in one reading: all of it is as of one position of the log, which the answer
names.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from chassis.core.call import Unavailable
from chassis.core.feed_chain import FeedEntry, FeedHead, empty_feed, next_head
from chassis.core.record import Record
from chassis.core.shapes import check_position
from chassis.core.wire import Wire
from chassis.edges.protocols import Reading, TableStore
from chassis.followers.rows import Rows
from chassis.log.progress import Progress
from chassis.log.retry import RETRY_SECONDS, is_cancelled
from chassis.log.tail import ASK_AGAIN, Tail

BATCH_RECORDS_MAX = 1_000
CATCH_UP_SECONDS_MAX = 10.0
GATHER_SECONDS = 0.02
"""Between two writes, so that under load a batch grows: in a batch of 100 a record costs half as much as in one of ten.
The pause ends where somebody waits for what is not written yet, and there is none before a full batch. Who asks for no
position may see tables that are so old.
"""
LOOK_SECONDS = 2.0
"""So often, when there is nothing to write, the checkpoint is looked at."""
FOLLOWER = "projections"
REBUILT = "projections, whole from"
"""A second checkpoint: its tables are not read before the follower has reached it."""

logger = logging.getLogger(__name__)

E = TypeVar("E")

Handlers = Mapping[type, Callable[[Rows, Any, Record], None]]
"""By event, made of `writes` and merged."""


def writes(event: type[E], handle: Callable[[Rows, E, Record], None]) -> Handlers:
    return {event: handle}


class Projector(Progress):
    """Follows the log into tables, and wakes those who wait for a position."""

    def __init__(self, log_id: str, tail: Tail, handlers: Handlers, wire: Wire, tables: TableStore) -> None:
        super().__init__()
        self._log_id = log_id
        self._tail = tail
        self._handlers = handlers
        self._wire = wire
        self._tables = tables
        self._feeds: dict[str, FeedHead] = {}
        self._whole_from = 0
        self.times_emptied = 0
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._wanted = asyncio.Event()
        self._wanted_upto = 0

    async def load(self) -> None:
        """Loads how far the tables have come, before anybody may ask."""
        times_emptied = await self._tables.times_emptied()
        positions, feeds = await self._tables.load_feeds((FOLLOWER, REBUILT))
        if await self._tables.times_emptied() != times_emptied:
            raise Unavailable("the tables were emptied while it was read how far they had come")
        self.times_emptied = times_emptied
        self._whole_from = positions[REBUILT]
        self._feeds = dict(feeds)
        self.reach(positions[FOLLOWER])

    async def run(self) -> None:
        """Projects until cancelled, from where `load` found it. Whatever fails is tried again, from where the tables
        are then.
        """
        must_load = False
        while True:
            try:
                if must_load:
                    await self.load()
                    must_load = False
                await self._follow()
            except Exception as error:
                if is_cancelled():
                    raise
                logger.critical("the tables stay as of %d: %r", self.position, error, exc_info=error)
                must_load = True
                await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self) -> None:
        """Writes what came, or sees after a while without anything whether the checkpoint is where it was left."""
        if await self._tail.beyond(self.position, LOOK_SECONDS):
            await self._project(await self._tail.read(self.position, BATCH_RECORDS_MAX))
            await self._gather()
        elif await self._is_moved():
            logger.warning("the tables' checkpoint was moved by another process: they are written from there")
            await self.load()

    async def _gather(self) -> None:
        if self._wanted_upto > self.position or self._tail.position - self.position >= BATCH_RECORDS_MAX:
            return
        self._wanted.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHER_SECONDS):
                await self._wanted.wait()

    async def _is_moved(self) -> bool:
        if await self._tables.load_checkpoint(FOLLOWER) != self.position:
            return True
        return await self._tables.times_emptied() != self.times_emptied

    async def _project(self, batch: Sequence[tuple[Record, object]]) -> None:
        rows = Rows()
        feed: list[FeedEntry] = []
        heads: dict[str, FeedHead] = {}
        for record, event in batch:
            handle = self._handlers.get(type(event))
            if handle is not None:
                handle(rows, event, record)
            for account in sorted(set(self._wire.by_event[type(event)].accounts(event))):
                head = next_head(self._log_id, account, heads.get(account) or self.feed_head(account), record)
                heads[account] = head
                feed.append(FeedEntry(account, head.sequence, record.position, head.digest))
        position = batch[-1][0].position
        await self._tables.write(FOLLOWER, self.position, position, rows.statements, feed)
        self._feeds |= heads
        self.reach(position)
        for account in heads:
            for waiting in self._waiting.pop(account, ()):
                if not waiting.done():
                    waiting.set_result(None)

    async def beyond_sequence(self, account: str, sequence: int, seconds: float) -> bool:
        """Whether an account's feed goes beyond `sequence`; waits until it grows, or for so many seconds. Nobody is
        woken by what does not concern its account.
        """
        if self.feed_head(account).sequence <= sequence and seconds > 0:
            grown: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            waiting = self._waiting.setdefault(account, [])
            waiting.append(grown)
            try:
                await asyncio.wait({grown}, timeout=seconds)
            finally:
                waiting.remove(grown)
                if not waiting and self._waiting.get(account) is waiting:
                    del self._waiting[account]
        return self.feed_head(account).sequence > sequence

    def feed_head(self, account: str) -> FeedHead:
        """The end of an account's feed, as of `position`."""
        return self._feeds.get(account) or empty_feed(self._log_id, account)

    async def feed_end(self, account: str, asked: int) -> int:
        """The sequence of the last record in an account's feed; 0 while there is none. Raises Unavailable as
        `log_end` does.
        """
        if asked > self.feed_head(account).sequence:
            await self._tail.prove_anew()
        self.check_readable()
        return self.feed_head(account).sequence

    async def log_end(self, asked: int) -> int:
        """The position where the log ends, for a caller that asked for a position. Raises Unavailable where nothing may
        be read here (check_readable). Before an end below that position is returned, a new proof of leadership is made:
        another replica may lead by now, and have recorded more.
        """
        if asked > self._tail.position:
            await self._tail.prove_anew()
        self.check_readable()
        return self._tail.position

    async def wait_for(self, position: int) -> None:
        """Returns when the tables show `position`. Raises Unavailable if that takes too long, and BeyondEnd at once
        where the log itself does not reach so far: there is nothing to wait for.
        """
        check_position(position, await self.log_end(position), "min_position")
        if position > self.position:
            self._wanted_upto = max(self._wanted_upto, position)
            self._wanted.set()
        if not await self.beyond(position - 1, CATCH_UP_SECONDS_MAX):
            raise Unavailable(f"the tables are at position {self.position}, asked for {position}")

    def check_readable(self) -> None:
        """Raises Unavailable where the log takes no append (who leads now is not known here), and
        while the tables are being rebuilt.
        """
        if not self._tail.is_proved():
            raise Unavailable(ASK_AGAIN)
        if self.position < self._whole_from:
            raise Unavailable(f"the tables are being rebuilt, {self.position} of {self._whole_from} records")


class Tables:
    """Read access for queries."""

    def __init__(self, store: TableStore, projector: Projector) -> None:
        self._store = store
        self._projector = projector

    @property
    def times_emptied(self) -> int:
        """How often the tables were emptied to be written anew: with another number they are other rows."""
        return self._projector.times_emptied

    async def log_end(self, asked: int) -> int:
        """Where the log itself ends; the tables may be behind. Raises Unavailable."""
        return await self._projector.log_end(asked)

    async def feed_end(self, account: str, asked: int) -> int:
        """The sequence at which an account's feed ends, for a caller that asked for one. Raises Unavailable."""
        return await self._projector.feed_end(account, asked)

    async def wait_for(self, position: int) -> None:
        """Returns when the tables, and with them the state, show a position. Raises as the projector's does."""
        await self._projector.wait_for(position)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        """The tables, complete, as of one moment, which the reading's `position` names. It holds one of few
        connections: nothing else is waited for before it ends. Raises Unavailable.
        """
        self._projector.check_readable()
        times_emptied = self._projector.times_emptied
        async with self._store.reading(FOLLOWER) as reading:
            self._check_complete(reading.times_emptied, times_emptied)
            yield reading

    def _check_complete(self, times_emptied: int, when_complete: int) -> None:
        if times_emptied != when_complete:
            raise Unavailable("the tables are being rebuilt; ask again")

    async def feed_beyond(self, account: str, sequence: int, seconds: float) -> bool:
        """Whether an account's feed goes beyond `sequence`; waits for so many seconds until it does. Raises
        Unavailable.
        """
        is_beyond = await self._projector.beyond_sequence(account, sequence, seconds)
        self._projector.check_readable()
        return is_beyond

    def feed_head(self, account: str) -> tuple[FeedHead, int]:
        """The end of an account's feed, and the position of the log as of which it is. Raises Unavailable."""
        self._projector.check_readable()
        return self._projector.feed_head(account), self._projector.position

    async def read_feed(
        self, account: str, after_sequence: int, records_max: int
    ) -> Sequence[tuple[FeedEntry, Record]]:
        """The entries of an account's feed, each with its record. Raises Unavailable."""
        self._projector.check_readable()
        times_emptied = self._projector.times_emptied
        found = await self._store.read_feed(account, after_sequence, records_max)
        self._check_complete(await self._store.times_emptied(), times_emptied)
        return found
