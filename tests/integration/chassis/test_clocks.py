"""A service, its host's clock and its database's: what differs ends it, and the ways out that the runbook names."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest_asyncio

from carbonmarket.log.v1 import log_events_pb2
from carbonmarket.registry.v1 import registry_query_service_pb2 as queries
from carbonmarket.registry.v1 import registry_service_pb2 as pb
from chassis.core.record import Head, Record, chain, genesis
from chassis.log.clocks import CLOCK_SKEW_MS_MAX
from chassis.log.machine_clock import MachineClock
from chassis.log.postgres_log import MIGRATIONS, PostgresLog, migrate, open_pool
from rehearsal.postgres import Postgres
from support.processes.kafka import Kafka
from support.processes.one_service import OneService, WrittenLog, one_service
from support.processes.replicas import APIS, OPERATOR, Pair

ENDED_S_MAX = 60.0
YEARS_MS = 40 * 365 * 86_400_000
SHOWS = """
CREATE OR REPLACE FUNCTION clock_ms() RETURNS bigint LANGUAGE sql AS
$$ SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint + {off_ms} $$
"""


async def execute(database_url: str, sql: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(sql)
    await connection.close()


async def ends_saying(service: OneService, *words: str) -> None:
    assert service.child.process is not None
    assert await asyncio.wait_for(service.child.process.wait(), ENDED_S_MAX) == 75
    assert [word for word in words if word not in service.child.output()] == []


async def test_where_the_databases_clock_is_wrong_every_replica_ends_until_it_is_set(pair: Pair) -> None:
    first = await pair.insist(1, pair.leader)
    await execute(pair.database_url, SHOWS.format(off_ms=YEARS_MS))
    for replica in (pair.leader, pair.standby):
        await ends_saying(replica, "or more behind the database's", "docs/runbook.md, Clocks differ")
    await pair.standby.child.spawn()
    await ends_saying(pair.standby, "or more behind the database's")

    await execute(pair.database_url, SHOWS.format(off_ms=0))
    await pair.standby.child.start()
    assert await pair.insist(2, pair.standby) == first + 2, "LeadershipTaken, and nothing else of that time"


async def test_an_append_that_is_slow_on_its_way_is_sent_again(database_url: str) -> None:
    pool = await open_pool(database_url)
    await migrate(pool, {"shell": MIGRATIONS})
    log = PostgresLog("registry", database_url, pool)
    await log.lead()
    machine = MachineClock()
    # At first the statement leaves long before it arrives; then it is quick.
    late = iter([machine.now_ms() - CLOCK_SKEW_MS_MAX - 5_000])
    await log.append(genesis("registry"), [], [], lambda: next(late, machine.now_ms()))
    assert await pool.fetchval("SELECT proofs FROM leadership") == 1
    await log.close()
    await pool.close()


@pytest_asyncio.fixture
async def archiving(tmp_path: Path) -> AsyncIterator[Postgres]:
    """A server that archives its write-ahead log, as production's does."""
    server = Postgres(tmp_path / "postgres")
    await server.start()
    archive = tmp_path / "archive"
    archive.mkdir()
    archive.chmod(0o777)
    await execute(server.url("postgres"), "ALTER SYSTEM SET archive_mode = on")
    await execute(server.url("postgres"), f"ALTER SYSTEM SET archive_command = 'cp %p {archive}/%f'")
    await server.stop()
    await server.start()
    yield server
    await server.stop()


def copy_as_it_is(data: Path, to: Path) -> None:
    """A data folder in the place of another, with its owner."""
    shutil.rmtree(to, ignore_errors=True)
    subprocess.run(("cp", "-a", data, to), check=True)


async def restored_before(server: Postgres, backup: Path, archive: Path, transaction: int) -> None:
    """What PostgreSQL's operator does: the backup, and the archive up to the transaction before."""
    await server.stop()
    copy_as_it_is(backup, server.data)
    (server.data / "recovery.signal").touch()
    with (server.data / "postgresql.auto.conf").open("a") as settings:
        settings.write(
            f"restore_command = 'cp {archive}/%f %p'\nrecovery_target_xid = '{transaction}'\n"
            "recovery_target_inclusive = off\nrecovery_target_action = promote\n"
        )
    await server.start()
    async with asyncio.timeout(ENDED_S_MAX):
        connection = await asyncpg.connect(server.url("postgres"))
        while await connection.fetchval("SELECT pg_is_in_recovery()"):
            await asyncio.sleep(0.1)
        await connection.close()


async def append_ahead(database_url: str, off_ms: int, count: int) -> None:
    """What a host and a database whose clocks were both wrong have written."""
    pool = await open_pool(database_url)
    log = PostgresLog("registry", database_url, pool)
    await log.lead()
    last = (await log.read(0, 1_000))[-1]
    data = log_events_pb2.LeadershipTaken(address="127.0.0.1:1").SerializeToString()
    for _ in range(count):
        head = Head(last.position, last.digest)
        kind = log_events_pb2.LeadershipTaken.DESCRIPTOR.full_name
        bare = Record(head.position + 1, kind, data, last.recorded_ms + off_ms, "service:registry")
        last, off_ms = replace(bare, digest=chain(head.digest, bare)), 0
        await log.append(head, [last], [])
    await log.close()
    await pool.close()


async def test_a_log_ahead_of_the_clock_does_not_lead_until_it_is_restored_before_its_first_record_that_is(
    archiving: Postgres, kafka: Kafka, tmp_path: Path
) -> None:
    url = await archiving.create_database("registry")
    trading = WrittenLog("trading")
    await trading.start()

    def vintage(number: int) -> pb.CreateVintageRequest:
        return pb.CreateVintageRequest(request_id=f"V{number}", vintage=f"V{number}", compliance_year=2020)

    remotes = {"trading": trading.address}
    async with one_service("registry", APIS, tmp_path, url, kafka.address, remotes) as registry:
        await registry.call(OPERATOR, vintage(1))
        await registry.child.stop()
        await archiving.stop()
        copy_as_it_is(archiving.data, tmp_path / "backup")
        await archiving.start()
        await registry.child.start()
        good = (await registry.call(OPERATOR, vintage(2))).position
        await registry.child.stop()
        await append_ahead(url, YEARS_MS, count=3)

        await registry.child.spawn()
        await ends_saying(
            registry, f"first record that lies ahead is {good + 1}.", "runbook.md, The log is ahead of the clock"
        )

        connection = await asyncpg.connect(url)
        transaction = int(await connection.fetchval("SELECT xmin::text FROM log WHERE position = $1", good + 1))
        await connection.execute("SELECT pg_switch_wal()")
        await connection.close()
        await restored_before(archiving, tmp_path / "backup", tmp_path / "archive", transaction)
        await registry.child.start()
        assert (await registry.call(OPERATOR, vintage(2))).position == good
        assert (await registry.call(OPERATOR, vintage(3))).position == good + 2, "after LeadershipTaken"
        shown = await registry.call(OPERATOR, queries.ListVintagesRequest(min_position=good + 2))
        assert [row.vintage for row in shown.vintages] == ["V1", "V2", "V3"]
    await trading.stop()
