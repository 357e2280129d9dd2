"""How many trades each row gets, so that all rows together have exactly the number wanted.

Blocks are of a usual size; the listed trades of a row follow the square root of its listed tonnes, so that a busy day
has more and larger trades than a quiet one. Every row has at least what its sums and sizes need and at most one listed
trade per tonne.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

from rehearsal.plan.rows import DayRow
from rehearsal.plan.rules import Rules
from rehearsal.plan.split import shares_of
from rehearsal.plan.trades import listed_count_range, usual_block_count


@dataclass(frozen=True, slots=True)
class Counts:
    listed: int
    blocks: int


def trade_counts(rows: Sequence[DayRow], previous_fens: Sequence[int], trades: int, rules: Rules) -> list[Counts]:
    """The counts of each row; `previous_fens` are the closes before them. Their sum is `trades`, or the nearest number
    that the rows allow."""
    blocks = [usual_block_count(row, previous, rules) for row, previous in zip(rows, previous_fens, strict=True)]
    ranges = [listed_count_range(row, rules) for row in rows]
    least, most = sum(least for least, _ in ranges), sum(most for _, most in ranges)
    wanted = min(most, max(least, trades - sum(blocks)))
    listed = shares_of(wanted, ranges, [isqrt(row.listed_tonnes) for row in rows])
    return [Counts(*pair) for pair in zip(listed, blocks, strict=True)]
