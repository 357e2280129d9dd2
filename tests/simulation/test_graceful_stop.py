"""A service that is stopped gives up its leadership first, and makes its last snapshot when nobody waits for it."""

import asyncio
from typing import Any

import pytest

from chassis.core.shell import TakeLeadership
from chassis.core.submission import AskedCommand, service_actor
from chassis.log.protocol import Snapshot
from support.days.day import DAYS, Player
from support.days.seeds import seeds
from support.simulation.market import SERVICES, SimulatedMarket
from support.simulation.process import Process
from support.simulation.run import play_days, simulate
from support.simulation.weather import Weather

SEEDS = 2
TICK_S = 0.0005


async def leader_of(market: SimulatedMarket, name: str) -> Process:
    while (process := market.leader(name)) is None:
        await asyncio.sleep(0.1)
    return process


def note_order(process: Process, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What of its end a process does, in order."""
    done: list[str] = []
    snapshots, session = process.replica.parts.snapshots, process.session
    take, save, close = snapshots.take, session.save_snapshot, session.close

    def noted_take(engine: Any) -> Snapshot:
        done.append("takes a snapshot")
        return take(engine)

    async def noted_save(snapshot: Snapshot) -> None:
        done.append("keeps it")
        await save(snapshot)

    async def noted_close() -> None:
        done.append("gives up the leadership")
        await close()

    monkeypatch.setattr(snapshots, "take", noted_take)
    monkeypatch.setattr(session, "save_snapshot", noted_save)
    monkeypatch.setattr(session, "close", noted_close)
    return done


async def until_decided_ahead(process: Process) -> int:
    """Returns when one batch is being appended and the next one is decided, with the position where that one ends."""
    writer = process.replica.parts.writer
    engine, tail = writer.engine, writer.tail
    while True:
        committed, batches = tail.position, 0
        while tail.position == committed:
            decided = engine.head.position
            writer.enqueue(AskedCommand(service_actor(process.service.name), "", TakeLeadership(process.address)))
            await asyncio.sleep(TICK_S)
            batches += engine.head.position > decided
            if batches == 2 and tail.position == committed:
                return engine.head.position


@pytest.mark.parametrize("seed", seeds(SEEDS))
def test_a_leader_that_is_stopped_gives_up_before_it_takes_its_snapshot_of_all_that_it_decided(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stop_leader(market: SimulatedMarket, name: str) -> None:
        process, store = await leader_of(market, name), market.databases[name].store
        done, decided = note_order(process, monkeypatch), await until_decided_ahead(process)
        assert process.serving is not None
        # Not as one of the process's own tasks, which end with what it serves.
        await process.replica.stop(process.serving)
        assert done == ["gives up the leadership", "takes a snapshot", "keeps it"]
        snapshot = store.snapshots[-1]
        assert snapshot.position >= decided
        assert snapshot.digest == store.records[snapshot.position - 1].digest

    async def play(market: SimulatedMarket, player: Player) -> None:
        trading = asyncio.create_task(play_days(player, DAYS[:3]))
        while not trading.done():
            for name in SERVICES:
                await stop_leader(market, name)
                await asyncio.sleep(5)
        await trading

    assert simulate(seed, play, Weather()).faults == []
