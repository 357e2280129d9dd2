"""Exclusion: two people, every trade that the excluded ones funded, and a new attempt without them."""

from dataclasses import replace

from carbonmarket.clearing.v1 import clearing_events_pb2 as pb
from chassis.core.decider import Rejected
from chassis.core.engine import Done
from chassis.core.proposals import ApproveProposal, CommandProposed
from clearing.__main__ import CLEARING as CLEARING_SERVICE
from clearing.domain.exclusion import (
    EXCLUDED_TRADES_MAX,
    TRADES_NAMED_MAX,
    ExcludeTrades,
    ExclusionApproved,
    TradeExcluded,
)
from clearing.domain.funds import RecordDeposit
from clearing.domain.payouts import RequestPayout
from clearing.domain.run import ClearingRunComputed, RetryRun
from clearing.domain.settlement import SettlementDayCompleted
from clearing.domain.state import State
from clearing.wire import COMMANDS
from support.domains.clearing_books import (
    ANN,
    BOB,
    CEMENT,
    FRIDAY,
    ICBC,
    MONDAY,
    NOW_MS,
    OWN,
    POWER,
    STEEL,
    TRADING,
    Line,
    agree,
    balances,
    by_two,
    climb,
    close,
    delivered,
    facts_of_refusal,
    open_books,
    play,
    play_day,
    refused,
    trade,
)
from support.shell.asking import asked
from support.shell.two_people import engine_of, proposal_of

GROUND = "buyer in default"


def blocked_chain() -> State:
    """Friday's run lacks 100 fen of power's.

    Power buys from steel with money it lacks (1); steel spends the proceeds at cement (2), cement spends those at power
    (3); steel sells to cement for cement's own money (4).
    """
    state = open_books(power_fen=200, cement_fen=50)
    play_day(
        state,
        trade(1, POWER, STEEL, 300),
        trade(2, STEEL, CEMENT, 300),
        trade(3, CEMENT, POWER, 320),
        trade(4, CEMENT, STEEL, 30),
    )
    play(state, OWN, agree())
    assert state.runs.open[1].reason == "FUNDS_LACKING"
    return state


# fmt: off
LADDER: list[Line] = [
    (ANN, ExcludeTrades(1, (), GROUND),                      "TRADES_MISSING"),
    (ANN, ExcludeTrades(1, tuple(range(1, TRADES_NAMED_MAX + 2)), GROUND), "TOO_MANY_TRADES"),
    (ANN, ExcludeTrades(1, (1, 1), GROUND),                  "TRADE_NAMED_TWICE"),
    (ANN, ExcludeTrades(1, (1,), ""),                        "TEXT_MALFORMED"),
    (ANN, ExcludeTrades(1, (1,), "g" * 201),                 "TEXT_MALFORMED"),
    (ANN, ExcludeTrades(0, (1,), GROUND),                    "RUN_UNKNOWN"),
    (ANN, ExcludeTrades(2, (1,), GROUND),                    "RUN_UNKNOWN"),
    (ANN, ExcludeTrades(1, (5,), GROUND),                    "TRADE_NOT_IN_RUN"),
    (ANN, ExcludeTrades(1, (-1,), GROUND),                   "TRADE_NOT_IN_RUN"),
]
# fmt: on


def test_trades_are_taken_out_of_a_run_that_is_blocked_by_a_trade() -> None:
    state = blocked_chain()
    climb(state, LADDER)
    by_two(state, ExcludeTrades(1, (1,), GROUND))
    climb(state, [(ANN, ExcludeTrades(1, (4,), GROUND), "RUN_NOT_BLOCKED")])
    play(state, OWN, agree(attempt=2))
    play(state, OWN, refused(attempt=2))
    climb(state, [(ANN, ExcludeTrades(1, (3,), GROUND), "TRADE_NOT_IN_RUN")])
    play(state, ANN, RetryRun(1))
    play(state, OWN, agree(attempt=3))
    play(state, OWN, delivered(attempt=3))
    climb(state, [(ANN, ExcludeTrades(1, (4,), GROUND), "RUN_COMPLETED")])
    assert balances(state) == {POWER: 200, STEEL: 30, CEMENT: 20}


