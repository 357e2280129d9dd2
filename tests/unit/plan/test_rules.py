"""The price limits and the rounding that the rulebook proves from the market's own prices (3.3, 3.4)."""

import pytest

from rehearsal.plan.rules import RULES_2021, half_up, limits_fen

# previous close  band  low limit  high limit, from prices that the market saw
LIMITS = [
    (48_00,  10,  43_20,  52_80),
    (90_25,  10,  81_23,  99_28),
    (61_05,  10,  54_95,  67_16),
    (67_15,  10,  60_44,  73_87),
    (50_05,  10,  45_05,  55_06),
    (100_88, 10,  90_79, 110_97),
    (57_46,  10,  51_71,  63_21),
    (47_19,  10,  42_47,  51_91),
    (56_15,  10,  50_54,  61_77),
    (60_00,  30,  42_00,  78_00),
    (74_20,  30,  51_94,  96_46),
    (43_16,  30,  30_21,  56_11),
    (78_72,  30,  55_10, 102_34),
]  # fmt: skip


@pytest.mark.parametrize(("previous_fen", "percent", "low_fen", "high_fen"), LIMITS)
def test_a_limit_is_the_previous_close_and_its_band_rounded_half_up(
    previous_fen: int, percent: int, low_fen: int, high_fen: int
) -> None:
    assert limits_fen(previous_fen, percent) == (low_fen, high_fen)


def test_an_exact_half_goes_up() -> None:
    assert [half_up(numerator, 2) for numerator in (0, 1, 2, 3, 4)] == [0, 1, 1, 2, 2]


def test_the_first_rules_are_those_of_the_first_day() -> None:
    assert (RULES_2021.listed_band_percent, RULES_2021.block_band_percent) == (10, 30)
    assert (RULES_2021.listed_tonnes_max, RULES_2021.block_tonnes_min) == (99_999, 100_000)
