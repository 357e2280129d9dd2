"""Whole days through the three services as processes, undisturbed: the books agree and the auditor finds nothing."""

import asyncio
import os
import subprocess
from pathlib import Path

import asyncpg
import pytest

from chassis.edges.postgres_tables import NOT_DERIVED
from chassis.followers import projections
from rehearsal.postgres import Postgres
from support.auditor import audit_services
from support.days.day import DAYS, Player
from support.processes.kafka import Kafka
from support.processes.market import SERVICES, RunningMarket, running_market

pytestmark = pytest.mark.e2e
SEED = 7


async def test_three_seeded_days_settle_every_book_agrees_and_tables_that_are_wrong_are_rebuilt_as_they_were(
    postgres: Postgres, kafka: Kafka, tmp_path: Path
) -> None:
    async with running_market(postgres, kafka.address, tmp_path) as market:
        player = Player(market.port, SEED)
        await player.set_up()
        for day in DAYS[:3]:
            await player.day(day)
        figures = await market.audit()
        assert figures["days"] == figures["days_settled"] == 3
        assert figures["trades"] > 10
        assert figures["trades"] == figures["trades_settled"]
        assert await market.misplaced_answers() == []
        tables = {service: await derived(market, service) for service in SERVICES}
        await an_answer_that_is_not_what_happened_is_found(market)
        for service in SERVICES:
            await rebuild(market, service)
        assert {service: await derived(market, service) for service in SERVICES} == tables
        await market.audit()


WRONGS = {
    "registry": (
        "UPDATE vintages SET issued_tonnes = issued_tonnes + 1 WHERE vintage = 'CEA'",
        "registry ListVintages",
    ),
    "trading": ("UPDATE bulletin_lines SET close_fen = close_fen + 1", f"trading GetBulletin {DAYS[0]}"),
    "clearing": ("UPDATE entries SET amount_fen = amount_fen + 1 WHERE kind = 1", "clearing GetStatement"),
}


async def an_answer_that_is_not_what_happened_is_found(market: RunningMarket) -> None:
    """Each service's tables are wronged in one place: the logs are as they were, and the auditor names the answers."""
    for service, (wrong, _) in WRONGS.items():
        connection = await asyncpg.connect(market.postgres.url(market.database(service)))
        await connection.execute(wrong)
        await connection.close()
    findings = (await audit_services(market.addresses)).findings
    assert set(findings.counts) <= {"answers are the books", "a statement adds up"}
    for _, query in WRONGS.values():
        assert any(query in line for line in findings.lines()), findings.lines()


async def derived(market: RunningMarket, service: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table that follows the service's log."""
    connection = await asyncpg.connect(market.postgres.url(market.database(service)))
    names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    rows = {
        name: sorted((tuple(row) for row in await connection.fetch(f"SELECT * FROM {name}")), key=repr)
        for (name,) in names
        if name not in NOT_DERIVED
    }
    await connection.close()
    return rows


async def rebuild(market: RunningMarket, service: str) -> None:
    """As an operator does it, beside the running service."""
    program = market.program(service)
    clearing = await asyncio.create_subprocess_exec(
        *program.command, "rebuild-tables", env={**os.environ, **program.environment}, stdout=subprocess.PIPE
    )
    said, _ = await clearing.communicate()
    assert (clearing.returncode, b"the leader rebuilds them" in said) == (0, True), said
    head = int(said.split()[-1])

    async def are_whole() -> bool:
        followers = (await market.port.status(service)).followers
        return any(one.name == projections.FOLLOWER and one.position >= head for one in followers)

    await asyncio.sleep(projections.LOOK_SECONDS)
    await market.until(are_whole, f"the tables of {service} to be whole")
