"""Two logs of one service: nothing that one of them has is the other's, and a third hears both."""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from carbonmarket.log.v1 import log_service_pb2
from carbonmarket.registry.v1 import registry_service_pb2 as pb
from carbonmarket.trading.v1 import trading_query_service_pb2, trading_service_pb2
from chassis.core.record import first_fault, genesis
from chassis.edges.remote import record_from
from chassis.log.postgres_log import leader_lock
from rehearsal.postgres import Postgres
from support.processes.kafka import Kafka
from support.processes.one_service import OneService, WrittenLog, one_service
from support.processes.replicas import APIS, OPERATOR

LOGS = ("registry", "registry-2")
HEAR_S_MAX = 60.0


async def heard_all(service: OneService, heads: Mapping[str, int]) -> dict[str, int]:
    """How far the service has heard each log, once it has heard these up to their heads."""
    async with asyncio.timeout(HEAR_S_MAX):
        while True:
            status = await service.call(OPERATOR, log_service_pb2.GetStatusRequest())
            heard = {source.log_id: source.heard_position for source in status.sources}
            if all(heard.get(log_id, 0) >= head for log_id, head in heads.items()):
                return heard
            await asyncio.sleep(0.05)


async def test_two_logs_of_one_service_run_side_by_side_and_are_heard_each_by_its_name(
    postgres: Postgres, kafka: Kafka, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        others = {name: WrittenLog(name) for name in ("trading", "clearing")}
        for other in others.values():
            await other.start()
            stack.push_async_callback(other.stop)
        urls = {log_id: await postgres.create_database(log_id.replace("-", "_") + "_two") for log_id in LOGS}
        hears = {"trading": others["trading"].address}
        registries = {
            log_id: await stack.enter_async_context(
                one_service(
                    "registry",
                    APIS,
                    tmp_path / log_id,
                    urls[log_id],
                    kafka.address,
                    hears,
                    more={"CARBONMARKET_LOG": log_id},
                )
            )
            for log_id in LOGS
        }
        for number, registry in enumerate(registries.values(), 1):
            for vintage in range(number):
                request = pb.CreateVintageRequest(vintage=f"V{number}{vintage}", compliance_year=2020)
                await registry.ask(OPERATOR, request)
        for log_id, registry in registries.items():
            records = [record_from(record) for record in await registry.records()]
            assert first_fault(genesis(log_id), records) is None
            assert records[0].subject == f"service:{log_id}"
            status = await registry.call(OPERATOR, log_service_pb2.GetStatusRequest())
            assert status.log_id == log_id
        assert leader_lock(LOGS[0]) != leader_lock(LOGS[1])

        trading = await stack.enter_async_context(
            one_service(
                "trading",
                (trading_service_pb2, trading_query_service_pb2),
                tmp_path / "trading",
                await postgres.create_database("trading_two"),
                kafka.address,
                {
                    **{log_id: registry.address for log_id, registry in registries.items()},
                    "clearing": others["clearing"].address,
                },
                more={"CARBONMARKET_REGISTRY_LOGS": " ".join(LOGS)},
            )
        )
        heard = await heard_all(trading, {log_id: await registry.head() for log_id, registry in registries.items()})
        assert heard.keys() == {*LOGS, "clearing"}
        sources = [record.source_log_id for record in await trading.records() if record.source_log_id]
        assert [sources.count(log_id) for log_id in LOGS] == [1, 2], "a vintage listed for each that was created"


async def test_a_database_holds_one_log_and_says_so_to_another(
    postgres: Postgres, kafka: Kafka, tmp_path: Path
) -> None:
    trading = WrittenLog("trading")
    await trading.start()
    url = await postgres.create_database("one_log")
    remotes = {"trading": trading.address}
    async with one_service("registry", APIS, tmp_path / "first", url, kafka.address, remotes):
        pass
    environment = {
        "CARBONMARKET_LOG": "registry-2",
        "CARBONMARKET_LISTEN": "127.0.0.1:1",
        "CARBONMARKET_DATABASE_URL": url,
        "CARBONMARKET_KAFKA": kafka.address,
        "CARBONMARKET_ACTOR_FROM": "metadata",
        "CARBONMARKET_TRADING_ADDRESS": trading.address,
        "PYTHONPATH": ":".join(sys.path),
    }
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "registry", env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, told = await asyncio.wait_for(other.communicate(), HEAR_S_MAX)
    assert other.returncode == 78
    assert "the database holds the log 'registry', not 'registry-2'" in told.decode()
    await trading.stop()
