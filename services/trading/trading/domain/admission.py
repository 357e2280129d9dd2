"""Admission: whether an account may trade an instrument by a method now, and whether price and quantity keep the
day's rules (rulebook 3.2, 3.6).

Every order and block is checked in the same sequence: the account, then the day, the instrument, the hour.
"""

from chassis.core.days import day_of
from chassis.core.decider import Context, Rejected
from trading.domain.accounts import check_not_stopped
from trading.domain.balances import Account
from trading.domain.rules import DAY_VALUE_FEN_MAX, in_session, trades_max
from trading.domain.state import Instrument, Limits, Market, TradingRules
from trading.domain.values import Method


def rules_today(market: Market) -> TradingRules:
    """The rules of the open day."""
    rules = market.rules.trading.on(market.calendar.open_day)
    assert rules is not None, "no day opens without rules"
    return rules


def check_may_trade(
    market: Market, account: Account, instrument: Instrument, method: Method, context: Context
) -> TradingRules:
    """Return the rules of the open day. Raises Rejected if the account may not trade the instrument now."""
    if not account.eligible_to_trade:
        raise Rejected("ACCOUNT_NOT_ELIGIBLE_TO_TRADE", account=account.account)
    check_not_stopped(account)
    day = market.calendar.open_day
    if not day:
        raise Rejected("DAY_NOT_OPEN", today=day_of(context.now_ms))
    if not instrument.admitted_on(day):
        raise Rejected("INSTRUMENT_NOT_ADMITTED", instrument=instrument.instrument)
    ground = market.suspended_ground or instrument.suspended_ground
    if ground:
        raise Rejected("TRADING_SUSPENDED", instrument=instrument.instrument, ground=ground)
    rules = rules_today(market)
    sessions = rules.listed_sessions if method is Method.LISTED else rules.block_sessions
    if not in_session(sessions, day, context.now_ms):
        raise Rejected("OUT_OF_SESSION", now_ms=context.now_ms, day=day, sessions=" ".join(map(str, sessions)))
    return rules


def check_day_not_full(market: Market, price_fen: int, quantity_tonnes: int) -> None:
    """Before a trade is made: clearing and the registry must be able to settle the day, and its sums must fit 64 bits.

    Raises Rejected (`DAY_FULL`, `DAY_VALUE_FULL`).
    """
    rules = rules_today(market)
    whole = market.calendar.days[market.calendar.open_day].whole
    if whole.trades >= trades_max(rules):
        raise Rejected("DAY_FULL", trades=whole.trades, trades_max=trades_max(rules))
    if whole.value_fen + price_fen * quantity_tonnes > DAY_VALUE_FEN_MAX:
        raise Rejected(
            "DAY_VALUE_FULL",
            value_fen=price_fen * quantity_tonnes,
            day_value_fen=whole.value_fen,
            day_value_fen_max=DAY_VALUE_FEN_MAX,
        )


def check_quantity_tick(rules: TradingRules, quantity_tonnes: int) -> None:
    if quantity_tonnes % rules.quantity_tick_tonnes:
        raise Rejected("QUANTITY_OFF_TICK", quantity_tonnes=quantity_tonnes, tick_tonnes=rules.quantity_tick_tonnes)


def check_price_tick(rules: TradingRules, price_fen: int) -> None:
    if price_fen % rules.price_tick_fen:
        raise Rejected("PRICE_OFF_TICK", price_fen=price_fen, tick_fen=rules.price_tick_fen)


def limits_today(instrument: Instrument) -> Limits:
    """The price limits of the open day, of an instrument that may be traded on it."""
    assert instrument.limits is not None, "an instrument admitted by the open day has limits"
    return instrument.limits
