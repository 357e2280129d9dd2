"""The rules of trading as dated data.

A set of rules, fees or composite weights is valid from its day until the day of the next set. It can be set again for
the same day until that day is opened. The constants here are bounds of this system, not rules of the market: bands,
sizes, hours, ticks and fees come from `SetTradingRules` and `SetFees`. No fees are due until they are set (rulebook
3.7: no rates were found in any source).
"""

from dataclasses import dataclass

from chassis.core.days import MINUTE_MS, day_start_ms
from chassis.core.decider import Context, Decide, Evolve, Malformed, NotFound, Rejected, applies, handles, merged
from chassis.core.shapes import check_day, check_text
from trading.domain.calendar import check_not_opened
from trading.domain.state import D, Dated, Fees, Market, Rules, Session, TradingRules, Weight
from trading.domain.values import PRICE_FEN_MAX, QUANTITY_TONNES_MAX, check_instrument

FEE_PPM_MAX = 100_000
BAND_BP_MAX = 9_999
BOOK_LEVELS_MAX = 100
SESSIONS_MAX = 10
WEIGHTS_MAX = 100
WEIGHT_MAX = 1_000_000
DAY_TRADES_MAX = 200_000
"""As many as one clearing run can settle (clearing's `RUN_TRADES_MAX`): a day with more could never be settled."""
DAY_VALUE_FEN_MAX = 10**14
"""Of all trades of a day: 10^12 yuan, far above any real day. Even if every day up to the end of 2099 had this value,
the sum with fees would fit 64 bits (tests/unit/test_bounds.py). So every other sum over trades fits too: of a day, a
year or an instrument's life, and also of tonnes, because a tonne costs at least one fen.
"""
MINUTES_OF_DAY = 24 * 60


# Commands


@dataclass(frozen=True, slots=True)
class SetTradingRules:
    rules: TradingRules


@dataclass(frozen=True, slots=True)
class SetFees:
    valid_from_day: str
    buyer_fee_ppm: int
    seller_fee_ppm: int
    source: str


@dataclass(frozen=True, slots=True)
class SetCompositeWeights:
    valid_from_day: str
    weights: tuple[Weight, ...]
    source: str


# Events


@dataclass(frozen=True, slots=True)
class TradingRulesSet:
    rules: TradingRules


@dataclass(frozen=True, slots=True)
class FeesSet:
    valid_from_day: str
    buyer_fee_ppm: int
    seller_fee_ppm: int
    source: str


@dataclass(frozen=True, slots=True)
class CompositeWeightsSet:
    valid_from_day: str
    weights: tuple[Weight, ...]
    source: str


RULES_AHEAD_MAX = 100
"""Of each kind, for days that are not opened yet; those of days past are forgotten when a day is opened."""

# What is valid on a day

NO_FEES = Fees()


def forget_before(rules: Rules, day: str) -> None:
    for dated in (rules.trading, rules.fees, rules.weights):
        dated.forget_before(day)


def fees_on(rules: Rules, day: str) -> Fees:
    return rules.fees.on(day) or NO_FEES


def trades_max(rules: TradingRules) -> int:
    """The most trades of a day, of both methods (rulebook 3.2)."""
    return rules.day_trades_max or DAY_TRADES_MAX


def in_session(sessions: tuple[Session, ...], day: str, now_ms: int) -> bool:
    since_midnight_ms = now_ms - day_start_ms(day)
    return any(
        session.open_minute * MINUTE_MS <= since_midnight_ms < session.close_minute * MINUTE_MS for session in sessions
    )


def closes_ms(rules: TradingRules, day: str) -> int:
    """When the day's last session ends, in milliseconds since 1970 UTC."""
    last_minute = max(session.close_minute for session in rules.listed_sessions + rules.block_sessions)
    return day_start_ms(day) + last_minute * MINUTE_MS


# Decisions


def set_trading_rules(market: Market, command: SetTradingRules, context: Context) -> list[object]:
    rules = command.rules
    check_day(rules.valid_from_day, "rules.valid_from_day")
    check_text(rules.source, "rules.source")
    check_within("listed_band_bp", rules.listed_band_bp, BAND_BP_MAX)
    check_within("block_band_bp", rules.block_band_bp, BAND_BP_MAX)
    check_within("price_tick_fen", rules.price_tick_fen, PRICE_FEN_MAX)
    check_within("quantity_tick_tonnes", rules.quantity_tick_tonnes, QUANTITY_TONNES_MAX)
    check_within("listed_tonnes_max", rules.listed_tonnes_max, QUANTITY_TONNES_MAX)
    check_within("block_tonnes_min", rules.block_tonnes_min, QUANTITY_TONNES_MAX)
    check_within("book_levels", rules.book_levels, BOOK_LEVELS_MAX)
    if rules.day_trades_max:
        check_within("day_trades_max", rules.day_trades_max, DAY_TRADES_MAX)
    check_sessions("listed_sessions", rules.listed_sessions)
    check_sessions("block_sessions", rules.block_sessions)
    check_not_opened(market.calendar, rules.valid_from_day)
    check_rules_ahead(market, market.rules.trading, rules.valid_from_day)

    return [TradingRulesSet(rules=rules)]


