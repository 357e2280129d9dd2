"""Opening a day: only when the earlier ones are settled and the books agree.

Opening fixes the limits of every listed instrument, releases yesterday's settled purchases for sale (those of a stopped
account go back to the registry), and makes a new instrument's reference price of the composite close. If an earlier day
is not settled, two exchange operators may override that; what is unsettled stays blocked: the units because only
settled purchases are released, the proceeds because they stop being buying power.

Invariants, asserted in `evolve`: no day opens before an earlier one closed.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chassis.decider import Context, Decide, Evolve, Rejected, check_second_person, doubts, person
from chassis.shapes import check_day, check_ground
from trading.domain import rules
from trading.domain.arithmetic import composite_price_fen, limit_high_fen, limit_low_fen
from trading.domain.calendar import DayPhase, check_not_opened, day_of, known_day, unfinished_before
from trading.domain.instruments import Instrument, Limits
from trading.domain.prices import DayPrices
from trading.domain.restriction import returns_when_released
from trading.domain.settlement import releases_due

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


# What keeps a day from being opened


def obstacles(market: "Market", day: str, context: Context) -> list[Rejected]:
    """The refusals that two people may override: earlier days that are not settled or whose books do not agree, heard
    events that could not be applied, and sources that are not heard any further.
    """
    found: list[Rejected] = []
    for earlier in unfinished_before(market.calendar, day):
        if not earlier.settled:
            found.append(Rejected("EARLIER_DAY_NOT_SETTLED", day=day, earlier_day=earlier.day))
        else:
            found.append(Rejected("BOOKS_NOT_AGREED", day=day, earlier_day=earlier.day))
    return [*found, *doubts(context)]


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
    blocking = obstacles(market, command.day, context)
    if blocking and not day.override_approved_by:
        raise blocking[0]

    releases = releases_due(market)
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
            overridden_by=(day.override_proposed_by, day.override_approved_by) if blocking else (),
        ),
        *releases,
        *returns_when_released(market, ((one.account, one.instrument, one.quantity_tonnes) for one in releases)),
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
    return composite_price_fen(counted) if counted else 0


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
        listed_low_fen=limit_low_fen(previous_close_fen, rules_of_day.listed_band_bp),
        listed_high_fen=limit_high_fen(previous_close_fen, rules_of_day.listed_band_bp),
        block_low_fen=limit_low_fen(previous_close_fen, rules_of_day.block_band_bp),
        block_high_fen=limit_high_fen(previous_close_fen, rules_of_day.block_band_bp),
    )


def override_opening(market: "Market", command: OverrideOpening, context: Context) -> list[object]:
    check_day(command.day)
    check_ground(command.ground)
    day = known_day(market.calendar, command.day)
    check_none_open(market, command.day)
    check_not_opened(market.calendar, command.day)
    if not obstacles(market, command.day, context):
        raise Rejected("OPENING_NOT_BLOCKED", day=command.day)
    if day.override_approved_by:
        raise Rejected("OVERRIDE_ALREADY_APPROVED", day=command.day)
    if not day.override_proposed_by:
        return [OpeningOverrideProposed(day=command.day, ground=command.ground, proposed_by=str(context.actor))]
    check_second_person(context.actor, day.override_proposed_by)
    return [
        OpeningOverrideApproved(
            day=command.day,
            ground=command.ground,
            proposed_by=day.override_proposed_by,
            approved_by=str(context.actor),
        )
    ]


# Changes


def on_opening_override_proposed(market: "Market", event: OpeningOverrideProposed) -> None:
    market.calendar.days[event.day].override_proposed_by = event.proposed_by


def on_opening_override_approved(market: "Market", event: OpeningOverrideApproved) -> None:
    day = market.calendar.days[event.day]
    assert day.override_proposed_by == event.proposed_by
    assert person(event.proposed_by) != person(event.approved_by)
    day.override_approved_by = event.approved_by


def on_day_opened(market: "Market", event: DayOpened) -> None:
    calendar = market.calendar
    assert not calendar.open_day
    assert event.day > calendar.last_opened
    day = calendar.days[event.day]
    day.phase = DayPhase.OPEN
    day.opened_ms = event.opened_ms
    calendar.open_day = calendar.last_opened = event.day
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
        assert account.bidding_fen == 0, "no purchase is open overnight"
        account.bought_today_fen = account.sold_today_fen = 0


DECIDE: Decide = {OpenDay: open_day, OverrideOpening: override_opening}

EVOLVE: Evolve = {
    OpeningOverrideProposed: on_opening_override_proposed,
    OpeningOverrideApproved: on_opening_override_approved,
    DayOpened: on_day_opened,
}
