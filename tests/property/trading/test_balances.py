"""An account's units and money, move by move: nothing is made or lost, nothing is negative, and no move takes more than
there is.

The moves are played between accounts as the market does, in any order and size that the balances allow; what all
accounts together must then hold is counted here, beside the balances.
"""

import inspect
from dataclasses import dataclass, fields, replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.domain.balances import Funds, Units

ACCOUNTS = 3
randoms = st.integers(0, 2**32).map(Random)
sizes = st.integers(10, 80)


def part(random: Random, of: int) -> int:
    """Any amount up to this one, the whole of it often."""
    return random.choice((of, random.randint(0, of)))


def assert_not_negative(balance: Units | Funds) -> None:
    negative = {one.name: value for one in fields(balance) if (value := getattr(balance, one.name)) < 0}
    assert not negative


# Units


@dataclass
class UnitTrade:
    buyer: Units
    seller: Units
    tonnes: int
    settled: bool = False


def play_units(random: Random, steps: int) -> list[Units]:
    """Credits, locks, trades of either kind, settlements, exclusions, releases and returns, in any order."""
    accounts = [Units() for _ in range(ACCOUNTS)]
    credited_tonnes = blocked_tonnes = returning_tonnes = 0
    trades: list[UnitTrade] = []
    for _ in range(steps):
        one, other = random.sample(accounts, 2)
        step = random.choice(
            ("credit", "return", "booked", "lock", "unlock", "make", "take", "settle", "exclude", "release")
        )
        if step == "credit":
            tonnes = random.randint(0, 1_000)
            one.credit(tonnes)
            credited_tonnes += tonnes
        elif step == "return":
            tonnes = part(random, one.available_tonnes)
            one.give_back(tonnes)
            credited_tonnes -= tonnes
            returning_tonnes += tonnes
        elif step == "booked":
            tonnes = part(random, one.returning_tonnes)
            one.acknowledge_return(tonnes)
            returning_tonnes -= tonnes
        elif step == "lock":
            one.lock(part(random, one.available_tonnes))
        elif step == "unlock":
            one.unlock(part(random, one.locked_tonnes))
        elif step in ("make", "take"):
            tonnes = part(random, one.locked_tonnes if step == "make" else one.available_tonnes)
            if step == "make":
                one.sell_locked(tonnes)
            else:
                one.sell_available(tonnes)
            other.buy(tonnes)
            trades.append(UnitTrade(other, one, tonnes))
        elif trades:
            trade = random.choice(trades)
            if step == "settle" and not trade.settled:
                trade.buyer.settle_bought(trade.tonnes)
                trade.seller.settle_sold(trade.tonnes)
                trade.settled = True
            elif step == "exclude" and not trade.settled:
                trade.buyer.exclude_bought(trade.tonnes)
                trade.seller.block_sold(trade.tonnes)
                blocked_tonnes += trade.tonnes
                trades.remove(trade)
            elif step == "release" and trade.settled:
                trade.buyer.release(trade.tonnes)
                trades.remove(trade)
        assert sum(units.blocked_tonnes for units in accounts) == blocked_tonnes
        assert_units_add_up(accounts, trades, credited_tonnes, returning_tonnes)
    return accounts


def assert_units_add_up(
    accounts: list[Units], trades: list[UnitTrade], credited_tonnes: int, returning_tonnes: int
) -> None:
    for units in accounts:
        assert_not_negative(units)
        units.check()
    awaited_tonnes = sum(trade.tonnes for trade in trades if not trade.settled)
    assert sum(units.total_tonnes for units in accounts) == credited_tonnes
    assert sum(units.custody_tonnes for units in accounts) == credited_tonnes
    assert sum(units.bought_unsettled_tonnes for units in accounts) == awaited_tonnes
    assert sum(units.sold_unsettled_tonnes for units in accounts) == awaited_tonnes
    assert sum(units.bought_tonnes for units in accounts) == sum(trade.tonnes for trade in trades)
    custody_tonnes = sum(units.held_elsewhere[0][0] for units in accounts)
    assert custody_tonnes == credited_tonnes + returning_tonnes, "what the registry must have"


@given(randoms, sizes)
def test_units_move_between_accounts_and_none_is_made_or_lost(random: Random, steps: int) -> None:
    play_units(random, steps)


UNITS_TAKEN_FROM = {
    "give_back": "available_tonnes",
    "acknowledge_return": "returning_tonnes",
    "lock": "available_tonnes",
    "unlock": "locked_tonnes",
    "sell_locked": "locked_tonnes",
    "sell_available": "available_tonnes",
    "settle_bought": "bought_unsettled_tonnes",
    "settle_sold": "sold_unsettled_tonnes",
    "release": "bought_tonnes",
    "exclude_bought": "bought_unsettled_tonnes",
    "block_sold": "sold_unsettled_tonnes",
}
"""The field of which a move takes, by its name; the other moves only add."""


@given(randoms, sizes, st.integers(1, 1_000))
def test_no_move_takes_more_units_than_there_are(random: Random, steps: int, beyond_tonnes: int) -> None:
    for units in play_units(random, steps):
        for move, taken_from in UNITS_TAKEN_FROM.items():
            with pytest.raises(AssertionError):
                getattr(replace(units), move)(getattr(units, taken_from) + beyond_tonnes)


# Money


@dataclass
class Payment:
    buyer: Funds
    seller: Funds
    pays_fen: int
    receives_fen: int
    today: bool = True


