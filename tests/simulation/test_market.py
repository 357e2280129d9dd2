"""Many seeded markets in one process: what arrives late, twice or never, and who ends when, changes no book."""

import os

import pytest

from chassis.remote import record_to
from support.auditor.audit import Audit
from support.day import DAYS, Player
from support.world import World, at_once

SEEDS = int(os.environ.get("CARBONMARKET_TEST_SEEDS", "40"))


def audited(world: World) -> Audit:
    """Every record of every log, in the order of their time."""
    audit = Audit()
    records = [(record, name) for name, node in world.nodes.items() for record in node.store.records]
    for record, name in sorted(records, key=lambda pair: pair[0].recorded_ms):
        audit.take(name, record_to(record))
    audit.conclude()
    return audit


async def play(world: World, seed: int, days: int) -> None:
    player = Player(world, seed, actions=120)
    await player.set_up()
    for day in DAYS[:days]:
        await player.day(day)
    await world.until(world.at_rest, "the market to come to rest")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_seeded_market_in_any_weather_leaves_books_that_agree(seed: int) -> None:
    world = World(seed)
    at_once(play(world, seed, days=3))
    audit = audited(world)
    assert audit.findings.clean, audit.findings.lines()
    assert audit.figures()["days_settled"] == 3
