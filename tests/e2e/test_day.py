"""Whole days through the three services as processes, undisturbed: the books agree and the auditor finds nothing."""

from pathlib import Path

import pytest

from rehearsal.postgres import Postgres
from support.day import DAYS, Player
from support.kafka import Kafka
from support.market import running_market

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
