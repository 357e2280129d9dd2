"""The composite's weights are the exchange's notices, each from its day on."""

from datetime import date

from rehearsal.plan.composite import notices_of

ALL = ("CEA", "CEA21", "CEA22", "CEA23", "CEA24", "CEA25")


def weights(first_day: date, last_day: date, instruments: tuple[str, ...] = ALL) -> list[tuple[date, dict[str, int]]]:
    return [(notice.valid_from, dict(notice.weights)) for notice in notices_of(instruments, first_day, last_day)]


def test_before_the_first_notice_all_vintages_count_equally() -> None:
    assert weights(date(2023, 1, 3), date(2024, 12, 31), ("CEA", "CEA21")) == [
        (date(2023, 1, 3), {"CEA": 1, "CEA21": 1})
    ]


def test_from_2025_04_29_five_vintages_count_a_fifth_each_and_from_2026_01_05_cea25_alone() -> None:
    five = dict.fromkeys(ALL[:5], 1)
    assert weights(date(2025, 6, 2), date(2026, 8, 19)) == [
        (date(2025, 6, 2), five),
        (date(2026, 1, 5), {"CEA25": 1}),
    ]


def test_a_plan_over_two_notices_begins_with_the_one_in_force_on_its_first_day() -> None:
    days = [day for day, _ in weights(date(2024, 12, 2), date(2025, 5, 6))]
    assert days == [date(2024, 12, 2), date(2025, 4, 29)]


def test_a_plan_with_none_of_a_notices_vintages_counts_its_own_equally() -> None:
    assert weights(date(2030, 1, 2), date(2030, 2, 1), ("CEA29", "CEA30")) == [
        (date(2030, 1, 2), {"CEA29": 1, "CEA30": 1})
    ]


def test_a_plan_before_the_market_began_has_weights_from_its_own_first_day() -> None:
    assert weights(date(2020, 1, 2), date(2020, 1, 3), ("CEA",)) == [(date(2020, 1, 2), {"CEA": 1})]
