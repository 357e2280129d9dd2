"""Whatever rows a file holds, the plan made of them is within the rules and ends every day as its rows say."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.plan import DayRow, Rows, build_plan
from rehearsal.plan.rules import half_up
from support.opinions.plan_checker import play, result_of

FIRST = date(2030, 1, 1)
INSTRUMENTS = ("CEA", "CEA21")


@st.composite
def rows_near(draw: st.DrawFn, day: date, instrument: str) -> DayRow:
    """A row around 50.00, possible or not: the prices of two days may lie too far apart, the value anywhere."""
    low_fen, open_fen, high_fen = sorted(draw(st.tuples(*[st.integers(46_00, 54_00)] * 3)))
    tonnes = draw(st.one_of(st.integers(0, 12), st.integers(100, 300_000), st.integers(10**6, 10**7)))
    value_fen = draw(st.integers(tonnes * low_fen, tonnes * high_fen))
    blocks = draw(st.one_of(st.just(0), st.integers(100_000, 900_000)))
    block_value_fen = blocks * draw(st.integers(40_00, 60_00)) + (draw(st.integers(0, 10**6)) if blocks else 0)
    close_fen = half_up(value_fen, tonnes) if tonnes else open_fen
    prices = open_fen, high_fen, low_fen, close_fen
    return DayRow(day, instrument, *prices, tonnes, value_fen, blocks, block_value_fen)


@st.composite
def files(draw: st.DrawFn) -> Rows:
    days = draw(st.integers(1, 4))
    rows = [
        draw(rows_near(FIRST + timedelta(day), instrument))
        for day in range(days)
        for instrument in draw(st.sampled_from((INSTRUMENTS, INSTRUMENTS[:1], INSTRUMENTS[1:])))
    ]
    return Rows(tuple(rows), ())


@given(rows=files(), accounts=st.integers(2, 30), trades=st.integers(0, 400), seed=st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_a_plan_of_any_rows_is_within_the_rules_and_ends_as_expected(
    rows: Rows, accounts: int, trades: int, seed: int
) -> None:
    references = {"CEA": 50_00} if any(row.instrument == "CEA" for row in rows.vintages) else {}
    plan = build_plan(seed=seed, rows=rows, accounts=accounts, trades=trades, references=references)
    played = play(plan)
    given_rows = [row for day in played.days for row in day.rows]
    expected = [row for day in played.days for row in day.expected]
    assert given_rows == list(rows.vintages)
    assert (given_rows == expected) == (not plan.impossible)
    for row in expected:
        result = played.results[row.day, row.instrument]
        assert result == result_of(row, result.trades)
    assert played.market.trades == plan.trades
    assert len(played.market.traded) == plan.accounts_trading
    if 2 * plan.trades >= accounts:
        assert plan.accounts_trading == accounts
    assert 100 * played.market.idle_listings <= 2 * plan.trades
