"""A plan made of the daily rows of a file: several vintages, references of new ones, rows that cannot be met."""

from dataclasses import replace
from datetime import date

import pytest

from rehearsal.plan import DayRow, PlanRefused, Rows, build_plan
from rehearsal.plan.build import nearest_reference_fen
from rehearsal.plan.rules import RULES_2021, limits_fen
from support.opinions.plan_checker import play, result_of

FIRST, SECOND, THIRD = date(2030, 1, 2), date(2030, 1, 3), date(2030, 1, 4)


def row(day: date, instrument: str, close_fen: int, tonnes: int = 500, block_tonnes: int = 0) -> DayRow:
    """A day that trades a little around its close."""
    return DayRow(
        day=day,
        instrument=instrument,
        open_fen=close_fen + 1,
        high_fen=close_fen + 5,
        low_fen=close_fen - 5,
        close_fen=close_fen,
        listed_tonnes=tonnes,
        listed_value_fen=tonnes * close_fen + tonnes // 3,
        block_tonnes=block_tonnes,
        block_value_fen=block_tonnes * (close_fen - 100),
    )


TWO_VINTAGES = (
    row(FIRST, "CEA", 48_00),
    row(SECOND, "CEA", 50_00),
    row(SECOND, "CEA21", 46_00, block_tonnes=300_000),
    row(THIRD, "CEA", 52_00, tonnes=250_000),
    row(THIRD, "CEA21", 48_00),
)


def test_several_vintages_are_played_side_by_side() -> None:
    plan = build_plan(seed=1, rows=Rows(TWO_VINTAGES, ()), accounts=50, trades=200)
    played = play(plan)
    assert plan.impossible == ()
    assert played.market.trades == plan.trades == 200
    assert plan.accounts_trading == 50
    assert plan.days == (FIRST, SECOND, THIRD)
    for given in TWO_VINTAGES:
        result = played.results[given.day, given.instrument]
        assert result == result_of(given, result.trades)


def references(rows: Rows, given: dict[str, int] | None = None) -> dict[str, int]:
    plan = build_plan(seed=1, rows=rows, accounts=10, references=given)
    return {instrument.code: instrument.reference_fen for instrument in plan.instruments}


def test_the_markets_first_day_begins_at_its_published_base() -> None:
    assert references(Rows((row(date(2021, 7, 16), "CEA", 50_00),), ())) == {"CEA": 48_00}


def test_a_file_of_another_day_begins_at_its_own_open_and_a_new_vintage_at_the_close_before() -> None:
    assert references(Rows(TWO_VINTAGES, ())) == {"CEA": 48_01, "CEA21": 48_00}


@pytest.mark.parametrize(
    ("low_fen", "open_fen", "high_fen", "reference_fen"),
    [(90_00, 100_00, 110_00, 100_00), (99_00, 100_00, 115_50, 105_00), (81_00, 100_00, 105_00, 95_45)],
)
def test_a_files_first_reference_is_as_near_to_the_open_as_the_rows_low_and_high_allow(
    low_fen: int, open_fen: int, high_fen: int, reference_fen: int
) -> None:
    first = replace(row(FIRST, "CEA", open_fen), low_fen=low_fen, open_fen=open_fen, high_fen=high_fen)
    found_fen = nearest_reference_fen(first, RULES_2021)
    low_limit_fen, high_limit_fen = limits_fen(found_fen, RULES_2021.listed_band_percent)
    possible = low_limit_fen <= low_fen and high_fen <= high_limit_fen
    assert possible == (high_fen / low_fen <= 1.1 / 0.9)
    assert abs(found_fen - reference_fen) <= 1 if possible else found_fen == open_fen


def test_a_files_first_day_without_a_listed_trade_begins_at_its_close() -> None:
    quiet = DayRow(FIRST, "CEA", 61_00, 61_00, 61_00, 61_00, 0, 0, 0, 0)
    assert references(Rows((quiet,), ())) == {"CEA": 61_00}


def test_a_previous_close_of_an_instrument_that_the_file_does_not_name_is_refused() -> None:
    with pytest.raises(PlanRefused, match="a previous close is given of CEA99, which no row names"):
        references(Rows(TWO_VINTAGES, ()), {"CEA99": 50_00})


def test_a_new_vintage_takes_the_composites_close_of_the_day_before_where_the_file_has_it() -> None:
    composite = row(FIRST, "COMCEA", 47_50)
    assert references(Rows(TWO_VINTAGES, (composite,))) == {"CEA": 48_01, "CEA21": 47_50}


def test_a_new_vintage_takes_the_mean_of_the_other_closes_without_a_composite() -> None:
    rows = (
        row(FIRST, "CEA", 48_00),
        row(FIRST, "CEA21", 49_01),
        row(SECOND, "CEA22", 48_00),
    )
    assert references(Rows(rows, ()))["CEA22"] == 48_51


def test_a_reference_that_is_given_goes_before_all_others() -> None:
    assert references(Rows(TWO_VINTAGES, ()), {"CEA": 47_00}) == {"CEA": 47_00, "CEA21": 48_00}


def test_what_cannot_be_met_is_named_and_the_rest_of_the_file_is_played() -> None:
    wrong = replace(TWO_VINTAGES[1], close_fen=50_01)
    rows = (TWO_VINTAGES[0], wrong, *TWO_VINTAGES[2:])
    plan = build_plan(seed=1, rows=Rows(rows, ()), accounts=10)
    assert [(one.day, one.instrument, one.column) for one in plan.impossible] == [(SECOND, "CEA", "close_fen")]
    played = play(plan)
    second = played.days[1]
    assert second.rows == (wrong, TWO_VINTAGES[2])
    assert second.expected == TWO_VINTAGES[1:3]
    for expected in second.expected:
        result = played.results[SECOND, expected.instrument]
        assert result == result_of(expected, result.trades)


@pytest.mark.parametrize(("wanted", "trades"), [(0, 5), (5, 5), (77, 77), (500, 500), (10**6, 500)])
def test_the_number_of_trades_gives_way_to_what_the_rows_allow(wanted: int, trades: int) -> None:
    """Five hold the open, high and low and the two prices of the rest; 500 t can make no more than 500 trades."""
    plan = build_plan(seed=1, rows=Rows(TWO_VINTAGES[:1], ()), accounts=10, trades=wanted)
    assert plan.trades == play(plan).market.trades == trades


def test_listings_of_great_trades_stay_below_the_listed_maximum() -> None:
    plan = build_plan(seed=1, rows=Rows((row(FIRST, "CEA", 48_00, tonnes=20_000_000),), ()), accounts=10, trades=400)
    assert plan.trades == play(plan).market.trades == 400


def test_rows_that_need_more_trades_than_a_plan_takes_are_refused() -> None:
    with pytest.raises(PlanRefused, match="a plan takes 1000000"):
        build_plan(seed=1, rows=Rows((row(FIRST, "CEA", 48_00, tonnes=10**12),), ()), accounts=10)


def test_a_month_of_a_file_begins_at_the_close_before_it() -> None:
    next_month = row(date(2030, 2, 1), "CEA", 53_00)
    plan = build_plan(seed=1, rows=Rows((*TWO_VINTAGES, next_month), ()), accounts=10, months=["2030-02"])
    assert [(one.code, one.first_day, one.reference_fen) for one in plan.instruments] == [
        ("CEA", next_month.day, 52_00)
    ]
    assert play(plan).market.trades == plan.trades
