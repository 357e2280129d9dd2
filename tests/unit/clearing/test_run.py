"""A run, step by step: the barrier, mutual confirmation, cash legs, delivery against payment; and where it waits."""

from dataclasses import replace

from clearing.domain.funds import RecordDeposit
from clearing.domain.reconciliation import ReconciliationOrdered
from clearing.domain.run import (
    ClearingRunBegun,
    ClearingRunBlocked,
    ClearingRunComputed,
    ClearingRunLegsListed,
    ClearingRunOpened,
    ConfirmationOrdered,
    RetryRun,
)
from clearing.domain.settlement import (
    CashLegsProven,
    ClearingRunAgreed,
    ClearingRunDisagreed,
    DeliveryConfirmed,
    DeliveryVoided,
    RecordConfirmation,
    SettlementDayCompleted,
    TradeSettled,
)
from clearing.domain.state import Phase, RunTotal, State
from clearing.domain.trades import Method
from support.domains.clearing_books import (
    ANN,
    CEMENT,
    FRIDAY,
    ICBC,
    MONDAY,
    NEXT_POSITION,
    NOW_MS,
    OWN,
    POWER,
    STEEL,
    TRADING,
    TUESDAY,
    Line,
    agree,
    balances,
    climb,
    close,
    delivered,
    open_books,
    play,
    play_day,
    refused,
    trade,
)

FIRST = trade(1, POWER, STEEL, 300, fee_fen=3)
SECOND = trade(2, CEMENT, STEEL, 100_000, method=Method.BLOCK)
DISAGREES = RecordConfirmation(1, 1, agreed=False, reason="TRADES_DIFFER", facts=(("trades", "3"),))

# fmt: off
ANSWERS: list[Line] = [
    (ANN,     RetryRun(0),                "RUN_UNKNOWN"),
    (ANN,     RetryRun(-1),               "RUN_UNKNOWN"),
    (ANN,     RetryRun(1),                "RUN_UNKNOWN"),
    (TRADING, FIRST,                      None),
    (TRADING, close(FIRST),               None),
    (TRADING, close(FIRST),               "DAY_OUT_OF_ORDER"),
    (ANN,     RetryRun(1),                "RUN_NOT_BLOCKED"),
    (OWN,     delivered(),                "ANSWER_NOT_AWAITED"),
    (OWN,     agree(run_id=2),            "ANSWER_NOT_AWAITED"),
    (OWN,     agree(attempt=2),           "ANSWER_NOT_AWAITED"),
    (OWN,     DISAGREES,                  [ClearingRunDisagreed(1, 1, "TRADES_DIFFER", (("trades", "3"),)),
                                           ClearingRunBlocked(1, FRIDAY, 1, "TRADING_DISAGREES", (("trades", "3"),))]),
    (OWN,     agree(),                    "ANSWER_NOT_AWAITED"),
    (ANN,     RetryRun(1),                None),
    (OWN,     agree(attempt=2),
        None),
    (ANN,     RetryRun(1),                "RUN_NOT_BLOCKED"),
    (OWN,     agree(attempt=2),           "ANSWER_NOT_AWAITED"),
    (OWN,     refused(attempt=2),
        [DeliveryVoided(1, 2, "INSUFFICIENT_ALLOWANCES", (("account", STEEL), ("vintage", "CEA"))),
         ClearingRunBlocked(1, FRIDAY, 2, "DELIVERY_REFUSED", (("account", STEEL), ("vintage", "CEA")))]),
    (OWN,     delivered(attempt=2),       "ANSWER_NOT_AWAITED"),
    (ANN,     RetryRun(1),                None),
    (OWN,     agree(attempt=3),           None),
    (OWN,     delivered(attempt=3),       None),
    (OWN,     delivered(attempt=3),       "ANSWER_NOT_AWAITED"),
    (ANN,     RetryRun(1),                "RUN_COMPLETED"),
    (TRADING, close(day=FRIDAY),          "DAY_OUT_OF_ORDER"),
]
# fmt: on


def test_a_run_takes_only_the_answer_it_awaits() -> None:
    climb(open_books(power_fen=303), ANSWERS)


