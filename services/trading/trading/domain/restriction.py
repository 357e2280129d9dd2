"""Restriction: the registry restricts an account, so it stops trading and is wound up; then it resumes or is closed.

Units in trading's custody cannot be moved by the registry, so a restriction takes effect when trading records the stop.
At once the account's listings are cancelled, its negotiations withdrawn, and its unsold units returned to the registry.
Trades already made still settle; units bought in them return when they are released (T+1). When no trade of the account
awaits settlement any more, trading records that it is wound up; only then may the registry close it (rulebook 1.4).

Invariants: a stopped account has no open listing and no open negotiation; a closed one is stopped; an account is wound
up only while it is stopped, once for each stop, and with no trade unsettled or blocked.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, Rejected, applies, handles, known_account, merged
from trading.domain import listed, negotiations
from trading.domain.balances import Account
from trading.domain.custody import AllowancesReturned
from trading.domain.fees import Unlocking
from trading.domain.state import Market, Trade

# Commands


@dataclass(frozen=True, slots=True)
class StopTradingAccount:
    """Heard: the registry restricted the account."""

    account: str
    ground: str
    restriction_number: int


@dataclass(frozen=True, slots=True)
class ResumeTradingAccount:
    """Heard: the registry lifted the restriction."""

    account: str


@dataclass(frozen=True, slots=True)
class CloseTradingAccount:
    """Heard: the registry closed the account."""

    account: str


# Events


@dataclass(frozen=True, slots=True)
class TradingAccountStopped:
    account: str
    ground: str
    restriction_number: int


@dataclass(frozen=True, slots=True)
class TradingAccountResumed:
    account: str


@dataclass(frozen=True, slots=True)
class TradingAccountClosed:
    account: str


@dataclass(frozen=True, slots=True)
class TradingAccountWoundUp:
    account: str
    restriction_number: int


# Decisions


def stop_trading_account(market: Market, command: StopTradingAccount, context: Context) -> list[object]:
    account = known_account(market.accounts, command.account)
    if account.stopped_ground:
        raise Rejected("ACCOUNT_ALREADY_RESTRICTED", account=command.account, ground=account.stopped_ground)

    unlocking = Unlocking(market)
    return [
        TradingAccountStopped(
            account=command.account, ground=command.ground, restriction_number=command.restriction_number
        ),
        *(
            listed.cancelled(market.orders[order_id], listed.CancelReason.ACCOUNT_STOPPED, unlocking)
            for order_id in account.orders
        ),
        *(
            negotiations.withdrawn(market.blocks[block_id], negotiations.WithdrawReason.ACCOUNT_STOPPED, unlocking)
            for block_id in account.blocks
        ),
        *returns_when_stopped(market, account),
        *wound_up_by_stop(account, command.restriction_number),
    ]


def resume_trading_account(market: Market, command: ResumeTradingAccount, context: Context) -> list[object]:
    account = known_account(market.accounts, command.account)
    if account.closed:
        raise Rejected("ACCOUNT_CLOSED", account=command.account)
    if not account.stopped_ground:
        raise Rejected("ACCOUNT_NOT_RESTRICTED", account=command.account)

    return [TradingAccountResumed(account=command.account)]


def close_trading_account(market: Market, command: CloseTradingAccount, context: Context) -> list[object]:
    account = known_account(market.accounts, command.account)
    if account.closed:
        raise Rejected("ACCOUNT_CLOSED", account=command.account)
    if not account.stopped_ground:
        raise Rejected("ACCOUNT_NOT_RESTRICTED", account=command.account)

    return [TradingAccountClosed(account=command.account)]


# Follow-up events, of this and of other decisions


def returns_when_stopped(market: Market, account: Account) -> list[AllowancesReturned]:
    """Returns of all unsold units; locked ones too, because their listings and negotiations end with the stop."""
    unsold = [
        (account.account, instrument, units.available_tonnes + units.locked_tonnes)
        for instrument, units in sorted(account.units.items())
    ]
    return returned(market, unsold)


def returns_when_released(market: Market, released: Iterable[tuple[str, str, int]]) -> list[AllowancesReturned]:
    """Returns of the stopped accounts' part of what is released for sale: (account, instrument, tonnes) each."""
    unsold: dict[tuple[str, str], int] = {}
    for account, instrument, quantity_tonnes in released:
        if market.accounts[account].stopped_ground:
            key = (account, instrument)
            unsold[key] = unsold.get(key, 0) + quantity_tonnes
    return returned(market, [(*key, quantity_tonnes) for key, quantity_tonnes in unsold.items()])


def returned(market: Market, unsold: Iterable[tuple[str, str, int]]) -> list[AllowancesReturned]:
    """Number the returns of (account, instrument, tonnes); zero tonnes are left out."""
    given = [one for one in unsold if one[2]]
    return [
        AllowancesReturned(account=account, instrument=instrument, quantity_tonnes=quantity_tonnes, return_id=return_id)
        for return_id, (account, instrument, quantity_tonnes) in enumerate(given, market.return_id_last + 1)
    ]


def wound_up_by_stop(account: Account, restriction_number: int) -> list[TradingAccountWoundUp]:
    return [TradingAccountWoundUp(account.account, restriction_number)] if account.awaits_nothing else []


def wound_up_by_settling(market: Market, trade: Trade) -> list[TradingAccountWoundUp]:
    """An event for each stopped party of a trade that settles, if it is the last one that the party awaits."""
    return [
        TradingAccountWoundUp(account=party.account, restriction_number=party.restriction_number)
        for party in (market.accounts[trade.buyer], market.accounts[trade.seller])
        if party.stopped_ground and party.awaits_only(trade.quantity_tonnes)
    ]


# Changes


def on_trading_account_stopped(market: Market, event: TradingAccountStopped) -> None:
    assert event.ground
    account = market.accounts[event.account]
    assert not account.stopped_ground
    account.stopped_ground = event.ground
    account.restriction_number = event.restriction_number


def on_trading_account_resumed(market: Market, event: TradingAccountResumed) -> None:
    account = market.accounts[event.account]
    assert account.stopped_ground
    assert not account.closed
    account.stopped_ground = ""
    account.restriction_number = 0


def on_trading_account_closed(market: Market, event: TradingAccountClosed) -> None:
    account = market.accounts[event.account]
    assert account.stopped_ground
    account.closed = True


def on_trading_account_wound_up(market: Market, event: TradingAccountWoundUp) -> None:
    """Trading's state does not change; the registry hears the event and may close the account."""
    account = market.accounts[event.account]
    assert account.stopped_ground
    assert account.awaits_nothing


DECIDE: Decide[Market] = merged(
    handles(StopTradingAccount, stop_trading_account),
    handles(ResumeTradingAccount, resume_trading_account),
    handles(CloseTradingAccount, close_trading_account),
)

EVOLVE: Evolve[Market] = merged(
    applies(TradingAccountStopped, on_trading_account_stopped),
    applies(TradingAccountResumed, on_trading_account_resumed),
    applies(TradingAccountClosed, on_trading_account_closed),
    applies(TradingAccountWoundUp, on_trading_account_wound_up),
)
