"""A service that is stopped answers whom it let in, gives up its leadership, and makes its last snapshot when nobody
waits for it.
"""

import asyncio
from typing import Any

import grpc.aio
import pytest

from chassis.core.shell import TakeLeadership
from chassis.core.submission import AskedCommand, service_actor
from chassis.log.protocol import LogUnavailable, Snapshot
from chassis.serving.door import ENDS
from support.days.day import DAYS, Player
from support.days.seeds import seeds
from support.simulation.market import SERVICES, SimulatedMarket
from support.simulation.process import Process
from support.simulation.run import play_days, simulate
from support.simulation.weather import Weather

SEEDS = 2
TICK_S = 0.0005
CALLERS = 8


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


def test_a_standby_that_is_stopped_does_not_become_the_leader_while_calls_that_it_passed_on_end() -> None:
    async def play(market: SimulatedMarket, player: Player) -> None:
        await play_days(player, DAYS[:1])
        leader = await leader_of(market, "registry")
        (standby,) = [one for one in market.network.at("registry") if one is not leader]
        assert isinstance(standby, Process) and standby.serving is not None
        unanswered = asyncio.create_task(asyncio.sleep(60))
        standby.calls[unanswered] = None
        leader.kill()
        await standby.replica.stop(standby.serving)
        assert market.databases["registry"].store.leader is not standby.session
        records = market.databases["registry"].store.records
        took = [record for record in records if record.type.endswith(".LeadershipTaken")]
        assert took and not any(standby.address.encode() in record.data for record in took[1:])
        unanswered.cancel()

    assert simulate(0, play, Weather()).faults == []


@pytest.mark.parametrize("decided", [True, False])
def test_a_leader_that_loses_its_database_while_it_is_stopped_says_so_where_records_are_in_doubt(
    monkeypatch: pytest.MonkeyPatch, *, decided: bool
) -> None:
    async def play(market: SimulatedMarket, player: Player) -> None:
        await play_days(player, DAYS[:1])
        process = await leader_of(market, "trading")
        done = note_order(process, monkeypatch)

        async def lost(*_: Any) -> None:
            raise LogUnavailable("the append is in doubt")

        monkeypatch.setattr(process.session, "append", lost)
        if decided:
            actor = service_actor("trading")
            process.replica.parts.writer.enqueue(AskedCommand(actor, "", TakeLeadership(process.address)))
        assert process.serving is not None
        stopping = process.replica.stop(process.serving)
        if decided:
            with pytest.raises(LogUnavailable):
                await stopping
        else:
            await stopping
        assert done == ["gives up the leadership"], "nobody waits for a snapshot without a database"
        assert not process.replica.parts.role.leads

    assert simulate(0, play, Weather()).faults == []


def test_calls_that_a_leader_let_in_before_it_is_stopped_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(market: SimulatedMarket, player: Player) -> None:
        await play_days(player, DAYS[:1])
        process = await leader_of(market, "registry")
        said: list[str] = []
        gone = f"nobody is at {process.address}"
        status = "/carbonmarket.log.v1.LogService/GetStatus"

        async def keep_asking(number: int) -> None:
            ask = market.network.channel(process.address, None, f"caller {number}").unary_unary(status)
            while gone not in said:
                try:
                    await ask(b"", metadata=(("carbonmarket-actor", "auditor:aud"),), timeout=60)
                    said.append("")
                except grpc.aio.AioRpcError as error:
                    said.append(error.details() or "")

        asking = [asyncio.create_task(keep_asking(number)) for number in range(CALLERS)]
        await asyncio.sleep(0.5)
        slow, close = asyncio.create_task(asyncio.sleep(1)), process.session.close
        process.calls[slow] = None

        async def close_after_it() -> None:
            assert slow.done()
            await close()

        monkeypatch.setattr(process.session, "close", close_after_it)
        assert process.serving is not None
        await process.replica.stop(process.serving)
        await asyncio.gather(*asking)
        assert set(said) <= {"", ENDS, gone}, "none breaks that was let in"
        assert said.count("") > CALLERS

    assert simulate(0, play, Weather()).faults == []
