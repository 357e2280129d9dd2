"""A service's database: a log and tables in memory. Sessions on it are slow, break, and leave appends in doubt.

The tables are SQLite's and run the services' own statements, those of projections and of queries alike, after three
differences of dialect are evened out: casts, arrays and JSON are plain values here, and what changes rows inside WITH
becomes statements of its own.
"""

import asyncio
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chassis.core.call import Unavailable
from chassis.core.decider import Claim, Claimed, Facts
from chassis.core.feed_chain import FeedEntry, FeedHead
from chassis.core.keys import Found, Key
from chassis.core.record import Head, HeardUpTo, Record
from chassis.edges.protocols import Reading, Row, Statement
from chassis.log.forks import ForkProof
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.protocol import LogUnavailable
from chassis.log.seals import Attestation, SealedFeed, SealedHead
from support.simulation.clocks import Time
from support.simulation.weather import Chance

LATENCY_S = 0.005

CAST = re.compile(r"::\w+(\[\])?")
WITHIN = re.compile(r"\s*WITH (\w+) AS \(\s*((?:INSERT|UPDATE).*?)\n?\)\n(INSERT.*)", re.DOTALL)


@cache
def in_dialect(sql: str) -> tuple[tuple[str, int, str], ...]:
    """A statement as SQLite's own, one after another: its text, how many arguments it takes, and the name that the rows
    it returns go by.
    """
    plain = re.sub(r"\$(\d+)", r"?\1", CAST.sub("", sql))
    # `SELECT … ON CONFLICT` is read as a join without this.
    plain = re.sub(r"(FROM moved)\n(ON CONFLICT)", r"\1 WHERE true\n\2", plain)
    within = WITHIN.fullmatch(plain.strip())
    if within is None:
        return ((plain, arguments_of(plain), ""),)
    name, first, then = within.groups()
    return ((first, arguments_of(first), name), (then, arguments_of(then), ""))


def arguments_of(sql: str) -> int:
    return max(map(int, re.findall(r"\?(\d+)", sql)), default=0)


def value_of(argument: Any) -> Any:
    """Lists are kept as JSON; numbers with names are numbers."""
    if isinstance(argument, list | tuple):
        return json.dumps(argument)
    return int(argument) if isinstance(argument, int) else argument


class Database:
    """What survives a process. `restore` takes it back to an earlier copy."""

    def __init__(self, name: str, migrations: Path, time: Time | None = None) -> None:
        self.store = MemoryStore(name, time.now_ms if time else None)
        self._migrations = migrations
        self.open_tables()

    def open_tables(self, content: bytes | None = None) -> None:
        self.tables = sqlite3.connect(":memory:", isolation_level=None)
        self.tables.row_factory = sqlite3.Row
        self.tables.create_collation("C", lambda one, other: (one > other) - (one < other))
        if content is not None:
            self.tables.deserialize(content)
            return
        self.tables.execute("CREATE TABLE checkpoints (follower text PRIMARY KEY, position bigint NOT NULL)")
        self.tables.execute(
            "CREATE TABLE seals (position bigint PRIMARY KEY, digest blob NOT NULL, seal text NOT NULL)"
        )
        feed = "account text NOT NULL, sequence bigint NOT NULL, position bigint NOT NULL, digest blob NOT NULL"
        self.tables.execute(f"CREATE TABLE feed ({feed}, PRIMARY KEY (account, sequence))")
        self.tables.execute(f"CREATE TABLE feed_seals ({feed}, seal text, PRIMARY KEY (account, sequence))")
        head = "log_id text NOT NULL, position bigint NOT NULL, digest blob NOT NULL, seal text NOT NULL"
        self.tables.execute(f"CREATE TABLE heard_heads ({head}, PRIMARY KEY (log_id, position))")
        self.tables.execute(f"CREATE TABLE fork_proofs ({head}, other_digest blob NOT NULL, other_seal text NOT NULL)")
        lost = "witness text PRIMARY KEY, position bigint NOT NULL, digest blob NOT NULL"
        self.tables.execute(f"CREATE TABLE lost_heads ({lost})")
        attestation = "purpose text, name text, body blob NOT NULL, secret blob NOT NULL"
        self.tables.execute(f"CREATE TABLE attestations ({attestation}, PRIMARY KEY (purpose, name))")
        for file in sorted(self._migrations.glob("*.sql")):
            self.tables.executescript(in_dialect(file.read_text())[0][0].replace("[]", ""))

    def copy(self) -> Callable[[], None]:
        """A backup; called, it restores this database to what it was. Whoever led is led no more."""
        store, tables = self.store, self.tables.serialize()
        kept = (
            list(store.records),
            dict(store.heard),
            dict(store.commands),
            dict(store.claims),
            list(store.snapshots),
        )

        def restore() -> None:
            store.records, store.heard, store.commands, store.claims, store.snapshots = kept
            store.leader = None
            self.close()
            self.open_tables(tables)

        return restore

    def close(self) -> None:
        self.tables.close()


