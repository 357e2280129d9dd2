"""Obligations: every trade recorded gross, once, in order; what does not fit is set aside, not swallowed."""

from dataclasses import replace

from clearing.domain.obligations import NoteTradingDays, TradingDaysNoted
from clearing.domain.state import DayTotals
from support.clearing_books import (
    FRIDAY,
    MONDAY,
    POWER,
    STEEL,
    TRADING,
    Line,
    agree,
    climb,
    close,
    delivered,
    open_books,
    play,
    trade,
)

CLEARING = "service:clearing"
FIRST, SECOND = trade(1, POWER, STEEL, 300), trade(2, STEEL, POWER, 40)

# fmt: off
HEARING: list[Line] = [
    (TRADING, replace(FIRST, trade_id=0),                "TRADE_OUT_OF_ORDER"),
    (TRADING, replace(FIRST, buyer="power-9999"),        "ACCOUNT_UNKNOWN"),
    (TRADING, replace(FIRST, seller="power-9999"),       "ACCOUNT_UNKNOWN"),
    (TRADING, replace(FIRST, value_fen=299),             "VALUE_DIFFERS"),
    (TRADING, replace(FIRST, buyer_fee_fen=-1),          "FEE_OUT_OF_RANGE"),
    (TRADING, replace(FIRST, seller_fee_fen=301),        "FEE_OUT_OF_RANGE"),
    (TRADING, FIRST,                                     None),
    (TRADING, FIRST,                                     "TRADE_OUT_OF_ORDER"),
    (TRADING, close(FIRST),                              None),
    (TRADING, SECOND,                                    "TRADING_DAY_CLOSED"),
    (CLEARING, agree(),                                  None),
    (CLEARING, delivered(),                              None),
    (TRADING, SECOND,                                    "TRADING_DAY_CLOSED"),
    (TRADING, replace(SECOND, day=MONDAY),               None),
    (TRADING, NoteTradingDays((FRIDAY, MONDAY)),         [TradingDaysNoted((FRIDAY, MONDAY))]),
]
# fmt: on


def test_trades_are_heard_in_their_order_and_only_while_their_day_is_open() -> None:
    climb(open_books(power_fen=1_000), HEARING)


def test_both_parties_owe_the_whole_trade_and_nothing_is_netted() -> None:
    state = open_books(power_fen=1_000)
    for one in (trade(1, POWER, STEEL, 300, fee_fen=3), trade(2, STEEL, POWER, 300, fee_fen=3)):
        play(state, TRADING, one)
    power = state.funds.accounts[POWER]
    assert (power.unsettled_out_fen, power.unsettled_in_fen) == (303, 297)
    assert list(state.obligations.unsettled) == [1, 2]


def test_a_days_totals_grow_with_each_trade() -> None:
    state = open_books(power_fen=1_000)
    for one in (FIRST, SECOND):
        play(state, TRADING, one)
    assert state.obligations.days == {FRIDAY: DayTotals(2, 340, 340, 1, 2)}
