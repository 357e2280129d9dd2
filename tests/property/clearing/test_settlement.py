"""Whatever is traded, answered, paid and excluded, in any order: no trade is lost or doubled, no fen made or lost."""

from collections import Counter
from dataclasses import fields, replace
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from chassis.core.sum_tree import Key
from clearing.domain.books import own_book
from clearing.domain.decider import DECIDER
from clearing.domain.exclusion import ExclusionApproved, TradeExcluded
from clearing.domain.funds import FundsDeposited
from clearing.domain.payouts import FundsRestored, PayoutPaid, PayoutRequested
from clearing.domain.reconciliation import BooksReconciled, not_comparable_because
from clearing.domain.run import ClearingRunComputed
from clearing.domain.settlement import RecordConfirmation, SettlementDayCompleted, TradeSettled
from clearing.domain.state import Phase
from clearing.domain.trades import ObligationRecorded
from clearing.wire import WIRE
from support.domains.clearing_books import OWN, Remembering, balances
from support.domains.clearing_market import ACCOUNTS, NaiveMarket
from support.domains.kept_trees import assert_commits_to, restored, up_to_date
from support.domains.row_by_row import FundPosition, UnitPosition, compare, own_now, statement_of

Action = tuple[object, ...]

account = st.integers(0, len(ACCOUNTS) - 1)
amount = st.integers(1, 100)
deposit = st.tuples(st.just("deposit"), account, st.integers(1, 300))
execute = st.tuples(st.just("execute"), account, account, amount, st.integers(0, 5))
yes = st.just(("answer", True))
no = st.just(("answer", False))
exclude = st.tuples(st.just("exclude"), st.integers(0, 10))
retry = st.just(("retry",))
release = st.tuples(st.just("release"), account, amount)
pay = st.tuples(st.just("pay"), st.integers(1, 6), st.booleans())
give_back = st.tuples(st.just("give_back"), account, st.integers(1, 100))
hear = st.tuples(st.just("hear"), st.integers(0, 60), st.integers(0, 3))
reconcile = st.just(("reconcile",))

hours = st.lists(
    st.one_of(deposit, deposit, deposit, execute, execute, execute, release, pay, give_back, hear), max_size=10
)
evening = st.lists(st.one_of(yes, yes, yes, yes, yes, no, exclude, retry, deposit, hear, reconcile), max_size=10)


def in_order(days: list[tuple[list[Action], list[Action]]]) -> list[Action]:
    """A day's hours, its close, its evening; then the next day."""
    return [action for by_day, by_night in days for action in (*by_day, ("close",), *by_night)]


histories = st.lists(st.tuples(hours, evening), max_size=5).map(in_order)


def market_after(history: list[Action]) -> NaiveMarket:
    market = NaiveMarket().open()
    for name, *arguments in history:
        getattr(market, str(name))(*arguments)
    return market


@given(histories)
def test_every_trade_is_cleared_gross_exactly_once(history: list[Action]) -> None:
    market = market_after(history)
    market.close()
    market.settle_all()
    recorded = [event for event in market.said if isinstance(event, ObligationRecorded)]
    settled = Counter(event.trade_id for event in market.said if isinstance(event, TradeSettled))
    excluded = Counter(event.trade_id for event in market.said if isinstance(event, TradeExcluded))
    of_closed_days = {one.trade_id for one in recorded if one.day < market.today}
    assert settled + excluded == Counter(of_closed_days), "each settled or excluded, once"
    assert Counter(market.delivered) == settled, "delivered if and only if paid"


@given(histories)
def test_no_fen_is_made_or_lost_and_no_balance_is_negative(history: list[Action]) -> None:
    market = market_after(history)
    expected: Counter[str] = Counter()
    fees_fen = 0
    for event in market.said:
        match event:
            case FundsDeposited() | FundsRestored():
                expected[event.account] += event.amount_fen
            case PayoutRequested():
                expected[event.account] -= event.amount_fen
            case TradeSettled():
                expected[event.buyer] -= event.value_fen + event.buyer_fee_fen
                expected[event.seller] += event.value_fen - event.seller_fee_fen
                fees_fen += event.buyer_fee_fen + event.seller_fee_fen
        assert min(expected.values(), default=0) >= 0
    assert balances(market.state) == {name: expected[name] for name in ACCOUNTS}
    deposited_fen = sum(event.amount_fen for event in market.said if isinstance(event, FundsDeposited))
    requested = {event.payout_id: event.amount_fen for event in market.said if isinstance(event, PayoutRequested)}
    paid_fen = sum(requested[event.payout_id] for event in market.said if isinstance(event, PayoutPaid))
    open_fen = sum(payout.amount_fen for payout in market.state.payouts.open.values())
    assert deposited_fen - paid_fen == sum(expected.values()) + fees_fen + open_fen


@given(histories)
def test_the_stored_history_folds_to_the_same_state(history: list[Action]) -> None:
    market = market_after(history)
    again = Remembering()
    for event in market.said:
        stored = WIRE.decode(*WIRE.encode(event))
        DECIDER.evolve[type(stored)](again, stored)
    assert again == market.state


