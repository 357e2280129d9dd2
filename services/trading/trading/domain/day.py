"""The day: opened when the earlier ones are settled and the books agree, closed after the last session.

Opening fixes the limits of every listed instrument, releases yesterday's settled purchases for sale, and makes a new
instrument's reference price of the composite close. If an earlier day is not settled, two exchange operators may
override that; what is unsettled stays blocked: the units because only settled purchases are released, the proceeds
because they stop being buying power.

Closing expires what is open, fixes the prices, and ends with TradingDayClosed, which carries count, volume and
value: whoever has heard it has heard every trade of the day.

Invariants, asserted in `evolve`: no day opens before an earlier one closed; after the close nothing is open, and
nothing is locked.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chassis.decider import Context, Decide, Evolve, Rejected, Timer
from trading.domain import block, listed, rules
from trading.domain.calendar import Day, DayPhase, check_not_opened, day_of, known_day
from trading.domain.instruments import Instrument, Limits
from trading.domain.prices import DayPrices, close_fen
from trading.domain.settlement import releases_due
from trading.domain.values import check_day, check_ground

if TYPE_CHECKING:
    from trading.domain.market import Market


# Commands


@dataclass(frozen=True, slots=True)
class OpenDay:
    day: str


@dataclass(frozen=True, slots=True)
class OverrideOpening:
    day: str
    ground: str


@dataclass(frozen=True, slots=True)
class CloseDay:
    """Of an operator, or of the timer at the end of the last session."""

    day: str


# Events


@dataclass(frozen=True, slots=True)
class OpeningOverrideProposed:
    day: str
    ground: str
    proposed_by: str


@dataclass(frozen=True, slots=True)
class OpeningOverrideApproved:
    day: str
    ground: str
    proposed_by: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class DayOpened:
    day: str
    opened_ms: int
    limits: tuple[Limits, ...]
    composite_previous_close_fen: int
    overridden_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InstrumentDayClosed:
    day: str
    instrument: str
    open_fen: int
    high_fen: int
    low_fen: int
    close_fen: int
    previous_close_fen: int
    change_bp: int
    listed_tonnes: int
    listed_value_fen: int
    block_tonnes: int
    block_value_fen: int
    trades: int
    year_tonnes: int
    year_value_fen: int
    total_tonnes: int
    total_value_fen: int


@dataclass(frozen=True, slots=True)
class CompositePriced:
    day: str
    open_fen: int
    high_fen: int
    low_fen: int
    close_fen: int
    previous_close_fen: int
    change_bp: int


@dataclass(frozen=True, slots=True)
class TradingDayClosed:
    day: str
    trades: int
    quantity_tonnes: int
    value_fen: int
    first_trade_id: int
    last_trade_id: int
    closed_ms: int


# What keeps a day from being opened


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What two people may override, in the words of the refusal."""

    reason: str
    facts: tuple[tuple[str, str | int], ...]


def obstacles(market: "Market", day: str, set_aside: int) -> list[Obstacle]:
    """Earlier days that are not settled or whose books do not agree, and heard events that could not be applied."""
    found: list[Obstacle] = []
    for earlier in market.calendar.unfinished:
        if earlier >= day:
            continue
        settled = market.calendar.days[earlier].settled
        reason = "BOOKS_NOT_AGREED" if settled else "EARLIER_DAY_NOT_SETTLED"
        found.append(Obstacle(reason, (("day", day), ("earlier_day", earlier))))
    if set_aside:
        found.append(Obstacle("HEARD_EVENTS_SET_ASIDE", (("day", day), ("count", set_aside))))
    return found


# Decisions


def open_day(market: "Market", command: OpenDay, context: Context) -> list[object]:
    check_day(command.day)
    day = known_day(market.calendar, command.day)
    check_none_open(market, command.day)
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
    instruments = [one for one in market.instruments.values() if one.listed_on(command.day)]
    if not instruments:
        raise Rejected("NO_INSTRUMENT_LISTED", day=command.day)
    composite_fen = composite_previous_close_fen(market, command.day, instruments)
    for instrument in instruments:
        if not (instrument.previous_close_fen or composite_fen):
            raise Rejected("COMPOSITE_UNKNOWN", day=command.day, instrument=instrument.instrument)
    overridden = day.override_approved_by != ""
    if not overridden:
        for obstacle in obstacles(market, command.day, context.set_aside):
            raise Rejected(obstacle.reason, **dict(obstacle.facts))

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
            overridden_by=(day.override_proposed_by, day.override_approved_by) if overridden else (),
        ),
        *releases_due(market, command.day),
    ]


