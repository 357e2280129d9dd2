"""Reconciliation: the same in all three books, or a difference with its name; what is on its way is in flight."""

import asyncio
from dataclasses import replace
from typing import cast

import pytest

from chassis.core.sum_tree import Key, Quantities
from chassis.followers.caller import Outgoing
from clearing import calls
from clearing.domain import reconciliation
from clearing.domain.books import Difference, Figure, InFlight, InFlightKind
from clearing.domain.exclusion import ExcludeTrades
from clearing.domain.funds import RecordDeposit
from clearing.domain.obligations import RecordObligation
from clearing.domain.payouts import RequestPayout
from clearing.domain.reconciliation import (
    DIFFERENCES_LISTED_MAX,
    BooksReconciled,
    Differing,
    ReconcileAgain,
    ReconciliationOrdered,
    RecordReconciliation,
    not_comparable_because,
    with_below_zero,
)
from clearing.domain.state import State
from support.domains.clearing_books import (
    ANN,
    CEMENT,
    FRIDAY,
    ICBC,
    MONDAY,
    OWN,
    POWER,
    STEEL,
    TRADING,
    TUESDAY,
    WEDNESDAY,
    Line,
    agree,
    by_two,
    climb,
    delivered,
    open_books,
    play,
    play_day,
    trade,
)
from support.domains.row_by_row import (
    Asking,
    FundPosition,
    HeldUnits,
    Others,
    StatedBook,
    UnitPosition,
    compare,
    own_now,
    statement_of,
)


def of_money(figure: Figure, account: str, held_fen: int, expected_fen: int) -> Difference:
    return Difference(figure, account, held_fen=held_fen, expected_fen=expected_fen)


def settled_friday() -> State:
    """Power bought 300 t from steel on Friday for 300 fen; two deposits are the fund entries 1 and 2."""
    state = open_books(power_fen=500, steel_fen=50)
    play_day(state, trade(1, POWER, STEEL, 300))
    play(state, OWN, agree())
    play(state, OWN, delivered())
    return state


AGREEING = StatedBook(
    position=900,
    registry_position=600,
    clearing_entry_number=2,
    settled_day=FRIDAY,
    units=(UnitPosition(POWER, "CEA", 300, 0, 0, 0, 0), UnitPosition(STEEL, "CEA", 700, 0, 0, 0, 0)),
    funds=(FundPosition(POWER, 200, 0, 0, 0, 0), FundPosition(STEEL, 350, 0, 0, 0, 0)),
)
HELD = (HeldUnits(POWER, "CEA", 300), HeldUnits(STEEL, "CEA", 700))


def test_three_books_that_say_the_same_agree() -> None:
    found = compare(AGREEING, HELD, settled_friday(), 50)
    assert found == RecordReconciliation(FRIDAY, 600, 900, 50, 2, 4, (), 0, (), 0, "", found.trees)
    assert [(tree.tree, tree.held_leaves, tree.held_sums) for tree in found.trees] == [
        ("custody/1", 2, (1_000,)),
        ("units_due/1", 0, (0, 0, 0)),
        ("money/1", 2, (550, 0, 0, 0)),
    ]
    assert all(tree.held_root == tree.expected_root for tree in found.trees)


# fmt: off
DIFFERING: list[tuple[StatedBook, tuple[HeldUnits, ...], Difference]] = [
    (AGREEING, (*HELD, HeldUnits(CEMENT, "CEA", 1)),          Difference(Figure.UNITS, CEMENT, "CEA", 1, 0)),
    (AGREEING, HELD[:1],                                    Difference(Figure.UNITS, STEEL, "CEA", 0, 700)),
    (AGREEING, (HeldUnits(POWER, "CEA", 299), HELD[1]),       Difference(Figure.UNITS, POWER, "CEA", 299, 300)),
    (replace(AGREEING, funds=AGREEING.funds[:1]), HELD,     of_money(Figure.FUNDS, STEEL, 350, 0)),
    (replace(AGREEING, funds=(*AGREEING.funds, FundPosition(CEMENT, 1, 0, 0, 0, 0))), HELD,
                                                            of_money(Figure.FUNDS, CEMENT, 0, 1)),
    (replace(AGREEING, clearing_entry_number=1), HELD,             of_money(Figure.FUNDS, STEEL, 300, 350)),
]
# fmt: on


