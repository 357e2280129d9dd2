"""A calendar proposes trading days; it never guesses a year it does not know."""

import pytest

from carbonmarket_client.calendar import CalendarTooShort, proposed_days


def test_weekends_and_holidays_are_left_out() -> None:
    days = proposed_days("2021-09-28", "2021-10-11")
    assert days == ["2021-09-28", "2021-09-29", "2021-09-30", "2021-10-08", "2021-10-11"]


def test_the_market_opened_for_356_days_up_to_the_end_of_2022() -> None:
    assert len(proposed_days("2021-07-16", "2022-12-31")) == 356


def test_a_year_that_is_not_published_is_refused() -> None:
    with pytest.raises(CalendarTooShort, match="name the days"):
        proposed_days("2098-01-01", "2098-12-31")
