"""A new leader gives out the newest signed head as soon as it leads: a log without one would look altered. And it makes
the trees that it commits to its books by, before any evening asks for them.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from chassis.core.commitment import Commitment
from chassis.followers.publisher import Publisher
from registry.__main__ import REGISTRY
from support.days.day import DAYS, Player
from support.simulation.broker import Broker
from support.simulation.database import Database
from support.simulation.loop import run_virtually
from support.simulation.market import BEGINS_MS, SERVICES, SimulatedMarket
from support.simulation.network import Network
from support.simulation.process import Process, note_tasks
from support.simulation.run import play_days, sound
from support.simulation.weather import Chance, Weather

LEADS_S_MAX = 60.0


def are_made(*commitments: Commitment) -> bool:
    return all(each.trees is not None and not each.ahead for each in commitments)


TREES_ARE_MADE: dict[str, Callable[[Any], bool]] = {
    "registry": lambda registry: are_made(registry.custody),
    "trading": lambda market: are_made(market.commitments.units, market.commitments.money),
    "clearing": lambda state: are_made(state.obligations.due.commitment, state.funds.commitment),
}


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


def test_after_a_start_every_service_makes_its_trees_before_anybody_asks_for_their_roots() -> None:
    async def play(market: SimulatedMarket, player: Player) -> None:
        await play_days(player, DAYS[:1])
        for name in SERVICES:
            await market.stop(name)
            market.start(name)

        async def made() -> bool:
            return all([await market.look(name, look) for name, look in TREES_ARE_MADE.items()])

        await market.until(made, "the trees of every service")

    sound(1, play)
