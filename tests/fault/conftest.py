"""Fixtures of the fault lane: a PostgreSQL and a broker that the test may kill."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from rehearsal.postgres import Postgres
from support.processes.kafka import GivenKafka, Kafka


@pytest_asyncio.fixture
async def own_postgres(tmp_path: Path) -> AsyncIterator[Postgres]:
    """A server of this test alone."""
    server = Postgres(tmp_path / "postgres")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def mortal_kafka(kafka: Kafka) -> Kafka:
    """The run's broker, where it is ours to end."""
    if isinstance(kafka, GivenKafka):
        pytest.skip(f"{kafka.name} is not ours to end")
    return kafka
