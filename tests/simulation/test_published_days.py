"""The market's first 356 trading days, played through our own venue: every figure comes out, every day is settled.

Once from the exchange's daily rows, where they are at hand, and once from days generated from the published monthly
figures, which is done everywhere. Registry, trading and clearing are the services' own deciders, reactions, calls and
apis in one process, in virtual time (support/simulation).

No day and no figure is left out; what is small here is the number of trades by which a day comes to its figures, and
the number of accounts that make them. A row's prices, tonnes and money depend on neither, while the time this takes
grows with both. That a plan of the published numbers (59,700 trades, 2,508 accounts) comes to the same figures is
proved in tests/unit/plan/test_year.py; `make year` plays it through real processes, `.ci/run` its first month.
"""

import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date

import pytest

from clearing.domain.reconciliation import BooksReconciled
from clearing.domain.run import ClearingRunComputed
from clearing.domain.settlement import SettlementDayCompleted
from rehearsal.plan import DayRow, build_plan
from rehearsal.plan.feed_errors import feed_error
from rehearsal.plan.monthly import MONTHS, month_of
from support.days.shared_data import SECOND_YEARS, daily_rows
from support.days.trading_days import published_days
from support.simulation.loop import run_virtually
from support.simulation.planned_days import ABNORMAL, PlannedMarket
from trading.domain.closing import CompositePriced, InstrumentDayClosed, TradingDayClosed

SEED = 1
SECONDS_MAX = 300
TRADES, ACCOUNTS = 3_000, 100
"""Over all days of a plan: more than its rows need, so that busy days have more and larger trades than others."""
PRICES = ("open_fen", "high_fen", "low_fen", "close_fen")
TOTALS = ("listed_tonnes", "listed_value_fen", "block_tonnes", "block_value_fen")
COMPOSITE = "COMCEA"

Figure = tuple[str, str, str]
"""Day, instrument, column."""

CANNOT_BE_MET: Mapping[Figure, str] = {}
"""Figures of the exchange's rows that the rules do not allow, each with the reason. There is none."""


