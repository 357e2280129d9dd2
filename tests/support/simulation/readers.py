"""Who follows the market by the client that integrators use, whatever happens: readers of feeds, watchers of prices.

A reader must have read every entry of an account's feed once, in its order, when all is over: what the log says of the
account, and no more. A watcher must have seen pictures of an instrument in the order of their positions, the last one
being what the market shows in the end.
"""

import asyncio
from typing import Any

from carbonmarket.trading.v1 import trading_query_service_pb2 as queries
from carbonmarket_client.contracts import METHODS
from carbonmarket_client.errors import Unavailable
from carbonmarket_client.feed import follow_feed
from carbonmarket_client.link import Link, SharedChannel
from chassis.core.record import Record
from chassis.core.wire import Wire

Entry = tuple[int, int, str]
"""Sequence, position, type."""


class Shared(SharedChannel):
    """A channel of the simulated network, where the client has one of its own."""

    def __init__(self, channel: Any, service: str) -> None:
        super().__init__(service)
        self._channel = channel

    def was_reached(self) -> bool:
        """No address in the network is wrong: who is away comes back."""
        return True


def link_over(channel: Any, service: str, actor: str) -> Link:
    return Link(service, Shared(channel, service), actor, METHODS[service])


class Follower:
    """Follows something of one service, until it is closed."""

    def __init__(self, service: str, actor: str, channel: Any) -> None:
        self.service = service
        self.link = link_over(channel, service, actor)
        self._task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        while True:
            try:
                await self.read()
            except Unavailable:
                continue

    async def read(self) -> None:
        """Reads on, until the service cannot be reached."""
        raise NotImplementedError

    def forget(self) -> None:
        """What was read."""
        raise NotImplementedError

    def begin_anew(self) -> None:
        """After a log came back older: what was read of it is no longer so."""
        self._task.cancel()
        self.forget()
        self._task = asyncio.create_task(self._follow())

    def close(self) -> None:
        self._task.cancel()

    @property
    def failed(self) -> str:
        return repr(self._task.exception()) if self._task.done() and not self._task.cancelled() else ""


class Reader(Follower):
    """Of one account's feed, from its beginning."""

    def __init__(self, service: str, account: str, channel: Any) -> None:
        self.account = account
        self.entries: list[Entry] = []
        super().__init__(service, f"participant:{account}", channel)

    async def read(self) -> None:
        async for record in follow_feed(self.link, self.account, len(self.entries)):
            self.entries.append((record.sequence, record.position, record.type))

    def forget(self) -> None:
        self.entries = []


class Watcher(Follower):
    """Of the market data of one instrument."""

    def __init__(self, instrument: str, account: str, channel: Any) -> None:
        self.instrument = instrument
        self.newest = queries.StreamMarketDataResponse()
        self.seen = 0
        super().__init__("trading", f"participant:{account}", channel)

    async def read(self) -> None:
        request = queries.StreamMarketDataRequest(instrument=self.instrument)
        async for picture in self.link.stream(request, queries.StreamMarketDataResponse):
            assert picture.position >= self.newest.position, (picture.position, self.newest.position)
            self.newest = picture
            self.seen += 1

    def forget(self) -> None:
        self.newest = queries.StreamMarketDataResponse()


def entries_of(records: list[Record], wire: Wire, account: str) -> list[Entry]:
    """What an account's feed must be, by the whole log."""
    concerned = [record for record in records if account in accounts_of(wire, record)]
    return [(sequence, record.position, record.type) for sequence, record in enumerate(concerned, 1)]


def accounts_of(wire: Wire, record: Record) -> set[str]:
    event = wire.decode(record.type, record.data)
    return set(wire.by_event[type(event)].accounts(event))
