"""Two replicas of one service: the standby is ready and answers, takes over, and nothing acknowledged is lost."""

import asyncio
import os
import signal
import subprocess
import sys
from itertools import count
from typing import Any

import asyncpg
import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from carbonmarket.log.v1 import log_service_pb2
from carbonmarket.registry.v1 import registry_events_pb2 as events
from carbonmarket.registry.v1 import registry_query_service_pb2 as query
from carbonmarket.registry.v1 import registry_service_pb2 as pb
from chassis.core.call import Refused
from chassis.core.record import first_fault, genesis
from chassis.edges.remote import record_from
from chassis.process.main import SnapshotFailed, have_snapshot_made
from registry.__main__ import REGISTRY
from rehearsal.processes import Child, ChildFailed, Program, free_port
from support.processes.one_service import OneService
from support.processes.replicas import APIS, OPERATOR, Pair, account

ENDED_S_MAX = 60.0
HANG = """
CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$;
CREATE TRIGGER hang BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION hang();
"""
"""Appends of records wait for whoever has this lock."""
HANGS = """
SELECT count(*) > 0 FROM pg_locks JOIN pg_database ON oid = database
WHERE locktype = 'advisory' AND datname = current_database() AND NOT granted
"""


async def leader_address(replica: OneService) -> str:
    status: log_service_pb2.GetStatusResponse = await replica.call(OPERATOR, log_service_pb2.GetStatusRequest())
    return status.leader_address


async def until_leads(replica: OneService) -> None:
    async with asyncio.timeout(ENDED_S_MAX):
        while True:
            try:
                if await leader_address(replica) == replica.address:
                    return
            except Refused as refused:
                if refused.code is not grpc.StatusCode.UNAVAILABLE:
                    raise
            await asyncio.sleep(0.05)


async def opened(replica: OneService) -> list[tuple[str, int]]:
    """Every account that was opened in the log, with its position; the log itself is whole."""
    records = await replica.records()
    assert first_fault(genesis("registry"), [record_from(record) for record in records]) is None
    made = [record for record in records if record.type == events.AccountOpened.DESCRIPTOR.full_name]
    return [(events.AccountOpened.FromString(record.data).account, record.position) for record in made]


async def exit_code(child: Child) -> int:
    assert child.process is not None
    return await asyncio.wait_for(child.process.wait(), ENDED_S_MAX)


async def health_of(replica: OneService, service: str) -> health_pb2.HealthCheckResponse:
    async with grpc.aio.insecure_channel(replica.address) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer: health_pb2.HealthCheckResponse = await stub.Check(request)
        return answer


async def test_leader_and_standby_answer_the_health_check_for_every_service_by_its_name(pair: Pair) -> None:
    log = log_service_pb2.DESCRIPTOR.services_by_name["LogService"].full_name
    names = [service.full_name for api in APIS for service in api.DESCRIPTOR.services_by_name.values()]
    for replica in (pair.leader, pair.standby):
        for name in ("", log, *names):
            assert (await health_of(replica, name)).status == health_pb2.HealthCheckResponse.SERVING, name
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await health_of(replica, "carbonmarket.registry.v1.Unknown")
        assert unknown.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_standby_is_ready_and_passes_everything_on(pair: Pair) -> None:
    position = await pair.insist(1, pair.standby)
    assert await leader_address(pair.standby) == pair.leader.address
    request = query.ListAccountsRequest(min_position=position)
    assert [row.account for row in (await pair.standby.call(OPERATOR, request)).accounts] == [account(1)]
    with pytest.raises(Refused) as refused:
        await pair.standby.call("participant:power-0001", pb.CreateVintageRequest(request_id="r", vintage="V2"))
    assert refused.value.reason == "ROLE_NOT_ALLOWED"
    commands = [
        pb.ManyCommand(
            create_vintage=pb.CreateVintageRequest(request_id=str(year), vintage=vintage, compliance_year=year)
        )
        for vintage, year in (("V2", 2022), ("V2", 2023))
    ]
    answer = await pair.standby.submit_many(OPERATOR, pb.SubmitManyRequest(commands=commands))
    assert [outcome.WhichOneof("outcome") for outcome in answer.outcomes] == ["create_vintage", "refusal"]


