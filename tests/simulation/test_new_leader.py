"""A new leader gives out the newest signed head as soon as it leads: a log without one would look altered."""

import asyncio

import pytest

from chassis.followers.publisher import Publisher
from registry.__main__ import REGISTRY
from support.simulation.broker import Broker
from support.simulation.database import Database
from support.simulation.loop import run_virtually
from support.simulation.market import BEGINS_MS
from support.simulation.network import Network
from support.simulation.process import Process, note_tasks
from support.simulation.weather import Chance, Weather

LEADS_S_MAX = 60.0


async def never(publisher: Publisher) -> None:
    await asyncio.Event().wait()


def test_a_new_leader_knows_the_newest_signed_head_before_it_publishes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        note_tasks(asyncio.get_running_loop())
        chance = Chance(1, Weather())
        network, broker = Network(chance), Broker(chance)
        database = Database("registry", REGISTRY.migrations)
        lives = []

        async def life(number: int) -> Process:
            process = Process(REGISTRY, 0, number, database, network, broker, BEGINS_MS)
            lives.append(asyncio.create_task(process.run()))
            async with asyncio.timeout(LEADS_S_MAX):
                while not process.leads:
                    await asyncio.sleep(0.01)
            return process

        first = await life(1)
        async with asyncio.timeout(LEADS_S_MAX):
            while first.replica.parts.publisher.position == 0:
                await asyncio.sleep(0.01)
        first.kill()
        await asyncio.sleep(1.0)
        monkeypatch.setattr(Publisher, "run", never)
        second = await life(2)
        signer = second.replica._edges.signer
        assert signer is not None
        assert signer.newest is not None
        second.kill()
        await asyncio.sleep(1.0)
        database.close()

    run_virtually(play())
