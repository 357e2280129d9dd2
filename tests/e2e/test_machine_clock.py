"""A market that uses the machine's clock, as a deployed one does: nobody moves it, and time only goes forward."""

from pathlib import Path

import pytest

from rehearsal.postgres import Postgres
from support.days.calls import Refused
from support.days.day import ACCOUNTS, DAYS, Player, at_ms
from support.processes.kafka import Kafka
from support.processes.market import SERVICES, running_market

pytestmark = pytest.mark.e2e


async def test_a_market_on_the_machines_clock_is_set_up_and_its_books_agree(
    postgres: Postgres, kafka: Kafka, tmp_path: Path
) -> None:
    async with running_market(postgres, kafka.address, tmp_path, clock="machine") as market:
        player = Player(market.port, seed=1)
        await player.set_up()
        figures = await market.audit()
        assert figures["accounts"] > len(ACCOUNTS)
        assert await market.misplaced_answers() == []
        for service in SERVICES:
            assert not (await market.port.status(service)).rehearsal
            with pytest.raises(Refused, match="NOT_A_REHEARSAL"):
                await market.port.move_clock(service, at_ms(DAYS[0], 9))
