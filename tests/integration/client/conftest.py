"""What the client's tests share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from rehearsal.postgres import Postgres
from support.client.fake_services import FakeMarket, running_fakes
from support.processes.kafka import Kafka
from support.processes.market import RunningMarket, running_market


@pytest.fixture
def fake_market() -> Iterator[FakeMarket]:
    """Three services that answer what the test tells them to."""
    with running_fakes() as market:
        yield market


@pytest_asyncio.fixture
async def market(postgres: Postgres, kafka: Kafka, tmp_path: Path) -> AsyncIterator[RunningMarket]:
    """The three services as processes, empty."""
    async with running_market(postgres, kafka.address, tmp_path) as running:
        yield running
