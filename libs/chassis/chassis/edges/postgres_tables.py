"""A service's tables on PostgreSQL. Keeps chassis.edges.protocols.TableStore.

Three pools: one for what the shell reads and writes, one for queries, one for seals, which callers ask for too and
which are durable writes. So nothing of the shell waits for a connection that a caller holds.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from chassis.core.feed_chain import FeedEntry, FeedHead
from chassis.core.record import Head, Record
from chassis.edges.protocols import Reading, Row, Statement
from chassis.log.for_callers import for_a_caller
from chassis.log.forks import ForkProof
from chassis.log.postgres_log import DURABLY, Pool
from chassis.log.seals import Attestation, SealedFeed, SealedHead

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

WRITE_FEEDS = """
WITH entries AS (INSERT INTO feed SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bytea[]))
INSERT INTO feed_heads SELECT * FROM unnest($5::text[], $6::bigint[], $7::bytea[])
ON CONFLICT (account) DO UPDATE SET sequence = excluded.sequence, digest = excluded.digest
"""
"""The entries of a batch, and where each account's feed ends with it."""

KEEP_SEAL = f"""
INSERT INTO seals (position, digest, seal) SELECT $1::bigint, $2::bytea, $3 {DURABLY}
ON CONFLICT (position) DO UPDATE SET position = excluded.position RETURNING position, digest, seal
"""
"""Changes nothing where the position has a seal already, and answers with what is there."""

SEAL_FROM = "SELECT position, digest, seal FROM seals WHERE position >= $1 ORDER BY position LIMIT 1"

KEEP_HEARD_HEAD = f"""
INSERT INTO heard_heads (log_id, position, digest, seal) SELECT $1, $2::bigint, $3::bytea, $4 {DURABLY}
ON CONFLICT (log_id, position) DO UPDATE SET position = excluded.position RETURNING position, digest, seal
"""

KEEP_FORK_PROOF = f"""
INSERT INTO fork_proofs (log_id, position, digest, seal, other_digest, other_seal)
SELECT $1, $2::bigint, $3::bytea, $4, $5::bytea, $6 {DURABLY}
ON CONFLICT DO NOTHING
"""

KEEP_LOST_HEAD = f"""
INSERT INTO lost_heads (witness, position, digest) SELECT $1, $2::bigint, $3::bytea {DURABLY}
ON CONFLICT (witness) DO UPDATE SET position = excluded.position, digest = excluded.digest
"""

FEED_SEAL = "SELECT account, sequence, digest, position, seal FROM feed_seals WHERE account = $1 AND sequence = $2"

KEEP_FEED_SEAL = f"""
INSERT INTO feed_seals (account, sequence, digest, position, seal)
SELECT $1, $2::bigint, $3::bytea, $4::bigint, $5 {DURABLY}
ON CONFLICT (account, sequence) DO UPDATE SET account = excluded.account
RETURNING account, sequence, digest, position, seal
"""

ATTESTATION = "SELECT purpose, name, body, secret FROM attestations WHERE purpose = $1 AND name = $2"

KEEP_ATTESTATION = f"""
INSERT INTO attestations (purpose, name, body, secret) SELECT $1, $2, $3::bytea, $4::bytea {DURABLY}
ON CONFLICT (purpose, name) DO UPDATE SET name = excluded.name RETURNING purpose, name, body, secret
"""

READ_FEED = """
SELECT feed.account AS feed_account, feed.sequence AS feed_sequence, feed.position AS feed_position,
       feed.digest AS feed_digest,
       log.position, log.type, log.data, log.recorded_ms, log.subject, log.role, log.account,
       log.approval, log.request_id, log.traceparent, log.source_log_id, log.source_position, log.digest,
       log.command_digest, log.command_events, log.format
FROM feed JOIN log USING (position)
WHERE feed.account = $1 AND feed.sequence > $2 ORDER BY feed.sequence LIMIT $3
"""

NOT_EMPTIED = "LOCK TABLE tables_emptied IN ACCESS SHARE MODE"
"""Until the reading's end. It comes before the reading's first query, which is as of when a transaction reads: whoever
empties the tables takes this lock first, and a snapshot taken before TRUNCATE would show empty tables after it.
"""

