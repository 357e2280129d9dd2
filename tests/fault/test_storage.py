"""A lost database and a full disk: UNAVAILABLE and a clear line in the log, never a wrong answer, and nothing lost."""

import asyncio
import os
import pwd
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import grpc.aio
import pytest

from carbonmarket.registry.v1 import registry_query_service_pb2 as registry_queries
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from rehearsal.postgres import UNPRIVILEGED_USER, Postgres
from support.days.calls import RPCS
from support.days.day import PROVINCE, REGISTRY_OPERATOR
from support.processes.kafka import Kafka
from support.processes.market import RunningMarket, running_market

pytestmark = pytest.mark.fault

DISK_MB = 24
BALLAST_STEP_BYTES = 8_192
COMMANDS_MAX = 2_000
CALL_S_MAX = 30.0
"""Far more than an answer takes, also one that says UNAVAILABLE: a call that nobody answers is a fault."""
CALLERS = 8
OK = (grpc.StatusCode.OK, "")
SAID_BY_THE_REGISTRY_ALONE = {"trading knows every account": 1, "trading knows every vintage": 1}
"""Trading is not there: the auditor misses its side of an account and a vintage, and nothing else."""


async def open_province(market: RunningMarket) -> None:
    kind = registry_types.ACCOUNT_KIND_PROVINCE
    request = registry.OpenAccountRequest(request_id="hubei", account=PROVINCE, kind=kind, name="Hubei")
    await market.port.call(REGISTRY_OPERATOR, request)


def issue(number: int) -> registry.IssueAllowancesRequest:
    request = registry.IssueAllowancesRequest(request_id=f"issue/{number}", vintage="CEA", account=PROVINCE)
    request.quantity_tonnes, request.basis = number, "plan" + " 2021" * 30
    return request


async def issued_tonnes(market: RunningMarket) -> int:
    written = max(each.position for each in market.port.answered)
    answer = await market.port.call("auditor:test", registry_queries.ListVintagesRequest(min_position=written))
    return sum(vintage.issued_tonnes for vintage in answer.vintages)


async def try_once(market: RunningMarket, request: registry.IssueAllowancesRequest) -> tuple[grpc.StatusCode, str]:
    """OK if the command was answered, else the status of the call with its details."""
    rpc = RPCS[request.DESCRIPTOR.full_name]
    try:
        await market.port.ask_once(rpc.service, rpc.path, REGISTRY_OPERATOR, request, rpc.answer, CALL_S_MAX)
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    return OK


async def test_a_lost_database_gives_unavailable_and_a_clear_log_line_and_loses_nothing(
    own_postgres: Postgres, kafka: Kafka, tmp_path: Path
) -> None:
    async with running_market(own_postgres, kafka.address, tmp_path, services=["registry"]) as market:
        await open_province(market)
        await market.port.call(REGISTRY_OPERATOR, create_vintage())
        assert await try_once(market, issue(1)) == OK
        await own_postgres.kill()
        for number, what in ((2, "a new command"), (1, "a repeat, too, waits for the truth")):
            code, details = await try_once(market, issue(number))
            assert code is grpc.StatusCode.UNAVAILABLE, f"{what}: {code} {details}"
        await market.until(lambda: log_says(market, "the process ends, its next start re-reads the log"), "a log line")
        await own_postgres.start()
        for number in (1, 2, 2, 1):
            await market.port.call(REGISTRY_OPERATOR, issue(number))
        assert await issued_tonnes(market) == 1 + 2
        assert await market.misplaced_answers() == []
        assert await market.audit_logs(["registry"]) == SAID_BY_THE_REGISTRY_ALONE


async def test_whoever_calls_while_the_database_is_lost_is_answered_or_told_to_ask_again(
    own_postgres: Postgres, kafka: Kafka, tmp_path: Path
) -> None:
    async with running_market(own_postgres, kafka.address, tmp_path, services=["registry"]) as market:
        await open_province(market)
        await market.port.call(REGISTRY_OPERATOR, create_vintage())
        seen: Counter[tuple[grpc.StatusCode, str]] = Counter()
        answered: set[str] = set()

        async def keep_issuing(number: int) -> None:
            while not await log_says(market, "the process ends, its next start re-reads the log"):
                command = issue(number)
                answer = await try_once(market, command)
                seen[answer] += 1
                if answer == OK:
                    answered.add(command.request_id)
                    number += CALLERS

        async def all_issue() -> bool:
            return len(answered) > 2 * CALLERS

        issuing = [asyncio.create_task(keep_issuing(first + 1)) for first in range(CALLERS)]
        await market.until(all_issue, "commands to be answered")
        await own_postgres.kill()
        async with asyncio.timeout(2 * CALL_S_MAX):
            await asyncio.gather(*issuing)
        assert {code for code, _ in seen} == {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}, seen
        await own_postgres.start()
        assert answered <= {record.request_id for record in await market.port.whole_log("registry")}
        assert await market.audit_logs(["registry"]) == SAID_BY_THE_REGISTRY_ALONE


async def test_a_full_disk_gives_unavailable_and_a_clear_log_line_and_loses_nothing(
    own_postgres: Postgres, kafka: Kafka, tmp_path: Path, small_disk: Path
) -> None:
    market = RunningMarket(own_postgres, kafka.address, tmp_path)
    await create_database_on(small_disk, own_postgres, market.database("registry"))
    try:
        await market.start(["registry"])
        await open_province(market)
        await market.port.call(REGISTRY_OPERATOR, create_vintage())
        fill(small_disk)
        answered, answer = 0, OK
        while answer == OK and answered < COMMANDS_MAX:
            answer = await try_once(market, issue(answered + 1))
            answered += answer == OK
        assert answer[0] is grpc.StatusCode.UNAVAILABLE, answer
        await market.until(lambda: log_says(market, "No space left on device"), "the cause in the log")
        (small_disk / "ballast").unlink()
        for number in range(1, answered + 2):
            await market.port.call(REGISTRY_OPERATOR, issue(number))
        assert await issued_tonnes(market) == sum(range(1, answered + 2))
        assert await market.misplaced_answers() == []
        assert await market.audit_logs(["registry"]) == SAID_BY_THE_REGISTRY_ALONE
    finally:
        await market.stop()
        await own_postgres.drop_database(market.database("registry"))


def create_vintage() -> registry.CreateVintageRequest:
    return registry.CreateVintageRequest(request_id="CEA", vintage="CEA", compliance_year=2020)


async def log_says(market: RunningMarket, what: str) -> bool:
    return re.search(re.escape(what), market.child("registry").log_path.read_text()) is not None


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of its own, of a few megabytes, where PostgreSQL may write; others may pass to it, unlike to
    pytest's folders.
    """
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    mount = ("mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder))
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only who may mount a file system can fill one")
    user = pwd.getpwnam(UNPRIVILEGED_USER)
    os.chown(folder, user.pw_uid, user.pw_gid)
    yield folder
    subprocess.run(("umount", "--lazy", str(folder)), check=True)
    folder.rmdir()


async def create_database_on(folder: Path, postgres: Postgres, name: str) -> None:
    connection = await asyncpg.connect(postgres.url("postgres"))
    try:
        await connection.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
        await connection.execute(f'CREATE DATABASE "{name}" TABLESPACE small')
    finally:
        await connection.close()


def fill(folder: Path) -> None:
    """Leaves less room than the next few commands need."""
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(b"\0" * BALLAST_STEP_BYTES)
        except OSError:
            return
