"""The generated year, replayed action by action by a checker that shares nothing with the planner."""

from collections import defaultdict
from dataclasses import replace

import pytest

from bench.plan import DIGEST, commands_of, digest
from carbonmarket.trading.v1.trading_service_pb2 import ConfirmBlockRequest, TakeListingRequest
from rehearsal.plan import CancelListing, Plan, PlanRefused, Rows, Session, Wave, build_plan
from rehearsal.plan.monthly import MONTHS, month_of
from support.days.trading_days import published_days
from support.opinions.plan_checker import CheckedPlan, Result, RuleBroken, cny, play, result_of

SEED = 20210716


@pytest.fixture(scope="module")
def published() -> Plan:
    return build_plan(seed=SEED, days=published_days())


@pytest.fixture(scope="module")
def year(published: Plan) -> CheckedPlan:
    return play(published)


@pytest.fixture(scope="module")
def quiet_month() -> Plan:
    return build_plan(seed=SEED, days=published_days(), months=["2022-06"])


def test_every_day_is_played_within_the_rules_and_ends_as_its_row_says(year: CheckedPlan) -> None:
    for day in year.days:
        assert day.rows == day.expected
        for row in day.expected:
            result = year.results[day.day, row.instrument]
            assert result == result_of(row, result.trades), day.day


def test_the_year_has_the_published_days_trades_accounts_tonnes_and_value(year: CheckedPlan) -> None:
    assert len(year.days) == len(year.plan.days) == 356
    assert year.market.trades == year.plan.trades == 59_700
    assert len(year.market.traded) == year.plan.accounts_trading == len(year.plan.accounts) == 2_508
    assert year.plan.listed_tonnes + year.plan.block_tonnes == 229_678_843
    assert year.plan.value_fen == 1_047_523_471_727
    assert year.plan.impossible == ()


def test_every_month_has_exactly_its_published_figures(year: CheckedPlan) -> None:
    by_month: defaultdict[str, list[Result]] = defaultdict(list)
    for (day, _), result in year.results.items():
        by_month[month_of(day)].append(result)
    for figures in MONTHS:
        results = by_month[figures.month]
        assert len(results) == figures.days
        assert sum(result.listed_tonnes for result in results) == figures.listed_tonnes
        assert sum(result.block_tonnes for result in results) == figures.block_tonnes
        assert sum(result.listed_value + result.block_value for result in results) == cny(figures.value_fen)
        assert results[-1].close == cny(figures.close_fen)


def test_some_days_have_no_listed_trade(year: CheckedPlan) -> None:
    quiet = [day for (day, _), result in year.results.items() if result.listed_tonnes == 0]
    assert quiet
    assert {month_of(day) for day in quiet} <= {"2022-06", "2022-09"}


def test_few_listings_are_never_taken_and_some_of_them_are_cancelled(year: CheckedPlan) -> None:
    cancelled = sum(isinstance(action, CancelListing) for day in year.days for action in day.actions)
    assert 0 < cancelled < year.market.idle_listings <= year.plan.trades * 2 // 100


def test_what_is_bought_is_sold_again_on_later_days(year: CheckedPlan) -> None:
    allocated = sum(tonnes for owned in year.plan.allocations.values() for tonnes in owned.values())
    assert allocated < year.plan.listed_tonnes + year.plan.block_tonnes


def test_sale_money_is_spent_again(year: CheckedPlan) -> None:
    assert sum(year.plan.deposits.values()) < year.plan.value_fen


def test_no_day_needs_more_than_six_waves(year: CheckedPlan) -> None:
    assert max(len(list(day.waves())) for day in year.days) == 6
    for day in year.days:
        assert tuple(action for _, actions in day.waves() for action in actions) == day.actions


def test_a_day_opens_and_trades_in_the_morning_and_again_in_the_afternoon() -> None:
    assert [wave.session for wave in Wave] == [Session.MORNING] * 4 + [Session.AFTERNOON] * 2


def test_the_same_seed_makes_the_same_plan_and_another_seed_another(quiet_month: Plan) -> None:
    again = build_plan(seed=SEED, days=published_days(), months=["2022-06"])
    other = build_plan(seed=SEED + 1, days=published_days(), months=["2022-06"])
    assert again == quiet_month
    assert list(again.stream()) == list(quiet_month.stream()) == list(quiet_month.stream())
    assert list(other.stream()) != list(quiet_month.stream())


def test_a_month_alone_is_played_from_the_close_before_it(quiet_month: Plan) -> None:
    played = play(quiet_month)
    assert [instrument.reference_fen for instrument in quiet_month.instruments] == [59_00]
    assert (quiet_month.listed_tonnes, quiet_month.block_tonnes) == (290, 770_000)
    assert quiet_month.value_fen == 44_566_180_00
    assert played.market.trades == quiet_month.trades


def test_a_month_has_the_rows_and_the_trades_that_it_has_in_the_year(year: CheckedPlan, quiet_month: Plan) -> None:
    in_year = {day.day: day.rows for day in year.days if month_of(day.day) == "2022-06"}
    assert {day.day: day.rows for day in quiet_month.stream()} == in_year
    assert quiet_month.trades == sum(year.results[day, "CEA"].trades for day in in_year)


def test_with_few_trades_every_trade_brings_two_new_accounts(quiet_month: Plan) -> None:
    assert quiet_month.accounts_trading == 2 * quiet_month.trades


def test_a_fen_less_in_any_purse_is_a_fen_too_little(quiet_month: Plan) -> None:
    for account in quiet_month.deposits:
        short = replace(quiet_month, deposits={**quiet_month.deposits, account: quiet_month.deposits[account] - 1})
        with pytest.raises(RuleBroken, match="MONEY_IS_THERE"):
            play(short)


def test_a_tonne_less_in_any_holding_is_a_tonne_too_little(quiet_month: Plan) -> None:
    for account, owned in quiet_month.allocations.items():
        short = replace(quiet_month, allocations={**quiet_month.allocations, account: {"CEA": owned["CEA"] - 1}})
        with pytest.raises(RuleBroken, match="TONNES_ARE_THERE"):
            play(short)


def test_a_plan_is_made_from_days_or_from_rows_and_not_from_both() -> None:
    with pytest.raises(PlanRefused, match="either trading days or rows"):
        build_plan(seed=1)
    with pytest.raises(PlanRefused, match="either trading days or rows"):
        build_plan(seed=1, days=published_days(), rows=Rows((), ()))
    with pytest.raises(PlanRefused, match="no rows to play"):
        build_plan(seed=1, rows=Rows((), ()))


@pytest.mark.parametrize("accounts", [-1, 0, 1, 10_000])
def test_a_cast_of_fewer_than_two_or_too_many_accounts_is_refused(accounts: int) -> None:
    with pytest.raises(PlanRefused, match="a plan takes 2 to 9999"):
        build_plan(seed=1, days=published_days(), accounts=accounts)


def test_a_month_without_trading_days_is_refused() -> None:
    with pytest.raises(PlanRefused, match="no trading day in 2023-01"):
        build_plan(seed=1, days=published_days(), months=["2023-01"])


def test_the_benchmark_of_the_year_is_of_the_same_commands_as_ever(published: Plan) -> None:
    assert digest(commands_of(published)) == DIGEST
    asked = [asked.request for asked in commands_of(published)]
    assert sum(isinstance(request, TakeListingRequest | ConfirmBlockRequest) for request in asked) == published.trades
