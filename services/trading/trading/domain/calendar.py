"""The calendar: trading days, their order, and the phase of each.

A day is announced, then opened, then closed; then clearing settles it and the three books are compared. At most one day
is open, and a day before the last one opened is never opened. An announced day may be skipped.

Invariants, asserted in `evolve`:
- days are announced in ascending order;
- at most one day is open, and it is the last one opened.
"""

from dataclasses import dataclass
from itertools import pairwise

from chassis.core.days import DAY_MS, day_of
from chassis.core.decider import Context, Decide, Evolve, Malformed, NotFound, Rejected, applies, handles
from trading.domain.state import Calendar, Day, DayPhase, Market
from trading.domain.values import check_trading_day

DAYS_AT_ONCE_MAX = 400
DAYS_AHEAD_MAX = 731
"""Two years of calendar days. Days are announced in ascending order only: one announced far ahead by mistake would make
it impossible to announce any day before it.
"""

DAYS_KEPT = 400
"""Trading days before the open one that stay in the state, more than a year; earlier ones stay only while unfinished.
Their trades and bulletins are in the tables.
"""


# Commands


@dataclass(frozen=True, slots=True)
class AnnounceTradingDays:
    days: tuple[str, ...]


# Events


@dataclass(frozen=True, slots=True)
class TradingDaysAnnounced:
    days: tuple[str, ...]


def known_day(calendar: Calendar, day: str) -> Day:
    """Return an announced day that is still in the state. Raises NotFound (`DAY_UNKNOWN`)."""
    known = calendar.days.get(day)
    if known is None:
        before = max((one for one in calendar.days if one < day), default="")
        after = min((one for one in calendar.days if one > day), default="")
        raise NotFound("DAY_UNKNOWN", day=day, day_before=before, day_after=after)
    return known


def check_announced(calendar: Calendar, day: str) -> None:
    """Of a day so early that the state may have forgotten it, the tables know. Raises NotFound (`DAY_UNKNOWN`)."""
    if day > calendar.last_forgotten:
        known_day(calendar, day)


def check_not_opened(calendar: Calendar, day: str) -> None:
    """The rules of a day cannot change once it, or a later one, was opened. Raises Rejected (`DAY_ALREADY_OPENED`)."""
    if day <= calendar.last_opened:
        raise Rejected("DAY_ALREADY_OPENED", day=day, last_day=calendar.last_opened)


def check_none_open(calendar: Calendar, day: str) -> None:
    if calendar.open_day:
        raise Rejected("DAY_STILL_OPEN", day=day, open_day=calendar.open_day)


def unfinished(calendar: Calendar) -> list[Day]:
    """Closed days that are not settled, or whose books have not agreed yet."""
    return [
        one for one in calendar.days.values() if one.phase is DayPhase.CLOSED and not (one.settled and one.books_agreed)
    ]


def forget_finished(calendar: Calendar) -> None:
    """Remove finished and never opened days that are more than DAYS_KEPT days before the open one."""
    past = [day for day in calendar.days.values() if day.day < calendar.open_day]
    for day in past[:-DAYS_KEPT]:
        if day.phase is DayPhase.ANNOUNCED or (day.settled and day.books_agreed):
            del calendar.days[day.day]
            calendar.last_forgotten = max(calendar.last_forgotten, day.day)


# Decisions


def announce_trading_days(market: Market, command: AnnounceTradingDays, context: Context) -> list[object]:
    if not command.days:
        raise Malformed("DAYS_MISSING", "days")
    if len(command.days) > DAYS_AT_ONCE_MAX:
        raise Malformed("TOO_MANY_DAYS", "days", days=len(command.days), days_max=DAYS_AT_ONCE_MAX)
    for number, day in enumerate(command.days):
        check_trading_day(day, f"days[{number}]")
    for number, (earlier, day) in enumerate(pairwise(command.days), 1):
        if day <= earlier:
            raise Malformed("DAYS_NOT_ASCENDING", f"days[{number}]", day=day, after_day=earlier)
    if command.days[0] <= market.calendar.last_announced:
        raise Rejected("DAY_ALREADY_ANNOUNCED", day=command.days[0], last_day=market.calendar.last_announced)
    day_max = day_of(context.now_ms + DAYS_AHEAD_MAX * DAY_MS)
    if command.days[-1] > day_max:
        raise Rejected("DAY_TOO_FAR_AHEAD", day=command.days[-1], day_max=day_max)

    return [TradingDaysAnnounced(days=command.days)]


# Changes


def on_trading_days_announced(market: Market, event: TradingDaysAnnounced) -> None:
    calendar = market.calendar
    for day in event.days:
        assert day > calendar.last_announced
        calendar.days[day] = Day(day)
        calendar.last_announced = day


DECIDE: Decide[Market] = handles(AnnounceTradingDays, announce_trading_days)

EVOLVE: Evolve[Market] = applies(TradingDaysAnnounced, on_trading_days_announced)