def test_a_difference_is_named_by_figure_account_and_both_amounts() -> None:
    for trading, holdings, difference in DIFFERING:
        found = compare(trading, holdings, settled_friday(), 50)
        assert found.differences == (difference,)
        assert found.difference_count == 1


def test_the_same_difference_has_the_same_name_on_another_day_and_another_has_another() -> None:
    def disagreement(state: State, power_fen: int, steel_tonnes: int) -> str:
        funds = (FundPosition(POWER, power_fen, 0, 0, 0, 0), AGREEING.funds[1])
        held = (HELD[0], HeldUnits(STEEL, "CEA", steel_tonnes))
        return compare(replace(AGREEING, clearing_entry_number=3, funds=funds), held, state, 50).disagreement

    friday, later = settled_friday(), settled_friday()
    play(later, ICBC, RecordDeposit("later", POWER, 70))
    assert disagreement(friday, 200, 700) == ""
    assert disagreement(friday, 199, 700) == disagreement(later, 269, 700) != ""
    assert len({disagreement(friday, 199, 700), disagreement(friday, 198, 700), disagreement(friday, 199, 701)}) == 3


def test_a_trade_that_one_side_forgot_is_a_difference_in_every_book_it_touches() -> None:
    state = settled_friday()
    play(state, TRADING, trade(2, POWER, STEEL, 40, day=MONDAY))
    found = compare(AGREEING, HELD, state, 50)
    assert set(found.differences) == {
        Difference(Figure.BOUGHT, POWER, "CEA", 40, 0),
        Difference(Figure.SOLD, STEEL, "CEA", 40, 0),
        of_money(Figure.PAYABLE, POWER, 40, 0),
        of_money(Figure.RECEIVABLE, STEEL, 40, 0),
    }


def test_both_block_the_same_of_trades_that_two_people_took_out_or_it_is_a_difference() -> None:
    state = open_books(power_fen=200)
    play_day(state, trade(1, POWER, STEEL, 300))
    play(state, OWN, agree())
    by_two(state, ExcludeTrades(1, (1,), "default"))
    play(state, OWN, agree(attempt=2))
    units, funds = UnitPosition(STEEL, "CEA", 700, 0, 0, 0, 300), FundPosition(POWER, 200, 0, 0, 0, 200)
    agreeing = replace(AGREEING, clearing_entry_number=1, units=(units,), funds=(funds,))
    held = (HeldUnits(STEEL, "CEA", 700),)
    assert compare(agreeing, held, state, 50).differences == ()
    other_funds = replace(agreeing, funds=(replace(funds, blocked_fen=0),))
    assert compare(other_funds, held, state, 50).differences == (of_money(Figure.BLOCKED_FUNDS, POWER, 200, 0),)
    other_units = replace(agreeing, units=(replace(units, blocked_tonnes=301),))
    assert compare(other_units, held, state, 50).differences == (
        Difference(Figure.BLOCKED_UNITS, STEEL, "CEA", 300, 301),
    )


def test_what_is_on_its_way_is_in_flight_and_no_difference() -> None:
    """A trade of Monday, a return of 5 t, a release of 30 fen, and a deposit that trading has not heard of."""
    state = settled_friday()
    play(state, TRADING, trade(2, POWER, STEEL, 40, fee_fen=2, day=MONDAY))
    play(state, ICBC, RecordDeposit("late", STEEL, 70))
    trading = replace(
        AGREEING,
        units=(UnitPosition(POWER, "CEA", 340, 40, 0, 0, 0), UnitPosition(STEEL, "CEA", 655, 0, 40, 5, 0)),
        funds=(FundPosition(POWER, 128, 42, 0, 30, 0), FundPosition(STEEL, 388, 0, 38, 0, 0)),
    )
    found = compare(trading, HELD, state, 50)
    assert found.differences == ()
    assert found.in_flight == (
        InFlight(InFlightKind.RETURNING, STEEL, "CEA", 5),
        InFlight(InFlightKind.RELEASING, POWER, amount_fen=30),
        InFlight(InFlightKind.UNSETTLED_BOUGHT, POWER, "CEA", 40),
        InFlight(InFlightKind.UNSETTLED_SOLD, STEEL, "CEA", 40),
        InFlight(InFlightKind.FUND_ENTRIES, STEEL, amount_fen=70),
    )


