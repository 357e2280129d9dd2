"""One suite for the clocks of a host: what the machine's and those of the simulation both keep."""

import asyncio

import pytest

from chassis.log.clocks import Clock
from chassis.log.machine_clock import MachineClock
from support.simulation.clocks import HostClock, RehearsalClock, Time

BEGINS_MS = 1_626_307_200_000
A_WHILE_S = 0.1
ROUNDED_S = 0.002
WALL_CLOCK_STEP_S = 0.5
"""So far a machine's clock may be set while the test runs."""


def clock(kind: str, *, rehearsal: bool) -> Clock:
    """Made within the running loop."""
    if kind == "machine":
        return MachineClock(BEGINS_MS if rehearsal else None)
    return RehearsalClock(BEGINS_MS) if rehearsal else HostClock(Time(BEGINS_MS), "tally:0")


@pytest.mark.parametrize("kind", ["simulated", "machine"])
async def test_what_a_clock_shows_goes_on_as_its_seconds_do_and_as_the_loops_time_does(kind: str) -> None:
    of_kind, loop = clock(kind, rehearsal=False), asyncio.get_running_loop()
    # The machine may pause between any two looks at a clock.
    before_first = loop.time()
    shown_ms, seconds = of_kind.now_ms(), of_kind.seconds()
    after_first = loop.time()
    await asyncio.sleep(A_WHILE_S)
    before_second = loop.time()
    seconds, shown_s = of_kind.seconds() - seconds, (of_kind.now_ms() - shown_ms) / 1000
    after_second = loop.time()
    least_s, most_s = before_second - after_first - ROUNDED_S, after_second - before_first + ROUNDED_S
    assert least_s > 0
    assert least_s <= seconds <= most_s
    set_by_s = WALL_CLOCK_STEP_S if kind == "machine" else 0
    assert least_s - set_by_s <= shown_s <= most_s + set_by_s


@pytest.mark.parametrize("kind", ["simulated", "machine"])
async def test_a_rehearsals_clock_shows_where_it_begins_while_its_seconds_go_on(kind: str) -> None:
    of_kind = clock(kind, rehearsal=True)
    seconds = of_kind.seconds()
    await asyncio.sleep(A_WHILE_S)
    assert of_kind.now_ms() == BEGINS_MS
    assert of_kind.seconds() - seconds >= A_WHILE_S - 0.001


@pytest.mark.parametrize("kind", ["simulated", "machine"])
async def test_seconds_never_go_back_and_both_are_asked_for_as_often_as_one_likes(kind: str) -> None:
    """What is shown may go back: the machine's clock may be set, and the writer takes the last record's time then."""
    of_kind = clock(kind, rehearsal=False)
    seconds = [of_kind.seconds() for _ in range(100)]
    shown = [of_kind.now_ms() for _ in range(100)]
    assert seconds == sorted(seconds)
    assert all(isinstance(ms, int) for ms in shown)