def play_funds(random: Random, steps: int) -> list[Funds]:
    """Deposits, locks, trades of either kind with fees, days, settlements, exclusions and releases, in any order."""
    accounts = [Funds() for _ in range(ACCOUNTS)]
    settled_fen = fees_fen = releasing_fen = 0
    payments: list[Payment] = []
    for _ in range(steps):
        one, other = random.sample(accounts, 2)
        step = random.choice(
            ("credit", "release", "booked", "lock", "unlock", "make", "take", "day", "settle", "exclude")
        )
        if step == "credit":
            amount_fen = random.randint(0, 10_000)
            one.credit(amount_fen)
            settled_fen += amount_fen
        elif step == "release":
            amount_fen = part(random, one.withdrawable_fen)
            one.release(amount_fen)
            settled_fen -= amount_fen
            releasing_fen += amount_fen
        elif step == "booked":
            amount_fen = part(random, one.releasing_fen)
            one.acknowledge_release(amount_fen)
            releasing_fen -= amount_fen
        elif step == "lock":
            one.lock(part(random, one.buying_power_fen))
        elif step == "unlock":
            one.unlock(part(random, one.locked_fen))
        elif step in ("make", "take"):
            pays_fen = part(random, one.locked_fen if step == "make" else one.buying_power_fen)
            receives_fen = pays_fen - pays_fen // 100
            if step == "make":
                one.pay_locked(pays_fen)
            else:
                one.pay_available(pays_fen)
            other.receive(receives_fen)
            payments.append(Payment(one, other, pays_fen, receives_fen))
        elif step == "day":
            for funds in accounts:
                funds.begin_day()
            for payment in payments:
                payment.today = False
        elif payments:
            payment = random.choice(payments)
            if step == "settle" and payment.pays_fen <= payment.buyer.settled_fen:
                payment.buyer.settle_paid(payment.pays_fen)
                payment.seller.settle_received(payment.receives_fen, sold_today=payment.today)
                settled_fen -= payment.pays_fen - payment.receives_fen
                fees_fen += payment.pays_fen - payment.receives_fen
                payments.remove(payment)
            elif step == "exclude":
                payment.buyer.exclude_paid(payment.pays_fen, blocked_fen=part(random, payment.pays_fen))
                payment.seller.exclude_received(payment.receives_fen, sold_today=payment.today)
                payments.remove(payment)
        assert_money_adds_up(accounts, payments, settled_fen, releasing_fen)
    return accounts


def assert_money_adds_up(accounts: list[Funds], payments: list[Payment], settled_fen: int, releasing_fen: int) -> None:
    for funds in accounts:
        assert_not_negative(funds)
        funds.check()
    assert sum(funds.settled_fen for funds in accounts) == settled_fen
    balances_fen = sum(funds.held_elsewhere[0][0] for funds in accounts)
    assert balances_fen == settled_fen + releasing_fen, "what clearing must have"
    assert sum(funds.paid_unsettled_fen for funds in accounts) == sum(one.pays_fen for one in payments)
    assert sum(funds.received_today_fen for funds in accounts) == sum(one.receives_fen for one in payments if one.today)
    assert sum(funds.received_earlier_fen for funds in accounts) == sum(
        one.receives_fen for one in payments if not one.today
    )


@given(randoms, sizes)
def test_money_moves_between_accounts_and_none_is_made_or_lost(random: Random, steps: int) -> None:
    play_funds(random, steps)


FUNDS_TAKEN_FROM = {
    "release": "available_fen",
    "acknowledge_release": "releasing_fen",
    "lock": "available_fen",
    "unlock": "locked_fen",
    "pay_locked": "locked_fen",
    "pay_available": "available_fen",
    "settle_paid": "paid_unsettled_fen",
}


@given(randoms, sizes, st.integers(1, 1_000))
def test_no_move_takes_more_money_than_there_is(random: Random, steps: int, beyond_fen: int) -> None:
    for funds in play_funds(random, steps):
        for move, taken_from in FUNDS_TAKEN_FROM.items():
            with pytest.raises(AssertionError):
                getattr(replace(funds), move)(getattr(funds, taken_from) + beyond_fen)
        with pytest.raises(AssertionError):
            replace(funds).exclude_paid(funds.paid_unsettled_fen + beyond_fen, blocked_fen=0)
        for sold_today, received_fen in ((True, funds.received_today_fen), (False, funds.received_earlier_fen)):
            with pytest.raises(AssertionError):
                replace(funds).settle_received(received_fen + beyond_fen, sold_today=sold_today)
            with pytest.raises(AssertionError):
                replace(funds).exclude_received(received_fen + beyond_fen, sold_today=sold_today)


@pytest.mark.parametrize("kind", [Units, Funds])
def test_every_move_is_played_and_takes_no_negative_amount(kind: type[Units] | type[Funds]) -> None:
    moves = {
        name: function
        for name, function in vars(kind).items()
        if inspect.isfunction(function) and not name.startswith("_") and name != "check"
    }
    played = inspect.getsource(play_units if kind is Units else play_funds)
    assert [name for name in moves if f".{name}(" not in played] == []
    for name, function in moves.items():
        if name == "begin_day":
            continue
        named = dict.fromkeys(list(inspect.signature(function).parameters)[2:], 0)
        with pytest.raises(AssertionError):
            getattr(kind(), name)(-1, **named)