def check_none_open(market: "Market", day: str) -> None:
    if market.calendar.open_day:
        raise Rejected("DAY_STILL_OPEN", day=day, open_day=market.calendar.open_day)


def composite_previous_close_fen(market: "Market", day: str, instruments: list[Instrument]) -> int:
    """The last composite close; before the first, the weighted mean of the reference prices; zero if there is
    neither.
    """
    if market.composite.close_fen:
        return market.composite.close_fen
    known = {one.instrument: one.previous_close_fen for one in instruments if one.previous_close_fen}
    counted = [(weight, known[instrument]) for instrument, weight in weights_on(market, day) if instrument in known]
    return rules.composite_price_fen(counted) if counted else 0


def weights_on(market: "Market", day: str) -> tuple[tuple[str, int], ...]:
    """The instruments that count on a day, with their weights: those listed by then whose weight is not zero."""
    weights = market.rules.weights.on(day)
    if weights is None:
        return ()
    return tuple(
        (one.instrument, one.weight)
        for one in weights.weights
        if one.weight and market.instruments[one.instrument].listed_on(day)
    )


def limits_of(instrument: str, previous_close_fen: int, rules_of_day: rules.TradingRules) -> Limits:
    return Limits(
        instrument=instrument,
        previous_close_fen=previous_close_fen,
        listed_low_fen=rules.limit_low_fen(previous_close_fen, rules_of_day.listed_band_bp),
        listed_high_fen=rules.limit_high_fen(previous_close_fen, rules_of_day.listed_band_bp),
        block_low_fen=rules.limit_low_fen(previous_close_fen, rules_of_day.block_band_bp),
        block_high_fen=rules.limit_high_fen(previous_close_fen, rules_of_day.block_band_bp),
    )


def override_opening(market: "Market", command: OverrideOpening, context: Context) -> list[object]:
    check_day(command.day)
    check_ground(command.ground)
    day = known_day(market.calendar, command.day)
    check_none_open(market, command.day)
    check_not_opened(market.calendar, command.day)
    if not obstacles(market, command.day, context.set_aside):
        raise Rejected("OPENING_NOT_BLOCKED", day=command.day)
    if day.override_approved_by:
        raise Rejected("OVERRIDE_ALREADY_APPROVED", day=command.day)
    if not day.override_proposed_by:
        return [OpeningOverrideProposed(day=command.day, ground=command.ground, proposed_by=context.actor)]
    if day.override_proposed_by == context.actor:
        raise Rejected("SECOND_PERSON_REQUIRED", proposer=context.actor)
    return [
        OpeningOverrideApproved(
            day=command.day,
            ground=command.ground,
            proposed_by=day.override_proposed_by,
            approved_by=context.actor,
        )
    ]


def close_day(market: "Market", command: CloseDay, context: Context) -> list[object]:
    check_day(command.day)
    day = known_day(market.calendar, command.day)
    if day.phase is not DayPhase.OPEN:
        raise Rejected("DAY_NOT_OPEN", day=command.day)
    closes_ms = day_closes_ms(market, command.day)
    if context.now_ms < closes_ms:
        raise Rejected("SESSION_NOT_OVER", day=command.day, closes_ms=closes_ms)

    # From here on the day is over.
    return [
        *(listed.expired(order) for order in market.orders.values()),
        *(block.expired(negotiation) for negotiation in market.blocks.values()),
        *(
            instrument_closed(market.instruments[name], command.day)
            for name in sorted(market.instruments)
            if market.instruments[name].listed_on(command.day)
        ),
        *composite_priced(market, command.day),
        TradingDayClosed(
            day=command.day,
            trades=day.whole.trades,
            quantity_tonnes=day.whole.quantity_tonnes,
            value_fen=day.whole.value_fen,
            first_trade_id=day.first_trade_id,
            last_trade_id=day.last_trade_id,
            closed_ms=context.now_ms,
        ),
    ]


def day_closes_ms(market: "Market", day: str) -> int:
    rules_of_day = market.rules.trading.on(day)
    assert rules_of_day is not None, "no day opens without rules"
    return rules.closes_ms(rules_of_day, day)