class Session(MemoryLog):
    """One replica's session on its log, over a line that is slow. Keeps chassis.log.protocol.Log."""

    def __init__(self, database: Database, chance: Chance, place: str) -> None:
        super().__init__(database.store)
        self._chance = chance
        self._draw = chance.stream(f"log {place}")
        self.ended = False
        """The database has ended the session, and the process does not know yet."""

    async def _wait(self) -> None:
        if self._chance.weather.slow:
            await asyncio.sleep(self._draw.random() * LATENCY_S * self._chance.weather.slow)

    async def append(
        self,
        head: Head,
        records: Sequence[Record],
        heard: Sequence[HeardUpTo],
        host_ms: Callable[[], int] | None = None,
        claims: Sequence[Claimed] = (),
    ) -> None:
        await self._wait()
        share = self._chance.weather.in_doubt / 2
        stored = self._chance.happens(self._draw, "append in doubt, stored", share)
        lost = self._chance.happens(self._draw, "append in doubt, not stored", share)
        if self.ended or lost:
            raise LogUnavailable("the session is gone, and the append in doubt")
        await super().append(head, records, heard, host_ms, claims)
        await self._wait()
        if stored:
            raise LogUnavailable("the append is in doubt")

    async def clock_ms(self) -> int:
        await self._wait()
        return await super().clock_ms()

    async def lead(self) -> bool:
        await self._wait()
        if self.ended:
            raise LogUnavailable("the session is gone")
        return await super().lead()

    async def read(self, after_position: int, records_max: int) -> list[Record]:
        await self._wait()
        return await super().read(after_position, records_max)

    async def find(self, keys: Sequence[Key]) -> Any:
        await self._wait()
        found: dict[Key, Found] = dict(await super().find(keys))
        return found

    async def find_claims(self, claims: Sequence[Claim]) -> Mapping[Claim, Facts]:
        await self._wait()
        return await super().find_claims(claims)

    def end_session(self) -> None:
        self.ended = True
        if self._store.leader is self:
            self._store.leader = None


@dataclass(frozen=True)
class SimulatedReading:
    """Keeps chassis.edges.protocols.Reading."""

    position: int
    times_emptied: int
    _fetch: Callable[..., Sequence[Row]]

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Row]:
        return self._fetch(sql, *arguments)

    async def fetch_one(self, sql: str, *arguments: Any) -> Row | None:
        rows = self._fetch(sql, *arguments)
        return rows[0] if rows else None


