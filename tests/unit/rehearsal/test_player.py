"""A plan of any length is announced as the exchange takes it."""

from datetime import date, timedelta

from rehearsal.year.player import days_ahead
from support.domains.trading_floor import ANN, Floor, moment
from trading.domain.calendar import AnnounceTradingDays

FIRST_DAY = date(2021, 7, 16)
FIVE_YEARS = [day for ahead in range(5 * 365) if (day := FIRST_DAY + timedelta(days=ahead)).weekday() < 5]


def test_a_plan_of_five_years_is_announced_in_steps_that_the_exchange_takes() -> None:
    floor, steps = Floor(), 0
    for day in FIVE_YEARS:
        if day.isoformat() > floor.market.calendar.last_announced:
            floor.now_ms = moment(day.isoformat(), "09:00")
            floor.play(ANN, AnnounceTradingDays(tuple(days_ahead(FIVE_YEARS, day))))
            steps += 1
    assert list(floor.market.calendar.days) == [day.isoformat() for day in FIVE_YEARS]
    assert steps == 5


def test_the_next_day_is_announced_however_long_after_the_last() -> None:
    assert days_ahead([FIRST_DAY, date(2029, 1, 2)], date(2029, 1, 2)) == ["2029-01-02"]
