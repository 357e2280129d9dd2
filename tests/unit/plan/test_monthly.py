"""The published figures add up to the published totals, and a wrong list of trading days is refused."""

from datetime import date, timedelta

import pytest

from rehearsal.plan import DaysDiffer
from rehearsal.plan.monthly import DAYS_PUBLISHED, MONTHS, check_days, month_of
from support.days.trading_days import published_days


def test_the_months_add_up_to_the_published_totals() -> None:
    assert sum(figures.days for figures in MONTHS) == DAYS_PUBLISHED
    assert sum(figures.listed_tonnes + figures.block_tonnes for figures in MONTHS) == 229_678_843
    assert sum(figures.value_fen for figures in MONTHS) == 1_047_523_471_727


def test_each_year_adds_up_to_its_published_totals() -> None:
    years = {
        "2021": (114, 30_774_596, 148_014_754, 766_123_002_299),
        "2022": (242, 6_218_972, 44_670_521, 281_400_469_428),
    }
    for year, totals in years.items():
        months = [figures for figures in MONTHS if figures.month.startswith(year)]
        assert totals == (
            sum(figures.days for figures in months),
            sum(figures.listed_tonnes for figures in months),
            sum(figures.block_tonnes for figures in months),
            sum(figures.value_fen for figures in months),
        )


def test_the_calendar_of_the_exchange_has_the_published_days_of_every_month() -> None:
    days = published_days()
    assert len(days) == DAYS_PUBLISHED
    check_days(days)


def test_a_list_with_a_day_missing_moved_or_doubled_is_refused() -> None:
    days = published_days()
    saturday = next(day + timedelta(1) for day in days if day.weekday() == 4)
    wrong = {
        "2021-07 had 11 trading days, the list has 10": days[1:],
        "trading days must rise": [days[1], days[0], *days[2:]],
        "comes after": [days[0], *days],
        "is on a weekend": sorted({*days[:-1], saturday}),
        "no figures were published for 2023-01": [*days, date(2023, 1, 3)],
    }
    for reason, listed in wrong.items():
        with pytest.raises(DaysDiffer, match=reason):
            check_days(listed)


def test_a_month_is_written_as_the_year_and_the_month() -> None:
    assert month_of(date(2021, 7, 16)) == MONTHS[0].month == "2021-07"
