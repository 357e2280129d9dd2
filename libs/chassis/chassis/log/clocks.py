"""The two clocks of a log: the host's, which gives its time, and the database's, against which it is checked.

Every append compares them, also one without records: the host sends what its clock shows, and the log rejects the
append if the database's clock differs by more than CLOCK_SKEW_MS_MAX, or if a record is later than that. So a host
whose clock is fast records nothing with a future time, a host whose clock is slow records nothing late, and the same
holds for their timers; the process ends, and a replica whose clock is right takes over. A rehearsal has its own time
and is not checked.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from chassis.log.protocol import Log

CLOCK_SKEW_MS_MAX = 1_000
"""Hosts that follow NTP are within some ten milliseconds of each other."""
COMPARISONS_MAX = 5
"""An append that is slow on its way is sent again, with the time of then: the log cannot tell it from a slow clock."""

HostClock = Callable[[], int]


class Clock(Protocol):
    """now_ms is the machine's time; seconds only ever grow, and say how long something took."""

    def now_ms(self) -> int: ...

    def seconds(self) -> float: ...


class ClockSkewed(Exception):
    """The host's and the database's clock differ by more than CLOCK_SKEW_MS_MAX, or the log is ahead of both. Nothing
    was appended; the process must end.
    """


def may_extend(host_ms: int, database_ms: int, recorded_ms: int) -> bool:
    """Whether the log takes an append that left a host at `host_ms`, its last record being of `recorded_ms`. The
    function log_append of migrations/0004_append.sql says the same.
    """
    near = abs(database_ms - host_ms) <= CLOCK_SKEW_MS_MAX
    return near and recorded_ms <= database_ms + CLOCK_SKEW_MS_MAX


def check_why_not(sent_ms: int, database_ms: int, received_ms: int, recorded_ms: int) -> None:
    """Raises ClockSkewed where an append was not taken because of a clock; returns where its way was slow."""
    check_skew(sent_ms, database_ms, received_ms)
    if recorded_ms > database_ms + CLOCK_SKEW_MS_MAX:
        raise ClockSkewed(skewed(recorded_ms, database_ms, "right again, but a decision was made when it was ahead of"))


def check_skew(sent_ms: int, database_ms: int, received_ms: int) -> None:
    """Raises ClockSkewed where the clocks differ too much however long question and answer were on their way."""
    if database_ms < sent_ms - CLOCK_SKEW_MS_MAX:
        raise ClockSkewed(skewed(sent_ms, database_ms, f"{sent_ms - database_ms} ms or more ahead of"))
    if database_ms > received_ms + CLOCK_SKEW_MS_MAX:
        raise ClockSkewed(skewed(received_ms, database_ms, f"{database_ms - received_ms} ms or more behind"))


def skewed(host_ms: int, database_ms: int, how: str) -> str:
    return (
        f"this host's clock ({iso(host_ms)}) is {how} the database's ({iso(database_ms)}), "
        f"CLOCK_SKEW_MS_MAX is {CLOCK_SKEW_MS_MAX}: set the one that is wrong (docs/runbook.md, Clocks differ)"
    )


async def compare_clocks(log: Log, host: HostClock) -> int:
    """The time that both show, by the database's clock. Raises ClockSkewed."""
    sent_ms = host()
    database_ms = await log.clock_ms()
    check_skew(sent_ms, database_ms, host())
    return database_ms


async def check_not_ahead(log: Log, head_position: int, recorded_ms: int, now_ms: int) -> None:
    """A log's time never goes back, so one whose last record lies ahead of both clocks would not advance until they
    get there, or close days that have not begun. Raises ClockSkewed.
    """
    limit_ms = now_ms + CLOCK_SKEW_MS_MAX
    if recorded_ms <= limit_ms:
        return
    first = await first_beyond(log, head_position, limit_ms)
    raise ClockSkewed(
        f"the log is ahead: its last record {head_position} is of {iso(recorded_ms)}, this host's clock and the "
        f"database's both show {iso(now_ms)}; the first record that lies ahead is {first}. If the clocks are right, "
        "wait until that time, or have the database restored as it was before that record "
        "(docs/runbook.md, The log is ahead of the clock)"
    )


async def first_beyond(log: Log, head_position: int, limit_ms: int) -> int:
    """The first record later than `limit_ms`, where the last one is: time in a log never goes back."""
    below, beyond = 0, head_position
    while beyond - below > 1:
        middle = (below + beyond) // 2
        (record,) = await log.read(middle - 1, 1)
        below, beyond = (below, middle) if record.recorded_ms > limit_ms else (middle, beyond)
    return beyond


def iso(ms: int) -> str:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):
        return f"{ms} ms"