async def test_when_the_leader_is_killed_the_standby_takes_over_and_no_acknowledged_command_is_lost(
    pair: Pair,
) -> None:
    acknowledged: dict[str, int] = {}
    numbers = count(1)
    killed = asyncio.Event()

    async def client() -> None:
        while len(acknowledged) < 40 or not killed.is_set():
            number = next(numbers)
            acknowledged[account(number)] = await pair.insist(number, pair.leader, pair.standby)

    clients = [asyncio.create_task(client()) for _ in range(8)]
    while len(acknowledged) < 20:
        await asyncio.sleep(0.01)
    await pair.leader.child.kill()
    await until_leads(pair.standby)
    killed.set()
    # Only the one that is left can answer now.
    for one in clients:
        one.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    started = next(numbers) - 1
    for number in range(1, started + 1):
        position = await pair.insist(number, pair.standby)
        assert acknowledged.setdefault(account(number), position) == position, "the first answer again"
    assert sorted(await opened(pair.standby)) == sorted(acknowledged.items()), "each once, where it was acknowledged"


async def test_a_rollout_goes_from_replica_to_replica_and_back_under_calls(pair: Pair) -> None:
    done = asyncio.Event()
    acknowledged: dict[str, int] = {}

    async def client() -> None:
        for number in count(1):
            if done.is_set():
                return
            acknowledged[account(number)] = await pair.insist(number, pair.leader, pair.standby)

    calling = asyncio.create_task(client())
    for old, new in ((pair.leader, pair.standby), (pair.standby, pair.leader)):
        stood = len(acknowledged)
        while len(acknowledged) < stood + 5:
            await asyncio.sleep(0.02)
        poll = asyncio.create_task(
            old.call("auditor:aud", log_service_pb2.ReadRequest(after_position=10**9, wait_ms=30_000))
        )
        await asyncio.sleep(0.2)
        assert old.child.process is not None
        old.child.process.send_signal(signal.SIGTERM)
        assert await exit_code(old.child) == 0
        with pytest.raises(Refused):
            await poll
        await until_leads(new)
        await old.child.start()
        assert await leader_address(old) == new.address
    done.set()
    await calling
    assert await opened(pair.leader) == list(acknowledged.items())


async def test_a_leader_that_loses_its_session_ends_by_itself_though_nobody_calls_it(pair: Pair) -> None:
    await pair.insist(1, pair.leader)
    connection = await asyncpg.connect(pair.database_url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON oid = database "
        "WHERE locktype = 'advisory' AND datname = current_database() AND granted"
    )
    await connection.close()
    assert await exit_code(pair.leader.child) == 70
    await until_leads(pair.standby)
    assert await pair.insist(2, pair.standby) > await pair.insist(1, pair.standby)


async def test_a_leader_that_is_stopped_while_it_is_unknown_whether_records_were_appended_says_so(pair: Pair) -> None:
    first = await pair.insist(1, pair.leader)
    connection, other = [await asyncpg.connect(pair.database_url) for _ in range(2)]
    await connection.execute(HANG)
    await connection.execute("SELECT pg_advisory_lock(1)")
    opening = asyncio.create_task(pair.insist(2, pair.leader))
    async with asyncio.timeout(ENDED_S_MAX):
        while not await other.fetchval(HANGS):
            await asyncio.sleep(0.05)
    assert pair.leader.child.process is not None
    pair.leader.child.process.send_signal(signal.SIGTERM)
    assert await exit_code(pair.leader.child) == 70
    await connection.close()
    await other.close()
    await until_leads(pair.standby)
    assert await pair.insist(2, pair.standby) > first, "whatever became of it, asking again tells"
    assert len(await opened(pair.standby)) == 2
    opening.cancel()


async def test_a_standby_that_was_away_catches_up_before_it_is_ready(pair: Pair) -> None:
    await pair.standby.child.kill()
    for number in range(1, 30):
        await pair.insist(number, pair.leader)
    await pair.standby.child.start()
    await pair.leader.child.kill()
    await until_leads(pair.standby)
    assert len(await opened(pair.standby)) == 29


def program(pair: Pair, **changed: str) -> Program:
    sound = pair.standby.child.program
    return Program("other", (sys.executable, "-m", "registry"), {**sound.environment, **changed})


async def test_a_second_process_at_the_same_address_ends_rather_than_sharing_it(pair: Pair) -> None:
    other = Child(program(pair), pair.standby.child.log_path.parent)
    await other.spawn()
    assert await exit_code(other) == 70
    await pair.insist(1, pair.standby)


