"""Obligations: every trade recorded gross, once, in order; what does not fit is set aside, not swallowed."""

from dataclasses import replace
from typing import Any

from clearing.domain.funds import OpenFundAccount, RecordDeposit
from clearing.domain.obligations import NoteTradingDays, RecordObligation, TradingDaysNoted
from clearing.domain.run import RetryRun
from clearing.domain.settlement import SettlementDayCompleted
from clearing.domain.state import DayTotals
from support.domains.clearing_books import (
    ANN,
    FRIDAY,
    ICBC,
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


def changed(command: RecordObligation, **values: Any) -> RecordObligation:
    return RecordObligation(replace(command.trade, **values))


FIRST, SECOND = trade(1, POWER, STEEL, 300), trade(2, STEEL, POWER, 40)

# fmt: off
HEARING: list[Line] = [
    (TRADING, changed(FIRST, trade_id=0),                "TRADE_OUT_OF_ORDER"),
    (TRADING, changed(FIRST, buyer="power-9999"),        "ACCOUNT_UNKNOWN"),
    (TRADING, changed(FIRST, seller="power-9999"),       "ACCOUNT_UNKNOWN"),
    (TRADING, changed(FIRST, value_fen=299),             "VALUE_DIFFERS"),
    (TRADING, changed(FIRST, buyer_fee_fen=-1),          "FEE_OUT_OF_RANGE"),
    (TRADING, changed(FIRST, seller_fee_fen=301),        "FEE_OUT_OF_RANGE"),
    (TRADING, FIRST,                                     None),
    (TRADING, FIRST,                                     "TRADE_ALREADY_RECORDED"),
    (TRADING, close(FIRST),                              None),
    (TRADING, SECOND,                                    "TRADING_DAY_CLOSED"),
    (CLEARING, agree(),                                  None),
    (CLEARING, delivered(),                              None),
    (TRADING, SECOND,                                    "TRADING_DAY_CLOSED"),
    (TRADING, changed(FIRST, day=MONDAY),                "TRADE_OUT_OF_ORDER"),
    (TRADING, changed(SECOND, day=MONDAY),               None),
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


def test_a_trade_that_was_set_aside_is_decided_again_when_its_cause_is_mended_and_the_day_clears_whole() -> None:
    """The first trade's buyer was not known here; the second was recorded, and trading closed the day with both."""
    state = open_books(power_fen=1_000)
    first, second = trade(1, "power-9999", STEEL, 300), trade(2, POWER, STEEL, 40)
    climb(state, [(TRADING, first, "ACCOUNT_UNKNOWN")])
    play(state, TRADING, second)
    play(state, TRADING, close(first, second))
    assert state.runs.open[1].reason == "TOTALS_DIFFER"
    play(state, TRADING, OpenFundAccount("power-9999"))
    play(state, ICBC, RecordDeposit("fresh money", "power-9999", 300))
    play(state, TRADING, first)
    assert list(state.obligations.unsettled) == [1, 2], "in the order of the trades"
    assert state.obligations.days[FRIDAY] == DayTotals(2, 340, 340, 1, 2)
    play(state, ANN, RetryRun(1))
    play(state, CLEARING, agree(attempt=2))
    settled = play(state, CLEARING, delivered(attempt=2))
    assert SettlementDayCompleted(FRIDAY, 1, 2, 0, 340, 340) in settled


def test_a_closed_day_takes_only_a_trade_that_it_lacks() -> None:
    state = open_books(power_fen=1_000)
    first, second, third = trade(1, POWER, STEEL, 300), trade(2, POWER, STEEL, 40), trade(3, POWER, STEEL, 5)
    play(state, TRADING, first)
    play(state, TRADING, third)
    play(state, TRADING, close(first, second, third))
    closed = "TRADING_DAY_CLOSED"
    climb(
        state,
        [
            (TRADING, changed(second, trade_id=4), closed),
            (TRADING, changed(second, value_fen=41, quantity_tonnes=41), closed),
            (TRADING, third, "TRADE_ALREADY_RECORDED"),
            (TRADING, second, None),
            (TRADING, changed(second, trade_id=4), closed),
            (ANN, RetryRun(1), None),
            (TRADING, changed(second, trade_id=4), closed),
        ],
    )


def test_a_days_totals_grow_with_each_trade() -> None:
    state = open_books(power_fen=1_000)
    for one in (FIRST, SECOND):
        play(state, TRADING, one)
    assert state.obligations.days == {FRIDAY: DayTotals(2, 340, 340, 1, 2)}


def test_a_trade_inside_the_range_of_another_day_is_set_aside() -> None:
    """A run's legs are read by the range of its trades: no other day's may be in it."""
    state = open_books(power_fen=1_000)
    first, third = trade(1, POWER, STEEL, 10), trade(3, POWER, STEEL, 10)
    play(state, TRADING, first)
    play(state, TRADING, third)
    between = changed(trade(2, POWER, STEEL, 10), day=MONDAY)
    lines: list[Line] = [
        (TRADING, between, "TRADE_OF_ANOTHER_DAY"),
        (TRADING, changed(between, trade_id=4), None),
        (TRADING, changed(between, trade_id=5, day=FRIDAY), "TRADE_OF_ANOTHER_DAY"),
    ]
    climb(state, lines)


def test_a_trade_inside_the_range_that_trading_closed_another_day_with_is_set_aside() -> None:
    """Also where clearing has recorded none of that day's trades."""
    state = open_books(power_fen=1_000)
    play(state, TRADING, close(trade(1, POWER, STEEL, 10), trade(2, POWER, STEEL, 10)))
    climb(state, [(TRADING, changed(trade(2, POWER, STEEL, 10), day=MONDAY), "TRADE_OF_ANOTHER_DAY")])
