"""Opening a day: only when the earlier ones are settled and the books agree (rulebook 4.2).

Opening fixes the price limits of every admitted instrument, and takes the composite close as the reference price of a
new one. It releases settled purchases of earlier days for sale, the first page at once and the others by a timer; those
of a stopped account return to the registry. Two exchange operators may override the obstacles to an opening
(overriding.py). What is unsettled then stays unusable: units, because only settled purchases are released; proceeds,
because those of earlier days count as buying power only once settled.

Invariants, asserted in `evolve`: a day opens only after every earlier one is closed.
"""

from collections import deque
from dataclasses import dataclass

from chassis.core.days import day_of
from chassis.core.decider import Context, Decide, Evolve, Rejected, applies, handles
from chassis.core.shapes import check_day
from trading.domain import rules
from trading.domain.arithmetic import composite_price_fen, limit_high_fen, limit_low_fen
from trading.domain.calendar import check_none_open, check_not_opened, forget_finished, known_day
from trading.domain.overriding import obstacles, uncovered
from trading.domain.settlement import release_page, settled_purchases
from trading.domain.state import DayPhase, DayPrices, Instrument, Limits, Market, Obstacle, TradingRules

# Commands


@dataclass(frozen=True, slots=True)
class OpenDay:
    day: str


# Events


@dataclass(frozen=True, slots=True)
class DayOpened:
    day: str
    opened_ms: int
    limits: tuple[Limits, ...]
    composite_previous_close_fen: int
    overridden: tuple[Obstacle, ...]


# Decisions


def open_day(market: Market, command: OpenDay, context: Context) -> list[object]:
    check_day(command.day)
    known_day(market.calendar, command.day)
    check_none_open(market.calendar, command.day)
    check_not_opened(market.calendar, command.day)
    today = day_of(context.now_ms)
    if command.day != today:
        raise Rejected("DAY_NOT_TODAY", day=command.day, today=today)
    rules_of_day = market.rules.trading.on(command.day)
    if rules_of_day is None:
        raise Rejected("RULES_MISSING", day=command.day)
    closes_ms = rules.closes_ms(rules_of_day, command.day)
    if context.now_ms >= closes_ms:
        raise Rejected("DAY_IS_OVER", day=command.day, closes_ms=closes_ms)
    instruments = [one for one in market.instruments.values() if one.admitted_on(command.day)]
    if not instruments:
        raise Rejected("NO_INSTRUMENT_ADMITTED", day=command.day)
    composite_fen = composite_previous_close_fen(market, command.day, instruments)
    for instrument in instruments:
        if not (instrument.previous_close_fen or composite_fen):
            raise Rejected("COMPOSITE_UNKNOWN", day=command.day, instrument=instrument.instrument)
    for refusal in uncovered(market, command.day, context).values():
        raise refusal

    # From here on the day is open.
    return [
        DayOpened(
            day=command.day,
            opened_ms=context.now_ms,
            limits=tuple(
                limits_of(instrument.instrument, instrument.previous_close_fen or composite_fen, rules_of_day)
                for instrument in sorted(instruments, key=lambda instrument: instrument.instrument)
            ),
            composite_previous_close_fen=composite_fen,
            overridden=tuple(obstacles(market, command.day, context)),
        ),
        *release_page(market, settled_purchases(market)),
    ]


def composite_previous_close_fen(market: Market, day: str, instruments: list[Instrument]) -> int:
    """The last composite close; before the first, the weighted mean of the reference prices; zero without either."""
    if market.composite.close_fen:
        return market.composite.close_fen
    known = {one.instrument: one.previous_close_fen for one in instruments if one.previous_close_fen}
    counted = [(weight, known[instrument]) for instrument, weight in weights_on(market, day) if instrument in known]
    return composite_price_fen(counted) if counted else 0


def weights_on(market: Market, day: str) -> tuple[tuple[str, int], ...]:
    """The instruments that count on a day, with their weights: those admitted by then whose weight is not zero."""
    return tuple(
        (one.instrument, one.weight)
        for one in market.rules.weights.on(day) or ()
        if one.weight and market.instruments[one.instrument].admitted_on(day)
    )


def limits_of(instrument: str, previous_close_fen: int, rules_of_day: TradingRules) -> Limits:
    return Limits(
        instrument=instrument,
        previous_close_fen=previous_close_fen,
        listed_low_fen=limit_low_fen(previous_close_fen, rules_of_day.listed_band_bp),
        listed_high_fen=limit_high_fen(previous_close_fen, rules_of_day.listed_band_bp),
        block_low_fen=limit_low_fen(previous_close_fen, rules_of_day.block_band_bp),
        block_high_fen=limit_high_fen(previous_close_fen, rules_of_day.block_band_bp),
    )


# Changes


def on_day_opened(market: Market, event: DayOpened) -> None:
    calendar = market.calendar
    assert not calendar.open_day
    assert event.day > calendar.last_opened
    market.releasing = deque(settled_purchases(market))
    day = calendar.days[event.day]
    day.phase = DayPhase.OPEN
    day.opened_ms = event.opened_ms
    calendar.open_day = calendar.last_opened = event.day
    forget_finished(calendar)
    rules.forget_before(market.rules, min(calendar.days))
    # An obstacle that is gone is not covered any more: if it comes back, it needs an override of its own.
    calendar.covered = set(event.overridden)
    for limits in event.limits:
        instrument = market.instruments[limits.instrument]
        instrument.previous_close_fen = limits.previous_close_fen
        instrument.limits = limits
        instrument.prices = DayPrices()
    composite = market.composite
    composite.weights = weights_on(market, event.day)
    composite.previous_close_fen = event.composite_previous_close_fen
    composite.open_fen = composite.high_fen = composite.low_fen = 0
    for account in market.accounts.values():
        account.begin_day()


DECIDE: Decide[Market] = handles(OpenDay, open_day)

EVOLVE: Evolve[Market] = applies(DayOpened, on_day_opened)
