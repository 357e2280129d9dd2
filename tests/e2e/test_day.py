"""Whole days through the three services as processes, undisturbed: the books agree and the auditor finds nothing."""

from pathlib import Path

import asyncpg
import pytest

from rehearsal.postgres import Postgres
from support.auditor import audit_services
from support.day import DAYS, Player
from support.kafka import Kafka
from support.market import Market, running_market

pytestmark = pytest.mark.e2e
SEED = 7


async def test_three_seeded_days_settle_and_every_book_agrees(postgres: Postgres, kafka: Kafka, tmp_path: Path) -> None:
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
        await an_answer_that_is_not_what_happened_is_found(market)


WRONGS = {
    "registry": (
        "UPDATE vintages SET issued_tonnes = issued_tonnes + 1 WHERE vintage = 'CEA'",
        "registry ListVintages",
    ),
    "trading": ("UPDATE bulletin_lines SET close_fen = close_fen + 1", f"trading GetBulletin {DAYS[0]}"),
    "clearing": ("UPDATE entries SET amount_fen = amount_fen + 1 WHERE kind = 1", "clearing GetStatement"),
}


async def an_answer_that_is_not_what_happened_is_found(market: Market) -> None:
    """Each service's tables are wronged in one place: the logs are as they were, and the auditor names the answers."""
    for service, (wrong, _) in WRONGS.items():
        connection = await asyncpg.connect(market.postgres.url(market.database(service)))
        await connection.execute(wrong)
        await connection.close()
    findings = (await audit_services(market.addresses)).findings
    assert set(findings.counts) <= {"answers are the books", "a statement adds up"}
    for _, query in WRONGS.values():
        assert any(query in line for line in findings.lines()), findings.lines()
