"""The rounds of a row: value and floor in turn, so many times, within the row's part of the hour.

A round during which the host took more than STOLEN_MAX of the processors' time is repeated, at most REPEATS_MAX times;
if that one was no better it counts, and the row is marked noisy. When the next round would not end in time, the row
ends with those it has and is marked short; the first round is cut off where it does not end in time.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.harness.figures import Figure, Measured, Pairs
from bench.harness.machine import Ticks, ticks_now
from bench.harness.row import Place, Round, Row

STOLEN_MAX = 0.08
REPEATS_MAX = 2


class OutOfTime(Exception):
    """The row's time was over before its first round was."""


@dataclass(slots=True)
class Taken:
    """What the rounds of a row gave."""

    rounds: list[Pairs] = field(default_factory=list)
    noisy: bool = False
    short: bool = False

    def measured(self, figures: tuple[Figure, ...]) -> list[Measured]:
        return [
            Measured(figure, tuple(pairs[figure.name] for pairs in self.rounds), self.noisy, self.short)
            for figure in figures
        ]


async def take(
    row: Row,
    place: Place,
    ends_s: float,
    ticks: Callable[[], Ticks] = ticks_now,
    now_s: Callable[[], float] = time.monotonic,
) -> list[Measured]:
    """Plays the rounds of a row until `ends_s`. Raises OutOfTime."""
    taken = Taken()
    try:
        async with asyncio.timeout(max(ends_s - now_s(), 0)) as limit, row.open(place) as play:
            await _take_rounds(taken, 1 if place.tiny else row.rounds, play, ends_s, ticks, now_s)
    except TimeoutError:
        if not limit.expired():
            raise
        taken.short = True
    if not taken.rounds:
        raise OutOfTime(f"{row.name} did not end its first round in its time")
    return taken.measured(row.figures)


async def _take_rounds(
    taken: Taken,
    count: int,
    play: Round,
    ends_s: float,
    ticks: Callable[[], Ticks],
    now_s: Callable[[], float],
) -> None:
    longest_s, repeats = 0.0, 0
    while len(taken.rounds) < count:
        if taken.rounds and now_s() + longest_s > ends_s:
            taken.short = True
            return
        before, began_s = ticks(), now_s()
        pairs = await play()
        longest_s = max(longest_s, now_s() - began_s)
        if ticks().stolen_since(before) > STOLEN_MAX:
            if repeats < REPEATS_MAX and now_s() + longest_s <= ends_s:
                repeats += 1
                continue
            taken.noisy = True
        taken.rounds.append(pairs)
        repeats = 0
