"""Rules as dated data, and the arithmetic: rulebook 3.3, 3.4 and 3.8 as tables."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from support.domains.trading_floor import (
    ANN,
    FRIDAY,
    MONDAY,
    REGISTRY,
    RULES,
    TUESDAY,
    Line,
    moment,
    open_floor,
    quiet_floor,
)
from trading.domain.arithmetic import change_bp, composite_price_fen, fee_fen, half_up, limit_high_fen, limit_low_fen
from trading.domain.instruments import NoteVintage
from trading.domain.rules import (
    DAY_TRADES_MAX,
    FEE_PPM_MAX,
    NO_FEES,
    RULES_AHEAD_MAX,
    SetCompositeWeights,
    SetFees,
    SetTradingRules,
    closes_ms,
    fees_on,
    in_session,
)
from trading.domain.state import Session, TradingRules, Weight

# fmt: off
LISTED_HIGH = [
    # previous close, highest listed price of the day (rulebook 3.3)
    (4_800, 5_280),
    (9_025, 9_928),
    (6_105, 6_716),
    (6_715, 7_387),
    (5_005, 5_506),
]
LISTED_LOW = [
    # previous close, lowest listed price of the day (rulebook 3.3); of the last the half counts upwards
    (10_088, 9_079),
    (5_746, 5_171),
    (4_719, 4_247),
    (5_615, 5_054),
]
BLOCK_LOW = [
    # previous close, lowest block price of the day (rulebook 3.4)
    (6_000, 4_200),
    (7_420, 5_194),
    (4_316, 3_021),
    (7_872, 5_510),
]
COMPOSITE = [
    # closes of equal weight, composite close (rulebook 3.8)
    ((7_446, 7_306, 7_306), 7_353),
    ((7_400, 7_452, 7_381, 7_443, 7_639), 7_463),
]
HALVES = [
    (0, 1, 0), (1, 2, 1), (3, 2, 2), (1, 3, 0), (2, 3, 1), (4_999, 10_000, 0), (5_000, 10_000, 1), (14_999, 10_000, 1),
]
CHANGES = [
    # close, previous close, hundredths of a percent; a half away from zero
    (5_123, 4_800, 673), (4_800, 4_800, 0), (4_701, 4_800, -206), (20_001, 20_000, 1), (19_999, 20_000, -1),
]


def rules(valid_from_day: str = TUESDAY, **changes: Any) -> SetTradingRules:
    return SetTradingRules(replace(RULES, valid_from_day=valid_from_day, **changes))


SETTING_RULES: list[Line] = [
    ("10:00", ANN, rules(valid_from_day=""),                                  "DAY_MALFORMED"),
    ("10:00", ANN, rules(source=" "),                                         "TEXT_MALFORMED"),
    ("10:00", ANN, rules(source="x" * 201),                                   "TEXT_MALFORMED"),
    ("10:00", ANN, rules(listed_band_bp=0),                                   "RULES_MALFORMED"),
    ("10:00", ANN, rules(listed_band_bp=10_000),                              "RULES_MALFORMED"),
    ("10:00", ANN, rules(block_band_bp=-1),                                   "RULES_MALFORMED"),
    ("10:00", ANN, rules(price_tick_fen=0),                                   "RULES_MALFORMED"),
    ("10:00", ANN, rules(quantity_tick_tonnes=0),                             "RULES_MALFORMED"),
    ("10:00", ANN, rules(listed_tonnes_max=0),                                "RULES_MALFORMED"),
    ("10:00", ANN, rules(block_tonnes_min=2**62),                             "RULES_MALFORMED"),
    ("10:00", ANN, rules(book_levels=101),                                    "RULES_MALFORMED"),
    ("10:00", ANN, rules(day_trades_max=-1),                                  "RULES_MALFORMED"),
    ("10:00", ANN, rules(day_trades_max=DAY_TRADES_MAX + 1),                  "RULES_MALFORMED"),
    ("10:00", ANN, rules(listed_sessions=()),                                 "RULES_MALFORMED"),
    ("10:00", ANN, rules(listed_sessions=(Session(600, 600),)),               "RULES_MALFORMED"),
    ("10:00", ANN, rules(listed_sessions=(Session(-1, 600),)),                "RULES_MALFORMED"),
    ("10:00", ANN, rules(block_sessions=(Session(600, 1_441),)),              "RULES_MALFORMED"),
    ("10:00", ANN, rules(block_sessions=(Session(600, 700), Session(699, 800))), "RULES_MALFORMED"),
    ("10:00", ANN, rules(valid_from_day=FRIDAY),                              "DAY_ALREADY_OPENED"),
    ("10:00", ANN, rules(),                                                   None),
    ("10:00", ANN, rules(book_levels=3),                                      None),
]

SETTING_FEES: list[Line] = [
    ("10:00", ANN, SetFees("tomorrow", 0, 0, "tariff"),                       "DAY_MALFORMED"),
    ("10:00", ANN, SetFees(MONDAY, -1, 0, "tariff"),                          "FEE_OUT_OF_RANGE"),
    ("10:00", ANN, SetFees(MONDAY, 0, FEE_PPM_MAX + 1, "tariff"),             "FEE_OUT_OF_RANGE"),
    ("10:00", ANN, SetFees(MONDAY, 0, 0, ""),                                 "TEXT_MALFORMED"),
    ("10:00", ANN, SetFees(FRIDAY, 0, 0, "tariff"),                           "DAY_ALREADY_OPENED"),
    ("10:00", ANN, SetFees(MONDAY, FEE_PPM_MAX, 0, "tariff"),                 None),
]


def weights(*of: tuple[str, int], day: str = MONDAY, source: str = "notice") -> SetCompositeWeights:
    return SetCompositeWeights(day, tuple(Weight(*one) for one in of), source)


SETTING_WEIGHTS: list[Line] = [
    ("10:00", ANN, weights(("CEA", 1), day="2021-13-01"),                     "DAY_MALFORMED"),
    ("10:00", ANN, weights(),                                                 "WEIGHTS_MALFORMED"),
    ("10:00", ANN, weights(*[("CEA", 1)] * 101),                              "WEIGHTS_MALFORMED"),
    ("10:00", ANN, weights(("CEA", 1), ("CEA", 2)),                           "WEIGHTS_MALFORMED"),
    ("10:00", ANN, weights(("CEA", -1)),                                      "WEIGHTS_MALFORMED"),
    ("10:00", ANN, weights(("CEA", 1_000_001)),                               "WEIGHTS_MALFORMED"),
    ("10:00", ANN, weights(("CEA", 0)),                                       "WEIGHTS_MALFORMED"),
    ("10:00", ANN, weights(("cea", 1)),                                       "INSTRUMENT_MALFORMED"),
    ("10:00", ANN, weights(("CEA", 1), source=""),                            "TEXT_MALFORMED"),
    ("10:00", ANN, weights(("CEA", 1), ("CEA21", 1)),                         "INSTRUMENT_UNKNOWN"),
    ("10:00", REGISTRY, NoteVintage("CEA21"),                                 None),
    ("10:00", ANN, weights(("CEA", 1), ("CEA21", 0), day=FRIDAY),             "DAY_ALREADY_OPENED"),
    ("10:00", ANN, weights(("CEA", 1), ("CEA21", 0)),                         None),
]
# fmt: on


@pytest.mark.parametrize(("previous_close_fen", "high_fen"), LISTED_HIGH)
def test_the_highest_price_is_ten_percent_above_the_previous_close_half_up(
    previous_close_fen: int, high_fen: int
) -> None:
    assert limit_high_fen(previous_close_fen, 1_000) == high_fen


@pytest.mark.parametrize(("previous_close_fen", "low_fen"), LISTED_LOW)
def test_the_lowest_price_is_ten_percent_below_the_previous_close_half_up(
    previous_close_fen: int, low_fen: int
) -> None:
    assert limit_low_fen(previous_close_fen, 1_000) == low_fen


@pytest.mark.parametrize(("previous_close_fen", "low_fen"), BLOCK_LOW)
def test_the_lowest_block_price_is_thirty_percent_below_the_previous_close_half_up(
    previous_close_fen: int, low_fen: int
) -> None:
    assert limit_low_fen(previous_close_fen, 3_000) == low_fen


def test_no_limit_falls_below_one_fen() -> None:
    assert limit_low_fen(1, 9_999) == 1


@pytest.mark.parametrize(("closes_fen", "composite_fen"), COMPOSITE)
def test_the_composite_is_the_mean_of_the_closes_half_up(closes_fen: tuple[int, ...], composite_fen: int) -> None:
    assert composite_price_fen([(1, close_fen) for close_fen in closes_fen]) == composite_fen


def test_the_composite_follows_its_weights() -> None:
    assert composite_price_fen([(1, 7_463), (0, 1)]) == 7_463
    assert composite_price_fen([(3, 100), (1, 200)]) == 125


@pytest.mark.parametrize(("numerator", "denominator", "rounded"), HALVES)
def test_a_half_is_rounded_up(numerator: int, denominator: int, rounded: int) -> None:
    assert half_up(numerator, denominator) == rounded


@pytest.mark.parametrize(("close_fen", "previous_close_fen", "expected_bp"), CHANGES)
def test_the_change_is_told_to_a_hundredth_of_a_percent(
    close_fen: int, previous_close_fen: int, expected_bp: int
) -> None:
    assert change_bp(close_fen, previous_close_fen) == expected_bp


def test_a_fee_is_rounded_down_so_that_parts_never_cost_more_than_the_whole() -> None:
    assert fee_fen(9_999, 100) == 0
    assert fee_fen(10_000, 100) == 1
    assert fee_fen(19_999, 100) == 1


def test_rules_are_set_for_days_not_yet_opened() -> None:
    floor = open_floor()
    floor.climb(SETTING_RULES)
    assert (rules_on(floor.market.rules.trading.on(MONDAY)), rules_on(floor.market.rules.trading.on(TUESDAY))) == (5, 3)


def rules_on(rules_of_day: TradingRules | None) -> int:
    assert rules_of_day is not None
    return rules_of_day.book_levels


def test_fees_are_set_for_days_not_yet_opened_and_are_nothing_before() -> None:
    floor = open_floor()
    floor.climb(SETTING_FEES)
    assert fees_on(floor.market.rules, FRIDAY) == NO_FEES
    assert fees_on(floor.market.rules, TUESDAY).buyer_fee_ppm == FEE_PPM_MAX


def test_composite_weights_are_set_for_days_not_yet_opened() -> None:
    open_floor().climb(SETTING_WEIGHTS)


def test_no_rules_are_valid_before_the_first_set() -> None:
    assert quiet_floor().market.rules.trading.on("2021-07-15") is None


def test_a_session_has_its_first_minute_and_not_its_close() -> None:
    sessions = RULES.listed_sessions
    inside = ["09:30", "11:29", "13:00", "14:59"]
    outside = ["09:29", "11:30", "12:59", "15:00"]
    assert all(in_session(sessions, FRIDAY, moment(FRIDAY, clock)) for clock in inside)
    assert not any(in_session(sessions, FRIDAY, moment(FRIDAY, clock)) for clock in outside)
    assert not in_session(sessions, FRIDAY, moment(MONDAY, "10:00"))


def test_the_day_closes_with_its_last_session() -> None:
    assert closes_ms(RULES, FRIDAY) == moment(FRIDAY, "15:00")
    assert closes_ms(replace(RULES, block_sessions=(Session(900, 930),)), FRIDAY) == moment(FRIDAY, "15:30")


@pytest.mark.parametrize(
    "of_day",
    [
        lambda day: SetTradingRules(replace(RULES, valid_from_day=day)),
        lambda day: SetFees(day, 1, 1, "notice 3"),
        lambda day: SetCompositeWeights(day, (Weight("CEA", 1),), "notice 3"),
    ],
    ids=["trading rules", "fees", "composite weights"],
)
def test_rules_for_days_to_come_are_bounded_and_those_that_are_set_again_are_not(of_day: Callable[[str], Any]) -> None:
    floor = open_floor()
    days = [f"{2030 + number}-01-02" for number in range(RULES_AHEAD_MAX + 1)]
    for day in days[:-1]:
        floor.play(ANN, of_day(day))
    assert floor.refusal(ANN, of_day(days[-1])) == ("TOO_MANY_RULES_AHEAD", {"rules_max": RULES_AHEAD_MAX})
    floor.play(ANN, of_day(days[0]))
