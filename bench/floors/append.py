"""Records into a table that has their columns and its key, and nothing else: no chain, no check of the head, no index
of commands, nothing heard. One statement with arrays and one durable commit for each batch, one after another.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from chassis.core.record import Record
from chassis.log.postgres_log import COLUMNS

BATCH_RECORDS = 500
"""As many as a batch of the writer has at most commands."""
NAMES = COLUMNS.split(", ")
TYPES = {"position": "bigint", "recorded_ms": "bigint", "source_position": "bigint", "command_events": "integer"}
TYPES |= {"data": "bytea", "digest": "bytea", "command_digest": "bytea", "format": "integer"}
MAKE = "CREATE TABLE IF NOT EXISTS bench_append (LIKE log, PRIMARY KEY (position))"
EMPTY = "TRUNCATE bench_append"
INSERT = "INSERT INTO bench_append ({}) SELECT * FROM unnest({})".format(
    COLUMNS, ", ".join(f"${number}::{TYPES.get(name, 'text')}[]" for number, name in enumerate(NAMES, 1))
)


@asynccontextmanager
async def bare_append(database_url: str) -> AsyncIterator["BareAppend"]:
    """In a service's own database, over a session of its own."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(MAKE)
        await connection.execute(EMPTY)
        yield BareAppend(connection)
    finally:
        await connection.close()


class BareAppend:
    """Appends, and counts the seconds that the appends take."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.seconds = 0.0
        self._connection = connection

    async def append(self, records: Sequence[Record]) -> None:
        for start in range(0, len(records), BATCH_RECORDS):
            batch = records[start : start + BATCH_RECORDS]
            began_s = time.perf_counter()
            await self._connection.execute(INSERT, *([getattr(one, name) for one in batch] for name in NAMES))
            self.seconds += time.perf_counter() - began_s

    async def empty(self) -> None:
        await self._connection.execute(EMPTY)


async def records_after(database_url: str, position: int, page_records: int = 1_000) -> AsyncIterator[list[Record]]:
    """Everything that a service's log has after a position, page by page, from its database."""
    connection = await asyncpg.connect(database_url)
    try:
        page = f"SELECT {COLUMNS} FROM log WHERE position > $1 ORDER BY position LIMIT $2"
        while rows := await connection.fetch(page, position, page_records):
            yield [Record(*row.values()) for row in rows]
            position = rows[-1]["position"]
    finally:
        await connection.close()
