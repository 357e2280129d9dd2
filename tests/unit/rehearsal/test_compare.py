"""A played year is compared figure by figure, and whatever differs is named."""

from dataclasses import replace
from datetime import date

import pytest

from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from rehearsal.plan import DayPlan, DayRow
from rehearsal.year.compare import COLUMNS, Bulletins, published_mismatches, row_mismatches

DAY = date(2021, 7, 16)
ROW = DayRow(
    day=DAY,
    instrument="CEA",
    open_fen=48_00,
    high_fen=52_80,
    low_fen=47_00,
    close_fen=51_23,
    listed_tonnes=4_103_953,
    listed_value_fen=210_230_053_25,
    block_tonnes=100_000,
    block_value_fen=5_292_000_00,
)


def line_of(row: DayRow) -> query.BulletinLine:
    return query.BulletinLine(instrument=row.instrument, **{column: getattr(row, column) for column in COLUMNS})


def bulletin_of(*rows: DayRow) -> query.GetBulletinResponse:
    value_fen = sum(row.listed_value_fen + row.block_value_fen for row in rows)
    return query.GetBulletinResponse(
        day=str(rows[0].day), lines=[line_of(row) for row in rows], trades=7, value_fen=value_fen
    )


def test_a_row_that_the_bulletin_meets_has_no_mismatch() -> None:
    assert row_mismatches(ROW, line_of(ROW)) == []


@pytest.mark.parametrize("column", COLUMNS)
def test_every_figure_of_a_row_is_compared_and_named(column: str) -> None:
    found = line_of(replace(ROW, **{column: getattr(ROW, column) + 1}))
    (mismatch,) = row_mismatches(ROW, found)
    assert str(mismatch) == f"2021-07-16 CEA: {column} is {getattr(ROW, column) + 1:,}, not {getattr(ROW, column):,}"


def test_a_row_without_a_line_in_the_bulletin_is_a_mismatch() -> None:
    (mismatch,) = row_mismatches(ROW, None)
    assert str(mismatch) == "2021-07-16 CEA: line is 0, not 1"


def test_the_close_of_the_composite_is_compared_where_the_file_has_it() -> None:
    bulletin = bulletin_of(ROW)
    bulletin.composite.close_fen = 51_23
    bulletins = Bulletins()
    bulletins.add(bulletin, DayPlan(DAY, (ROW,), (ROW,), ()), replace(ROW, instrument="COMCEA", close_fen=51_24))
    assert bulletins.rows_compared == 2
    assert [str(mismatch) for mismatch in bulletins.mismatches] == ["2021-07-16 COMCEA: close_fen is 5,123, not 5,124"]


@pytest.mark.parametrize(
    ("given_fen", "found_fen", "excused"),
    [(97_80, 97_81, True), (97_80, 97_80, False), (97_80, 97_82, False), (97_79, 97_81, False)],
)
def test_a_known_error_of_the_feed_is_named_and_excuses_nothing_else(
    given_fen: int, found_fen: int, excused: bool
) -> None:
    row = replace(ROW, day=date(2024, 12, 26))
    bulletin = bulletin_of(row)
    bulletin.composite.close_fen = found_fen
    bulletins = Bulletins()
    composite = replace(row, instrument="COMCEA", close_fen=given_fen)
    bulletins.add(bulletin, DayPlan(row.day, (row,), (row,), ()), composite)
    assert len(bulletins.feed_errors) == excused
    assert len(bulletins.mismatches) == (not excused and given_fen != found_fen)


def test_bulletins_add_up_over_days_and_instruments() -> None:
    other = replace(ROW, instrument="CEA21", close_fen=40_00)
    bulletins = Bulletins()
    bulletins.add(bulletin_of(ROW, other), DayPlan(DAY, (ROW, other), (ROW, other), ()))
    tomorrow = replace(ROW, day=date(2021, 7, 19), close_fen=50_00)
    bulletins.add(bulletin_of(tomorrow), DayPlan(tomorrow.day, (tomorrow,), (tomorrow,), ()))
    assert bulletins.mismatches == []
    assert bulletins.rows_compared == 3
    assert bulletins.days == ["2021-07-16", "2021-07-19"]
    assert bulletins.listed_tonnes == [2 * ROW.listed_tonnes, ROW.listed_tonnes]
    assert bulletins.trades == 14
    assert bulletins.month("2021-07") == {
        "days": 2,
        "listed_tonnes": 3 * ROW.listed_tonnes,
        "block_tonnes": 3 * ROW.block_tonnes,
        "value_fen": 3 * (ROW.listed_value_fen + ROW.block_value_fen),
        "close_fen": 50_00,
    }


def test_a_month_that_was_played_must_come_to_its_published_figures() -> None:
    bulletins = Bulletins()
    bulletins.add(bulletin_of(ROW), DayPlan(DAY, (ROW,), (ROW,), ()))
    named = {(mismatch.where, mismatch.figure): mismatch.wanted for mismatch in published_mismatches(bulletins)}
    assert named == {
        ("2021-07", "days"): 11,
        ("2021-07", "listed_tonnes"): 5_051_937,
        ("2021-07", "block_tonnes"): 900_000,
        ("2021-07", "value_fen"): 299_585_388_30,
        ("2021-07", "close_fen"): 54_17,
    }