def set_fees(market: Market, command: SetFees, context: Context) -> list[object]:
    check_day(command.valid_from_day, "valid_from_day")
    for name, fee_ppm in (("buyer_fee_ppm", command.buyer_fee_ppm), ("seller_fee_ppm", command.seller_fee_ppm)):
        if not 0 <= fee_ppm <= FEE_PPM_MAX:
            raise Malformed("FEE_OUT_OF_RANGE", name, fee_ppm=fee_ppm, fee_ppm_max=FEE_PPM_MAX)
    check_text(command.source, "source")
    check_not_opened(market.calendar, command.valid_from_day)
    check_rules_ahead(market, market.rules.fees, command.valid_from_day)

    return [
        FeesSet(
            valid_from_day=command.valid_from_day,
            buyer_fee_ppm=command.buyer_fee_ppm,
            seller_fee_ppm=command.seller_fee_ppm,
            source=command.source,
        )
    ]


def set_composite_weights(market: Market, command: SetCompositeWeights, context: Context) -> list[object]:
    check_day(command.valid_from_day, "valid_from_day")
    check_weights(command.weights)
    check_text(command.source, "source")
    for weight in command.weights:
        if weight.instrument not in market.instruments:
            raise NotFound("INSTRUMENT_UNKNOWN", instrument=weight.instrument)
    check_not_opened(market.calendar, command.valid_from_day)
    check_rules_ahead(market, market.rules.weights, command.valid_from_day)

    return [CompositeWeightsSet(valid_from_day=command.valid_from_day, weights=command.weights, source=command.source)]


def check_rules_ahead(market: Market, dated: Dated[D], day: str) -> None:
    """Raises Rejected where so many others are set for days to come."""
    ahead = sum(other > market.calendar.last_opened and other != day for other in dated.days)
    if ahead >= RULES_AHEAD_MAX:
        raise Rejected("TOO_MANY_RULES_AHEAD", rules_max=RULES_AHEAD_MAX)


def check_within(name: str, value: int, value_max: int) -> None:
    if not 1 <= value <= value_max:
        raise Malformed("RULES_MALFORMED", f"rules.{name}", value=value)


def check_sessions(name: str, sessions: tuple[Session, ...]) -> None:
    """At least one session, each within the day, in order, and none overlapping. Raises Malformed."""
    if not 1 <= len(sessions) <= SESSIONS_MAX:
        raise Malformed("RULES_MALFORMED", f"rules.{name}", value=len(sessions))
    after_minute = 0
    for number, session in enumerate(sessions):
        if not after_minute <= session.open_minute < session.close_minute <= MINUTES_OF_DAY:
            hours = f"{session.open_minute} to {session.close_minute}"
            raise Malformed("RULES_MALFORMED", f"rules.{name}[{number}]", value=hours)
        after_minute = session.close_minute


def check_weights(weights: tuple[Weight, ...]) -> None:
    """Each instrument once, no weight negative, and at least one above zero. Raises Malformed."""
    if not 1 <= len(weights) <= WEIGHTS_MAX:
        raise Malformed("WEIGHTS_MALFORMED", "weights", value=len(weights))
    seen: set[str] = set()
    for number, weight in enumerate(weights):
        at = f"weights[{number}]"
        check_instrument(weight.instrument, f"{at}.instrument")
        if weight.instrument in seen:
            raise Malformed("WEIGHTS_MALFORMED", f"{at}.instrument", value=weight.instrument)
        if not 0 <= weight.weight <= WEIGHT_MAX:
            raise Malformed("WEIGHTS_MALFORMED", f"{at}.weight", value=weight.weight)
        seen.add(weight.instrument)
    if not any(weight.weight for weight in weights):
        raise Malformed("WEIGHTS_MALFORMED", "weights", value=0)


# Changes


def on_trading_rules_set(market: Market, event: TradingRulesSet) -> None:
    market.rules.trading.put(event.rules.valid_from_day, event.rules)


def on_fees_set(market: Market, event: FeesSet) -> None:
    market.rules.fees.put(event.valid_from_day, Fees(event.buyer_fee_ppm, event.seller_fee_ppm))


def on_composite_weights_set(market: Market, event: CompositeWeightsSet) -> None:
    market.rules.weights.put(event.valid_from_day, event.weights)


DECIDE: Decide[Market] = merged(
    handles(SetTradingRules, set_trading_rules),
    handles(SetFees, set_fees),
    handles(SetCompositeWeights, set_composite_weights),
)

EVOLVE: Evolve[Market] = merged(
    applies(TradingRulesSet, on_trading_rules_set),
    applies(FeesSet, on_fees_set),
    applies(CompositeWeightsSet, on_composite_weights_set),
)