class Tables:
    """Keeps chassis.edges.protocols.TableStore, chassis.log.seals.SealStore and chassis.log.forks.ForkStore."""

    def __init__(self, database: Database, chance: Chance, place: str) -> None:
        self._database = database
        self._chance = chance
        self._draw = chance.stream(f"tables {place}")

    async def _wait(self) -> None:
        if self._chance.weather.slow:
            await asyncio.sleep(self._draw.random() * LATENCY_S * self._chance.weather.slow)

    async def load_checkpoint(self, follower: str) -> int:
        await self._wait()
        return self._checkpoint(follower)

    def _checkpoint(self, follower: str) -> int:
        sql = "SELECT position FROM checkpoints WHERE follower = ?"
        found: tuple[int] | None = self._database.tables.execute(sql, (follower,)).fetchone()
        return found[0] if found else 0

    async def save_checkpoint(self, follower: str, position: int) -> None:
        await self._wait()
        self._move(follower, position)

    def _move(self, follower: str, position: int) -> None:
        self._database.tables.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?)", (follower, position))

    async def newest_seal(self) -> SealedHead | None:
        await self._wait()
        sql = "SELECT position, digest, seal FROM seals ORDER BY position DESC LIMIT 1"
        found = self._database.tables.execute(sql).fetchone()
        return SealedHead(*found) if found else None

    async def seal_from(self, position: int) -> SealedHead | None:
        await self._wait()
        sql = "SELECT position, digest, seal FROM seals WHERE position >= ? ORDER BY position LIMIT 1"
        found = self._database.tables.execute(sql, (position,)).fetchone()
        return SealedHead(*found) if found else None

    async def keep_seal(self, head: SealedHead) -> SealedHead:
        await self._wait()
        tables = self._database.tables
        tables.execute("INSERT OR IGNORE INTO seals VALUES (?, ?, ?)", (head.position, head.digest, head.seal))
        kept = tables.execute("SELECT position, digest, seal FROM seals WHERE position = ?", (head.position,))
        return SealedHead(*kept.fetchone())

    async def feed_seal(self, account: str, sequence: int) -> SealedFeed | None:
        await self._wait()
        sql = "SELECT account, sequence, digest, position, seal FROM feed_seals WHERE account = ? AND sequence = ?"
        found = self._database.tables.execute(sql, (account, sequence)).fetchone()
        return SealedFeed(*found) if found else None

    async def keep_feed_seal(self, head: SealedFeed) -> SealedFeed:
        await self._wait()
        tables = self._database.tables
        values = (head.account, head.sequence, head.position, head.digest, head.seal)
        tables.execute("INSERT OR IGNORE INTO feed_seals VALUES (?, ?, ?, ?, ?)", values)
        sql = "SELECT account, sequence, digest, position, seal FROM feed_seals WHERE account = ? AND sequence = ?"
        return SealedFeed(*tables.execute(sql, (head.account, head.sequence)).fetchone())

    async def attestation(self, purpose: str, name: str) -> Attestation | None:
        await self._wait()
        sql = "SELECT purpose, name, body, secret FROM attestations WHERE purpose = ? AND name = ?"
        found = self._database.tables.execute(sql, (purpose, name)).fetchone()
        return Attestation(*found) if found else None

    async def keep_attestation(self, made: Attestation) -> Attestation:
        await self._wait()
        tables = self._database.tables
        values = (made.purpose, made.name, made.body, made.secret)
        tables.execute("INSERT OR IGNORE INTO attestations VALUES (?, ?, ?, ?)", values)
        sql = "SELECT purpose, name, body, secret FROM attestations WHERE purpose = ? AND name = ?"
        return Attestation(*tables.execute(sql, (made.purpose, made.name)).fetchone())

    async def keep_heard_head(self, log_id: str, head: SealedHead) -> SealedHead:
        await self._wait()
        tables = self._database.tables
        values = (log_id, head.position, head.digest, head.seal)
        tables.execute("INSERT OR IGNORE INTO heard_heads VALUES (?, ?, ?, ?)", values)
        sql = "SELECT position, digest, seal FROM heard_heads WHERE log_id = ? AND position = ?"
        return SealedHead(*tables.execute(sql, (log_id, head.position)).fetchone())

    async def newest_heard_head(self, log_id: str) -> SealedHead | None:
        await self._wait()
        sql = "SELECT position, digest, seal FROM heard_heads WHERE log_id = ? ORDER BY position DESC LIMIT 1"
        found = self._database.tables.execute(sql, (log_id,)).fetchone()
        return SealedHead(*found) if found else None

    async def keep_fork_proof(self, proof: ForkProof) -> None:
        await self._wait()
        head, other = proof.head, proof.other
        values = (proof.log_id, head.position, head.digest, head.seal, other.digest, other.seal)
        self._database.tables.execute("INSERT INTO fork_proofs VALUES (?, ?, ?, ?, ?, ?)", values)

    async def fork_proofs(self, proofs_max: int) -> list[ForkProof]:
        await self._wait()
        found = self._database.tables.execute("SELECT * FROM fork_proofs LIMIT ?", (proofs_max,))
        return [
            ForkProof(log_id, SealedHead(position, digest, seal), SealedHead(position, other_digest, other_seal))
            for log_id, position, digest, seal, other_digest, other_seal in found
        ]

    async def keep_lost_head(self, witness: str, head: Head | None) -> None:
        await self._wait()
        tables = self._database.tables
        tables.execute("DELETE FROM lost_heads WHERE witness = ?", (witness,))
        if head is not None:
            tables.execute("INSERT INTO lost_heads VALUES (?, ?, ?)", (witness, head.position, head.digest))

    async def lost_head(self, witness: str) -> Head | None:
        await self._wait()
        sql = "SELECT position, digest FROM lost_heads WHERE witness = ?"
        found = self._database.tables.execute(sql, (witness,)).fetchone()
        return Head(*found) if found else None

    async def load_feeds(self, followers: Sequence[str]) -> tuple[Mapping[str, int], Mapping[str, FeedHead]]:
        await self._wait()
        sql = "SELECT account, max(sequence) AS sequence, digest FROM feed GROUP BY account"
        rows = self._database.tables.execute(sql).fetchall()
        return (
            {follower: self._checkpoint(follower) for follower in followers},
            {row["account"]: FeedHead(row["sequence"], row["digest"]) for row in rows},
        )

    async def times_emptied(self) -> int:
        """Never: nobody runs `rebuild-tables` in a simulation."""
        return 0

    async def write(
        self, follower: str, before: int, position: int, statements: Sequence[Statement], feed: Sequence[FeedEntry]
    ) -> None:
        await self._wait()
        tables = self._database.tables
        tables.execute("BEGIN")
        try:
            if self._checkpoint(follower) != before:
                raise RuntimeError("another replica has written these rows")
            for sql, calls in statements:
                for arguments in calls:
                    self._run(sql, arguments)
            entries = [(one.account, one.sequence, one.position, one.digest) for one in feed]
            tables.executemany("INSERT INTO feed VALUES (?, ?, ?, ?)", entries)
            self._move(follower, position)
        except BaseException:
            tables.execute("ROLLBACK")
            raise
        tables.execute("COMMIT")

    def _run(self, sql: str, arguments: Sequence[Any]) -> None:
        tables = self._database.tables
        values = [value_of(argument) for argument in arguments]
        for statement, count, returns in in_dialect(sql):
            rows = tables.execute(statement, values[:count]).fetchall()
            if returns and rows:
                columns = ", ".join(rows[0].keys())
                tables.execute(f"CREATE TEMP TABLE IF NOT EXISTS {returns} ({columns})")
                tables.execute(f"DELETE FROM {returns}")
                marks = ", ".join("?" for _ in rows[0])
                tables.executemany(f"INSERT INTO {returns} VALUES ({marks})", [tuple(row) for row in rows])

    @asynccontextmanager
    async def reading(self, follower: str) -> AsyncIterator[Reading]:
        """As of one moment, because nothing is waited for between its fetches."""
        await self._wait()
        yield SimulatedReading(self._checkpoint(follower), await self.times_emptied(), self._fetch)

    def _fetch(self, sql: str, *arguments: Any) -> Sequence[Row]:
        ((statement, count, _),) = in_dialect(sql)
        rows = self._database.tables.execute(statement, [value_of(one) for one in arguments][:count]).fetchall()
        return [{name: row[name] for name in row.keys()} for row in rows]  # noqa: SIM118  a Row is no mapping

    async def read_feed(
        self, account: str, after_sequence: int, records_max: int
    ) -> Sequence[tuple[FeedEntry, Record]]:
        sql = "SELECT * FROM feed WHERE account = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"
        await self._wait()
        rows = self._fetch(sql, account, after_sequence, records_max)
        records = self._database.store.records
        if rows and rows[-1]["position"] > len(records):
            raise Unavailable("the feed is ahead of the log")
        return [(FeedEntry(**row), records[row["position"] - 1]) for row in rows]
