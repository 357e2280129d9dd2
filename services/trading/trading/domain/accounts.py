"""Trading accounts: what an entity may use here, and for what.

Allowances stay in the registry's books and money in clearing's; this is trading's view of both, fed by events, so
that an order is checked without asking anybody. Units and money are available, locked behind an open order or block,
or blocked because two people took their trade out of its run. Bought units wait until the next trading day after
their settlement (T+1, rulebook 3.6); sale proceeds are available for buying at once and may leave the market only
when settled.

Units and money change by the named moves of balances.py only, which assert their invariants.

What surprises: accounts come from the registry only. Clearing opens its fund account when it hears that this one is
open, so money never comes for an account that is unknown here.
"""

from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, NotPermitted, Rejected, applies, handles
from trading.domain.balances import Account
from trading.domain.state import Market

# Commands: heard from the registry


@dataclass(frozen=True, slots=True)
class OpenTradingAccount:
    account: str
    eligible_to_trade: bool


# Events


@dataclass(frozen=True, slots=True)
class TradingAccountOpened:
    account: str
    eligible_to_trade: bool


# What other modules ask of an account


def check_owner(account: str, context: Context) -> None:
    """A participant acts for the account of its own name."""
    if context.role != "participant" or context.account != account:
        raise NotPermitted("NOT_OWNER_OF_ACCOUNT", account=account, actor=str(context.actor))


def check_not_stopped(account: Account) -> None:
    if account.closed:
        raise Rejected("ACCOUNT_CLOSED", account=account.account)
    if account.stopped_ground:
        raise Rejected("ACCOUNT_RESTRICTED", account=account.account, ground=account.stopped_ground)


def check_units_available(account: Account, instrument: str, quantity_tonnes: int) -> None:
    """Full pre-funding: a seller has what it sells (rulebook 3.6)."""
    units = account.units.get(instrument)
    available_tonnes = units.available_tonnes if units else 0
    if quantity_tonnes > available_tonnes:
        raise Rejected("INSUFFICIENT_ALLOWANCES", quantity_tonnes=quantity_tonnes, available_tonnes=available_tonnes)


def check_funds_available(account: Account, needed_fen: int) -> None:
    """Full pre-funding: a buyer has what it pays, fee included (rulebook 3.6)."""
    buying_power_fen = account.funds.buying_power_fen
    if needed_fen > buying_power_fen:
        raise Rejected("INSUFFICIENT_FUNDS", needed_fen=needed_fen, available_fen=buying_power_fen)


# Decisions


def open_trading_account(market: Market, command: OpenTradingAccount, context: Context) -> list[object]:
    if command.account in market.accounts:
        raise Rejected("ACCOUNT_ALREADY_OPENED", account=command.account)

    return [TradingAccountOpened(account=command.account, eligible_to_trade=command.eligible_to_trade)]


# Changes


def on_trading_account_opened(market: Market, event: TradingAccountOpened) -> None:
    assert event.account not in market.accounts
    market.accounts[event.account] = Account(event.account, event.eligible_to_trade)


DECIDE: Decide[Market] = handles(OpenTradingAccount, open_trading_account)

EVOLVE: Evolve[Market] = applies(TradingAccountOpened, on_trading_account_opened)
