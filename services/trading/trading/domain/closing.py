"""Closing a day, after its last session: by an operator, or by the timer.

Closing expires open listings and negotiations, fixes the prices, and ends with TradingDayClosed, which carries count,
volume and value: a service that has heard it has heard every trade of the day. More than one page expires page by page,
each in a decision of its own, so that none occupies the writer for long; the sessions are over by then, so nothing is
traded in between.

Invariants, asserted in `evolve`: after the close nothing is open; an instrument's prices lie between its low and high.
"""

from dataclasses import dataclass
from itertools import islice

from chassis.core.decider import Context, Decide, Evolve, Rejected, Timer, applies, handles, merged
from chassis.core.shapes import check_day
from trading.domain import listed, negotiations, rules
from trading.domain.arithmetic import change_bp, composite_price_fen
from trading.domain.calendar import known_day
from trading.domain.fees import Unlocking
from trading.domain.prices import close_fen
from trading.domain.state import Day, DayPhase, Instrument, Market

EXPIRIES_PER_PAGE_MAX = 500
"""In one decision; a timer expires the rest at once, page by page."""

# Commands


@dataclass(frozen=True, slots=True)
class CloseDay:
    """From an operator, or from the timer at the end of the last session."""

    day: str


# Events


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


# Decisions


def close_day(market: Market, command: CloseDay, context: Context) -> list[object]:
    check_day(command.day)
    day = known_day(market.calendar, command.day)
    if day.phase is not DayPhase.OPEN:
        raise Rejected("DAY_NOT_OPEN", day=command.day)
    closes_ms = day_closes_ms(market, command.day)
    if context.now_ms < closes_ms:
        raise Rejected("SESSION_NOT_OVER", day=command.day, closes_ms=closes_ms)

    # From here on the day is over.
    expired = expiry_page(market)
    if open_count(market) > EXPIRIES_PER_PAGE_MAX:
        return expired
    return [
        *expired,
        *(
            instrument_closed(market.instruments[name], command.day)
            for name in sorted(market.instruments)
            if market.instruments[name].admitted_on(command.day)
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


def open_count(market: Market) -> int:
    """How many listings and negotiations are open."""
    return len(market.orders) + len(market.blocks)


def expiry_page(market: Market) -> list[object]:
    """Listings first, then negotiations, each in the order in which they were opened."""
    unlocking = Unlocking(market)
    orders = list(islice(market.orders.values(), EXPIRIES_PER_PAGE_MAX))
    blocks = islice(market.blocks.values(), EXPIRIES_PER_PAGE_MAX - len(orders))
    return [
        *(listed.expired(order, unlocking) for order in orders),
        *(negotiations.expired(negotiation, unlocking) for negotiation in blocks),
    ]


def day_closes_ms(market: Market, day: str) -> int:
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
        change_bp=change_bp(closing_fen, previous_fen),
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


def composite_priced(market: Market, day: str) -> list[CompositePriced]:
    composite = market.composite
    if not composite.weights:
        return []
    closing_fen = composite_price_fen(
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
            change_bp=change_bp(closing_fen, composite.previous_close_fen),
        )
    ]


def year_of(day: str) -> str:
    return day[:4]


def due(market: Market) -> Timer | None:
    """The timer that closes the open day after its last session; each page of expiries before it has its own name."""
    day, count = market.calendar.open_day, open_count(market)
    if not day:
        return None
    page = f"/{count}" if count > EXPIRIES_PER_PAGE_MAX else ""
    return Timer(day_closes_ms(market, day), f"close-day/{day}{page}", CloseDay(day))


# Changes


def on_instrument_day_closed(market: Market, event: InstrumentDayClosed) -> None:
    assert event.low_fen <= event.open_fen <= event.high_fen
    assert event.low_fen <= event.close_fen <= event.high_fen
    instrument = market.instruments[event.instrument]
    instrument.previous_close_fen = event.close_fen
    instrument.year = year_of(event.day)
    instrument.year_tonnes = event.year_tonnes
    instrument.year_value_fen = event.year_value_fen
    instrument.total_tonnes = event.total_tonnes
    instrument.total_value_fen = event.total_value_fen


def on_composite_priced(market: Market, event: CompositePriced) -> None:
    market.composite.close_fen = event.close_fen


def on_trading_day_closed(market: Market, event: TradingDayClosed) -> None:
    assert event.day == market.calendar.open_day
    assert not market.orders
    assert not market.blocks
    day: Day = market.calendar.days[event.day]
    assert (day.whole.trades, day.whole.value_fen) == (event.trades, event.value_fen)
    day.phase = DayPhase.CLOSED
    day.closed_ms = event.closed_ms
    market.calendar.open_day = ""


DECIDE: Decide[Market] = handles(CloseDay, close_day)

EVOLVE: Evolve[Market] = merged(
    applies(InstrumentDayClosed, on_instrument_day_closed),
    applies(CompositePriced, on_composite_priced),
    applies(TradingDayClosed, on_trading_day_closed),
)
