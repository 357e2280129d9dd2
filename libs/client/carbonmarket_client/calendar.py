"""Which days a calendar would propose as trading days. A person decides, and the exchange announces them."""

import warnings

CALENDAR = "XSHG"
"""The Shanghai stock exchange's: it equals the national carbon market's days from 2021-07-16 on as far as they
are known.
"""


class CalendarTooShort(ValueError):
    """The calendar does not know the days asked for: it learns a year when that year is published."""


def proposed_days(first: str, last: str) -> list[str]:
    """The calendar's trading days from first to last, both included, as `2021-07-16`. Raises CalendarTooShort."""
    # Heavy, and needed for nothing else.
    import exchange_calendars

    # The library warns of its own use of pandas, which is nothing to a person who asks for days.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calendar = exchange_calendars.get_calendar(CALENDAR)
        sessions = [session.date().isoformat() for session in calendar.sessions]
    if not sessions[0] <= first <= last <= sessions[-1]:
        raise CalendarTooShort(f"{CALENDAR} knows the days from {sessions[0]} to {sessions[-1]}: name the days instead")
    return [session for session in sessions if first <= session <= last]