def instrument_closed(instrument: Instrument, day: str) -> InstrumentDayClosed:
    """The day's line of the bulletin. Without a listed trade every price is the previous close (rulebook 3.3)."""
    prices = instrument.prices
    previous_fen = instrument.previous_close_fen
    closing_fen = close_fen(instrument)
    tonnes = prices.listed_tonnes + prices.block_tonnes
    value_fen = prices.listed_value_fen + prices.block_value_fen
    same_year = instrument.year == year_of(day)
    return InstrumentDayClosed(
        day=day,
        instrument=instrument.instrument,
        open_fen=prices.open_fen or previous_fen,
        high_fen=prices.high_fen or previous_fen,
        low_fen=prices.low_fen or previous_fen,
        close_fen=closing_fen,
        previous_close_fen=previous_fen,
        change_bp=rules.change_bp(closing_fen, previous_fen),
        listed_tonnes=prices.listed_tonnes,
        listed_value_fen=prices.listed_value_fen,
        block_tonnes=prices.block_tonnes,
        block_value_fen=prices.block_value_fen,
        trades=prices.trades,
        year_tonnes=tonnes + (instrument.year_tonnes if same_year else 0),
        year_value_fen=value_fen + (instrument.year_value_fen if same_year else 0),
        total_tonnes=tonnes + instrument.total_tonnes,
        total_value_fen=value_fen + instrument.total_value_fen,
    )


def composite_priced(market: "Market", day: str) -> list[CompositePriced]:
    composite = market.composite
    if not composite.weights:
        return []
    closing_fen = rules.composite_price_fen(
        [(weight, close_fen(market.instruments[instrument])) for instrument, weight in composite.weights]
    )
    return [
        CompositePriced(
            day=day,
            open_fen=composite.open_fen or closing_fen,
            high_fen=composite.high_fen or closing_fen,
            low_fen=composite.low_fen or closing_fen,
            close_fen=closing_fen,
            previous_close_fen=composite.previous_close_fen,
            change_bp=rules.change_bp(closing_fen, composite.previous_close_fen),
        )
    ]


def year_of(day: str) -> str:
    return day[:4]


def due(market: "Market") -> Timer | None:
    """The open day ends by itself after its last session."""
    day = market.calendar.open_day
    return Timer(day_closes_ms(market, day), f"close-day/{day}", CloseDay(day)) if day else None


# Changes


def on_opening_override_proposed(market: "Market", event: OpeningOverrideProposed) -> None:
    market.calendar.days[event.day].override_proposed_by = event.proposed_by


def on_opening_override_approved(market: "Market", event: OpeningOverrideApproved) -> None:
    day = market.calendar.days[event.day]
    assert day.override_proposed_by == event.proposed_by != event.approved_by
    day.override_approved_by = event.approved_by


def on_day_opened(market: "Market", event: DayOpened) -> None:
    calendar = market.calendar
    assert not calendar.open_day
    assert event.day > calendar.last_opened
    day = calendar.days[event.day]
    day.phase = DayPhase.OPEN
    day.opened_ms = event.opened_ms
    calendar.open_day = calendar.last_opened = event.day
    calendar.unfinished[event.day] = None
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
        account.funds.received_earlier_fen += account.funds.received_today_fen
        account.funds.received_today_fen = 0


def on_instrument_day_closed(market: "Market", event: InstrumentDayClosed) -> None:
    assert event.low_fen <= event.open_fen <= event.high_fen
    assert event.low_fen <= event.close_fen <= event.high_fen
    instrument = market.instruments[event.instrument]
    instrument.previous_close_fen = event.close_fen
    instrument.year = year_of(event.day)
    instrument.year_tonnes = event.year_tonnes
    instrument.year_value_fen = event.year_value_fen
    instrument.total_tonnes = event.total_tonnes
    instrument.total_value_fen = event.total_value_fen


def on_composite_priced(market: "Market", event: CompositePriced) -> None:
    market.composite.close_fen = event.close_fen


def on_trading_day_closed(market: "Market", event: TradingDayClosed) -> None:
    assert event.day == market.calendar.open_day
    assert not market.orders
    assert not market.blocks
    day: Day = market.calendar.days[event.day]
    assert (day.whole.trades, day.whole.value_fen) == (event.trades, event.value_fen)
    day.phase = DayPhase.CLOSED
    day.closed_ms = event.closed_ms
    market.calendar.open_day = ""


DECIDE: Decide = {
    OpenDay: open_day,
    OverrideOpening: override_opening,
    CloseDay: close_day,
}

EVOLVE: Evolve = {
    OpeningOverrideProposed: on_opening_override_proposed,
    OpeningOverrideApproved: on_opening_override_approved,
    DayOpened: on_day_opened,
    InstrumentDayClosed: on_instrument_day_closed,
    CompositePriced: on_composite_priced,
    TradingDayClosed: on_trading_day_closed,
}
