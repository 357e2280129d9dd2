"""The log on PostgreSQL.

Two kinds of connection: the leader's session, which holds the advisory lock and makes every append, and a pool that
reads. The lock lasts as long as the session, so keepalives are set in seconds; a connection pooler in between would
break both. The session sets its own durability settings and checks them: whatever the defaults of the database, the
role or the server, an append is answered only when it is also on the replica's disk, if the server has a replica.

Every append writes; one without records updates the row of `leadership`. Only a commit that has to be replicated
notices that the replica, and perhaps another leader, is on the other side of a broken network.

An append is never cancelled. When it is unknown whether it was committed (a timeout, a lost session, a commit that came
with a warning), it raises LogUnavailable and the process ends: the next start re-reads the log.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg

from carbonmarket.log.v1.log_events_pb2 import LogOpened
from chassis.core.decider import Claim, Claimed, Facts
from chassis.core.keys import Found, Key
from chassis.core.misconfigured import Misconfigured
from chassis.core.record import Head, HeardUpTo, Record, genesis
from chassis.log.clocks import CLOCK_SKEW_MS_MAX, COMPARISONS_MAX, check_why_not
from chassis.log.protocol import READ_RECORDS_MAX, Fenced, LogUnavailable, Snapshot, Witness

APPEND_SECONDS_MAX = 30.0
LEAD_SECONDS_MAX = 10.0
POOL_CONNECTIONS_MAX = 4
QUERY_SECONDS_MAX = 60
MIGRATE_SECONDS_MAX = 24 * 60 * 60
"""For one file, and for the lock while another replica migrates: a large table may take hours."""
SNAPSHOTS_KEPT = 2
SNAPSHOT_PART_BYTES = 1024 * 1024
MIGRATIONS = Path(__file__).parent / "migrations"
"""The tables that every service's database has."""
MIGRATION_LOCK = 0x6361_7262_6F6E_0002

KEEPALIVES = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    # Keepalives rest while an answer waits to be acknowledged; this does not.
    "tcp_user_timeout": "11000",
}

DURABLE = {
    # What is weaker answers before the replica has it (`local`, `remote_write`) or anybody (`off`).
    "synchronous_commit": ("on", "remote_apply"),
    # A commit whose wait for the replica was cancelled succeeds with a warning, which has to reach us.
    "client_min_messages": ("warning", "notice"),
    # No time limit of the server's: each cancels, and an append is never cancelled. How long one may take is for
    # APPEND_SECONDS_MAX, which ends this process and leaves the statement alone.
    "statement_timeout": ("0",),
    "lock_timeout": ("0",),
    "transaction_timeout": ("0",),
    "idle_session_timeout": ("0",),
    # The server's own. Without them a crash of the machine takes acknowledged commits, or tears the pages they are on.
    "fsync": ("on",),
    "full_page_writes": ("on",),
}
"""What the leader's session must have: each setting, and the values that will do."""

SERVER_WIDE = ("fsync", "full_page_writes")

SET = """
SELECT set_config($1, CASE WHEN current_setting($1) = ANY($2) THEN current_setting($1) ELSE $2[1] END, false)
"""
"""Also where the default will do: set on the session, it stays when somebody changes the default under it."""

DERIVED_DATA = {"synchronous_commit": "off"}
"""For the pools only. Most of what they write (tables, feeds, checkpoints, snapshots) is derived from the log and is
written after the append it comes from, so it comes after it in the write-ahead log: a crash or a failover that loses
the last of it keeps the append, takes rows and checkpoint back together, and they are written again. A migration that
is lost runs again, and none is while there is a record: the first append flushes everything before it. What cannot be
derived again, or is given away as soon as it is written (seals, signed heads, proofs of forks, culprits), is written
`DURABLY`. Appends are made on the leader's session, in full.
"""

BY_INDEX = {"enable_seqscan": "off"}
"""For every session. A statement keeps the plan that was made when it was first used. In a new log the tables are empty
then, and to read a whole one costs nothing: by that plan every batch of commands would read all of the log, until the
server looks at its size again, a minute or more later. Whatever is looked for here has an index.
"""

