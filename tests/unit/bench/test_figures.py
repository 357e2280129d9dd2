"""A figure's median, range, ratio and goal."""

import pytest

from bench.harness.figures import Against, Figure, Goal, Measured, Pair, Spread, number

MORE = Figure("X1", "rate", "per s", "its floor", Against.FLOOR, Goal(0.5), more_is_better=True)
LESS = Figure("X2", "wait", "ms", "the goal", Against.BOUND, Goal(1))


def measured(figure: Figure, *pairs: tuple[float, float]) -> Measured:
    return Measured(figure, tuple(Pair(value, floor) for value, floor in pairs))


def test_the_ratio_is_taken_round_by_round_and_its_median_is_not_that_of_the_medians() -> None:
    found = measured(MORE, (10, 10), (20, 40), (90, 100))
    assert found.value == Spread(20, 10, 90)
    assert found.floor == Spread(40, 10, 100)
    assert found.ratio == Spread(0.9, 0.5, 1.0)


@pytest.mark.parametrize(("ratio", "met"), [(0.49, False), (0.5, True), (0.6, True)])
def test_where_more_is_better_the_goal_is_met_from_below(ratio: float, met: bool) -> None:
    assert measured(MORE, (ratio, 1)).met is met


@pytest.mark.parametrize(("ratio", "met"), [(0.9, True), (1.0, True), (1.1, False)])
def test_where_less_is_better_the_goal_is_met_from_above(ratio: float, met: bool) -> None:
    assert measured(LESS, (ratio, 1)).met is met


def test_a_goal_of_the_value_has_to_be_met_too() -> None:
    figure = Figure("X3", "rate", "per s", "its floor", Against.FLOOR, Goal(0.5, value=100), more_is_better=True)
    assert measured(figure, (90, 100)).met is False
    assert measured(figure, (100, 100)).met is True
    assert figure.goal_text == "≥ 0.50, ≥ 100"


def test_a_figure_without_a_goal_is_only_reported() -> None:
    figure = Figure("X4", "rate", "per s", "its floor", Against.FLOOR)
    assert measured(figure, (1, 1)).met is None
    assert figure.goal_text == "reported"


@pytest.mark.parametrize(
    ("value", "text"),
    [(12_345.6, "12,346"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.01234, "0.0123"), (2, "2")],
)
def test_a_number_has_the_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text
