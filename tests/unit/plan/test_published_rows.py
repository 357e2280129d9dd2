"""The exchange's own 356 daily rows, where they are at hand: every one of them can be played exactly."""

import pytest

from rehearsal.plan import Rows, build_plan
from support.days.shared_data import SECOND_YEARS, all_rows, daily_rows
from support.days.trading_days import published_days
from support.opinions.plan_checker import play, result_of


@pytest.fixture(scope="module")
def rows() -> Rows:
    return daily_rows()


def test_the_file_holds_the_published_span_of_one_vintage_and_the_composite(rows: Rows) -> None:
    assert tuple(row.day for row in rows.vintages) == published_days()
    assert tuple(row.day for row in rows.composites) == published_days()
    assert {row.instrument for row in rows.vintages} == {"CEA"}


def test_every_published_row_is_possible_and_played_to_the_tonne_and_the_fen(rows: Rows) -> None:
    plan = build_plan(seed=1, rows=rows)
    played = play(plan)
    assert plan.impossible == ()
    assert (len(plan.days), plan.trades, plan.accounts_trading) == (356, 59_700, 2_508)
    assert plan.listed_tonnes + plan.block_tonnes == 229_678_843
    assert plan.value_fen == 1_047_523_471_727
    for row in rows.vintages:
        result = played.results[row.day, row.instrument]
        assert result == result_of(row, result.trades)


@pytest.mark.parametrize("every_file", [False, True])
def test_the_years_2023_and_2024_are_played_alone_and_after_the_first_two(every_file: bool) -> None:
    rows = all_rows() if every_file else daily_rows(SECOND_YEARS)
    plan = build_plan(seed=1, rows=rows, trades=len(rows.vintages))
    played = play(plan)
    assert plan.impossible == ()
    assert len(plan.days) == (840 if every_file else 484)
    for row in rows.vintages:
        result = played.results[row.day, row.instrument]
        assert result == result_of(row, result.trades)
