"""Clearing's money, move by move: none is made or lost, nothing is negative, and no move takes more than there is."""

from copy import deepcopy
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.domain.balances import Account, Funds

NAMES = ("power", "steel", "cement")
randoms = st.integers(0, 2**32).map(Random)
sizes = st.integers(10, 80)


@dataclass
class Owed:
    buyer: str
    seller: str
    pays_fen: int
    receives_fen: int


def part(random: Random, of: int) -> int:
    """Any amount up to this one, the whole of it often."""
    return random.choice((of, random.randint(0, of)))


def play(random: Random, steps: int) -> Funds:
    """Deposits, payouts, trades owed, settled and excluded, in any order and size that the balances allow."""
    funds = Funds(accounts={name: Account() for name in NAMES})
    in_fen = out_fen = fees_fen = blocked_fen = 0
    owed: list[Owed] = []
    payouts: list[tuple[str, int]] = []
    for _ in range(steps):
        one, other = random.sample(NAMES, 2)
        account = funds.accounts[one]
        entry = funds.entry_last + 1
        step = random.choice(("deposit", "request", "pay out", "restore", "owe", "settle", "exclude"))
        if step == "deposit":
            amount_fen = random.randint(0, 10_000)
            funds.deposit(entry, one, amount_fen)
            in_fen += amount_fen
        elif step == "request":
            free_fen = account.balance_fen - account.unsettled_out_fen - account.blocked_fen
            if free_fen >= 0:
                amount_fen = part(random, free_fen)
                funds.request_payout(entry, one, amount_fen)
                payouts.append((one, amount_fen))
        elif step in ("pay out", "restore") and payouts:
            payee, amount_fen = payouts.pop(random.randrange(len(payouts)))
            if step == "restore":
                funds.restore(entry, payee, amount_fen)
            else:
                funds.pay_out(payee, amount_fen)
                out_fen += amount_fen
        elif step == "owe":
            pays_fen = random.randint(0, 5_000)
            owed.append(Owed(one, other, pays_fen, pays_fen - pays_fen // 100))
            funds.owe(one, pays_fen, other, owed[-1].receives_fen)
        elif step in ("settle", "exclude") and owed:
            trade = random.choice(owed)
            buyer = funds.accounts[trade.buyer]
            free_fen = buyer.balance_fen - buyer.blocked_fen
            if step == "exclude":
                kept_fen = min(part(random, trade.pays_fen), free_fen)
                funds.exclude(trade.buyer, trade.pays_fen, trade.seller, trade.receives_fen, blocked_fen=kept_fen)
                blocked_fen += kept_fen
                owed.remove(trade)
            elif trade.pays_fen <= free_fen:
                funds.settle(trade.buyer, trade.pays_fen, trade.seller, trade.receives_fen)
                fees_fen += trade.pays_fen - trade.receives_fen
                owed.remove(trade)
        funds.check_all()
        accounts = funds.accounts.values()
        open_fen = sum(amount_fen for _, amount_fen in payouts)
        assert (funds.pool_fen, funds.payouts_open_fen, funds.fees_fen) == (in_fen - out_fen, open_fen, fees_fen)
        assert sum(one.balance_fen for one in accounts) == in_fen - out_fen - open_fen - fees_fen
        assert sum(one.unsettled_out_fen for one in accounts) == sum(trade.pays_fen for trade in owed)
        assert sum(one.unsettled_in_fen for one in accounts) == sum(trade.receives_fen for trade in owed)
        assert sum(one.blocked_fen for one in accounts) == blocked_fen
        entries = {name: sum(one.amount_fen for one in funds.entries_recent if one.account == name) for name in NAMES}
        assert sum(entries.values()) == in_fen - out_fen - open_fen
    return funds


@given(randoms, sizes)
def test_money_moves_between_accounts_and_none_is_made_or_lost(random: Random, steps: int) -> None:
    play(random, steps)


@given(randoms, sizes, st.integers(1, 1_000))
def test_no_move_takes_more_money_than_there_is(random: Random, steps: int, beyond_fen: int) -> None:
    funds = play(random, steps)
    one, other = random.sample(NAMES, 2)
    account = funds.accounts[one]
    entry = funds.entry_last + 1
    free_fen = max(0, account.balance_fen - account.unsettled_out_fen - account.blocked_fen)
    owed_fen, due_fen = account.unsettled_out_fen, funds.accounts[other].unsettled_in_fen
    with pytest.raises(AssertionError):
        deepcopy(funds).request_payout(entry, one, free_fen + beyond_fen)
    with pytest.raises(AssertionError):
        deepcopy(funds).pay_out(one, account.payouts_open_fen + beyond_fen)
    with pytest.raises(AssertionError):
        deepcopy(funds).restore(entry, one, account.payouts_open_fen + beyond_fen)
    with pytest.raises(AssertionError):
        deepcopy(funds).settle(one, owed_fen + beyond_fen, other, 0)
    with pytest.raises(AssertionError):
        deepcopy(funds).settle(one, due_fen + beyond_fen, other, due_fen + beyond_fen)
    with pytest.raises(AssertionError):
        deepcopy(funds).exclude(one, owed_fen + beyond_fen, other, 0, blocked_fen=0)
    with pytest.raises(AssertionError):
        deepcopy(funds).deposit(entry, one, -beyond_fen)
    with pytest.raises(AssertionError):
        deepcopy(funds).deposit(entry + 1, one, beyond_fen)
