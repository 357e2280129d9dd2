"""Money, tonnes and times as people write them, exactly.

Inside the market everything is an integer: fen, tonnes, milliseconds UTC, basis points. Here, and only here, they
become text and text becomes them, digit by digit; no float is ever made. Times are shown in China time (UTC+8, no
daylight saving), which is the market's.

What people type is taken strictly: `51.23`, `1,051.23`, `1,000`, `2021-07-16`, `2021-07-16 09:30`. Anything else is
`NotANumber` or `NotATime`, whose text says what would have been understood.
"""

import re
from datetime import date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
MINUS = "-"

_AMOUNT = re.compile(r"(\d{1,3}(?:,\d{3})+|\d{1,16})(?:\.(\d{1,2}))?", re.ASCII)
_WHOLE = re.compile(r"\d{1,3}(?:,\d{3})+|\d{1,16}", re.ASCII)
_TIME_FORMATS = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")


class NotANumber(ValueError):
    """The text is not a price, an amount or a quantity as this market writes them."""


class NotATime(ValueError):
    """The text is not a day or a time as this market writes them."""


def fen_of(text: str) -> int:
    """Read CNY as fen: `51.23` is 5123, `1,051.2` is 105120. Raises NotANumber; a third decimal is never
    rounded away.
    """
    match = _AMOUNT.fullmatch(text.strip().removeprefix("CNY").lstrip())
    if match is None:
        raise NotANumber(f"{text!r} is not an amount in CNY: write 51.23 or 1,051.23, with two decimals at most")
    whole, decimals = match.groups()
    return int(whole.replace(",", "")) * 100 + int((decimals or "").ljust(2, "0"))


def tonnes_of(text: str) -> int:
    """Read whole tonnes: `1,000` and `1000` are 1000. Raises NotANumber."""
    bare = text.strip().removesuffix("t").rstrip()
    if _WHOLE.fullmatch(bare) is None:
        raise NotANumber(f"{text!r} is not a quantity in tonnes: write 1000 or 1,000, whole tonnes only")
    return int(bare.replace(",", ""))


def day_of(text: str) -> str:
    """Read a day, `2021-07-16`, and give it back as the market writes it. Raises NotATime."""
    try:
        day: date | None = date.fromisoformat(text.strip())
    except ValueError:
        day = None
    if day is None or day.isoformat() != text.strip():
        raise NotATime(f"{text!r} is not a day: write it as 2021-07-16")
    return day.isoformat()


def ms_of(text: str) -> int:
    """Read a China time, `2021-07-16 09:30` or with seconds, as milliseconds since 1970 UTC. Raises NotATime."""
    for form in _TIME_FORMATS:
        try:
            moment = datetime.strptime(text.strip(), form).replace(tzinfo=CHINA)
        except ValueError:
            continue
        return int(moment.timestamp()) * 1000
    raise NotATime(f"{text!r} is not a time: write China time as 2021-07-16 09:30 or 2021-07-16 09:30:15")


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
