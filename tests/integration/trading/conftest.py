"""A trading that runs, at half past one on a busy day, or in the morning before it opens."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from carbonmarket.trading.v1 import trading_service_pb2 as pb
from rehearsal.postgres import Postgres
from support.domains.trading_floor import FRIDAY
from support.processes.kafka import Kafka
from support.processes.running_trading import ANN, Venue, offer, order, running_venue


@pytest_asyncio.fixture(scope="module")
async def busy(postgres: Postgres, run_kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Venue]:
    """One venue for all tests of a module, at half past one on the first day, open:

    cement sells in listings 1 to 6, 100 t each, at 48.00 to 48.05, so that the last is beyond the best five levels; its
    listing 7 is cancelled. power's offer of block 1 to steel waits for an answer; block 2 is withdrawn.
    """
    async with running_venue(postgres, run_kafka, tmp_path_factory.mktemp("trading")) as venue:
        await venue.at("09:00")
        await venue.ask(ANN, pb.OpenDayRequest(day=FRIDAY))
        await venue.at("13:30")
        for price_fen in (4_800, 4_801, 4_802, 4_803, 4_804, 4_805, 4_806):
            await venue.ask("participant:cement", order("cement", price_fen=price_fen, quantity_tonnes=100))
        await venue.ask("participant:cement", pb.CancelOrderRequest(order_id=7))
        for _ in range(2):
            await venue.ask("participant:power", offer())
        await venue.ask("participant:power", pb.WithdrawBlockRequest(block_id=2))
        yield venue


@pytest_asyncio.fixture
async def morning(postgres: Postgres, run_kafka: Kafka, tmp_path: Path) -> AsyncIterator[Venue]:
    """A venue of one's own at eight on the first day, everybody admitted, no day open."""
    async with running_venue(postgres, run_kafka, tmp_path) as venue:
        yield venue
