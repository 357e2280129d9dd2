"""A clearing that runs, with trading and the registry as the test plays them."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as query
from carbonmarket.clearing.v1 import clearing_service_pb2 as pb
from rehearsal.postgres import Postgres
from support.processes.clearing_days import open_books
from support.processes.clearing_others import Depository, Exchange
from support.processes.kafka import Kafka
from support.processes.one_service import OneService, one_service
from support.processes.postgres import new_database


@pytest_asyncio.fixture(scope="module")
async def exchange() -> AsyncIterator[Exchange]:
    """Trading."""
    one = Exchange()
    await one.start()
    yield one
    await one.stop()


@pytest_asyncio.fixture(scope="module")
async def depository() -> AsyncIterator[Depository]:
    """The registry."""
    one = Depository()
    await one.start()
    yield one
    await one.stop()


@pytest_asyncio.fixture(scope="module")
async def clearing(
    postgres: Postgres,
    run_kafka: Kafka,
    exchange: Exchange,
    depository: Depository,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[OneService]:
    """One clearing for all tests of a module, on Friday 2021-07-16 at four in the afternoon, with these accounts:

    power-0001 with 1,000,000 fen, steel-0002 without money, cement-0003 with 100 fen, closed-0004, which is closed, and
    held-0005, which is restricted, with 10,000 fen.
    """
    await run_kafka.clear()
    apis = (pb, query)
    folder = tmp_path_factory.mktemp("clearing")
    remotes = {"trading": exchange.address, "registry": depository.address}
    clock = "rehearsal=2021-07-16T16:00:00+08:00"
    async with (
        new_database(postgres) as url,
        one_service("clearing", apis, folder, url, run_kafka.address, remotes, clock) as service,
    ):
        await open_books(service, exchange)
        yield service
