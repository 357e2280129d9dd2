"""kill -9 of every part at every step of a day: what was answered stays, and every book agrees.

Together the usual seeds kill each of the five parts at each of the eight steps. A service is started again by its
supervisor, PostgreSQL and the broker by the test; the broker comes back empty. Nobody waits for anybody: the people
send their commands again until they are answered.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from google.protobuf.message import Message

from carbonmarket.clearing.v1 import clearing_events_pb2 as events
from rehearsal.postgres import Postgres
from support.days.day import DAYS, Player
from support.days.seeds import FAULT, seeds
from support.processes.kafka import Kafka
from support.processes.market import RunningMarket, running_market

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]

VICTIMS = ("registry", "trading", "clearing", "postgres", "broker")
STEPS = ("set-up", "orders", "close", "run computed", "confirmation", "delivery", "completion", "next morning")
RUN_STEPS: dict[str, type[Message]] = {
    "run computed": events.ClearingRunComputed,
    "confirmation": events.ClearingRunAgreed,
    "delivery": events.DeliveryConfirmed,
    "completion": events.SettlementDayCompleted,
}
SEE_S_MAX = 60.0
SEEDS_USUAL = 3
DAYS_PER_SEED = 2
SET_UP_STEPS = 5


def victim_of(seed: int, step: str, times: int) -> str:
    """Who is killed when a step comes round for the so-manieth time, counted from zero."""
    return VICTIMS[(seed * DAYS_PER_SEED + STEPS.index(step) + times) % len(VICTIMS)]


class Killer:
    """Kills another part each time that a step comes round."""

    def __init__(self, market: RunningMarket, kafka: Kafka, seed: int) -> None:
        self.market = market
        self.kafka = kafka
        self.seed = seed
        self.killed: Counter[tuple[str, str]] = Counter()

    async def at_step(self, step: str) -> None:
        times = sum(count for (_, of_step), count in self.killed.items() if of_step == step)
        victim = victim_of(self.seed, step, times)
        self.killed[victim, step] += 1
        if victim == "postgres":
            await self.market.postgres.kill()
            await self.market.postgres.start()
        elif victim == "broker":
            await self.kafka.kill()
            await self.kafka.start()
        else:
            await self.market.kill(victim)


class WatchedPlayer(Player):
    """Comes to the steps of a run as clearing's log shows them."""

    def __init__(
        self, market: RunningMarket, seed: int, actions: int, at_step: Callable[[str], Awaitable[None]]
    ) -> None:
        super().__init__(market.port, seed, actions, at_step)
        self.market = market
        self.seen = 0

    async def settled(self, day: str) -> None:
        for step, kind in RUN_STEPS.items():
            await self.see(kind.DESCRIPTOR.full_name)
            await self.at_step(step)
        await super().settled(day)

    async def see(self, kind: str) -> None:
        """Returns when clearing's log has the next record of a kind."""
        async with asyncio.timeout(SEE_S_MAX):
            while True:
                answer = await self.market.port.read_log("clearing", self.seen, wait_ms=500)
                for record in answer.records:
                    self.seen = record.position
                    if record.type == kind:
                        return


def test_the_usual_seeds_kill_every_part_at_every_step() -> None:
    killed = {
        (victim_of(seed, step, times), step)
        for seed in range(SEEDS_USUAL)
        for step in STEPS
        for times in range(SET_UP_STEPS if step == "set-up" else DAYS_PER_SEED)
    }
    assert killed == {(victim, step) for victim in VICTIMS for step in STEPS}


@pytest.mark.parametrize("seed", seeds(SEEDS_USUAL, FAULT))
async def test_whoever_is_killed_at_whatever_step_no_trade_is_lost_or_doubled(
    own_postgres: Postgres, mortal_kafka: Kafka, tmp_path: Path, seed: int
) -> None:
    async with running_market(own_postgres, mortal_kafka.address, tmp_path) as market:
        killer = Killer(market, mortal_kafka, seed)
        player = WatchedPlayer(market, seed, 20, killer.at_step)
        await player.set_up()
        for day in DAYS[:DAYS_PER_SEED]:
            await player.day(day)
        assert killer.killed.total() == SET_UP_STEPS + (len(STEPS) - 1) * DAYS_PER_SEED
        figures = await market.audit()
        assert figures["days_settled"] == DAYS_PER_SEED
        assert figures["trades_settled"] == figures["trades"] >= DAYS_PER_SEED
        assert await market.misplaced_answers() == []
