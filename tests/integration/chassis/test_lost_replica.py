"""A primary that has lost its synchronous replica, on whose side there may be a new primary and a new leader by now: it
answers nothing, neither commands nor what changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import grpc
import pytest
import pytest_asyncio

from carbonmarket.log.v1 import log_service_pb2
from carbonmarket.registry.v1 import registry_query_service_pb2, registry_service_pb2
from carbonmarket.registry.v1 import registry_service_pb2 as pb
from chassis.core.call import Refused
from chassis.log.tail import PROVED_SECONDS_MAX
from rehearsal.postgres import Postgres
from support.processes.kafka import Kafka
from support.processes.one_service import WrittenLog, one_service

APIS = (registry_service_pb2, registry_query_service_pb2)
OPERATOR = "registry_operator:ann"
ANSWER_S_MAX = 1.0
RELOAD_S_MAX = 30.0


@pytest_asyncio.fixture
async def own_postgres(tmp_path: Path) -> AsyncIterator[Postgres]:
    """A server of this test alone: what it needs of replicas is set for all its databases."""
    server = Postgres(tmp_path / "postgres")
    await server.start()
    yield server
    await server.stop()


async def replicas_needed(server: Postgres, names: str) -> None:
    connection = await asyncpg.connect(server.url("postgres"))
    await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


async def until_commits_wait(server: Postgres) -> None:
    """A server follows its new settings some time after it was asked to."""
    committing, looking = [await asyncpg.connect(server.url("postgres")) for _ in range(2)]
    waits_for = f"SELECT wait_event FROM pg_stat_activity WHERE pid = {committing.get_server_pid()}"
    async with asyncio.timeout(RELOAD_S_MAX):
        while True:
            commit = asyncio.create_task(committing.execute("SELECT pg_logical_emit_message(true, 'probe', '')"))
            while not commit.done():
                if await looking.fetchval(waits_for) == "SyncRep":
                    committing.terminate()
                    await asyncio.wait({commit})
                    await looking.close()
                    return
            await commit


async def test_a_primary_without_its_synchronous_replica_answers_nothing(
    own_postgres: Postgres, kafka: Kafka, tmp_path: Path
) -> None:
    url = await own_postgres.create_database("registry")
    connection = await asyncpg.connect(url)
    await connection.execute("ALTER DATABASE registry SET synchronous_commit = off")
    await connection.close()
    trading = WrittenLog("trading")
    await trading.start()
    async with one_service("registry", APIS, tmp_path, url, kafka.address, {"trading": trading.address}) as registry:
        create = pb.CreateVintageRequest(request_id="V1", vintage="V1", compliance_year=2020)
        first = await registry.call(OPERATOR, create)

        await replicas_needed(own_postgres, "absent")
        await until_commits_wait(own_postgres)
        asked = {
            "a repeat": create,
            "a refusal": pb.CreateVintageRequest(request_id="again", vintage="V1", compliance_year=2020),
            "a read": log_service_pb2.GetStatusRequest(),
            "the log": log_service_pb2.ReadRequest(),
        }
        waiting = {what: asyncio.create_task(registry.call(OPERATOR, request)) for what, request in asked.items()}
        await asyncio.sleep(ANSWER_S_MAX)
        assert [what for what, task in waiting.items() if task.done()] == []
        command = pb.CreateVintageRequest(request_id="V2", vintage="V2", compliance_year=2021)
        commanded = asyncio.create_task(registry.call(OPERATOR, command))
        await asyncio.sleep(PROVED_SECONDS_MAX)
        with pytest.raises(Refused) as refused:
            await registry.call(OPERATOR, registry_query_service_pb2.ListVintagesRequest())
        assert refused.value.code is grpc.StatusCode.UNAVAILABLE

        await replicas_needed(own_postgres, "")
        await asyncio.wait(waiting.values())
        assert waiting["a repeat"].result() == first
        assert (await commanded).position > first.position
        with pytest.raises(Refused, match="VINTAGE_ALREADY_CREATED"):
            waiting["a refusal"].result()
    await trading.stop()
