"""The calendar: days in order, announced once, in China's time."""

import pytest

from chassis.core.days import day_of, day_start_ms
from support.domains.trading_floor import ANN, DAYS, Line, quiet_floor
from trading.domain.calendar import DAYS_AT_ONCE_MAX, AnnounceTradingDays

# fmt: off
ANNOUNCING: list[Line] = [
    ("08:00", ANN, AnnounceTradingDays(()),                                         "DAYS_MISSING"),
    ("08:00", ANN, AnnounceTradingDays(("2021-08-02",) * (DAYS_AT_ONCE_MAX + 1)),   "TOO_MANY_DAYS"),
    ("08:00", ANN, AnnounceTradingDays(("",)),                                      "DAY_MALFORMED"),
    ("08:00", ANN, AnnounceTradingDays(("2021-8-2",)),                              "DAY_MALFORMED"),
    ("08:00", ANN, AnnounceTradingDays(("20210802",)),                              "DAY_MALFORMED"),
    ("08:00", ANN, AnnounceTradingDays(("2021-02-30",)),                            "DAY_MALFORMED"),
    ("08:00", ANN, AnnounceTradingDays(("2021-08-02" * 1_000,)),                    "DAY_MALFORMED"),
    ("08:00", ANN, AnnounceTradingDays(("2021-07-31",)),                            "DAY_ON_WEEKEND"),
    ("08:00", ANN, AnnounceTradingDays(("2021-08-03", "2021-08-02")),               "DAYS_NOT_ASCENDING"),
    ("08:00", ANN, AnnounceTradingDays(("2021-08-02", "2021-08-02")),               "DAYS_NOT_ASCENDING"),
    ("08:00", ANN, AnnounceTradingDays(("2021-07-22", "2021-07-23")),               "DAY_ALREADY_ANNOUNCED"),
    ("08:00", ANN, AnnounceTradingDays(("2021-07-23", "9999-12-31")),               "DAY_TOO_FAR_AHEAD"),
    ("08:00", ANN, AnnounceTradingDays(("2023-07-18",)),                            "DAY_TOO_FAR_AHEAD"),
    ("08:00", ANN, AnnounceTradingDays(("2021-07-23", "2021-07-26")),               None),
    ("08:00", ANN, AnnounceTradingDays(("2021-07-26",)),                            "DAY_ALREADY_ANNOUNCED"),
    ("08:00", ANN, AnnounceTradingDays(("2023-07-17",)),                            None),
]

MOMENTS = [
    # milliseconds since 1970, UTC; the day in China
    (1_626_364_799_999, "2021-07-15"),
    (1_626_364_800_000, "2021-07-16"),
    (1_626_451_199_999, "2021-07-16"),
    (1_626_451_200_000, "2021-07-17"),
    (1_582_905_600_000, "2020-02-29"),
]
# fmt: on


def test_days_are_announced_in_order_and_never_twice() -> None:
    floor = quiet_floor()
    floor.climb(ANNOUNCING)
    assert list(floor.market.calendar.days) == [*DAYS, "2021-07-23", "2021-07-26", "2023-07-17"]


@pytest.mark.parametrize(("now_ms", "day"), MOMENTS)
def test_a_moment_belongs_to_a_day_by_chinas_clock(now_ms: int, day: str) -> None:
    assert day_of(now_ms) == day
    assert day_start_ms(day) <= now_ms < day_start_ms(day) + 24 * 3_600_000
