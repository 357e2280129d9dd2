"""Clearing's database comes back from before a day that trading closed, the registry delivered and people settled.

Nothing may be delivered or paid a second time, and the books must agree again without anybody writing to a log.
"""

import pytest

from support.days.day import DAYS, Player
from support.days.seeds import seeds
from support.simulation.market import SimulatedMarket
from support.simulation.people import People
from support.simulation.run import simulate

SEEDS = 2


@pytest.mark.parametrize("seed", seeds(SEEDS))
def test_a_run_that_clearing_lost_is_settled_again_and_delivered_once(seed: int) -> None:
    async def play(market: SimulatedMarket, player: Player) -> None:
        people = People(market, player)
        await people.plain(DAYS[0])
        await player.evening()
        await market.come_to_rest()
        await people.clearing_loses_a_run(DAYS[1])
        await player.evening()
        await market.come_to_rest()
        await people.plain(DAYS[2])

    played = simulate(seed, play)
    assert not played.faults, "\n".join(played.faults)
    types = [record.type.rpartition(".")[2] for record in played.logs["registry"]]
    assert types.count("DeliveryCompleted") == 3
    assert played.figures["days_settled"] == 3


@pytest.mark.parametrize("seed", seeds(SEEDS))
def test_an_order_whose_receiver_knows_another_command_by_its_name_is_answered_under_another_one(seed: int) -> None:
    async def play(market: SimulatedMarket, player: Player) -> None:
        people = People(market, player)
        await people.order_known_otherwise(DAYS[0])
        await player.evening()
        await people.plain(DAYS[1])

    played = simulate(seed, play)
    assert not played.faults, "\n".join(played.faults)
    assert played.counts["RenameOrder"] == 1
    assert played.figures["trades_settled"] == played.figures["trades"]
