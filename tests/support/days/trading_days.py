"""The market's first 356 trading days, from the calendar of the Shanghai exchange."""

import warnings
from datetime import date
from functools import cache

import exchange_calendars


@cache
def published_days() -> tuple[date, ...]:
    with warnings.catch_warnings():
        # The calendar library warns of a change in pandas that does not touch its answer.
        warnings.simplefilter("ignore")
        calendar = exchange_calendars.get_calendar("XSHG", start="2021-07-16", end="2022-12-30")
    return tuple(session.date() for session in calendar.sessions)
