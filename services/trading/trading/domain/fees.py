"""Fees: of all that an account trades on one side in a day, rounded once (rulebook 3.7).

The fee of a day and side is the rate times the value of all its trades, rounded down to the fen; a trade's fee is by
how much it grows that. So the same trades cost the same in whatever parts they are made: listed or block, made or
taken, in one take or tonne by tonne.

A buyer's open listings and block terms lock their value and what the day's fee would grow by if all of them were
traded. However they are filled, that is exactly enough: what a fill pays and what is locked after it add up to what was
locked before. A purchase that is taken uses available money and moves the place at which the open ones would be
rounded, so it may change their lock by a fen, either way; the trade states by how much.

Invariants: a fee is never negative and, for a seller, never more than the trade's value; an account's lock is its open
value and the fee of it, on top of what it has bought that day.
"""

from trading.domain.arithmetic import fee_fen
from trading.domain.balances import Account
from trading.domain.rules import fees_on
from trading.domain.state import Market


def buyer_fee_fen(market: Market, account: Account, value_fen: int) -> int:
    """What a purchase of this value adds to the fees of the open day."""
    return _growth_fen(account.bought_today_fen, value_fen, buyer_rate_ppm(market))


def seller_fee_fen(market: Market, account: Account, value_fen: int) -> int:
    """What a sale of this value adds to the fees of the open day."""
    rate_ppm = fees_on(market.rules, market.calendar.open_day).seller_fee_ppm
    return _growth_fen(account.sold_today_fen, value_fen, rate_ppm)


def buyer_needs_fen(market: Market, account: Account, value_fen: int) -> int:
    """What a further purchase of this value needs beside all that is open: to lock it, or to trade it at once."""
    return value_fen + _growth_fen(account.bought_today_fen + account.bidding_fen, value_fen, buyer_rate_ppm(market))


def lock_fen(market: Market, account: Account) -> int:
    """What an account's open purchases lock."""
    return account.bidding_fen + buyer_fee_fen(market, account, account.bidding_fen)


def lock_change_fen(market: Market, buyer: Account, value_fen: int) -> int:
    """By how much a purchase that is taken changes the lock of the buyer's open ones: -1, 0 or 1 fen."""
    return buyer_needs_fen(market, buyer, value_fen) - value_fen - buyer_fee_fen(market, buyer, value_fen)


class Unlocking:
    """What open purchases that end give back, one after another in one decision."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._bidding_fen: dict[str, int] = {}

    def of(self, account: str, value_fen: int) -> int:
        """What is unlocked when so much of the account's open value ends; to be asked in the order of the events."""
        holder = self._market.accounts[account]
        left_fen = self._bidding_fen.get(account, holder.bidding_fen) - value_fen
        self._bidding_fen[account] = left_fen
        return value_fen + _growth_fen(holder.bought_today_fen + left_fen, value_fen, buyer_rate_ppm(self._market))


def buyer_rate_ppm(market: Market) -> int:
    return fees_on(market.rules, market.calendar.open_day).buyer_fee_ppm


def _growth_fen(before_fen: int, value_fen: int, rate_ppm: int) -> int:
    return fee_fen(before_fen + value_fen, rate_ppm) - fee_fen(before_fen, rate_ppm)
