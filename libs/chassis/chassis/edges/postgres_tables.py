"""A service's tables on PostgreSQL. Keeps chassis.edges.protocols.TableStore.

Two pools: one for what the shell writes, one for queries, so that nothing of the shell waits for a connection that a
query holds.
"""

from collections.abc import Sequence
from typing import Any, cast

import asyncpg

from chassis.core.call import Unavailable
from chassis.core.record import Record
from chassis.edges.protocols import FeedEntry, Row, Statement
from chassis.log.postgres_log import Pool
from chassis.log.seals import SealedHead

SAVE = """
INSERT INTO checkpoints (follower, position) VALUES ($1, $2)
ON CONFLICT (follower) DO UPDATE SET position = excluded.position
"""

MOVE = """
INSERT INTO checkpoints (follower, position) VALUES ($1, $2)
ON CONFLICT (follower) DO UPDATE SET position = excluded.position WHERE checkpoints.position = $3
RETURNING position
"""
"""Moves a checkpoint from where it was left ($3), and answers nothing if somebody else has moved it since."""

MOVE_HEADS = """
INSERT INTO feed_heads SELECT * FROM unnest($1::text[], $2::bigint[])
ON CONFLICT (account) DO UPDATE SET sequence = excluded.sequence
"""

KEEP_SEAL = """
INSERT INTO seals (position, digest, seal) VALUES ($1, $2, $3)
ON CONFLICT (position) DO UPDATE SET position = excluded.position RETURNING position, digest, seal
"""
"""Changes nothing where the position has a seal already, and answers with what is there."""

READ_FEED = """
SELECT feed.sequence, log.position, log.type, log.data, log.recorded_ms, log.subject, log.role, log.account,
       log.approval, log.request_id, log.traceparent, log.source_log_id, log.source_position, log.digest,
       ''::bytea AS command_digest, 0 AS command_events, log.format
FROM feed JOIN log USING (position)
WHERE feed.account = $1 AND feed.sequence > $2 ORDER BY feed.sequence LIMIT $3
"""

NOT_DERIVED = (
    "log",
    "heard",
    "claims",
    "culprits",
    "seals",
    "snapshots",
    "snapshot_parts",
    "checkpoints",
    "leadership",
    "migrations",
)
"""The shell's tables that do not follow the log. All others do, and hold nothing that it does not."""


class PostgresTables:
    def __init__(self, pool: Pool, queries: Pool) -> None:
        self._pool = pool
        self._queries = queries

    async def load_checkpoint(self, follower: str) -> int:
        found: int | None = await self._pool.fetchval("SELECT position FROM checkpoints WHERE follower = $1", follower)
        return found or 0

    async def save_checkpoint(self, follower: str, position: int) -> None:
        await self._pool.execute(SAVE, follower, position)

    async def newest_seal(self) -> SealedHead | None:
        row = await self._pool.fetchrow("SELECT position, digest, seal FROM seals ORDER BY position DESC LIMIT 1")
        return SealedHead(*row) if row else None

    async def keep_seal(self, head: SealedHead) -> SealedHead:
        row = await self._pool.fetchrow(KEEP_SEAL, head.position, head.digest, head.seal)
        assert row is not None, "an upsert answers"
        return SealedHead(*row)

    async def load_sequences(self) -> dict[str, int]:
        rows = await self._pool.fetch("SELECT account, sequence FROM feed_heads")
        return {row["account"]: row["sequence"] for row in rows}

    async def write(
        self, follower: str, before: int, position: int, statements: Sequence[Statement], feed: Sequence[FeedEntry]
    ) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            # First of all, so that of two replicas (one leads no more and does not know it) only one writes a batch.
            if await connection.fetchval(MOVE, follower, position, before) is None:
                raise RuntimeError("another replica has written these rows")
            for sql, arguments in statements:
                if len(arguments) == 1:
                    await connection.execute(sql, *arguments[0])
                else:
                    await connection.executemany(sql, arguments)
            if feed:
                await connection.copy_records_to_table(
                    "feed", records=feed, columns=("account", "sequence", "position")
                )
                heads = {account: sequence for account, sequence, _ in feed}
                await connection.execute(MOVE_HEADS, list(heads), list(heads.values()))

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Row]:
        try:
            # asyncpg's rows are read by name, though they are no Mapping by type.
            return cast(Sequence[Row], await self._queries.fetch(sql, *arguments))
        except asyncpg.CharacterNotInRepertoireError:
            # A text that no table can hold is in none.
            return []
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError) as error:
            raise Unavailable("the tables cannot be read now; ask again") from error

    async def read_feed(self, account: str, after_sequence: int, records_max: int) -> list[tuple[int, Record]]:
        rows = await self.fetch(READ_FEED, account, after_sequence, records_max)
        return [(row["sequence"], Record(*list(row.values())[1:])) for row in rows]


async def clear_tables(pool: Pool, follower: str, mark: str) -> int:
    """Empties every table that `follower` writes and puts it back to the log's beginning; `mark` keeps how far it has
    to come before they are whole again: to the head of now, which is returned. All of it or nothing, also while the
    follower runs: it moves its checkpoint before it writes, and finds it moved.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(SAVE, follower, 0)
        names = await connection.fetch(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema() AND tablename <> ALL($1)",
            NOT_DERIVED,
        )
        await connection.execute(f"TRUNCATE {', '.join(name for (name,) in names)}")
        head: int = await connection.fetchval("SELECT coalesce(max(position), 0) FROM log")
        await connection.execute(SAVE, mark, head)
    return head