def test_a_balance_that_would_be_less_than_nothing_is_a_difference() -> None:
    """Trading has heard of none of the deposits, and yet of a settlement that spent them."""
    unheard = replace(AGREEING, clearing_entry_number=0)
    found = compare(unheard, HELD, settled_friday(), 50)
    assert of_money(Figure.FUNDS, POWER, -300, 200) in found.differences
    assert not any(tree.held_sums < (0,) for tree in found.trees)
    nothing = replace(unheard, funds=AGREEING.funds[1:])
    assert of_money(Figure.FUNDS, POWER, -300, 0) in compare(nothing, HELD, settled_friday(), 50).differences


def test_a_payout_that_trading_has_not_heard_of_is_still_releasing_there() -> None:
    state = settled_friday()
    play(state, TRADING, RequestPayout(POWER, 30, 1))
    funds = (FundPosition(POWER, 170, 0, 0, 30, 0), AGREEING.funds[1])
    assert compare(replace(AGREEING, funds=funds), HELD, state, 50).difference_count == 0
    heard = (FundPosition(POWER, 170, 0, 0, 0, 0), AGREEING.funds[1])
    assert compare(replace(AGREEING, funds=heard, clearing_entry_number=3), HELD, state, 50).difference_count == 0


def test_trades_made_after_tradings_statement_are_left_out() -> None:
    state = settled_friday()
    made = trade(2, POWER, STEEL, 40, day=MONDAY).trade
    play(state, TRADING, RecordObligation(replace(made, trading_position=901)))
    assert compare(AGREEING, HELD, state, 50).difference_count == 0


def test_no_more_differences_are_listed_than_an_event_should_hold() -> None:
    strangers = [HeldUnits(f"stranger-{number}", "CEA", 1) for number in range(DIFFERENCES_LISTED_MAX * 2)]
    found = compare(AGREEING, (*HELD, *strangers), settled_friday(), 50)
    assert len(found.differences) == DIFFERENCES_LISTED_MAX
    assert found.difference_count == DIFFERENCES_LISTED_MAX * 2


def large_disagreement(held_more: int = 0) -> RecordReconciliation:
    """The registry holds units of 300 accounts that trading has never heard of."""
    strangers = [HeldUnits(f"stranger-{number}", "CEA", 1 + held_more * (number == 0)) for number in range(300)]
    asking = Asking(settled_friday(), Others(AGREEING, (*HELD, *strangers)), 50)
    return asyncio.run(calls.reconcile(ReconciliationOrdered(FRIDAY), cast(Outgoing, asking)))


def test_a_disagreement_too_large_to_be_counted_is_recorded_and_blamed_on_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconciliation, "DIFFERENCES_COUNTED_MAX", 20)
    found = large_disagreement()
    assert (found.difference_count, len(found.differences)) == (20, 20)
    assert all(row.account.startswith("stranger-") and row.by_tonnes == 1 for row in found.differences)
    (recorded,) = play(settled_friday(), OWN, found)
    assert isinstance(recorded, BooksReconciled)
    assert (recorded.agreed, recorded.difference_count) == (False, 20)
    assert [tree.held_leaves - tree.expected_leaves for tree in recorded.trees] == [300, 0, 0]