@given(histories)
def test_what_an_exclusion_leaves_in_can_be_paid_and_what_it_takes_along_could_not(
    history: list[Action],
) -> None:
    market = market_after(history)
    for run in list(market.state.runs.open.values())[:1]:
        if run.phase is Phase.CONFIRMING:
            market.do(OWN, RecordConfirmation(run.run_id, run.attempt, agreed=True))
        before = balances(market.state)
        said = len(market.said)
        market.exclude(0)
        approved = [event for event in market.said[said:] if isinstance(event, ExclusionApproved)]
        for one in approved:
            left_in_can_be_paid(market, before, one, run.day)


def left_in_can_be_paid(market: NaiveMarket, before: dict[str, int], exclusion: ExclusionApproved, day: str) -> None:
    """Pay the day's trades one after another; exactly those that were taken along, and not named, find too little."""
    gone = {
        event.trade_id
        for event in market.said
        if isinstance(event, TradeExcluded) and event.exclusion_id != exclusion.exclusion_id
    }
    for one in market.trades:
        if one.day != day or one.trade_id in gone or one.trade_id in exclusion.named_trade_ids:
            continue
        funded = before[one.buyer] >= one.value_fen + one.buyer_fee_fen
        assert funded == (one.trade_id not in exclusion.trade_ids)
        if funded:
            before[one.buyer] -= one.value_fen + one.buyer_fee_fen
            before[one.seller] += one.value_fen - one.seller_fee_fen


@given(histories)
def test_a_run_is_computed_only_after_every_earlier_day_is_settled(history: list[Action]) -> None:
    market = market_after(history)
    settled: set[int] = set()
    for event in market.said:
        if isinstance(event, ClearingRunComputed):
            assert settled >= set(range(1, event.run_id))
        if isinstance(event, SettlementDayCompleted):
            settled.add(event.run_id)


@given(histories)
def test_honest_books_agree_after_every_day_however_late_trading_hears_the_others(history: list[Action]) -> None:
    market = market_after(history)
    market.close()
    market.settle_all()
    market.hear(len(market.said), len(market.registry))
    trading = market.trading_book()
    assert not_comparable_because(statement_of(trading), own_now(market.state, trading)) == ""
    market.reconcile()
    settled = [event.day for event in market.said if isinstance(event, SettlementDayCompleted)]
    compared = [event for event in market.said if isinstance(event, BooksReconciled)]
    assert [event.day for event in compared] == settled
    assert all(event.agreed for event in compared)


numbers_of_units = st.sampled_from([one.name for one in fields(UnitPosition) if one.name.endswith("_tonnes")])
numbers_of_funds = st.sampled_from([one.name for one in fields(FundPosition) if one.name.endswith("_fen")])


@given(histories, st.data(), st.integers(1, 10**6))
def test_any_figure_that_is_off_is_found(history: list[Action], data: st.DataObject, off: int) -> None:
    market = market_after(history)
    market.close()
    market.settle_all()
    market.hear(len(market.said), len(market.registry))
    trading = market.trading_book()
    holdings = market.holdings(trading.registry_position)
    index = data.draw(account)
    name = data.draw(st.one_of(numbers_of_units, numbers_of_funds))
    if name.endswith("_tonnes"):
        units = list(trading.units)
        units[index] = replace(units[index], **{name: getattr(units[index], name) + off})
        trading = replace(trading, units=tuple(units))
    else:
        funds = list(trading.funds)
        funds[index] = replace(funds[index], **{name: getattr(funds[index], name) + off})
        trading = replace(trading, funds=tuple(funds))
    assume(trading.can_be_committed_to)
    assert compare(trading, holdings, market.state, len(market.said)).difference_count > 0


@given(histories, st.randoms(use_true_random=False))
def test_the_commitments_are_those_of_the_books_whenever_they_are_looked_at(
    history: list[Action], random: Random
) -> None:
    """Also after a snapshot, which keeps no tree."""
    market = NaiveMarket().open()
    for name, *arguments in history:
        getattr(market, str(name))(*arguments)
        chance = random.random()
        if chance < 0.1:
            market.state = restored(market.state)
        if chance < 0.5:
            assert_commitments_are_the_books(market)
    market.close()
    for _ in range(len(market.state.runs.open) * 2):
        assert_commitments_are_the_books(market)
        market.answer(yes=True)
    assert_commitments_are_the_books(market)


def assert_commitments_are_the_books(market: NaiveMarket) -> None:
    state = market.state
    own = up_to_date(lambda: own_book(state, market.trading_position, 0))
    due: dict[Key, list[int]] = {}
    for leg in state.obligations.unsettled.values():
        due.setdefault((leg.buyer, leg.instrument), [0, 0, 0])[0] += leg.quantity_tonnes
        due.setdefault((leg.seller, leg.instrument), [0, 0, 0])[1] += leg.quantity_tonnes
    for leg in state.obligations.excluded.values():
        due.setdefault((leg.seller, leg.instrument), [0, 0, 0])[2] += leg.quantity_tonnes
    assert_commits_to(own.units_due, {key: tuple(amounts) for key, amounts in due.items()})
    assert_commits_to(
        own.money,
        {
            (name,): (money.balance_fen, money.unsettled_out_fen, money.unsettled_in_fen, money.blocked_fen)
            for name, money in state.funds.accounts.items()
        },
    )
