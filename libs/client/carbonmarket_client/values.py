"""Money, tonnes and times as people write them, exactly.

Inside the market everything is an integer: fen, tonnes, milliseconds UTC, basis points. Here, and only here, they
become text and text becomes them, digit by digit; no float is ever made. Times are shown in China time (UTC+8, no
daylight saving), which is the market's.

What people type is read here and nowhere else, strictly: a number has the digits 0-9 alone, no leading zero, no sign
but a minus where it may be below zero, and thousands are either all marked or not at all; a day and a time have all
their digits. So each value has few ways of being written. What is written otherwise (`5_42`, `+5`, ` 5`, `1e3`, `５`,
`2021-7-1`) is `NotANumber` or `NotATime`, whose text says what would have been understood.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
MINUS = "-"
NUMBER_MIN, NUMBER_MAX = -(2**63), 2**63 - 1
"""What a message's field can carry."""

_DIGITS = r"0|[1-9][0-9]{0,15}|[1-9][0-9]{0,2}(?:,[0-9]{3}){1,4}"
_NUMBER = re.compile(r"(?!-0)-?(?:0|[1-9][0-9]{0,40}|[1-9][0-9]{0,2}(?:,[0-9]{3})+)")
_AMOUNT = re.compile(rf"(?:CNY )?({_DIGITS})(?:\.([0-9]{{1,2}}))?")
_TONNES = re.compile(rf"({_DIGITS})(?: t)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)")
_MINUTE = re.compile(r"([0-9]{2}):([0-9]{2})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NotANumber(ValueError):
    """The text is not a price, an amount or a quantity as this market writes them."""


class NotATime(ValueError):
    """The text is not a day or a time as this market writes them."""


def number_of(text: str, low: int = NUMBER_MIN, high: int = NUMBER_MAX) -> int:
    """Read a whole number: `1,000` and `1000` are 1000. Raises NotANumber."""
    number = _whole(text) if _NUMBER.fullmatch(text) else None
    if number is None:
        raise NotANumber(f"{text!r} is not a whole number: write 1000 or 1,000, in the digits 0-9 alone")
    if not low <= number <= high:
        raise NotANumber(f"{text} is not between {low} and {high}")
    return number


def fen_of(text: str) -> int:
    """Read CNY as fen: `51.23` is 5123, `1,051.2` is 105120. Raises NotANumber; a third decimal is never
    rounded away.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise NotANumber(f"{text!r} is not an amount in CNY: write 51.23 or 1,051.23, with two decimals at most")
    whole, decimals = match.groups()
    return _whole(whole) * 100 + int((decimals or "").ljust(2, "0"))


def tonnes_of(text: str) -> int:
    """Read whole tonnes: `1,000` and `1000` are 1000. Raises NotANumber."""
    match = _TONNES.fullmatch(text)
    if match is None:
        raise NotANumber(f"{text!r} is not a quantity in tonnes: write 1000 or 1,000, whole tonnes only")
    return _whole(match[1])


def day_of(text: str) -> str:
    """Read a day, `2021-07-16`, as the market writes it too. Raises NotATime."""
    return date_of(text).isoformat()


def date_of(text: str) -> date:
    """Read a day, `2021-07-16`. Raises NotATime."""
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise NotATime(f"{text!r} is not a day: write it as 2021-07-16")


def ms_of(text: str) -> int:
    """Read a China time, `2021-07-16 09:30` or with seconds, as milliseconds since 1970 UTC. Raises NotATime."""
    match = _TIME.fullmatch(text)
    try:
        if match:
            at = datetime.fromisoformat(f"{match[1]}T{match[2]}").replace(tzinfo=CHINA)
            return (at - _EPOCH) // timedelta(milliseconds=1)
    except ValueError:
        pass
    raise NotATime(f"{text!r} is not a time: write China time as 2021-07-16 09:30 or 2021-07-16 09:30:15")


def minute_of(text: str) -> int:
    """Read a time of day, `09:30`, as its minute; `24:00` is the day's end. Raises NotATime."""
    match = _MINUTE.fullmatch(text)
    minute = int(match[1]) * 60 + int(match[2]) if match and int(match[2]) < 60 else None
    if minute is None or minute > 24 * 60:
        raise NotATime(f"{text!r} is not a time of day: write it as 09:30")
    return minute


def _whole(digits: str) -> int:
    return int(digits.replace(",", ""))


def amount(fen: int) -> str:
    """Write fen as CNY without the currency's name, for a column that has it in its heading: 5123 is `51.23`."""
    sign, fen = (MINUS, -fen) if fen < 0 else ("", fen)
    return f"{sign}{fen // 100:,}.{fen % 100:02d}"


def signed(fen: int) -> str:
    """Write fen as CNY with its sign, as a change: 5123 is `+51.23`, and nothing at all is `0.00`."""
    return f"+{amount(fen)}" if fen > 0 else amount(fen)


def money(fen: int) -> str:
    """Write fen as CNY, for a sentence: 21023005325 is `CNY 210,230,053.25`."""
    return f"CNY {amount(fen)}"


def tonnes(quantity_tonnes: int) -> str:
    """Write tonnes with thousands separators, for a column that has the unit in its heading."""
    return f"{quantity_tonnes:,}"


def percent(basis_points: int) -> str:
    """Write basis points as a signed per cent: 673 is `+6.73 %`, and nothing at all is `0.00 %`."""
    sign = "+" if basis_points > 0 else MINUS if basis_points < 0 else ""
    whole, rest = divmod(abs(basis_points), 100)
    return f"{sign}{whole}.{rest:02d} %"


def share(parts_per_million: int) -> str:
    """Write a fee rate as an unsigned per cent: 500 ppm is `0.0500 %`."""
    whole, rest = divmod(parts_per_million, 10_000)
    return f"{whole}.{rest:04d} %"


def moment(time_ms: int) -> str:
    """Write a time with its day, China time, to the second."""
    return _china(time_ms).strftime("%Y-%m-%d %H:%M:%S")


def clock(time_ms: int) -> str:
    """Write a time of a known day, China time, to the second."""
    return _china(time_ms).strftime("%H:%M:%S")


def day_at(time_ms: int) -> str:
    """Name the day, China time, that a moment falls on."""
    return _china(time_ms).date().isoformat()


def minutes(minute_of_day: int) -> str:
    """Write a minute of the day, as trading rules give sessions: 570 is `09:30`."""
    return f"{minute_of_day // 60:02d}:{minute_of_day % 60:02d}"


def span(nanoseconds: int) -> str:
    """Write how long something took or how much later it was, in the unit that reads best: `0.42 ms`, `3.1 s`,
    `18 h 31 m`.
    """
    sign, nanoseconds = (MINUS, -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    microseconds, seconds = nanoseconds // 1_000, nanoseconds // 1_000_000_000
    if microseconds < 10_000:
        return f"{sign}{microseconds // 1000}.{microseconds % 1000 // 10:02d} ms"
    if seconds < 1:
        return f"{sign}{microseconds // 1000}.{microseconds % 1000 // 100} ms"
    if seconds < 60:
        return f"{sign}{seconds}.{nanoseconds % 1_000_000_000 // 100_000_000} s"
    if seconds < 3600:
        return f"{sign}{seconds // 60} m {seconds % 60:02d} s"
    return f"{sign}{seconds // 3600} h {seconds % 3600 // 60:02d} m"


def _china(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms // 1000, CHINA)
