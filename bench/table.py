"""A measurement of a part, and the table it is printed in."""

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.harness import report
from bench.harness.figures import Against, Figure, Measured, Pair

ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Row:
    """Microseconds per item, the median of the rounds."""

    what: str
    micros: float


async def measure(what: str, items: int, job: Callable[[], Awaitable[None]]) -> Row:
    """One round to warm up, then the median of ROUNDS."""
    await job()
    took = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        await job()
        took.append((time.perf_counter() - started) / items * 1e6)
    return Row(what, statistics.median(took))


def show(title: str, item: str, rows: list[Row], floor: Row) -> None:
    """Prints the rows in the form of the bench's own, each held against this floor."""
    found = [
        Measured(
            Figure(str(number), row.what, f"µs per {item}", floor.what, Against.FLOOR),
            (Pair(row.micros, floor.micros),),
        )
        for number, row in enumerate(rows, 1)
    ]
    report.show(title, found)