def test_what_was_not_looked_at_of_a_disagreement_is_covered_by_no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not all is found, a change of a leaf that nobody looked at makes another disagreement all the same."""
    monkeypatch.setattr(reconciliation, "DIFFERENCES_COUNTED_MAX", 20)
    before, after = large_disagreement(), large_disagreement(held_more=1)
    assert before.differences == after.differences, "stranger-0 is not among them"
    assert large_disagreement().disagreement == before.disagreement != after.disagreement


def test_what_is_less_than_nothing_is_listed_where_not_all_is_found_only_with_what_trading_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconciliation, "DIFFERENCES_COUNTED_MAX", 1)
    found: Differing = {("a",): ((0, 0, 0, 0), (5, 0, 0, 0))}
    below_zero: dict[Key, Quantities] = {("a",): (-3, 0, 0, 0), ("b",): (-4, 0, 0, 0)}
    assert with_below_zero(found, below_zero) == {("a",): ((-3, 0, 0, 0), (5, 0, 0, 0))}
    assert with_below_zero({}, below_zero) == {key: (held, (0, 0, 0, 0)) for key, held in below_zero.items()}


def test_books_are_compared_only_at_positions_that_belong_together() -> None:
    def why(trading: StatedBook = AGREEING) -> str:
        return not_comparable_because(statement_of(trading), own_now(state, trading))

    state = settled_friday()
    assert why() == ""
    assert "settlement" in why(replace(AGREEING, settled_day=""))
    assert "registry" in why(replace(AGREEING, registry_position=499))
    play_day(state, trade(2, STEEL, POWER, 40, day=MONDAY), day=MONDAY)
    assert why() == ""
    play(state, OWN, agree(run_id=2))
    assert "delivered" in why()


ANSWER = RecordReconciliation(FRIDAY, 600, 900, 50, 2, 4, (), 0, (), 0, "")
DIFFERS = replace(ANSWER, differences=(of_money(Figure.FUNDS, POWER, 1, 2),), difference_count=1)
RECONCILED = BooksReconciled(FRIDAY, True, 600, 900, 50, 2, 4, (), 0, (), 0, "")

# fmt: off
LADDER: list[Line] = [
    (ANN, ReconcileAgain(""),               "DAY_MALFORMED"),
    (ANN, ReconcileAgain("2021-13-01"),     "DAY_MALFORMED"),
    (ANN, ReconcileAgain("2021-02-30"),     "DAY_MALFORMED"),
    (ANN, ReconcileAgain("20210716"),       "DAY_MALFORMED"),
    (ANN, ReconcileAgain(MONDAY),           "DAY_NOT_SETTLED_LAST"),
    (ANN, ReconcileAgain(FRIDAY),           "RECONCILIATION_UNDER_WAY"),
    (OWN, DIFFERS,                          [replace(RECONCILED, agreed=False, differences=DIFFERS.differences,
                                                     difference_count=1)]),
    (OWN, ANSWER,                           "ANSWER_NOT_AWAITED"),
    (ANN, ReconcileAgain(FRIDAY),           [ReconciliationOrdered(FRIDAY)]),
    (OWN, ANSWER,                           [RECONCILED]),
]
# fmt: on


def test_books_that_differ_are_compared_again_on_demand() -> None:
    climb(settled_friday(), LADDER)


def test_fund_entries_are_remembered_until_trading_is_known_to_have_heard_them() -> None:
    state = settled_friday()
    assert [entry.entry_number for entry in state.funds.entries_recent] == [1, 2]
    play(state, ICBC, RecordDeposit("late", STEEL, 70))
    play(state, OWN, ANSWER)
    assert [entry.entry_number for entry in state.funds.entries_recent] == [3]


def test_one_comparison_is_under_way_at_a_time_and_stands_for_every_day_settled_by_then() -> None:
    state = settled_friday()
    ordered = []
    for run_id, day in ((2, MONDAY), (3, TUESDAY), (4, WEDNESDAY)):
        play_day(state, day=day)
        ordered += [event for event in play(state, OWN, agree(run_id)) if isinstance(event, ReconciliationOrdered)]
    assert ordered == [], "Friday's is under way"
    assert play(state, OWN, replace(ANSWER, settled_day=TUESDAY)) == [
        RECONCILED,
        replace(RECONCILED, day=MONDAY),
        replace(RECONCILED, day=TUESDAY),
        ReconciliationOrdered(WEDNESDAY),
    ]
    assert play(state, OWN, replace(ANSWER, settled_day=WEDNESDAY)) == [replace(RECONCILED, day=WEDNESDAY)]
