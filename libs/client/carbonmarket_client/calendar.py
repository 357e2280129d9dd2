"""Which days a calendar would propose as trading days. A person decides, and the exchange announces them."""

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

    calendar = exchange_calendars.get_calendar(CALENDAR)
    known_from, known_to = (bound.date().isoformat() for bound in (calendar.first_session, calendar.last_session))
    if not known_from <= first <= last <= known_to:
        raise CalendarTooShort(f"{CALENDAR} knows the days from {known_from} to {known_to}: name the days instead")
    return [session.date().isoformat() for session in calendar.sessions_in_range(first, last)]
