"""Winding up: what a stopped account still buys goes back, and that its trades are settled is reported once."""

import pytest

from support.domains.trading_floor import CLEARING, FRIDAY, MONDAY, POWER, REGISTRY, STEEL, Floor, open_floor, settled
from trading.domain.custody import AllowancesReturned
from trading.domain.listed import PlaceOrder, TakeListing
from trading.domain.restriction import ResumeTradingAccount, StopTradingAccount, TradingAccountWoundUp
from trading.domain.settlement import (
    AllowancesReleased,
    BlockTrade,
    NoteBooksAgreement,
    NoteSettlementDay,
    TradeBlocked,
    TradeMarkedSettled,
)
from trading.domain.values import Side


@pytest.fixture
def floor() -> Floor:
    """Steel bought 10 t (trade 1) and 5 t (trade 2) from power, was stopped, and the day is closed."""
    floor = open_floor()
    for tonnes in (10, 5):
        floor.play(POWER, PlaceOrder("power", "CEA", Side.SELL, 4_800, tonnes))
        floor.play(STEEL, TakeListing("steel", floor.market.order_id_last, tonnes, 4_800))
    assert TradingAccountWoundUp("steel", 7) not in floor.play(REGISTRY, StopTradingAccount("steel", "dissolved", 7))
    floor.close()
    return floor


def test_a_stopped_account_is_wound_up_with_the_last_of_its_trades(floor: Floor) -> None:
    assert floor.play(CLEARING, settled(floor.market, 1)) == [TradeMarkedSettled(1)]
    assert floor.play(CLEARING, settled(floor.market, 2)) == [TradeMarkedSettled(2), TradingAccountWoundUp("steel", 7)]


def test_an_account_with_a_trade_that_two_people_took_out_is_not_wound_up(floor: Floor) -> None:
    assert floor.play(CLEARING, BlockTrade(2, 0)) == [TradeBlocked(2, "steel", "power", 0)]
    assert floor.play(CLEARING, settled(floor.market, 1)) == [TradeMarkedSettled(1)]
    floor.play(REGISTRY, ResumeTradingAccount("steel"))
    again = floor.play(REGISTRY, StopTradingAccount("steel", "dissolved", 8))
    assert not any(isinstance(event, TradingAccountWoundUp) for event in again)


def test_an_account_that_may_be_used_again_is_not_wound_up(floor: Floor) -> None:
    floor.play(REGISTRY, ResumeTradingAccount("steel"))
    for trade_id in (1, 2):
        assert floor.play(CLEARING, settled(floor.market, trade_id)) == [TradeMarkedSettled(trade_id)]


def test_what_a_stopped_account_bought_goes_back_when_it_is_released(floor: Floor) -> None:
    floor.play(CLEARING, settled(floor.market, 1))
    floor.play(CLEARING, settled(floor.market, 2))
    floor.play(CLEARING, NoteSettlementDay(FRIDAY))
    floor.play(CLEARING, NoteBooksAgreement(FRIDAY, True))
    assert floor.open(MONDAY)[1:] == [
        AllowancesReleased(1, "steel", "CEA", 10),
        AllowancesReleased(2, "steel", "CEA", 5),
        AllowancesReturned("steel", "CEA", 15, 1),
    ]
    assert floor.market.accounts["steel"].units["CEA"].total_tonnes == 0
