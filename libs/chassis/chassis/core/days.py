"""Days: which one a moment belongs to. China's time, UTC+8 without daylight saving."""

from datetime import date

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
CHINA_AHEAD_MS = 8 * 60 * MINUTE_MS
EPOCH = date(1970, 1, 1).toordinal()


def day_start_ms(day: str) -> int:
    """Midnight at which the day begins, as milliseconds since 1970, UTC."""
    return (date.fromisoformat(day).toordinal() - EPOCH) * DAY_MS - CHINA_AHEAD_MS


def day_of(now_ms: int) -> str:
    """The day that a moment belongs to."""
    return date.fromordinal((now_ms + CHINA_AHEAD_MS) // DAY_MS + EPOCH).isoformat()
