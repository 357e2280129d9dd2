"""A measurement and the table it is printed in."""

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

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
    table = Table(title=title, title_justify="left")
    table.add_column("")
    table.add_column(f"microseconds per {item}", justify="right")
    table.add_column("times the floor", justify="right")
    table.add_row(f"floor: {floor.what}", f"{floor.micros:,.1f}", "1.0")
    for row in rows:
        table.add_row(row.what, f"{row.micros:,.1f}", f"{row.micros / floor.micros:,.1f}")
    Console(width=100).print(table)
