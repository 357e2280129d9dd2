"""Microseconds of a part, to be shown in the bench's own table (harness/report.py)."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bench.harness.figures import Against, Figure, Measured, Pair

ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Micros:
    """Microseconds per item, round by round."""

    what: str
    rounds: tuple[float, ...]


async def measure(what: str, items: int, job: Callable[[], Awaitable[None]]) -> Micros:
    """One round to warm up, then ROUNDS."""
    await job()
    took = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        await job()
        took.append((time.perf_counter() - started) / items * 1e6)
    return Micros(what, tuple(took))


def held_against(floor: Micros, item: str, found: Sequence[Micros]) -> list[Measured]:
    """As rows of the table, numbered."""
    return [
        Measured(
            Figure(str(number), one.what, f"µs per {item}", floor.what, Against.FLOOR),
            tuple(Pair(value, least) for value, least in zip(one.rounds, floor.rounds, strict=True)),
        )
        for number, one in enumerate(found, 1)
    ]
