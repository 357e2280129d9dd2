"""Fees: computed on the sum of all that an account trades on one side in a day, and rounded once (rulebook 3.7).

The fee of a day and side is the rate times the value of all its trades, rounded down to the fen. A trade's fee is the
amount by which it increases that fee. So the fees of a day depend on its total value only, not on how it was divided
into trades: listed or block, as maker or taker, in one take or tonne by tonne.

A buyer's open listings and block terms lock their value plus the increase of the day's fee if all of them were traded.
That is exactly enough however they are filled: what a fill pays plus what is locked after it is what was locked before.
A purchase as taker is paid from available money. It raises the day's value, on top of which the fee of the open
purchases is rounded, so their lock may change by one fen, up or down; the trade states the change (`lock_change_fen`).

Invariants: a fee is never negative and, for a seller, never more than the trade's value; an account's lock is the value
of its open purchases plus their fee on top of what it has bought that day.
"""

from trading.domain.arithmetic import fee_fen
from trading.domain.balances import Account
from trading.domain.rules import fees_on
from trading.domain.state import Market


def buyer_fee_fen(market: Market, account: Account, value_fen: int) -> int:
    """The fen that a purchase of this value adds to the buyer's fee of the open day."""
    return _increase_fen(account.bought_today_fen, value_fen, buyer_rate_ppm(market))


def seller_fee_fen(market: Market, account: Account, value_fen: int) -> int:
    """The fen that a sale of this value adds to the seller's fee of the open day."""
    rate_ppm = fees_on(market.rules, market.calendar.open_day).seller_fee_ppm
    return _increase_fen(account.sold_today_fen, value_fen, rate_ppm)


def buyer_needs_fen(market: Market, account: Account, value_fen: int) -> int:
    """The fen that one more purchase of this value needs beside all open ones, whether it is locked or paid at once."""
    return value_fen + _increase_fen(account.bought_today_fen + account.bidding_fen, value_fen, buyer_rate_ppm(market))


def lock_fen(market: Market, account: Account) -> int:
    """The fen that an account's open purchases lock."""
    return account.bidding_fen + buyer_fee_fen(market, account, account.bidding_fen)


def lock_change_fen(market: Market, buyer: Account, value_fen: int) -> int:
    """The change of the lock of the buyer's open purchases when it buys as taker: -1, 0 or 1 fen."""
    return buyer_needs_fen(market, buyer, value_fen) - value_fen - buyer_fee_fen(market, buyer, value_fen)


class Unlocking:
    """The money unlocked by open purchases that end one after another in one decision; each depends on those before."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._bidding_fen: dict[str, int] = {}

    def of(self, account: str, value_fen: int) -> int:
        """The fen unlocked when so much of the account's open value ends. Call it in the order of the events."""
        holder = self._market.accounts[account]
        left_fen = self._bidding_fen.get(account, holder.bidding_fen) - value_fen
        self._bidding_fen[account] = left_fen
        return value_fen + _increase_fen(holder.bought_today_fen + left_fen, value_fen, buyer_rate_ppm(self._market))


def buyer_rate_ppm(market: Market) -> int:
    return fees_on(market.rules, market.calendar.open_day).buyer_fee_ppm


def _increase_fen(before_fen: int, value_fen: int, rate_ppm: int) -> int:
    return fee_fen(before_fen + value_fen, rate_ppm) - fee_fen(before_fen, rate_ppm)
