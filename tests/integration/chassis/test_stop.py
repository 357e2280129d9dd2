"""Replicas that are told to stop while their database gives no answer: they end all the same, and in order."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest_asyncio

from rehearsal.postgres import Postgres, children_of
from support.processes.kafka import Kafka
from support.processes.one_service import OneService, WrittenLog, one_service
from support.processes.replicas import APIS, Pair

ENDED_S_MAX = 60.0


@pytest_asyncio.fixture
async def own_postgres(tmp_path: Path) -> AsyncIterator[Postgres]:
    """A server of this test alone."""
    server = Postgres(tmp_path / "postgres")
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture
async def pair(own_postgres: Postgres, kafka: Kafka, tmp_path: Path) -> AsyncIterator[Pair]:
    url = await own_postgres.create_database("registry")
    async with AsyncExitStack() as stack:
        trading = WrittenLog("trading")
        await trading.start()
        stack.push_async_callback(trading.stop)
        remotes = {"trading": trading.address}
        replicas = [
            await stack.enter_async_context(one_service("registry", APIS, tmp_path / name, url, kafka.address, remotes))
            for name in ("first", "second")
        ]
        yield Pair(replicas[0], replicas[1], trading, url)


@contextmanager
def halted(*pids: int) -> Iterator[None]:
    """Processes that do nothing meanwhile, as on a machine whose disk hangs."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def told_to_stop(replica: OneService) -> int:
    """Twice, as by somebody who gets impatient. Returns the exit code."""
    process = replica.child.process
    assert process is not None
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    return await asyncio.wait_for(process.wait(), ENDED_S_MAX)


async def test_a_leader_and_a_standby_stop_in_order_though_their_database_gives_no_answer(
    pair: Pair, own_postgres: Postgres
) -> None:
    await pair.insist(1, pair.leader)
    with halted(own_postgres.child.pid), halted(*children_of(own_postgres.child.pid)):
        codes = [*await asyncio.gather(told_to_stop(pair.standby), told_to_stop(pair.leader))]
        assert codes == [0, 0], pair.standby.child.tail() + pair.leader.child.tail()
    await pair.standby.child.start()
    assert await pair.insist(1, pair.standby) > 0
