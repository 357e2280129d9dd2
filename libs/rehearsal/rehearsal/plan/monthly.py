"""The published monthly figures of the market's first 356 trading days, and the check of a list of trading days against
them.

Source: rulebook 8.7, months 2021-07 to 2022-12, computed there from the daily statistics of the Shanghai Environment
and Energy Exchange (SEEE); the year sums equal those published by the exchange and the ministry (rulebook 8.1, 8.3,
8.4). Nothing finer than a month is kept here: the exchange keeps the publication of its daily rows to itself.

Trading days are Monday to Friday less public holidays; weekend make-up workdays are none (rulebook 8.7). They equal the
calendar XSHG of `exchange_calendars`, which the caller may use to list them; this package needs no calendar of its own.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """One month: `value_fen` covers listed and block trades together, `close_fen` is the last day's close."""

    month: str
    days: int
    listed_tonnes: int
    block_tonnes: int
    value_fen: int
    close_fen: int


MONTHS = (
    MonthFigures("2021-07", 11, 5_051_937, 900_000, 299_585_388_30, 54_17),
    MonthFigures("2021-08", 22, 353_636, 2_134_856, 116_550_926_36, 45_35),
    MonthFigures("2021-09", 20, 225_207, 8_983_359, 384_592_370_32, 42_21),
    MonthFigures("2021-10", 16, 407_431, 2_145_539, 107_426_347_62, 42_41),
    MonthFigures("2021-11", 22, 2_960_229, 20_069_516, 938_970_667_04, 42_95),
    MonthFigures("2021-12", 23, 21_776_156, 113_781_484, 5_814_104_323_35, 54_22),
    MonthFigures("2022-01", 19, 991_818, 6_870_646, 410_854_983_82, 61_38),
    MonthFigures("2022-02", 16, 192_429, 1_478_186, 96_425_180_81, 57_74),
    MonthFigures("2022-03", 23, 167_898, 540_656, 39_968_819_90, 58_55),
    MonthFigures("2022-04", 19, 45_435, 1_405_093, 82_595_802_50, 58_80),
    MonthFigures("2022-05", 19, 125_149, 2_130_000, 128_120_025_00, 59_00),
    MonthFigures("2022-06", 21, 290, 770_000, 44_566_180_00, 57_50),
    MonthFigures("2022-07", 21, 441_990, 650_000, 64_230_223_56, 58_00),
    MonthFigures("2022-08", 23, 196_652, 351_335, 30_740_436_00, 58_00),
    MonthFigures("2022-09", 21, 10_810, 0, 634_565_00, 57_50),
    MonthFigures("2022-10", 16, 310_060, 659_686, 52_846_965_00, 58_00),
    MonthFigures("2022-11", 22, 2_634_242, 4_664_130, 403_674_833_58, 57_52),
    MonthFigures("2022-12", 22, 1_102_199, 25_150_789, 1_459_346_679_11, 55_00),
)

DAYS_PUBLISHED = 356
ACCOUNTS_PUBLISHED = 2_508
TRADES_PUBLISHED = 59_700
"""The registry operator's published record of the same span. Source: rulebook 8.9."""


class DaysDiffer(ValueError):
    """A list of trading days that cannot be the published one."""


def month_of(day: date) -> str:
    return f"{day.year:04d}-{day.month:02d}"


def check_days(days: Sequence[date], months: Sequence[MonthFigures] = MONTHS) -> None:
    """Refuse, by DaysDiffer, days that are unordered, on a weekend, or not as many in each month as were published."""
    for earlier, later in pairwise(days):
        if later <= earlier:
            raise DaysDiffer(f"{later} comes after {earlier}: trading days must rise")
    for day in days:
        if day.weekday() >= SATURDAY:
            raise DaysDiffer(f"{day} is on a weekend")
    counted = Counter(month_of(day) for day in days)
    for figures in months:
        if counted[figures.month] != figures.days:
            raise DaysDiffer(f"{figures.month} had {figures.days} trading days, the list has {counted[figures.month]}")
    if len(days) != sum(figures.days for figures in months):
        unknown = sorted(set(counted) - {figures.month for figures in months})
        raise DaysDiffer(f"no figures were published for {', '.join(unknown)}")
