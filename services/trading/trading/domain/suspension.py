"""Suspension: trading stops in an instrument or in all; an account stops because the registry restricted it.

While trading is suspended listings rest and may be cancelled (rulebook 3.7). A stopped account's listings are
cancelled, its negotiations withdrawn and its unsold units returned at once; trades already made still settle. That the
stop was recorded here is what makes a restriction effective. Only a stopped account is closed (winding_up).

Invariants: a stopped account has no open listing and no open negotiation; a closed one is stopped.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chassis.decider import Context, Decide, Evolve, Rejected
from trading.domain import listed, negotiations
from trading.domain.accounts import known_account
from trading.domain.instruments import known_instrument
from trading.domain.values import check_ground, check_instrument
from trading.domain.winding_up import returns_when_stopped, wound_up_by_stop

if TYPE_CHECKING:
    from trading.domain.market import Market


# Commands


@dataclass(frozen=True, slots=True)
class SuspendTrading:
    # Empty: all instruments.
    instrument: str
    ground: str


@dataclass(frozen=True, slots=True)
class ResumeTrading:
    instrument: str


@dataclass(frozen=True, slots=True)
class StopTradingAccount:
    """Heard: the registry restricted the account."""

    account: str
    ground: str
    restriction: int


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
class TradingSuspended:
    instrument: str
    ground: str


@dataclass(frozen=True, slots=True)
class TradingResumed:
    instrument: str


@dataclass(frozen=True, slots=True)
class TradingAccountStopped:
    account: str
    ground: str
    restriction: int


@dataclass(frozen=True, slots=True)
class TradingAccountResumed:
    account: str


@dataclass(frozen=True, slots=True)
class TradingAccountClosed:
    account: str


# Decisions


def suspend_trading(market: "Market", command: SuspendTrading, context: Context) -> list[object]:
    check_scope(command.instrument)
    check_ground(command.ground)
    if suspended_ground(market, command.instrument):
        raise Rejected("ALREADY_SUSPENDED", instrument=command.instrument)

    return [TradingSuspended(instrument=command.instrument, ground=command.ground)]


def resume_trading(market: "Market", command: ResumeTrading, context: Context) -> list[object]:
    check_scope(command.instrument)
    if not suspended_ground(market, command.instrument):
        raise Rejected("NOT_SUSPENDED", instrument=command.instrument)

    return [TradingResumed(instrument=command.instrument)]


def check_scope(instrument: str) -> None:
    if instrument:
        check_instrument(instrument)


def suspended_ground(market: "Market", instrument: str) -> str:
    """Of the instrument's own suspension, or of that of all when none is named; empty while there is none."""
    return known_instrument(market, instrument).suspended_ground if instrument else market.suspended_ground


def stop_trading_account(market: "Market", command: StopTradingAccount, context: Context) -> list[object]:
    account = known_account(market, command.account)
    if account.stopped_ground:
        raise Rejected("ACCOUNT_ALREADY_RESTRICTED", account=command.account, ground=account.stopped_ground)

    return [
        TradingAccountStopped(account=command.account, ground=command.ground, restriction=command.restriction),
        *(
            listed.cancelled(market.orders[order_id], listed.CancelReason.ACCOUNT_STOPPED)
            for order_id in account.orders
        ),
        *(
            negotiations.withdrawn(market.blocks[block_id], negotiations.WithdrawReason.ACCOUNT_STOPPED)
            for block_id in account.blocks
        ),
        *returns_when_stopped(market, account),
        *wound_up_by_stop(account, command.restriction),
    ]


def resume_trading_account(market: "Market", command: ResumeTradingAccount, context: Context) -> list[object]:
    account = known_account(market, command.account)
    if account.closed:
        raise Rejected("ACCOUNT_CLOSED", account=command.account)
    if not account.stopped_ground:
        raise Rejected("ACCOUNT_NOT_RESTRICTED", account=command.account)

    return [TradingAccountResumed(account=command.account)]


def close_trading_account(market: "Market", command: CloseTradingAccount, context: Context) -> list[object]:
    account = known_account(market, command.account)
    if account.closed:
        raise Rejected("ACCOUNT_CLOSED", account=command.account)
    if not account.stopped_ground:
        raise Rejected("ACCOUNT_NOT_RESTRICTED", account=command.account)

    return [TradingAccountClosed(account=command.account)]


# Changes


def on_trading_suspended(market: "Market", event: TradingSuspended) -> None:
    set_ground(market, event.instrument, event.ground)


def on_trading_resumed(market: "Market", event: TradingResumed) -> None:
    set_ground(market, event.instrument, "")


def set_ground(market: "Market", instrument: str, ground: str) -> None:
    if instrument:
        market.instruments[instrument].suspended_ground = ground
    else:
        market.suspended_ground = ground


def on_trading_account_stopped(market: "Market", event: TradingAccountStopped) -> None:
    assert event.ground
    account = market.accounts[event.account]
    assert not account.stopped_ground
    account.stopped_ground = event.ground
    account.restriction = event.restriction


def on_trading_account_resumed(market: "Market", event: TradingAccountResumed) -> None:
    account = market.accounts[event.account]
    assert account.stopped_ground
    assert not account.closed
    account.stopped_ground = ""
    account.restriction = 0


def on_trading_account_closed(market: "Market", event: TradingAccountClosed) -> None:
    account = market.accounts[event.account]
    assert account.stopped_ground
    account.closed = True


DECIDE: Decide = {
    SuspendTrading: suspend_trading,
    ResumeTrading: resume_trading,
    StopTradingAccount: stop_trading_account,
    ResumeTradingAccount: resume_trading_account,
    CloseTradingAccount: close_trading_account,
}

EVOLVE: Evolve = {
    TradingSuspended: on_trading_suspended,
    TradingResumed: on_trading_resumed,
    TradingAccountStopped: on_trading_account_stopped,
    TradingAccountResumed: on_trading_account_resumed,
    TradingAccountClosed: on_trading_account_closed,
}
