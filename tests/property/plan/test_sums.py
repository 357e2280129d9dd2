"""Whatever the row, its trades add up to it, to the fen; and what is called impossible is."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.plan import DayRow
from rehearsal.plan.block import BlockLimits, block_groups, nearest_block_value_fen
from rehearsal.plan.fit import fit
from rehearsal.plan.listed import PRICES_MAX
from rehearsal.plan.rules import RULES_2021, half_up, limits_fen
from rehearsal.plan.split import shares_of, split, split_in_pairs
from rehearsal.plan.trades import Method, listed_count_range, trades_of, usual_block_count

Pair = tuple[int, int]
"""(price_fen, tonnes)"""


def row_of(previous_fen: int, listed: Sequence[Pair], blocks: Sequence[Pair]) -> DayRow:
    """The daily row that these trades make."""
    prices = [price for price, _ in listed] or [previous_fen]
    listed_value_fen = sum(price * tonnes for price, tonnes in listed)
    listed_tonnes = sum(tonnes for _, tonnes in listed)
    return DayRow(
        day=date(2030, 1, 2),
        instrument="CEA29",
        open_fen=prices[0],
        high_fen=max(prices),
        low_fen=min(prices),
        close_fen=half_up(listed_value_fen, listed_tonnes) if listed else previous_fen,
        listed_tonnes=listed_tonnes,
        listed_value_fen=listed_value_fen,
        block_tonnes=sum(tonnes for _, tonnes in blocks),
        block_value_fen=sum(price * tonnes for price, tonnes in blocks),
    )


def pairs(limits: Pair, tonnes_least: int, tonnes_most: int, count_max: int) -> st.SearchStrategy[list[Pair]]:
    return st.lists(st.tuples(st.integers(*limits), st.integers(tonnes_least, tonnes_most)), max_size=count_max)


@st.composite
def possible_rows(draw: st.DrawFn) -> tuple[int, DayRow]:
    """A previous close and the row of trades that somebody could have made."""
    previous_fen = draw(st.one_of(st.integers(10, 200), st.integers(1_000, 20_000)))
    listed_limits = limits_fen(previous_fen, 10)
    tonnes_most = draw(st.sampled_from((1, 3, 200, 99_999)))
    listed = draw(pairs(listed_limits, 1, tonnes_most, 8))
    blocks = draw(pairs(limits_fen(previous_fen, 30), 100_000, draw(st.sampled_from((100_000, 10_000_000))), 2))
    return previous_fen, row_of(previous_fen, listed, blocks)


@given(possible_rows(), st.integers(0, 2**32), st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_the_trades_of_any_row_that_trades_can_make_add_up_to_it(
    drawn: tuple[int, DayRow], seed: int, share: float
) -> None:
    previous_fen, row = drawn
    assert fit(row, previous_fen, RULES_2021) == (row, ())
    least, most = listed_count_range(row, RULES_2021)
    listed_count = least + int(min(most - least, 400) * share)
    block_count = usual_block_count(row, previous_fen, RULES_2021)

    trades = trades_of(row, previous_fen, listed_count, block_count, RULES_2021, Random(seed))
    listed = [(trade.price_fen, trade.quantity_tonnes) for trade in trades if trade.method is Method.LISTED]
    blocks = [(trade.price_fen, trade.quantity_tonnes) for trade in trades if trade.method is Method.BLOCK]

    assert row_of(previous_fen, listed, blocks) == row
    assert (len(listed), len(blocks)) == (listed_count, block_count)
    assert all(1 <= tonnes <= 99_999 for _, tonnes in listed)
    assert len({price for price, _ in listed[1:]}) <= PRICES_MAX
    low_fen, high_fen = limits_fen(previous_fen, 30)
    assert all(tonnes >= 100_000 and low_fen <= price <= high_fen for price, tonnes in blocks)


@given(
    previous_fen=st.integers(100, 10_000),
    prices=st.tuples(*[st.integers(50, 15_000)] * 4),
    listed=st.tuples(st.integers(0, 40), st.integers(0, 600_000)),
    blocks=st.tuples(st.integers(0, 450_000), st.integers(0, 4_000_000_000)),
)
@settings(max_examples=200, deadline=None)
def test_any_row_is_possible_or_fitted_into_one_that_is(
    previous_fen: int, prices: tuple[int, int, int, int], listed: Pair, blocks: Pair
) -> None:
    row = DayRow(date(2030, 1, 2), "CEA29", *prices, *listed, *blocks)
    fitted, impossible = fit(row, previous_fen, RULES_2021)
    assert (fitted == row) == (not impossible)
    assert fit(fitted, previous_fen, RULES_2021) == (fitted, ())
    assert fitted.listed_tonnes == row.listed_tonnes


@cache
def values_of_blocks(tonnes: int, low: int, high: int, tonnes_min: int) -> frozenset[int]:
    """Every value that blocks of these tonnes can have, by trying them all."""
    if tonnes == 0:
        return frozenset({0})
    return frozenset(
        value + price * block
        for block in range(tonnes_min, tonnes + 1)
        for value in values_of_blocks(tonnes - block, low, high, tonnes_min)
        for price in range(low, high + 1)
    )


@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 5), st.data())
@settings(max_examples=300, deadline=None)
def test_blocks_called_impossible_are_so_and_only_three_can_be_missed(
    tonnes_min: int, low: int, width: int, data: st.DataObject
) -> None:
    limits = BlockLimits(low, low + width, tonnes_min)
    tonnes = data.draw(st.integers(tonnes_min, 6 * tonnes_min))
    value_fen = data.draw(st.integers((low - 1) * tonnes, (low + width + 1) * tonnes))
    possible = values_of_blocks(tonnes, low, low + width, tonnes_min)

    groups = block_groups(tonnes, value_fen, limits)
    if groups is not None:
        assert sum(quantity for _, quantity in groups) == tonnes
        assert sum(price * quantity for price, quantity in groups) == value_fen
        assert all(low <= price <= low + width and quantity >= tonnes_min for price, quantity in groups)
    elif tonnes // tonnes_min != 3:
        assert value_fen not in possible
    nearest = nearest_block_value_fen(tonnes, value_fen, limits)
    assert nearest in possible
    if tonnes // tonnes_min != 3:
        assert abs(nearest - value_fen) == min(abs(value - value_fen) for value in possible)


@given(st.integers(1, 40), st.integers(0, 50), st.integers(0, 60), st.integers(0, 2**32), st.data())
def test_parts_keep_their_sum_and_their_bounds(
    parts: int, part_min: int, width: int, seed: int, data: st.DataObject
) -> None:
    total = data.draw(st.integers(parts * part_min, parts * (part_min + width)))
    for cut in (split, split_in_pairs):
        quantities = cut(total, parts, part_min, part_min + width, Random(seed))
        assert len(quantities) == parts
        assert sum(quantities) == total
        assert all(part_min <= quantity <= part_min + width for quantity in quantities)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 9)), max_size=12), st.data())
def test_shares_keep_their_sum_and_their_bounds(slots: list[tuple[int, int, int]], data: st.DataObject) -> None:
    capacities = [(least, least + more) for least, more, _ in slots]
    total = data.draw(st.integers(sum(least for least, _ in capacities), sum(most for _, most in capacities)))
    shares = shares_of(total, capacities, [weight for _, _, weight in slots])
    assert sum(shares) == total
    assert all(least <= share <= most for share, (least, most) in zip(shares, capacities, strict=True))