def test_the_close_of_a_day_opens_its_run_and_lists_every_leg() -> None:
    state = open_books(power_fen=303, cement_fen=100_000)
    for one in (FIRST, SECOND):
        play(state, TRADING, one)
    opened, begun, listed, computed, ordered = play(state, TRADING, close(FIRST, SECOND))
    assert opened == ClearingRunOpened(1, FRIDAY, 2, 100_300, 100_300, 1, 2, 1_000, NOW_MS)
    assert begun == ClearingRunBegun(1, FRIDAY, 1)
    assert isinstance(computed, ClearingRunComputed)
    assert (computed.buyers_pay_fen, computed.sellers_receive_fen, computed.fees_fen) == (100_303, 100_297, 6)
    assert computed.totals == (
        RunTotal("CEA", Method.LISTED, 1, 300, 300),
        RunTotal("CEA", Method.BLOCK, 1, 100_000, 100_000),
    )
    assert isinstance(listed, ClearingRunLegsListed)
    assert [leg.trade_id for leg in listed.legs] == [1, 2]
    assert ordered == ConfirmationOrdered(
        run_id=1,
        attempt=1,
        day=FRIDAY,
        legs=2,
        quantity_tonnes=100_300,
        value_fen=100_300,
        totals=computed.totals,
        excluded_trade_ids=(),
        legs_digest=computed.legs_digest,
        page_positions=(NEXT_POSITION,),
    )


def test_a_long_list_of_legs_comes_in_pages() -> None:
    state = open_books(power_fen=10_000)
    trades = [trade(number, POWER, STEEL, 1) for number in range(1, 1_002)]
    for one in trades:
        play(state, TRADING, one)
    events = play(state, TRADING, close(*trades))
    pages = [event for event in events if isinstance(event, ClearingRunLegsListed)]
    assert [len(page.legs) for page in pages] == [500, 500, 1]
    assert [leg.trade_id for page in pages for leg in page.legs] == list(range(1, 1_002))


def test_delivered_is_paid_gross_trade_by_trade_and_the_books_are_to_be_compared() -> None:
    state = open_books(power_fen=303, cement_fen=100_000)
    play_day(state, FIRST, SECOND)
    play(state, OWN, agree())
    assert balances(state) == {POWER: 303, STEEL: 0, CEMENT: 100_000}, "nothing moves before the registry has answered"
    events = play(state, OWN, delivered())
    assert events == [
        DeliveryConfirmed(1, 1, 500),
        TradeSettled(1, 1, FRIDAY, POWER, STEEL, "CEA", 300, 300, 3, 3),
        TradeSettled(2, 1, FRIDAY, CEMENT, STEEL, "CEA", 100_000, 100_000, 0, 0),
        SettlementDayCompleted(FRIDAY, 1, 2, 0, 100_300, 100_300),
        ReconciliationOrdered(FRIDAY),
    ]
    assert balances(state) == {POWER: 0, STEEL: 100_297, CEMENT: 0}
    assert state.funds.fees_fen == 6
    assert not state.runs.open
    assert not state.obligations.unsettled


def test_a_day_without_trades_goes_the_same_way_without_a_delivery() -> None:
    state = open_books()
    assert [type(event).__name__ for event in play(state, TRADING, close())] == [
        "ClearingRunOpened",
        "ClearingRunBegun",
        "ClearingRunComputed",
        "ConfirmationOrdered",
    ]
    assert play(state, OWN, agree()) == [
        ClearingRunAgreed(1, 1),
        CashLegsProven(1, 1),
        SettlementDayCompleted(FRIDAY, 1, 0, 0, 0, 0),
        ReconciliationOrdered(FRIDAY),
    ]


CLOSED = close(FIRST)

# A close that differs from what was heard, and the fact that says so.
# fmt: off
BARRIER = [
    (replace(CLOSED, trades=2),             "trades_closed",          "2"),
    (replace(CLOSED, quantity_tonnes=301),  "quantity_tonnes_closed", "301"),
    (replace(CLOSED, value_fen=299),        "value_fen_closed",       "299"),
    (replace(CLOSED, first_trade_id=2),     "first_trade_id_closed",  "2"),
    (replace(CLOSED, last_trade_id=2),      "last_trade_id_closed",   "2"),
]
# fmt: on


def test_the_barrier_holds_a_run_whose_totals_differ_by_anything() -> None:
    for closed, fact, value in BARRIER:
        state = open_books(power_fen=303)
        play(state, TRADING, FIRST)
        _, blocked = play(state, TRADING, closed)
        assert isinstance(blocked, ClearingRunBlocked)
        assert blocked.reason == "TOTALS_DIFFER"
        assert dict(blocked.facts)[fact] == value