DURABLY = "WHERE set_config('synchronous_commit', 'on', true) = 'on'"
"""Of an `INSERT ... SELECT` that is a transaction by itself: what it writes is on the replica's disk too, if there is
one, when it has ended. One round trip; what comes after it on the same connection is as light as before.
"""

COLUMNS = (
    "position, type, data, recorded_ms, subject, role, account, approval, request_id, traceparent, source_log_id, "
    "source_position, digest, command_digest, command_events, format"
)
APPEND = f"SELECT outcome, database_ms FROM log_append({', '.join(f'${number}' for number in range(1, 28))})"
# One row of the table for each of the names: joined, all of the table could be read (BY_INDEX).
FIND = """
SELECT wanted.*, found.* FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (subject, account, request_id)
CROSS JOIN LATERAL (
    SELECT command_digest, position, command_events FROM log
    WHERE log.subject = wanted.subject AND log.account = wanted.account AND log.request_id = wanted.request_id
        AND command_events > 0
    LIMIT 1
) AS found
"""

FIND_CLAIMS = """
SELECT wanted.*, found.facts FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (kind, scope, name)
CROSS JOIN LATERAL (
    SELECT facts FROM claims
    WHERE claims.kind = wanted.kind AND claims.scope = wanted.scope AND claims.name = wanted.name
    LIMIT 1
) AS found
"""

WITNESSES = """
SELECT 'its follower ' || follower, position, NULL FROM checkpoints
UNION ALL SELECT 'a snapshot', position, digest FROM snapshots
"""

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

OUT_OF_REACH = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)
"""How it shows that the database cannot be reached, or does not do what it is asked to."""


async def open_pool(database_url: str, connections_max: int = POOL_CONNECTIONS_MAX) -> Pool:
    pool = await asyncpg.create_pool(
        database_url,
        min_size=1,
        max_size=connections_max,
        command_timeout=QUERY_SECONDS_MAX,
        server_settings=DERIVED_DATA | BY_INDEX,
        reset=nothing_outlives_a_transaction,
    )
    assert pool is not None
    return pool


async def nothing_outlives_a_transaction(_: object) -> None:
    """In place of asyncpg's own reset, which asks the server once more after every use. It has rolled back what was
    open; nobody sets anything on a pool's session, or locks anything, for longer than a transaction.
    """


async def migrate(pool: Pool, folders: Mapping[str, Path]) -> None:
    """Runs each folder's SQL files that have not been run, in the order of their names, one replica at a time. What was
    run is known by the folder's key and the file's name, wherever a release has its files. Raises Misconfigured where
    one that was run is not the one that is here: another release made the database.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK, timeout=MIGRATE_SECONDS_MAX)
        await connection.execute("CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, digest bytea NOT NULL)")
        done = {row["name"]: row["digest"] for row in await connection.fetch("SELECT name, digest FROM migrations")}
        files = [(key, file) for key, folder in folders.items() for file in sorted(folder.glob("*.sql"))]
        for key, file in files:
            name = f"{key}/{file.name}"
            digest = hashlib.sha256(file.read_bytes()).digest()
            if name not in done:
                await connection.execute(file.read_text(), timeout=MIGRATE_SECONDS_MAX)
                await connection.execute("INSERT INTO migrations VALUES ($1, $2)", name, digest)
            elif done[name] != digest:
                why = f"another release made this database, its {name} is not this one's"
                raise Misconfigured([f"CARBONMARKET_DATABASE_URL: {why} (`make reset` clears a rehearsal's)"])


async def make_durable(session: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Sets the session's durability, and looks. Raises Misconfigured where the database does not give it."""
    for name in DURABLE.keys() - SERVER_WIDE:
        await session.execute(SET, name, DURABLE[name])
    faults = []
    for name, good in DURABLE.items():
        value = await session.fetchval("SELECT current_setting($1)", name)
        if value not in good:
            how = "set it in the server's configuration" if name in SERVER_WIDE else "is there a pooler in between?"
            faults.append(
                f"CARBONMARKET_DATABASE_URL: the leader's session has {name} = {value}, not {' or '.join(good)}: {how}"
            )
    if faults:
        raise Misconfigured(faults)


