"""Which daily rows are possible under the rules, and the named reason when one is not."""

from dataclasses import fields, replace
from datetime import date

import pytest

from rehearsal.plan import DayRow
from rehearsal.plan.fit import fit
from rehearsal.plan.rules import RULES_2021

PREVIOUS_FEN = 50_00
"""So the listed limits are 45.00 and 55.00, the block limits 35.00 and 65.00."""

ROW = DayRow(
    day=date(2030, 1, 2),
    instrument="CEA29",
    open_fen=50_00,
    high_fen=52_00,
    low_fen=49_00,
    close_fen=50_40,
    listed_tonnes=100,
    listed_value_fen=504_000,
    block_tonnes=250_000,
    block_value_fen=250_000 * 48_00,
)
QUIET = replace(
    ROW,
    open_fen=PREVIOUS_FEN,
    high_fen=PREVIOUS_FEN,
    low_fen=PREVIOUS_FEN,
    close_fen=PREVIOUS_FEN,
    listed_tonnes=0,
    listed_value_fen=0,
)

POSSIBLE = [
    ROW,
    QUIET,
    replace(QUIET, block_tonnes=0, block_value_fen=0),
    replace(ROW, high_fen=55_00, low_fen=45_00),
    replace(ROW, listed_tonnes=3, listed_value_fen=151_00, close_fen=50_33),
    replace(ROW, listed_tonnes=1, listed_value_fen=50_00, high_fen=50_00, low_fen=50_00, close_fen=50_00),
    replace(ROW, block_tonnes=100_000, block_value_fen=100_000 * 35_00),
    replace(ROW, block_tonnes=100_000, block_value_fen=100_000 * 65_00),
    replace(ROW, block_tonnes=200_000, block_value_fen=100_000 * (48_00 + 48_01)),
    replace(ROW, block_tonnes=400_000, block_value_fen=400_000 * 48_00 + 1),
    replace(ROW, block_tonnes=400_000, block_value_fen=400_000 * 48_00 - 1),
]


@pytest.mark.parametrize("row", POSSIBLE)
def test_a_row_within_the_rules_is_left_as_it_is(row: DayRow) -> None:
    assert fit(row, PREVIOUS_FEN, RULES_2021) == (row, ())


# what the row says                                             columns that cannot be met, with what is nearest
IMPOSSIBLE = [
    (replace(ROW, high_fen=55_01),                              {"high_fen": 55_00}),
    (replace(ROW, low_fen=44_99),                               {"low_fen": 45_00}),
    (replace(ROW, high_fen=49_50),                              {"high_fen": 50_00, "listed_value_fen": 499_900,
                                                                 "close_fen": 49_99}),
    (replace(ROW, low_fen=50_01),                               {"low_fen": 50_00}),
    (replace(ROW, listed_tonnes=1, listed_value_fen=50_00),     {"high_fen": 50_00, "low_fen": 50_00,
                                                                 "close_fen": 50_00}),
    (replace(ROW, listed_tonnes=2, listed_value_fen=102_00),    {"low_fen": 50_00, "close_fen": 51_00}),
    (replace(ROW, listed_value_fen=519_501),                    {"listed_value_fen": 519_500, "close_fen": 51_95}),
    (replace(ROW, listed_value_fen=490_399),                    {"listed_value_fen": 490_400, "close_fen": 49_04}),
    (replace(ROW, close_fen=50_41),                             {"close_fen": 50_40}),
    (replace(ROW, listed_value_fen=503_949),                    {"close_fen": 50_39}),
    (replace(QUIET, open_fen=50_01),                            {"open_fen": 50_00}),
    (replace(QUIET, close_fen=50_40),                           {"close_fen": 50_00}),
    (replace(QUIET, listed_value_fen=1),                        {"listed_value_fen": 0}),
    (replace(ROW, block_tonnes=0),                              {"block_value_fen": 0}),
    (replace(ROW, block_tonnes=49_999),                         {"block_tonnes": 0, "block_value_fen": 0}),
    (replace(ROW, block_tonnes=50_000, block_value_fen=50_000 * 48_00),
                                                                {"block_tonnes": 100_000,
                                                                 "block_value_fen": 100_000 * 48_00}),
    (replace(ROW, block_tonnes=100_000, block_value_fen=100_000 * 48_00 + 50_001),
                                                                {"block_value_fen": 100_000 * 48_01}),
    (replace(ROW, block_tonnes=100_000, block_value_fen=100_000 * 65_01),
                                                                {"block_value_fen": 100_000 * 65_00}),
    (replace(ROW, block_tonnes=100_000, block_value_fen=1),     {"block_value_fen": 100_000 * 35_00}),
    (replace(ROW, block_tonnes=200_000, block_value_fen=200_000 * 48_00 + 7),
                                                                {"block_value_fen": 200_000 * 48_00}),
    (replace(ROW, block_tonnes=500_000, block_value_fen=500_000 * 35_00 + 99_999),
                                                                {"block_value_fen": 500_000 * 35_00 + 100_000}),
]  # fmt: skip


@pytest.mark.parametrize(("row", "nearest"), IMPOSSIBLE)
def test_what_cannot_be_met_is_named_and_the_nearest_given(row: DayRow, nearest: dict[str, int]) -> None:
    fitted, impossible = fit(row, PREVIOUS_FEN, RULES_2021)
    changed = {one.name for one in fields(DayRow) if getattr(fitted, one.name) != getattr(row, one.name)}
    assert {column: getattr(fitted, column) for column in changed} == nearest
    assert {one.column for one in impossible} == set(nearest)
    assert {(one.day, one.instrument) for one in impossible} == {(row.day, row.instrument)}
    assert fit(fitted, PREVIOUS_FEN, RULES_2021) == (fitted, ())


def test_a_reason_carries_the_numbers_that_show_it() -> None:
    _, (impossible,) = fit(replace(ROW, high_fen=55_01), PREVIOUS_FEN, RULES_2021)
    assert impossible.reason == "5501 is outside the limits 4500 to 5500 of 5000"
