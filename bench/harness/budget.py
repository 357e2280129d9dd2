"""An hour for all rows together: each has its part, and what one does not use the later ones may."""

from collections.abc import Sequence

from bench.harness.row import Row

BENCH_S_MAX = 60 * 60
ENDING_S = 60
"""To take down the last row, and to write what was found."""


def ends_of(row: Row, rows: Sequence[Row], began_s: float) -> float:
    """When a row of those chosen has to end: after the parts of those before it, and its own."""
    upto = rows.index(row) + 1
    return began_s + sum(before.seconds_max for before in rows[:upto])
