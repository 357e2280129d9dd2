"""Two replicas of a registry on one database, with trading's log as the test writes it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest_asyncio

from support.processes.kafka import Kafka
from support.processes.one_service import WrittenLog, one_service
from support.processes.replicas import APIS, Pair


@pytest_asyncio.fixture
async def pair(database_url: str, kafka: Kafka, tmp_path: Path) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        trading = WrittenLog("trading")
        await trading.start()
        stack.push_async_callback(trading.stop)
        replicas = [
            await stack.enter_async_context(
                one_service(
                    "registry", APIS, tmp_path / name, database_url, kafka.address, {"trading": trading.address}
                )
            )
            for name in ("first", "second")
        ]
        yield Pair(replicas[0], replicas[1], trading, database_url)