EMPTIES = "LOCK TABLE tables_emptied IN ACCESS EXCLUSIVE MODE"

BEGUN = """
SELECT coalesce((SELECT position FROM checkpoints WHERE follower = $1), 0) AS position, times FROM tables_emptied
"""

NOT_DERIVED = (
    "log",
    "heard",
    "claims",
    "culprits",
    "seals",
    "feed_seals",
    "heard_heads",
    "fork_proofs",
    "lost_heads",
    "attestations",
    "snapshots",
    "snapshot_parts",
    "checkpoints",
    "tables_emptied",
    "leadership",
    "migrations",
)
"""The shell's tables that do not follow the log. All others do, and hold nothing that it does not."""


@dataclass(frozen=True, slots=True)
class PostgresReading:
    """One transaction that only reads, with one snapshot. Keeps chassis.edges.protocols.Reading."""

    position: int
    times_emptied: int
    _connection: Any

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Row]:
        if any("\0" in argument for argument in arguments if isinstance(argument, str)):
            # A text that no table can hold is in none, and asking would end the transaction.
            return []
        # asyncpg's rows are read by name, though they are no Mapping by type.
        return cast(Sequence[Row], await self._connection.fetch(sql, *arguments))

    async def fetch_one(self, sql: str, *arguments: Any) -> Row | None:
        rows = await self.fetch(sql, *arguments)
        return rows[0] if rows else None


