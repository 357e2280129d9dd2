"""The running registry states the supply of each day once, and proves to each holder that its holdings are counted."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import grpc
import pytest
import pytest_asyncio

from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.registry.v1 import registry_query_service_pb2, registry_service_pb2
from carbonmarket.registry.v1 import registry_query_service_pb2 as query
from carbonmarket.registry.v1 import registry_service_pb2 as pb
from carbonmarket.registry.v1 import registry_types_pb2 as types
from carbonmarket_client.proofs import Supply, check_proof, check_supply, proof_in, supply_in
from chassis.core.call import Refused
from chassis.core.days import DAY_MS, MINUTE_MS, day_start_ms
from chassis.log.clocks import CLOCK_SKEW_MS_MAX
from registry.supply import rows
from registry.supply.days import SETTLES_MS
from rehearsal.keys import public_key, signing_key
from rehearsal.postgres import Postgres
from support.processes.kafka import Kafka
from support.processes.one_service import OneService, WrittenLog, one_service
from support.processes.postgres import new_database

OPERATOR, AUDITOR, ANYBODY = "registry_operator:ann", "auditor:eve", "settlement_bank:icbc"
HUBEI, POWER = "province:hubei", "participant:power-0001"
FRIDAY, SATURDAY, MONDAY = "2021-07-16", "2021-07-17", "2021-07-19"
POWER_TONNES, STEEL_TONNES, ISSUED_TONNES = 600_000, 70_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Running:
    """A registry on whose clock Monday has begun, its database and its pinned key."""

    service: OneService
    database_url: str
    key: bytes

    async def supply(self, day: str = "", actor: str = ANYBODY) -> Supply:
        answer = await self.service.call(actor, query.GetSupplyRequest(day=day))
        supply = supply_in(answer.supply, answer.seal)
        check_supply(supply, [self.key])
        return supply

    async def proof(self, actor: str, account: str, day: str = "") -> query.GetHoldingProofResponse:
        answer: query.GetHoldingProofResponse = await self.service.call(
            actor, query.GetHoldingProofRequest(account=account, day=day)
        )
        return answer

    async def proved(self, actor: str, account: str, day: str = "") -> dict[tuple[str, str], int]:
        """What a checked proof says that an account had."""
        proof = proof_in(account, await self.proof(actor, account, day))
        check_proof(proof, [self.key])
        return dict(proof.quantities)

    async def change(self, sql: str) -> None:
        connection = await asyncpg.connect(self.database_url)
        await connection.execute(sql)
        await connection.close()

    async def fetch(self, sql: str, *arguments: object) -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(self.database_url)
        found = await connection.fetch(sql, *arguments)
        await connection.close()
        return [tuple(row) for row in found]


@pytest_asyncio.fixture(scope="module")
async def running(
    postgres: Postgres, run_kafka: Kafka, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    """On Friday 1,000,000 t were issued, of which power-0001 got 600,000 and made 200,000 over to trading, and
    steel-0002 got 70,000. On Monday power-0001 makes over 1,000 t more.
    """
    await run_kafka.clear()
    folder = tmp_path_factory.mktemp("registry")
    trading = WrittenLog("trading")
    await trading.start()
    key = signing_key(folder, "registry")
    async with (
        new_database(postgres) as url,
        one_service(
            "registry",
            (registry_service_pb2, registry_query_service_pb2),
            folder,
            url,
            run_kafka.address,
            {"trading": trading.address},
            clock=f"rehearsal={FRIDAY}T09:00:00+08:00",
            more={"CARBONMARKET_SIGNING_KEY": str(key)},
        ) as service,
    ):
        await write_books(service)
        await service.ask(
            "exchange_operator:zoe", log.MoveClockRequest(to_ms=day_start_ms(MONDAY) + 9 * 60 * MINUTE_MS)
        )
        await service.ask(
            POWER, pb.TransferToTradingRequest(account="power-0001", vintage="CEA", quantity_tonnes=1_000)
        )
        yield Running(service, url, base64.b64decode(public_key(key)))
    await trading.stop()


async def write_books(service: OneService) -> None:
    for account, kind, province in (
        ("hubei", types.ACCOUNT_KIND_PROVINCE, ""),
        ("power-0001", types.ACCOUNT_KIND_KEY_EMITTING_ENTITY, "hubei"),
        ("steel-0002", types.ACCOUNT_KIND_KEY_EMITTING_ENTITY, "hubei"),
        ("empty-0003", types.ACCOUNT_KIND_KEY_EMITTING_ENTITY, "hubei"),
    ):
        opening = pb.OpenAccountRequest(
            account=account, kind=kind, name=account, province=province, eligible_to_trade=bool(province)
        )
        await service.ask(OPERATOR, opening)
    await service.ask(OPERATOR, pb.CreateVintageRequest(vintage="CEA", compliance_year=2020))
    await service.ask(OPERATOR, pb.CreateVintageRequest(vintage="CEA21", compliance_year=2021))
    issue = pb.IssueAllowancesRequest(vintage="CEA", account="hubei", quantity_tonnes=ISSUED_TONNES, basis="plan 1")
    await service.ask(OPERATOR, issue)
    for account, tonnes in (("power-0001", POWER_TONNES), ("steel-0002", STEEL_TONNES)):
        allocation = pb.AllocateAllowancesRequest(
            vintage="CEA", from_account="hubei", account=account, quantity_tonnes=tonnes, basis="list 1"
        )
        await service.ask(HUBEI, allocation)
    await service.ask(POWER, pb.TransferToTradingRequest(account="power-0001", vintage="CEA", quantity_tonnes=200_000))


async def test_each_holder_gets_a_proof_of_all_that_it_had_when_the_day_ended(running: Running) -> None:
    on_friday = {("CEA", "registry_available"): 400_000, ("CEA", "trading"): 200_000}
    assert await running.proved(POWER, "power-0001", FRIDAY) == on_friday
    assert await running.proved(POWER, "power-0001") == on_friday, "the last day that is over is Sunday"
    assert await running.proved(HUBEI, "hubei", FRIDAY) == {("CEA", "registry_available"): 330_000}
    assert await running.proved(AUDITOR, "steel-0002", SATURDAY) == {("CEA", "registry_available"): 70_000}
    assert await running.proved(OPERATOR, "empty-0003", FRIDAY) == {}


async def test_the_supply_says_what_was_issued_and_where_all_of_it_was(running: Running) -> None:
    supply = await running.supply(FRIDAY)
    (vintage,) = supply.vintages
    assert (supply.log_id, supply.day, vintage.vintage, vintage.issued_tonnes) == (
        "registry",
        FRIDAY,
        "CEA",
        ISSUED_TONNES,
    )
    assert {state.state: state.quantity_tonnes for state in vintage.states} == {
        "registry_available": 800_000,
        "trading": 200_000,
        "surrendered": 0,
        "cancelled": 0,
    }


async def test_a_days_supply_is_as_of_the_last_record_of_the_day(running: Running) -> None:
    supply = await running.supply(FRIDAY)
    records = await running.service.records()
    end_ms = day_start_ms(SATURDAY)
    last = [record for record in records if record.recorded_ms < end_ms][-1]
    assert (supply.position, supply.log_digest) == (last.position, last.digest)
    assert records[supply.position].recorded_ms >= end_ms


async def test_everybody_is_shown_the_same_supply_for_ever(running: Running) -> None:
    first = await running.supply(SATURDAY)
    asked = await asyncio.gather(*(running.supply(SATURDAY, f"auditor:eve-{number}") for number in range(5)))
    assert [one.in_lines() for one in asked] == [first.in_lines()] * 5
    await running.service.restart()
    assert (await running.supply(SATURDAY)).in_lines() == first.in_lines()
    assert await running.proved(POWER, "power-0001", SATURDAY)


async def test_a_database_that_lost_the_supply_states_the_same_one_again(running: Running) -> None:
    """As one that was restored from an older backup does: secret and position follow from the key and the log."""
    first = await running.supply(FRIDAY)
    await running.change("DELETE FROM attestations")
    await running.service.restart()
    assert (await running.supply(FRIDAY)).in_lines() == first.in_lines()


async def test_books_that_are_not_what_was_stated_are_not_proved(running: Running) -> None:
    column = "registry_available_change_tonnes"
    more = f"UPDATE movements SET {column} = {column} {{}} WHERE position > {{}}"
    supply = await running.supply(FRIDAY)
    await running.service.restart()
    await running.change(more.format("+ 1", supply.position))
    with pytest.raises(Refused) as refused:
        await running.proof(POWER, "power-0001", FRIDAY)
    assert (refused.value.reason, refused.value.facts) == ("SUPPLY_NOT_PROVED", {"day": FRIDAY, "vintage": "CEA"})
    await running.change("DELETE FROM attestations")
    await running.service.restart()
    with pytest.raises(Refused) as refused:
        await running.supply(FRIDAY)
    assert refused.value.reason == "SUPPLY_NOT_PROVED"
    await running.change(more.format("- 1", supply.position))
    await running.service.restart()
    assert (await running.supply(FRIDAY)).in_lines() == supply.in_lines()


@pytest.mark.parametrize(
    ("actor", "request_", "code", "reason"),
    [
        (POWER, query.GetHoldingProofRequest(account="steel-0002"), "PERMISSION_DENIED", "NOT_OWNER_OF_ACCOUNT"),
        (POWER, query.GetHoldingProofRequest(account="nobody"), "PERMISSION_DENIED", "NOT_OWNER_OF_ACCOUNT"),
        (ANYBODY, query.GetHoldingProofRequest(account="power-0001"), "PERMISSION_DENIED", "ROLE_NOT_ALLOWED"),
        (
            "service:clearing",
            query.GetHoldingProofRequest(account="power-0001"),
            "PERMISSION_DENIED",
            "ROLE_NOT_ALLOWED",
        ),
        (OPERATOR, query.GetHoldingProofRequest(account="nobody"), "NOT_FOUND", "ACCOUNT_UNKNOWN"),
        (OPERATOR, query.GetHoldingProofRequest(), "INVALID_ARGUMENT", "ACCOUNT_MALFORMED"),
        (POWER, query.GetHoldingProofRequest(account="power-0001", day="Friday"), "INVALID_ARGUMENT", "DAY_MALFORMED"),
        (ANYBODY, query.GetSupplyRequest(day="2021-02-30"), "INVALID_ARGUMENT", "DAY_MALFORMED"),
        (ANYBODY, query.GetSupplyRequest(day=MONDAY), "FAILED_PRECONDITION", "DAY_NOT_OVER"),
        (ANYBODY, query.GetSupplyRequest(day="9999-12-31"), "FAILED_PRECONDITION", "DAY_NOT_OVER"),
        (ANYBODY, query.GetSupplyRequest(day="2021-07-15"), "NOT_FOUND", "DAY_BEFORE_LOG"),
        (ANYBODY, query.GetSupplyRequest(day="0001-01-01"), "NOT_FOUND", "DAY_BEFORE_LOG"),
    ],
)
async def test_what_may_not_or_cannot_be_proved_is_refused(
    running: Running, actor: str, request_: query.GetSupplyRequest, code: str, reason: str
) -> None:
    with pytest.raises(Refused) as refused:
        await running.service.call(actor, request_)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode[code], reason)


async def test_an_account_that_was_unknown_that_day_costs_no_supply(running: Running) -> None:
    await running.change("DELETE FROM attestations")
    await running.service.restart()
    opening = pb.OpenAccountRequest(
        account="late-0004", kind=types.ACCOUNT_KIND_KEY_EMITTING_ENTITY, name="late", province="hubei"
    )
    await running.service.ask(OPERATOR, opening)
    for account in ("nobody", "late-0004"):
        with pytest.raises(Refused) as refused:
            await running.proof(OPERATOR, account, FRIDAY)
        assert refused.value.reason == "ACCOUNT_UNKNOWN"
    assert await running.fetch("SELECT name FROM attestations") == []
    assert await running.proved(POWER, "power-0001", FRIDAY)
    assert await running.fetch("SELECT name FROM attestations") == [(FRIDAY,)]


async def test_where_a_day_ended_is_found_for_every_time_that_a_log_has(running: Running) -> None:
    records = await running.service.records()
    for at_ms in {one.recorded_ms + more for one in records for more in (0, 1)}:
        before = [(one.position, one.digest) for one in records if one.recorded_ms < at_ms]
        assert await running.fetch(rows.LAST_BEFORE, at_ms) == before[-1:]


async def test_the_end_of_an_old_day_of_a_long_log_is_found_by_looking_at_few_records(running: Running) -> None:
    connection = await asyncpg.connect(running.database_url)
    # It takes the place of the service's own table in this session.
    await connection.execute(
        "CREATE TEMP TABLE log AS SELECT position, position / 7 * 10 AS recorded_ms, ''::bytea AS digest"
        " FROM generate_series(1::bigint, 100000) AS position"
    )
    await connection.execute("ALTER TABLE log ADD PRIMARY KEY (position)")
    await connection.execute("ANALYZE log")
    for at_ms, last in ((0, None), (1, 6), (10, 6), (11, 13), (71_000, 49_699), (10**9, 100_000)):
        assert await connection.fetchval(rows.LAST_BEFORE, at_ms) == last
    explained = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {rows.LAST_BEFORE}", 11)
    await connection.close()
    assert records_read(json.loads(explained)[0]["Plan"]) < 50


def records_read(plan: dict[str, Any]) -> int:
    rows_read = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    own = rows_read * plan["Actual Loops"] if plan.get("Relation Name") == "log" else 0
    return round(own) + sum(records_read(part) for part in plan.get("Plans", []))


def test_a_day_is_over_only_when_no_clock_can_come_back_to_it() -> None:
    """Two hosts differ from the database by at most so much, one before and one behind it."""
    assert 2 * CLOCK_SKEW_MS_MAX < SETTLES_MS < DAY_MS
