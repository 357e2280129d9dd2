"""Trading accounts: opened by the registry's events, and checked by every order.

Allowances stay in the registry's books and money in clearing's; trading follows both by their events, so that it checks
an order without a call to another service. Units and money are available, locked for an open order or block, or blocked
because two people excluded their trade from its run. Bought units wait until the next trading day after their
settlement (T+1, rulebook 3.6); sale proceeds may be used to buy at once and may leave the market only when settled.

Units and money change only by the named moves of balances.py, which assert their invariants.

What surprises: accounts come from the registry only. Clearing opens its fund account when it hears that the trading
account is open, so money never arrives for an account that trading does not know.
"""

from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, Rejected, applies, handles
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


# Checks that other modules make of an account


def check_not_stopped(account: Account) -> None:
    """Raises Rejected for an account that is closed or that the registry restricted (rulebook 1.4)."""
    if account.closed:
        raise Rejected("ACCOUNT_CLOSED", account=account.account)
    if account.stopped_ground:
        raise Rejected("ACCOUNT_RESTRICTED", account=account.account, ground=account.stopped_ground)


def check_units_available(account: Account, instrument: str, quantity_tonnes: int) -> None:
    """Full pre-funding: a seller has the units it sells (rulebook 3.6). Raises Rejected."""
    units = account.units.get(instrument)
    available_tonnes = units.available_tonnes if units else 0
    if quantity_tonnes > available_tonnes:
        raise Rejected("INSUFFICIENT_ALLOWANCES", quantity_tonnes=quantity_tonnes, available_tonnes=available_tonnes)


def check_funds_available(account: Account, needed_fen: int) -> None:
    """Full pre-funding: a buyer has the money it pays, fee included (rulebook 3.6). Raises Rejected."""
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
    market.accounts[event.account] = Account(
        event.account,
        event.eligible_to_trade,
        touched_units=market.commitments.units.touched,
        touched_money=market.commitments.money.touched,
    )


DECIDE: Decide[Market] = handles(OpenTradingAccount, open_trading_account)

EVOLVE: Evolve[Market] = applies(TradingAccountOpened, on_trading_account_opened)