@dataclass(frozen=True, slots=True)
class Differs:
    """A figure that is not what it should be."""

    figure: Figure
    wanted: int
    found: int


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    """A venue makes no cycles; to look for them would take a third of the time."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.timeout(SECONDS_MAX)
def test_every_row_of_the_exchange_comes_out_of_our_venue_to_the_tonne_and_the_fen() -> None:
    rows = daily_rows()
    plan = build_plan(seed=SEED, rows=rows, trades=TRADES, accounts=ACCOUNTS)
    market = played(PlannedMarket(plan))
    assert [row.day for row in rows.vintages] == list(published_days())
    differences = differing((*rows.vintages, *rows.composites), figures_of(market))
    assert {one.figure for one in differences} == CANNOT_BE_MET.keys(), differences
    assert {(one.day.isoformat(), one.instrument, one.column) for one in plan.impossible} == CANNOT_BE_MET.keys()
    assert_settled(market)


@pytest.mark.timeout(SECONDS_MAX)
@pytest.mark.parametrize(
    ("months", "new_vintages", "feed_errors"),
    [
        (["2023-08", "2023-09"], {"CEA21", "CEA22"}, []),
        (["2024-10", "2024-11", "2024-12"], {"CEA23"}, [("2024-12-26", 97_80, 97_81)]),
    ],
)
def test_months_with_new_vintages_and_days_without_trades_come_out_as_published(
    months: list[str], new_vintages: set[str], feed_errors: list[tuple[str, int, int]]
) -> None:
    rows = daily_rows(SECOND_YEARS)
    plan = build_plan(seed=SEED, rows=rows, months=months, trades=TRADES, accounts=ACCOUNTS)
    market = played(PlannedMarket(plan))
    days, found = set(plan.days), figures_of(market)
    vintages = [row for row in rows.vintages if row.day in days]
    closes = [
        (row.day.isoformat(), row.close_fen, found.get((row.day.isoformat(), COMPOSITE, "close_fen"), 0))
        for row in rows.composites
        if row.day in days
    ]
    assert any(row.listed_tonnes == 0 for row in vintages)
    assert {one.code for one in plan.instruments if one.first_day > plan.days[0]} == new_vintages
    assert differing(vintages, found) == []
    assert [one for one in closes if one[1] != one[2]] == feed_errors
    assert all(feed_error(date.fromisoformat(day), COMPOSITE, "close_fen", *fen) for day, *fen in feed_errors)
    assert_settled(market)


@pytest.mark.timeout(SECONDS_MAX)
def test_the_generated_days_come_to_the_published_figures_of_every_month() -> None:
    market = played(PlannedMarket(build_plan(seed=SEED, days=published_days(), trades=TRADES, accounts=ACCOUNTS)))
    days: defaultdict[str, list[InstrumentDayClosed]] = defaultdict(list)
    for line in market.kept[InstrumentDayClosed]:
        days[line.day[:7]].append(line)
    assert list(days) == [figures.month for figures in MONTHS]
    for figures in MONTHS:
        lines = days[figures.month]
        assert len(lines) == figures.days
        assert sum(line.listed_tonnes for line in lines) == figures.listed_tonnes
        assert sum(line.block_tonnes for line in lines) == figures.block_tonnes
        assert sum(line.listed_value_fen + line.block_value_fen for line in lines) == figures.value_fen
        assert lines[-1].close_fen == figures.close_fen
    assert sum(day.trades for day in market.kept[TradingDayClosed]) == TRADES
    assert sum(day.quantity_tonnes for day in market.kept[TradingDayClosed]) == 229_678_843
    assert sum(day.value_fen for day in market.kept[TradingDayClosed]) == 1_047_523_471_727
    assert_settled(market)


def test_a_row_that_is_not_what_was_played_is_named_by_its_figures() -> None:
    plan = build_plan(seed=SEED, days=published_days(), months=["2022-06"], trades=TRADES, accounts=ACCOUNTS)
    market = played(PlannedMarket(plan))
    rows = [row for day in plan.stream() for row in day.rows]
    assert differing(rows, figures_of(market)) == []
    wrong = replace(rows[3], close_fen=rows[3].close_fen + 1, block_tonnes=rows[3].block_tonnes - 1)
    unknown = replace(rows[4], instrument="CEA21")
    differences = differing((*rows[:3], wrong, unknown), figures_of(market))
    day = wrong.day.isoformat()
    assert differences[:2] == [
        Differs((day, "CEA", "close_fen"), wrong.close_fen, rows[3].close_fen),
        Differs((day, "CEA", "block_tonnes"), wrong.block_tonnes, rows[3].block_tonnes),
    ]
    assert {one.figure[1] for one in differences[2:]} == {"CEA21"}
    assert month_of(wrong.day) == "2022-06"


def played(market: PlannedMarket) -> PlannedMarket:
    run_virtually(market.play())
    return market


def figures_of(market: PlannedMarket) -> dict[Figure, int]:
    """What the venue says of every day: of each instrument, and of the composite with the totals of all."""
    figures: dict[Figure, int] = {}
    for line in market.kept[InstrumentDayClosed]:
        for column in (*PRICES, *TOTALS):
            figures[line.day, line.instrument, column] = getattr(line, column)
        for column in TOTALS:
            whole = (line.day, COMPOSITE, column)
            figures[whole] = figures.get(whole, 0) + getattr(line, column)
    for composite in market.kept[CompositePriced]:
        for column in PRICES:
            figures[composite.day, COMPOSITE, column] = getattr(composite, column)
    return figures


def differing(rows: Iterable[DayRow], found: Mapping[Figure, int]) -> list[Differs]:
    """Every figure of the rows that is another one in `found`, or is not there."""
    columns = [field.name for field in fields(DayRow) if field.type is int]
    return [
        Differs(figure, getattr(row, column), found.get(figure, 0))
        for row in rows
        for column in columns
        if getattr(row, column) != found.get(figure := (row.day.isoformat(), row.instrument, column), 0)
    ]


def assert_settled(market: PlannedMarket) -> None:
    """No day was abnormal: each was cleared in one run at the first attempt, delivered whole, and its books agree."""
    assert {kind.__name__: market.kept[kind] for kind in ABNORMAL if market.kept[kind]} == {}
    closed = [(day.day, day.trades, day.quantity_tonnes, day.value_fen) for day in market.kept[TradingDayClosed]]
    settled = market.kept[SettlementDayCompleted]
    assert [day for day, *_ in closed] == [day.isoformat() for day in market.plan.days]
    assert [(one.day, one.trades, one.quantity_tonnes, one.value_fen) for one in settled] == closed
    assert {(run.attempt, run.excluded_trades) for run in market.kept[ClearingRunComputed]} == {(1, 0)}
    assert len(market.kept[ClearingRunComputed]) == len(closed)
    assert [books.day for books in market.kept[BooksReconciled]] == [day for day, *_ in closed]
    for books in market.kept[BooksReconciled]:
        assert books.agreed
        assert (books.difference_count, books.in_flight_count) == (0, 0), books.day
        assert books.rows_compared > 0