async def test_a_log_that_was_opened_on_the_machines_clock_is_for_no_rehearsal(pair: Pair) -> None:
    where = {"CARBONMARKET_LISTEN": f"127.0.0.1:{free_port()}", "CARBONMARKET_CLOCK": "rehearsal"}
    other = Child(program(pair, **where), pair.standby.child.log_path.parent)
    await other.spawn()
    assert await exit_code(other) == 78
    assert "this log was opened as no rehearsal, which stays so" in other.output()


async def test_a_service_that_waits_for_its_database_can_be_told_to_stop(pair: Pair) -> None:
    away = f"postgresql://registry:secret@127.0.0.1:{free_port()}/registry"
    where = {"CARBONMARKET_LISTEN": f"127.0.0.1:{free_port()}", "CARBONMARKET_DATABASE_URL": away}
    other = Child(program(pair, **where), pair.standby.child.log_path.parent)
    await other.spawn()
    async with asyncio.timeout(ENDED_S_MAX):
        while "cannot be reached yet" not in other.output():
            await asyncio.sleep(0.05)
    assert other.process is not None
    other.process.send_signal(signal.SIGTERM)
    assert await exit_code(other) == 0
    assert "secret" not in other.output()


async def test_a_service_that_starts_can_be_told_to_stop_at_any_time_and_twice(pair: Pair) -> None:
    for seconds in (0.0, 0.1, 0.2, 0.4):
        where = {"CARBONMARKET_LISTEN": f"127.0.0.1:{free_port()}"}
        other = Child(program(pair, **where), pair.standby.child.log_path.parent)
        await other.spawn()
        async with asyncio.timeout(ENDED_S_MAX):
            while "callers state their identity" not in other.output():
                await asyncio.sleep(0.02)
        await asyncio.sleep(seconds)
        assert other.process is not None
        other.process.send_signal(signal.SIGTERM)
        other.process.send_signal(signal.SIGTERM)
        assert await exit_code(other) == 0, other.tail()
        assert "CRITICAL" not in other.output()


async def test_verify_and_the_next_start_say_what_somebody_changed(pair: Pair) -> None:
    for number in range(1, 4):
        await pair.insist(number, pair.leader)

    async def verified(*heard_by: str) -> tuple[int, str]:
        checking = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "registry", "verify", *heard_by),
            env={**os.environ, **pair.leader.child.program.environment},
            stdout=subprocess.PIPE,
        )
        output, _ = await checking.communicate()
        assert checking.returncode is not None
        return checking.returncode, output.decode()

    code, said = await verified()
    assert code == 0 and "each continues the one before" in said
    code, said = await verified("--heard-by", f"trading:900:{'ab' * 32}")
    assert code == 65 and "but trading knew it up to 900: it was cut off" in said
    connection = await asyncpg.connect(pair.database_url)
    await connection.execute("UPDATE log SET recorded_ms = recorded_ms + 1 WHERE position = 4")
    code, said = await verified()
    assert code == 65 and "record 4 is not the one that was written here; good up to 3" in said
    await connection.execute("DELETE FROM log WHERE position IN (2, 3)")
    await connection.close()
    code, said = await verified()
    assert code == 65 and "records 2 to 3 are missing: found 4 in their place; good up to 1" in said
    await pair.standby.child.kill()
    with pytest.raises(ChildFailed, match="ended with code 65"):
        await pair.standby.child.start()
    said = pair.standby.child.output()
    assert (
        "the log of registry is broken: records 2 to 3 are missing: found 4 in their place; it is good up to 1" in said
    )
    assert "Traceback" not in said and "docs/runbook.md" in said


async def test_a_snapshot_is_made_beside_the_leader_and_the_next_start_begins_from_it(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 4):
        position = await pair.insist(number, pair.leader)
    for name, value in pair.leader.child.program.environment.items():
        monkeypatch.setenv(name, value)
    await have_snapshot_made(REGISTRY)
    connection = await asyncpg.connect(pair.database_url)
    assert await connection.fetchval("SELECT position FROM snapshots") == position
    await connection.execute("UPDATE snapshot_parts SET data = 'nonsense'")
    await pair.standby.restart()
    assert f"the snapshot of {position} cannot be read" in pair.standby.child.output()
    await have_snapshot_made(REGISTRY)
    await connection.close()
    await pair.leader.child.kill()
    await pair.standby.restart()
    await until_leads(pair.standby)
    assert f"the snapshot of {position} cannot be read" not in pair.standby.child.output()
    assert len(await opened(pair.standby)) == 3


async def test_a_snapshot_that_cannot_be_made_says_so() -> None:
    with pytest.raises(SnapshotFailed, match="ended with 78"):
        await have_snapshot_made(REGISTRY)