def leader_lock(log_id: str) -> int:
    """The key of a log's advisory lock: each log has one of its own, whatever databases share a server."""
    return int.from_bytes(hashlib.sha256(f"carbonmarket leader {log_id}".encode()).digest()[:8], signed=True)


async def check_holds(pool: Pool, log_id: str) -> None:
    """A database holds one log, for ever. Raises Misconfigured where it is another one's."""
    data = await pool.fetchval("SELECT data FROM log WHERE position = 1")
    held = LogOpened.FromString(data).log_id if data is not None else log_id
    if held != log_id:
        raise Misconfigured([f"CARBONMARKET_DATABASE_URL: the database holds the log '{held}', not '{log_id}'"])


class PostgresLog:
    """One session on a service's database. Keeps chassis.log.protocol.Log."""

    def __init__(self, log_id: str, database_url: str, pool: Pool) -> None:
        self._log_id = log_id
        self._database_url = database_url
        self._pool = pool
        self._session: asyncpg.Connection[asyncpg.Record] | None = None
        self._leads = False
        self._warnings: list[str] = []

    @property
    def log_id(self) -> str:
        return self._log_id

    async def lead(self) -> bool:
        try:
            if self._session is None or self._session.is_closed():
                self._session = await asyncpg.connect(self._database_url, server_settings=KEEPALIVES | BY_INDEX)
                self._session.add_log_listener(self._note_warning)
                self._leads = False
                await make_durable(self._session)
            if not self._leads:
                lock = leader_lock(self._log_id)
                ask = self._session.fetchval("SELECT pg_try_advisory_lock($1)", lock, timeout=LEAD_SECONDS_MAX)
                self._leads = bool(await ask)
        except OUT_OF_REACH as error:
            raise LogUnavailable(f"cannot ask for the leadership: {error}") from error
        return self._leads

    def _note_warning(self, _: object, message: Any) -> None:
        if message.severity_en == "WARNING":
            self._warnings.append(str(message))

    async def clock_ms(self) -> int:
        try:
            now_ms: int = await self._pool.fetchval("SELECT clock_ms()")
        except OUT_OF_REACH as error:
            raise LogUnavailable(f"cannot read the database's clock: {error}") from error
        return now_ms

    async def append(
        self,
        head: Head,
        records: Sequence[Record],
        heard: Sequence[HeardUpTo],
        host_ms: Callable[[], int] | None = None,
        claims: Sequence[Claimed] = (),
    ) -> None:
        if head.position == 0 and head != genesis(self._log_id):
            raise Fenced("an empty log begins with the digest of its own id")
        arguments: list[Any] = [head.position, head.digest]
        arguments += [[getattr(record, name) for record in records] for name in COLUMNS.split(", ")]
        arguments += [
            [upto.log_id for upto in heard],
            [upto.position for upto in heard],
            [upto.digest for upto in heard],
            [claim.kind for claim, _ in claims],
            [claim.scope for claim, _ in claims],
            [claim.name for claim, _ in claims],
            [json.dumps(facts) for _, facts in claims],
        ]
        for _ in range(COMPARISONS_MAX):
            sent_ms = host_ms() if host_ms is not None else None
            outcome, database_ms = await self._ask(head, [*arguments, sent_ms, CLOCK_SKEW_MS_MAX])
            if outcome == "fenced":
                raise Fenced(f"the log no longer ends at {head.position} as this writer knows it")
            if outcome != "skewed" or host_ms is None or sent_ms is None:
                return
            check_why_not(sent_ms, database_ms, host_ms(), records[-1].recorded_ms if records else 0)
        slow = f"took longer than {CLOCK_SKEW_MS_MAX} ms to reach the database, {COMPARISONS_MAX} times"
        raise LogUnavailable(f"an append after {head.position} {slow}")

    async def _ask(self, head: Head, arguments: Sequence[Any]) -> tuple[str, int]:
        """One statement, one transaction: appended or not."""
        session = self._session
        if session is None or not self._leads:
            raise Fenced("this session does not lead")
        self._warnings.clear()
        # Neither a timeout of asyncpg's nor a cancelled task may reach the statement: both would cancel it, and a
        # cancelled commit that waits for its replica is a commit on this machine only.
        appending = asyncio.ensure_future(session.fetchrow(APPEND, *arguments))
        await asyncio.wait({appending}, timeout=APPEND_SECONDS_MAX)
        if not appending.done():
            raise LogUnavailable(f"append after {head.position} is in doubt: no answer in {APPEND_SECONDS_MAX:g} s")
        try:
            row = appending.result()
        except Exception as error:
            raise LogUnavailable(
                f"append after {head.position} is in doubt: {type(error).__name__}: {error}"
            ) from error
        if self._warnings:
            raise LogUnavailable(f"append after {head.position} came with a warning: {'; '.join(self._warnings)}")
        assert row is not None
        return row["outcome"], row["database_ms"]

    async def read(self, after_position: int, records_max: int) -> list[Record]:
        limit = min(records_max, READ_RECORDS_MAX)
        rows = await self._pool.fetch(
            f"SELECT {COLUMNS} FROM log WHERE position > $1 ORDER BY position LIMIT $2", after_position, limit
        )
        return [Record(*row.values()) for row in rows]

    async def find(self, keys: Sequence[Key]) -> Mapping[Key, Found]:
        rows = await self._pool.fetch(
            FIND, [key.subject for key in keys], [key.account for key in keys], [key.request_id for key in keys]
        )
        return {
            Key(row["subject"], row["account"], row["request_id"]): Found(
                row["command_digest"], row["position"], row["command_events"]
            )
            for row in rows
        }

    async def find_claims(self, claims: Sequence[Claim]) -> Mapping[Claim, Facts]:
        wanted = [[claim.kind for claim in claims], [claim.scope for claim in claims], [claim.name for claim in claims]]
        return {
            Claim(row["kind"], row["scope"], row["name"]): tuple(
                (name, value) for name, value in json.loads(row["facts"])
            )
            for row in await self._pool.fetch(FIND_CLAIMS, *wanted)
        }

    async def heard(self) -> list[HeardUpTo]:
        rows = await self._pool.fetch("SELECT log_id, position, digest FROM heard")
        return [HeardUpTo(*row.values()) for row in rows]

    async def note_culprit(self, name: str, release: str, why: str) -> None:
        note = f"INSERT INTO culprits SELECT $1, $2, $3 {DURABLY} ON CONFLICT DO NOTHING"
        await self._pool.execute(note, name, release, why)

    async def culprits(self, release: str) -> Mapping[str, str]:
        rows = await self._pool.fetch("SELECT name, why FROM culprits WHERE release = $1", release)
        return {row["name"]: row["why"] for row in rows}

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("DELETE FROM snapshots WHERE position = $1", snapshot.position)
            await connection.execute(
                "INSERT INTO snapshots VALUES ($1, $2, $3)", snapshot.position, snapshot.digest, snapshot.fold_version
            )
            for part, start in enumerate(range(0, len(snapshot.data), SNAPSHOT_PART_BYTES)):
                data = snapshot.data[start : start + SNAPSHOT_PART_BYTES]
                await connection.execute(
                    "INSERT INTO snapshot_parts VALUES ($1, $2, $3)", snapshot.position, part, data
                )
            await connection.execute(
                "DELETE FROM snapshots WHERE position NOT IN "
                "(SELECT position FROM snapshots ORDER BY position DESC LIMIT $1)",
                SNAPSHOTS_KEPT,
            )

    async def load_snapshot(self, fold_version: str) -> Snapshot | None:
        row = await self._pool.fetchrow(
            "SELECT position, digest FROM snapshots WHERE fold_version = $1 ORDER BY position DESC LIMIT 1",
            fold_version,
        )
        if row is None:
            return None
        parts = "SELECT data FROM snapshot_parts WHERE position = $1 ORDER BY part"
        data = b"".join(part["data"] for part in await self._pool.fetch(parts, row["position"]))
        return Snapshot(row["position"], row["digest"], fold_version, data)

    async def witnesses(self) -> list[Witness]:
        """The witnesses in this log's own database. They are read before the log, so none is ahead of it."""
        return [Witness(*row.values()) for row in await self._pool.fetch(WITNESSES)]

    async def close(self) -> None:
        if self._session is not None and not self._session.is_closed():
            self._session.terminate()
        self._leads = False
