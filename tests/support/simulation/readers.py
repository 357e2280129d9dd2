"""Readers who follow an account's feed from its beginning, by the client that integrators use, whatever happens.

Each must have read every entry once, in its order, when all is over: what the log says of the account, and no more.
"""

import asyncio
from typing import Any

from carbonmarket_client.contracts import METHODS
from carbonmarket_client.errors import Unavailable
from carbonmarket_client.feed import follow_feed
from carbonmarket_client.link import Link
from chassis.core.record import Record
from chassis.core.wire import Wire

Entry = tuple[int, int, str]
"""Sequence, position, type."""


class Shared:
    """A channel of the simulated network, where the client expects one of its own."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def get(self) -> Any:
        return self._channel


class Reader:
    """Follows one account at one service."""

    def __init__(self, service: str, account: str, channel: Any) -> None:
        self.service = service
        self.account = account
        self.entries: list[Entry] = []
        shared: Any = Shared(channel)
        self._link = Link(service, shared, f"participant:{account}", METHODS[service])
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            try:
                async for record in follow_feed(self._link, self.account, len(self.entries)):
                    self.entries.append((record.sequence, record.position, record.type))
            except Unavailable:
                continue

    def begin_anew(self) -> None:
        """After a log came back older: what was read of it is no longer so."""
        self._task.cancel()
        self.entries = []
        self._task = asyncio.create_task(self._read())

    def close(self) -> None:
        self._task.cancel()

    @property
    def failed(self) -> str:
        return repr(self._task.exception()) if self._task.done() and not self._task.cancelled() else ""


def entries_of(records: list[Record], wire: Wire, account: str) -> list[Entry]:
    """What an account's feed must be, by the whole log."""
    concerned = [record for record in records if account in accounts_of(wire, record)]
    return [(sequence, record.position, record.type) for sequence, record in enumerate(concerned, 1)]


def accounts_of(wire: Wire, record: Record) -> set[str]:
    event = wire.decode(record.type, record.data)
    return set(wire.by_event[type(event)].accounts(event))
