"""An hour for all rows together. Each row may use what those after it do not need, so a row named alone has nearly all
of it. A row that is played only on request, because it takes longer, has its own time.
"""

from collections.abc import Sequence

from bench.harness.row import Row

BENCH_S_MAX = 60 * 60
ENDING_S = 60
"""To take down the last row, and to write what was found."""


def ends_of(row: Row, rows: Sequence[Row], began_s: float, now_s: float) -> float:
    """When a row of those chosen has to end."""
    if row.on_request:
        return now_s + row.seconds_max
    after = rows[rows.index(row) + 1 :]
    return began_s + BENCH_S_MAX - ENDING_S - sum(later.seconds_max for later in after if not later.on_request)