def test_every_trade_that_the_excluded_ones_funded_goes_with_them() -> None:
    state = blocked_chain()
    approved, *excluded, _, _, computed, _ = by_two(state, ExcludeTrades(1, (1,), GROUND))
    assert approved == ExclusionApproved(1, 1, (1, 2, 3), (1,), GROUND, ANN, BOB)
    assert excluded[0] == TradeExcluded(1, 1, FRIDAY, POWER, STEEL, "CEA", 300, 300, 0, 0, 1, 200)
    assert [event.trade_id for event in excluded if isinstance(event, TradeExcluded)] == [1, 2, 3]
    assert isinstance(computed, ClearingRunComputed)
    assert (computed.attempt, computed.trades, computed.excluded_trades, computed.value_fen) == (2, 1, 3, 30)


def test_a_trade_with_money_of_its_own_stays_in() -> None:
    state = open_books(power_fen=200, steel_fen=300, cement_fen=50)
    play_day(state, trade(1, POWER, STEEL, 300), trade(2, STEEL, CEMENT, 300))
    play(state, OWN, agree())
    approved = by_two(state, ExcludeTrades(1, (1,), GROUND))[0]
    assert isinstance(approved, ExclusionApproved)
    assert approved.trade_ids == (1,)


def test_what_is_approved_is_what_was_proposed() -> None:
    """All the trades that would go, not only those that were named."""
    state = blocked_chain()
    on = engine_of(CLEARING_SERVICE, state)
    proposed = on.decide(asked(ANN, "", proposal_of(ExcludeTrades(1, (1,), GROUND), COMMANDS)), {}, NOW_MS)
    assert isinstance(proposed, Done)
    effect, *named, begun = proposed.only(CommandProposed).effects
    assert named
    assert not any(one.data for one in named), "of what follows from it the types alone are shown"
    assert pb.ClearingRunBegun.FromString(begun.data) == pb.ClearingRunBegun(run_id=1, attempt=2)
    assert list(pb.ExclusionApproved.FromString(effect.data).trade_ids) == [1, 2, 3]
    play(state, ICBC, RecordDeposit("top up", STEEL, 300))
    outdated = on.decide(asked(BOB, "", ApproveProposal(proposed.position)), {}, NOW_MS)
    assert isinstance(outdated, Rejected)
    assert (outdated.reason, outdated.facts["changed"]) == ("PROPOSAL_OUTDATED", "ExclusionApproved.trade_ids")
    assert state.runs.open[1].reason == "FUNDS_LACKING"


def test_taking_out_trades_mends_no_difference_with_trading() -> None:
    state = open_books(power_fen=300)
    play_day(state, trade(1, POWER, STEEL, 300))
    play(state, OWN, replace(agree(), agreed=False))
    climb(state, [(ANN, ExcludeTrades(1, (1,), GROUND), "RUN_NOT_BLOCKED_BY_A_TRADE")])


def test_a_day_whose_trades_are_all_excluded_is_completed_without_a_delivery() -> None:
    state = open_books()
    play_day(state, trade(1, POWER, STEEL, 300))
    play(state, OWN, agree())
    by_two(state, ExcludeTrades(1, (1,), GROUND))
    assert SettlementDayCompleted(FRIDAY, 1, 0, 1, 0, 0) in play(state, OWN, agree(attempt=2))


def excluding(state: State, *trade_ids: int, run_id: int = 1, attempt: int = 1) -> dict[int, int]:
    """What each trade blocks that two people take out of a run whose delivery was refused, by trade id."""
    play(state, OWN, agree(run_id, attempt))
    if state.runs.open[run_id].reason != "FUNDS_LACKING":
        play(state, OWN, refused(run_id, attempt))
    answer = by_two(state, ExcludeTrades(run_id, trade_ids, GROUND))
    return {event.trade_id: event.blocked_fen for event in answer if isinstance(event, TradeExcluded)}


def test_the_money_of_an_excluded_purchase_stays_blocked_and_the_sellers_is_not_to_come() -> None:
    state = open_books(power_fen=500)
    play_day(state, trade(1, POWER, STEEL, 300, fee_fen=3))
    assert excluding(state, 1) == {1: 303}
    power = state.funds.accounts[POWER]
    assert (power.balance_fen, power.blocked_fen, power.unsettled_out_fen) == (500, 303, 0)
    assert state.funds.accounts[STEEL].unsettled_in_fen == 0
    facts = facts_of_refusal(state, TRADING, RequestPayout(POWER, 198, 1))
    assert facts["blocked_fen"] == 303
    play(state, TRADING, RequestPayout(POWER, 197, 1))