class PostgresTables:
    def __init__(self, pool: Pool, queries: Pool, seals: Pool) -> None:
        self._pool = pool
        self._queries = queries
        self._seals = seals

    async def load_checkpoint(self, follower: str) -> int:
        found: int | None = await self._pool.fetchval("SELECT position FROM checkpoints WHERE follower = $1", follower)
        return found or 0

    async def save_checkpoint(self, follower: str, position: int) -> None:
        await self._pool.execute(SAVE, follower, position)

    async def newest_seal(self) -> SealedHead | None:
        row = await self._pool.fetchrow("SELECT position, digest, seal FROM seals ORDER BY position DESC LIMIT 1")
        return SealedHead(*row) if row else None

    async def seal_from(self, position: int) -> SealedHead | None:
        row = await self._seals.fetchrow(SEAL_FROM, position)
        return SealedHead(*row) if row else None

    async def keep_seal(self, head: SealedHead) -> SealedHead:
        return SealedHead(*await self._keep(self._seals, KEEP_SEAL, head.position, head.digest, head.seal))

    async def feed_seal(self, account: str, sequence: int) -> SealedFeed | None:
        row = await self._seals.fetchrow(FEED_SEAL, account, sequence)
        return SealedFeed(*row) if row else None

    async def keep_feed_seal(self, head: SealedFeed) -> SealedFeed:
        values = (head.account, head.sequence, head.digest, head.position, head.seal)
        return SealedFeed(*await self._keep(self._seals, KEEP_FEED_SEAL, *values))

    async def attestation(self, purpose: str, name: str) -> Attestation | None:
        row = await self._seals.fetchrow(ATTESTATION, purpose, name)
        return Attestation(*row) if row else None

    async def keep_attestation(self, made: Attestation) -> Attestation:
        values = (made.purpose, made.name, made.body, made.secret)
        return Attestation(*await self._keep(self._seals, KEEP_ATTESTATION, *values))

    async def keep_heard_head(self, log_id: str, head: SealedHead) -> SealedHead:
        values = (log_id, head.position, head.digest, head.seal)
        return SealedHead(*await self._keep(self._pool, KEEP_HEARD_HEAD, *values))

    async def _keep(self, pool: Pool, upsert: str, *values: Any) -> Sequence[Any]:
        """For rows that are given out as soon as they are stored: a failover must not lose them."""
        row = await pool.fetchrow(upsert, *values)
        assert row is not None, "an upsert answers"
        return tuple(row)

    async def newest_heard_head(self, log_id: str) -> SealedHead | None:
        sql = "SELECT position, digest, seal FROM heard_heads WHERE log_id = $1 ORDER BY position DESC LIMIT 1"
        row = await self._pool.fetchrow(sql, log_id)
        return SealedHead(*row) if row else None

    async def keep_fork_proof(self, proof: ForkProof) -> None:
        head, other = proof.head, proof.other
        values = (head.position, head.digest, head.seal, other.digest, other.seal)
        await self._pool.execute(KEEP_FORK_PROOF, proof.log_id, *values)

    async def fork_proofs(self, proofs_max: int) -> Sequence[ForkProof]:
        sql = "SELECT * FROM fork_proofs ORDER BY number LIMIT $1"
        return [
            ForkProof(
                row["log_id"],
                SealedHead(row["position"], row["digest"], row["seal"]),
                SealedHead(row["position"], row["other_digest"], row["other_seal"]),
            )
            for row in await self._fetch(sql, proofs_max)
        ]

    async def keep_lost_head(self, witness: str, head: Head | None) -> None:
        if head is None:
            await self._pool.execute("DELETE FROM lost_heads WHERE witness = $1", witness)
        else:
            await self._pool.execute(KEEP_LOST_HEAD, witness, head.position, head.digest)

    async def lost_head(self, witness: str) -> Head | None:
        row = await self._pool.fetchrow("SELECT position, digest FROM lost_heads WHERE witness = $1", witness)
        return Head(*row) if row else None

    async def load_feeds(self, followers: Sequence[str]) -> tuple[Mapping[str, int], Mapping[str, FeedHead]]:
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            come = await connection.fetch("SELECT follower, position FROM checkpoints")
            heads = await connection.fetch("SELECT account, sequence, digest FROM feed_heads")
        positions = {row["follower"]: row["position"] for row in come}
        return (
            {follower: positions.get(follower, 0) for follower in followers},
            {account: FeedHead(sequence, digest) for account, sequence, digest in heads},
        )

    async def times_emptied(self) -> int:
        ((times,),) = await self._fetch("SELECT times FROM tables_emptied")
        return cast(int, times)

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
                ends = {one.account: one for one in feed}.values()
                await connection.execute(
                    WRITE_FEEDS,
                    [one.account for one in feed],
                    [one.sequence for one in feed],
                    [one.position for one in feed],
                    [one.digest for one in feed],
                    [one.account for one in ends],
                    [one.sequence for one in ends],
                    [one.digest for one in ends],
                )

    @asynccontextmanager
    async def reading(self, follower: str) -> AsyncIterator[Reading]:
        with for_a_caller():
            async with (
                self._queries.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                await connection.execute(NOT_EMPTIED)
                begun = await connection.fetchrow(BEGUN, follower)
                assert begun is not None, "the count has its row from the migration on"
                yield PostgresReading(begun["position"], begun["times"], connection)

    async def _fetch(self, sql: str, *arguments: Any) -> Sequence[Any]:
        with for_a_caller():
            return await self._queries.fetch(sql, *arguments)

    async def read_feed(
        self, account: str, after_sequence: int, records_max: int
    ) -> Sequence[tuple[FeedEntry, Record]]:
        rows = [list(row.values()) for row in await self._fetch(READ_FEED, account, after_sequence, records_max)]
        return [(FeedEntry(*values[:4]), Record(*values[4:])) for values in rows]


async def clear_tables(pool: Pool, follower: str, mark: str) -> int:
    """Empties every table that `follower` writes and puts it back to the log's beginning; `mark` keeps how far it has
    to come before they are whole again: to the head of now, which is returned. All of it or nothing, also while the
    follower runs: it moves its checkpoint before it writes, and finds it moved. The count of how often the tables were
    emptied goes up with it, so that nobody takes what is read from then on for the whole. Readings that began before
    are waited for.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(EMPTIES)
        await connection.execute("UPDATE tables_emptied SET times = times + 1")
        await connection.execute(SAVE, follower, 0)
        names = await connection.fetch(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema() AND tablename <> ALL($1)",
            NOT_DERIVED,
        )
        await connection.execute(f"TRUNCATE {', '.join(name for (name,) in names)}")
        head: int = await connection.fetchval("SELECT coalesce(max(position), 0) FROM log")
        await connection.execute(SAVE, mark, head)
    return head
