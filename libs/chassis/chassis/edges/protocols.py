"""The interfaces of a replica to the outside: its log, its clock, the channels to others, the broker, its tables, its
callers.

Everything that the shell does between these interfaces is plain asyncio code. So a simulation that implements them,
with an event loop whose time is virtual, runs the same code as production. Each is a small protocol; the log's is
chassis.log.protocol, the clock's is in chassis.log.clocks. Passing time (a pause, a timeout) is the event loop's; the
clock's `seconds` advance with it.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import grpc

from chassis.core.feed_chain import FeedEntry, FeedHead
from chassis.core.record import Record
from chassis.log.clocks import Clock
from chassis.log.forks import ForkStore
from chassis.log.protocol import Log, Readable
from chassis.log.seals import Signer
from chassis.log.snapshots import MakeSnapshot

Row = Mapping[str, Any]
Statement = tuple[str, list[tuple[Any, ...]]]
"""SQL, and the arguments of each time that it is run."""


class Channel(Protocol):
    """What is used of a grpc.aio.Channel. Calls end in grpc.aio.AioRpcError where they fail."""

    def unary_unary(self, method: str, *options: Any, **named: Any) -> Any: ...

    def unary_stream(self, method: str, *options: Any, **named: Any) -> Any: ...

    def stream_stream(self, method: str, *options: Any, **named: Any) -> Any: ...

    async def close(self) -> None: ...


OpenChannel = Callable[[str], Channel]
"""A channel to an address, host:port."""


class BrokerAway(Exception):
    """The broker did not take the records."""


class Producer(Protocol):
    """Sends a log's records to its topic, in order."""

    async def send(self, records: Sequence[Record]) -> None:
        """Returns when the broker has them all. Raises BrokerAway; the same records may be sent again."""
        ...


class Consumer(Protocol):
    """Hands over what arrives on one log's topic; does not report what was missed, and guarantees nothing. `unreadable`
    counts the messages that were no records.
    """

    unreadable: int

    async def run(self) -> None:
        """Connects, and again whenever the broker comes back, until cancelled."""
        ...

    async def next_batch(self, seconds: float) -> list[Record]:
        """The next records that came, or none after so many seconds."""
        ...


class Reading(Protocol):
    """A service's tables as of one moment: what is fetched in one reading adds up."""

    @property
    def position(self) -> int:
        """The position of the log as of which the tables are."""
        ...

    @property
    def times_emptied(self) -> int: ...

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Row]:
        """Rows by name. Raises Unavailable."""
        ...

    async def fetch_one(self, sql: str, *arguments: Any) -> Row | None:
        """The first row, None where there is none. Raises Unavailable."""
        ...


class TableStore(Protocol):
    """A service's tables: what follows a log and is derived from it. May come back older, but only as a whole."""

    async def load_checkpoint(self, follower: str) -> int:
        """How far a follower of the log has come; 0 for a new one."""
        ...

    async def save_checkpoint(self, follower: str, position: int) -> None: ...

    async def load_feeds(self, followers: Sequence[str]) -> tuple[Mapping[str, int], Mapping[str, FeedHead]]:
        """How far each of these followers has come, and where each account's feed ends: as of one moment."""
        ...

    async def times_emptied(self) -> int:
        """How often the tables were emptied to be written anew, with the checkpoint put back to 0. Raises
        Unavailable.
        """
        ...

    async def write(
        self, follower: str, before: int, position: int, statements: Sequence[Statement], feed: Sequence[FeedEntry]
    ) -> None:
        """All of it in one transaction, with the follower's checkpoint moved from `before` to `position`; raises, and
        writes nothing, where somebody else has moved it.
        """
        ...

    def reading(self, follower: str) -> AbstractAsyncContextManager[Reading]:
        """The tables that this follower writes, as of one moment; they are not emptied before the reading ends. It
        holds one of few connections: nothing else is waited for meanwhile. Raises Unavailable.
        """
        ...

    async def read_feed(
        self, account: str, after_sequence: int, records_max: int
    ) -> Sequence[tuple[FeedEntry, Record]]:
        """The entries of an account's feed, each with its record. Raises Unavailable."""
        ...


class Door(Protocol):
    """Where calls come in."""

    def serve(self, handlers: Sequence[grpc.GenericRpcHandler], names: Sequence[str]) -> None:
        """Sets, before the start, the handlers and the names of the services that they belong to."""
        ...

    async def start(self) -> object: ...

    async def say_health(self, *, serves: bool) -> None: ...

    async def close(self, seconds: float, polls: Collection[Any] = ()) -> None:
        """Every further call is answered UNAVAILABLE, and the health is bad for good. Returns when the unary calls in
        progress have ended, but for those whose tasks are `polls`, at the latest after so many seconds.
        """
        ...

    async def end_connections(self) -> None:
        """Of a door that is closed: a call without an answer ends with UNAVAILABLE, and nobody can connect."""
        ...


async def nothing() -> None:
    """Nothing has to be prepared."""


@dataclass(frozen=True, slots=True)
class Edges:
    """All edges of one replica. `prepare` makes what the store lacks (tables), before anything is read. Without
    `make_snapshot` the writer makes its snapshots itself, and decides nothing meanwhile. Without a signer nothing is
    sealed, and hearers read the log. `log_for_callers` only reads: what callers ask for, where that is not to take the
    connections that the writer needs.
    """

    log: Log
    clock: Clock
    open_channel: OpenChannel
    producer: Producer
    consumers: Mapping[str, Consumer]
    tables: TableStore
    door: Door
    forks: ForkStore
    prepare: Callable[[], Awaitable[None]] = nothing
    signer: Signer | None = None
    log_for_callers: Readable | None = None
    make_snapshot: MakeSnapshot | None = None
