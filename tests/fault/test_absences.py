"""Parts that are not there when they are wanted: services in any order, clearing for two days, the broker all day."""

from itertools import permutations
from pathlib import Path

import pytest

from rehearsal.postgres import Postgres
from support.days.day import DAYS, Player
from support.days.seeds import FAULT, seeds
from support.processes.kafka import Kafka
from support.processes.market import SERVICES, running_market

pytestmark = pytest.mark.fault

ORDERS = (*permutations(SERVICES),)
ORDERS_USUAL = 2


@pytest.mark.parametrize("order", [ORDERS[-1 - number % len(ORDERS)] for number in seeds(ORDERS_USUAL, FAULT)])
async def test_services_start_in_any_order(
    postgres: Postgres, kafka: Kafka, tmp_path: Path, order: tuple[str, ...]
) -> None:
    async with running_market(postgres, kafka.address, tmp_path, services=()) as market:
        for service in order:
            await market.start([service])
        player = Player(market.port, seed=1, actions=10)
        await player.set_up()
        await player.day(DAYS[0])
        assert (await market.audit())["days_settled"] == 1


async def test_clearing_is_away_for_two_days_and_settles_both_when_it_is_back(
    postgres: Postgres, kafka: Kafka, tmp_path: Path
) -> None:
    async with running_market(postgres, kafka.address, tmp_path) as market:
        player = Player(market.port, seed=2, actions=30)
        await player.set_up()
        await player.day(DAYS[0])
        await market.stop_service("clearing")
        player.services.remove("clearing")
        for day, override in ((DAYS[1], False), (DAYS[2], True)):
            await player.open(day, override)
            await player.trade(day)
            await player.close(day)
        await market.start(["clearing"])
        player.services.append("clearing")
        await player.settled(DAYS[1])
        await player.settled(DAYS[2])
        await player.day(DAYS[3])
        figures = await market.audit()
        assert figures["days_settled"] == 4
        assert figures["trades_settled"] == figures["trades"] > 0
        assert await market.misplaced_answers() == []


async def test_a_day_without_any_broker_settles_all_the_same(
    postgres: Postgres, mortal_kafka: Kafka, tmp_path: Path
) -> None:
    async with running_market(postgres, mortal_kafka.address, tmp_path) as market:
        player = Player(market.port, seed=3, actions=20)
        await player.set_up()
        await mortal_kafka.kill()
        await player.day(DAYS[0])
        await mortal_kafka.start()
        await player.day(DAYS[1])
        assert (await market.audit())["days_settled"] == 2
