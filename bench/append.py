"""Appending events. Floor: an empty statement's round trip. Peer: one INSERT per event, in a transaction."""

from dataclasses import replace
from pathlib import Path

import asyncpg

from bench.harness.report import show
from bench.micros import held_against, measure
from chassis.core.record import Head, Record, chain, genesis
from chassis.log.postgres_log import MIGRATIONS, PostgresLog, migrate, open_pool
from rehearsal.postgres import Postgres

DATA = b"x" * 120
PEER = "INSERT INTO peer VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
BATCHES = (1, 100, 500)


def records_after(head: Head, count: int) -> list[Record]:
    records = []
    for _ in range(count):
        bare = Record(head.position + 1, "bench.Event", DATA, 1_000, "ada", request_id=f"r{head.position}")
        digest = chain(head.digest, bare)
        records.append(replace(bare, digest=digest))
        head = Head(bare.position, digest)
    return records


async def run(folder: Path) -> None:
    server = Postgres(folder)
    await server.start()
    try:
        await against(await server.create_database("append"))
    finally:
        await server.stop()


async def against(database_url: str) -> None:
    pool = await open_pool(database_url)
    await migrate(pool, {"shell": MIGRATIONS})
    await pool.execute(
        "CREATE TABLE peer (LIKE log INCLUDING ALL); ALTER TABLE peer DROP command_digest, DROP command_events"
    )
    connection = await asyncpg.connect(database_url)
    log = PostgresLog("bench", database_url, pool)
    assert await log.lead()

    async def empty() -> None:
        await connection.execute("SELECT 1")

    async def proof() -> None:
        await log.append(genesis("bench"), [], [])

    floor = await measure("a round trip", 1, empty)
    # One for all reads and refusals that wait on it: shared as an append is by the commands of its batch.
    rows = [await measure("proof of leadership (an append of no records)", 1, proof)]
    for count in BATCHES:

        async def ours(count: int = count) -> None:
            last = await connection.fetchrow("SELECT position, digest FROM log ORDER BY position DESC LIMIT 1")
            head = Head(last["position"], last["digest"]) if last else genesis("bench")
            await log.append(head, records_after(head, count), [])

        async def peer(count: int = count) -> None:
            last = await connection.fetchval("SELECT coalesce(max(position), 0) FROM peer")
            async with connection.transaction():
                who, cause = ("a", "", "", "", ""), ("", "", 0)
                events = [(last + n + 1, "bench.Event", DATA, 1_000, *who, *cause, b"d", 1) for n in range(count)]
                await connection.executemany(PEER, events)

        rows.append(await measure(f"log_append, batch of {count}", count, ours))
        rows.append(await measure(f"peer: executemany, batch of {count}", count, peer))
    show("Append", held_against(floor, "event", rows))
    await log.close()
    await connection.close()
    await pool.close()