def test_the_barrier_holds_a_run_while_anything_heard_is_set_aside() -> None:
    state = open_books(power_fen=303)
    play(state, TRADING, FIRST)
    _, blocked = play(state, TRADING, close(FIRST), set_aside=2)
    assert blocked == ClearingRunBlocked(1, FRIDAY, 1, "SET_ASIDE_PENDING", (("set_aside", "2"),))
    assert play(state, ANN, RetryRun(1), set_aside=2) == [replace(blocked, attempt=2)]
    assert isinstance(play(state, ANN, RetryRun(1))[0], ClearingRunBegun)


def test_the_barrier_holds_a_run_while_trading_is_not_heard() -> None:
    state = open_books(power_fen=303)
    play(state, TRADING, FIRST)
    _, blocked = play(state, TRADING, close(FIRST), halted=("trading",))
    assert blocked == ClearingRunBlocked(1, FRIDAY, 1, "HEARING_HALTED", (("source", "trading"),))
    assert isinstance(play(state, ANN, RetryRun(1))[0], ClearingRunBegun)


def test_a_run_waits_whole_for_money_and_goes_on_when_it_has_come() -> None:
    state = open_books(power_fen=302)
    play_day(state, FIRST)
    lacking = (("account", POWER), ("lacking_fen", "1"), ("trade_id", "1"), ("trades", "1"))
    assert play(state, OWN, agree())[2:] == [ClearingRunBlocked(1, FRIDAY, 1, "FUNDS_LACKING", lacking)]
    assert balances(state)[POWER] == 302
    play(state, ICBC, RecordDeposit("top up", POWER, 1))
    play(state, ANN, RetryRun(1))
    play(state, OWN, agree(attempt=2))
    play(state, OWN, delivered(attempt=2))
    assert balances(state) == {POWER: 0, STEEL: 297, CEMENT: 0}


def test_sale_money_of_the_day_pays_for_later_trades_only() -> None:
    sale, purchase = trade(1, POWER, STEEL, 300), trade(2, STEEL, CEMENT, 300)
    state = open_books(power_fen=300)
    play_day(state, sale, purchase)
    assert CashLegsProven(1, 1) in play(state, OWN, agree())

    early, late = trade(1, STEEL, CEMENT, 300), trade(2, POWER, STEEL, 300)
    state = open_books(power_fen=300)
    play_day(state, early, late)
    assert state_reason(state, agree()) == "FUNDS_LACKING"


def state_reason(state: State, answer: RecordConfirmation) -> str:
    """Why the run is blocked after an answer."""
    play(state, OWN, answer)
    return state.runs.open[1].reason


def confirmations(events: list[object]) -> list[tuple[int, str]]:
    return [(event.run_id, event.day) for event in events if isinstance(event, ConfirmationOrdered)]


def test_days_are_settled_in_their_order_and_a_waiting_run_begins_by_itself() -> None:
    state = open_books(power_fen=303)
    play_day(state, FIRST)
    monday, tuesday = trade(2, STEEL, POWER, 297, day=MONDAY), trade(3, POWER, STEEL, 1, day=TUESDAY)
    play_day(state, monday, day=MONDAY)
    play_day(state, tuesday, day=TUESDAY)
    assert [run.reason for run in state.runs.open.values()] == [
        "",
        "EARLIER_DAY_NOT_SETTLED",
        "EARLIER_DAY_NOT_SETTLED",
    ]
    climb(state, [(ANN, RetryRun(2), "EARLIER_DAY_NOT_SETTLED")])

    play(state, OWN, agree())
    events = play(state, OWN, delivered())
    assert (2, MONDAY) in confirmations(events)
    assert [run.phase for run in state.runs.open.values()] == [Phase.CONFIRMING, Phase.BLOCKED]
    play(state, OWN, agree(run_id=2))
    assert (3, TUESDAY) in confirmations(play(state, OWN, delivered(run_id=2)))
    assert state.runs.settled_day == MONDAY


def test_a_blocked_day_holds_back_the_days_after_it() -> None:
    state = open_books(power_fen=302)
    play_day(state, FIRST)
    play(state, OWN, agree())
    play_day(state, day=MONDAY)
    assert state.runs.open[2].reason == "EARLIER_DAY_NOT_SETTLED"
    assert state.runs.settled_day == ""
