"""The trades of a possible daily row, whose every number they meet exactly; `fit` says whether a row is possible."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from rehearsal.plan import block, listed
from rehearsal.plan.rows import DayRow
from rehearsal.plan.rules import Rules


class Method(StrEnum):
    LISTED = "listed"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Trade:
    method: Method
    price_fen: int
    quantity_tonnes: int


def listed_count_range(row: DayRow, rules: Rules) -> tuple[int, int]:
    """The least and the greatest number of listed trades of a possible row."""
    return listed.count_range(row, rules.listed_tonnes_max)


def usual_block_count(row: DayRow, previous_fen: int, rules: Rules) -> int:
    """A number of blocks of usual size that a possible row can have."""
    return block.usual_count(_groups(row, previous_fen, rules), rules.block_tonnes_min)


def trades_of(
    row: DayRow, previous_fen: int, listed_count: int, block_count: int, rules: Rules, random: Random
) -> list[Trade]:
    """The listed trades, the first of them at the open, then the blocks.

    The caller assures a possible row and counts that it can have.
    """
    listed_trades = listed.listed_trades(row, listed_count, rules.listed_tonnes_max, random)
    groups = _groups(row, previous_fen, rules)
    block_trades = block.block_trades(groups, block_count, block.block_limits(previous_fen, rules), random)
    return [
        *(Trade(Method.LISTED, price, quantity) for price, quantity in listed_trades),
        *(Trade(Method.BLOCK, price, quantity) for price, quantity in block_trades),
    ]


def _groups(row: DayRow, previous_fen: int, rules: Rules) -> list[block.Group]:
    if row.block_tonnes == 0:
        return []
    groups = block.block_groups(row.block_tonnes, row.block_value_fen, block.block_limits(previous_fen, rules))
    assert groups is not None, f"{row.day} {row.instrument}: the row is not possible"
    return groups
