"""GetAllPositions: the look at the state copies numbers, the messages are made of them slice by slice."""

import asyncio
from typing import Any

import pytest

from support.domains.trading_floor import POWER, open_floor
from trading.answers import live
from trading.domain.listed import PlaceOrder
from trading.domain.values import Side


async def test_positions_are_as_of_the_look_though_the_market_goes_on_while_the_answer_is_made() -> None:
    floor = open_floor()
    copied = live.copy_positions(floor.market)
    before = await live.all_positions(copied)
    assert {row.account for row in before.units} >= {"power"}
    floor.market.accounts["power"].units["CEA"].credit(7)
    assert await live.all_positions(copied) == before
    after = await live.all_positions(live.copy_positions(floor.market))
    assert [row.total_tonnes for row in after.units if row.account == "power"] == [
        row.total_tonnes + 7 for row in before.units if row.account == "power"
    ]


async def test_whatever_else_the_loop_has_to_do_is_done_between_two_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = open_floor()
    floor.play(POWER, PlaceOrder("power", "CEA", Side.SELL, 4_800, 1))
    monkeypatch.setattr(live, "ACCOUNTS_IN_A_SLICE", 1)
    answered: asyncio.Task[Any] = asyncio.create_task(live.all_positions(live.copy_positions(floor.market)))
    turns = 0
    while not answered.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > len(floor.market.accounts) > 1