def test_a_purchase_blocks_no_more_than_the_balance_holds() -> None:
    state = open_books(power_fen=299)
    play_day(state, trade(1, POWER, STEEL, 300))
    assert excluding(state, 1) == {1: 299}


def test_a_purchase_that_an_excluded_sale_was_to_pay_blocks_nothing_and_a_later_deposit_is_free() -> None:
    state = open_books(steel_fen=300)
    play_day(state, trade(1, STEEL, POWER, 300), trade(2, POWER, CEMENT, 300))
    assert excluding(state, 1) == {1: 300, 2: 0}
    play(state, ICBC, RecordDeposit("fresh money", POWER, 100))
    play(state, TRADING, RequestPayout(POWER, 100, 1))


def test_what_the_buyers_other_trades_need_of_whatever_day_is_not_blocked() -> None:
    state = open_books(power_fen=480)
    play_day(state, trade(1, POWER, STEEL, 300), trade(2, POWER, CEMENT, 200))
    play(state, TRADING, trade(3, POWER, STEEL, 50, day=MONDAY))
    assert excluding(state, 1) == {1: 480 - 200 - 50}
    play(state, OWN, agree(attempt=2))
    play(state, OWN, delivered(attempt=2))
    play(state, TRADING, close(trade(3, POWER, STEEL, 50, day=MONDAY), day=MONDAY))
    play(state, OWN, agree(run_id=2))
    play(state, OWN, delivered(run_id=2))
    power = state.funds.accounts[POWER]
    assert (state.runs.settled_day, power.balance_fen, power.blocked_fen) == (MONDAY, 230, 230)


def test_a_trade_that_the_days_own_sales_pay_needs_nothing_of_the_balance() -> None:
    state = open_books(power_fen=100, cement_fen=900)
    play_day(state, trade(1, CEMENT, POWER, 900), trade(2, POWER, STEEL, 900), trade(3, POWER, STEEL, 100))
    assert excluding(state, 3) == {3: 100}


def test_two_exclusions_of_a_buyer_share_what_its_balance_holds() -> None:
    state = open_books(power_fen=500)
    play_day(state, trade(1, POWER, STEEL, 300), trade(2, POWER, CEMENT, 100), trade(3, POWER, STEEL, 100))
    assert excluding(state, 1) == {1: 300}
    assert excluding(state, 2, 3, attempt=2) == {2: 100, 3: 100}
    assert state.funds.accounts[POWER].blocked_fen == 500


def test_what_is_blocked_pays_no_trade_of_a_later_day() -> None:
    state = open_books(power_fen=300)
    play_day(state, trade(1, POWER, STEEL, 300))
    assert excluding(state, 1) == {1: 300}
    play(state, OWN, agree(attempt=2))
    play_day(state, trade(2, POWER, STEEL, 1, day=MONDAY), day=MONDAY)
    play(state, OWN, agree(run_id=2))
    assert state.runs.open[2].reason == "FUNDS_LACKING"


def test_an_exclusion_is_not_longer_than_trading_takes_it() -> None:
    state = open_books(cement_fen=10)
    first = trade(1, POWER, STEEL, EXCLUDED_TRADES_MAX)
    rest = [trade(number, STEEL, CEMENT, 1) for number in range(2, EXCLUDED_TRADES_MAX + 2)]
    for one in (first, *rest):
        play(state, TRADING, one)
    play(state, TRADING, close(first, *rest))
    play(state, OWN, agree())
    facts = facts_of_refusal(state, ANN, ExcludeTrades(1, (1,), GROUND))
    assert facts == {"trades": EXCLUDED_TRADES_MAX + 1, "trades_max": EXCLUDED_TRADES_MAX}


def test_the_next_day_begins_when_the_day_with_exclusions_is_done() -> None:
    state = blocked_chain()
    play_day(state, trade(5, CEMENT, POWER, 10, day=MONDAY), day=MONDAY)
    by_two(state, ExcludeTrades(1, (1,), GROUND))
    play(state, OWN, agree(attempt=2))
    play(state, OWN, delivered(attempt=2))
    play(state, OWN, agree(run_id=2))
    play(state, OWN, delivered(run_id=2))
    assert state.runs.settled_day == MONDAY
    assert balances(state) == {POWER: 210, STEEL: 30, CEMENT: 10}
