"""Winding up: what a stopped account gives back, and when nothing more will be delivered to it or from it.

Custody is exclusive, so a restriction reaches what trading holds only through trading: what is unsold goes back to the
registry's custody when the account is stopped, and what it still buys when that is released (T+1). Once no trade of
it awaits settlement any more, trading says so; the registry closes no account before that (rulebook 1.4: all business
must be wound up, no trading while an account is being closed).

Invariants: an account is wound up only while it is stopped, once for each stop, and with no trade unsettled.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chassis.decider import Evolve
from trading.domain.accounts import Account
from trading.domain.custody import AllowancesReturned
from trading.domain.trades import Trade

if TYPE_CHECKING:
    from trading.domain.market import Market


@dataclass(frozen=True, slots=True)
class TradingAccountWoundUp:
    account: str
    restriction: int


def returns_when_stopped(market: "Market", account: Account) -> list[AllowancesReturned]:
    """All that is unsold: what is locked now is behind listings and negotiations that end with the stop."""
    unsold = [
        (account.account, instrument, units.available_tonnes + units.locked_tonnes)
        for instrument, units in sorted(account.units.items())
    ]
    return returned(market, unsold)


def returns_when_released(market: "Market", released: Iterable[tuple[str, str, int]]) -> list[AllowancesReturned]:
    """Of what is released for sale (account, instrument, tonnes), what stopped accounts bought."""
    unsold: dict[tuple[str, str], int] = {}
    for account, instrument, quantity_tonnes in released:
        if market.accounts[account].stopped_ground:
            key = (account, instrument)
            unsold[key] = unsold.get(key, 0) + quantity_tonnes
    return returned(market, [(*key, quantity_tonnes) for key, quantity_tonnes in unsold.items()])


def returned(market: "Market", unsold: Iterable[tuple[str, str, int]]) -> list[AllowancesReturned]:
    given = [one for one in unsold if one[2]]
    return [
        AllowancesReturned(account=account, instrument=instrument, quantity_tonnes=quantity_tonnes, return_id=return_id)
        for return_id, (account, instrument, quantity_tonnes) in enumerate(given, market.return_id_last + 1)
    ]


def wound_up_by_stop(account: Account, restriction: int) -> list[TradingAccountWoundUp]:
    return [] if account.unsettled_tonnes else [TradingAccountWoundUp(account.account, restriction)]


def wound_up_by_settling(market: "Market", trade: Trade) -> list[TradingAccountWoundUp]:
    """The stopped parties of a trade, if it was the last of theirs to await settlement."""
    parties = (market.accounts[trade.buyer], market.accounts[trade.seller])
    return [
        TradingAccountWoundUp(account=party.account, restriction=party.restriction)
        for party in parties
        if party.stopped_ground and party.unsettled_tonnes == trade.quantity_tonnes
    ]


def on_trading_account_wound_up(market: "Market", event: TradingAccountWoundUp) -> None:
    """Only said: it is the registry that goes by it."""
    account = market.accounts[event.account]
    assert account.stopped_ground
    assert account.unsettled_tonnes == 0


EVOLVE: Evolve = {TradingAccountWoundUp: on_trading_account_wound_up}
