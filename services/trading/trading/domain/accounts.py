"""Trading accounts: what an entity may use here, and for what.

Allowances stay in the registry's books and money in clearing's; this is trading's view of both, fed by events, so
that an order is checked without asking anybody. Units and money are available, locked behind an open order or block,
or blocked because two people took their trade out of its run. Bought units wait until the next trading day after
their settlement (T+1, rulebook 3.6); sale proceeds are available for buying at once and may leave the market only
when settled.

Invariants, asserted after every change:
- nothing here is negative;
- available + locked + bought + blocked units = custody + bought unsettled - sold unsettled, per account and instrument;
- available + locked + blocked money - owed = settled + received unsettled - paid unsettled, per account.

What surprises: an account is heard of from the registry only. Clearing opens its fund account on hearing this one's, so
money never comes for an account that is not known here.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chassis.decider import Context, Decide, Evolve, NotFound, NotPermitted, Rejected

if TYPE_CHECKING:
    from trading.domain.market import Market


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


# State


@dataclass(slots=True)
class Units:
    """One account's units of one instrument, in tonnes."""

    available_tonnes: int = 0
    locked_tonnes: int = 0
    # Bought and not yet released for sale.
    bought_tonnes: int = 0
    blocked_tonnes: int = 0
    # What the registry's books say, as far as settlements were heard.
    custody_tonnes: int = 0
    bought_unsettled_tonnes: int = 0
    sold_unsettled_tonnes: int = 0

    @property
    def total_tonnes(self) -> int:
        return self.available_tonnes + self.locked_tonnes + self.bought_tonnes + self.blocked_tonnes


@dataclass(slots=True)
class Funds:
    """One account's money, in fen."""

    available_fen: int = 0
    locked_fen: int = 0
    blocked_fen: int = 0
    # Spent proceeds of a sale that was taken out of its run, until the purchase that they paid is taken out too.
    owed_fen: int = 0
    # What clearing's books say, as far as settlements were heard.
    settled_fen: int = 0
    paid_unsettled_fen: int = 0
    # Proceeds of sales that are not settled, of the last day opened and of earlier ones.
    received_today_fen: int = 0
    received_earlier_fen: int = 0

    @property
    def total_fen(self) -> int:
        return self.available_fen + self.locked_fen + self.blocked_fen - self.owed_fen

    @property
    def received_unsettled_fen(self) -> int:
        return self.received_today_fen + self.received_earlier_fen

    @property
    def buying_power_fen(self) -> int:
        """What an order may use: proceeds of the same day's sales (rulebook 3.6), of earlier days only when they are
        settled.
        """
        return max(0, self.available_fen - self.received_earlier_fen - self.owed_fen)

    @property
    def withdrawable_fen(self) -> int:
        """min(available, settled - bought today - locked): since available is settled + received - paid - locked,
        what is available less the unsettled proceeds.
        """
        return max(0, self.available_fen - self.received_unsettled_fen - self.owed_fen)


@dataclass(slots=True)
class Account:
    account: str
    eligible_to_trade: bool
    # Why the registry restricted it, and the number of that restriction; empty while it is not.
    stopped_ground: str = ""
    restriction: int = 0
    closed: bool = False
    units: dict[str, Units] = field(default_factory=dict)
    funds: Funds = field(default_factory=Funds)
    # Open orders and negotiations, by id.
    orders: dict[int, None] = field(default_factory=dict)
    blocks: dict[int, None] = field(default_factory=dict)
    # Values of the last day opened, which its fees are of (fees.py): traded, and open to be bought.
    bought_today_fen: int = 0
    sold_today_fen: int = 0
    bidding_fen: int = 0
    # Bought or sold, and taken out of their run by two people.
    trades_blocked: int = 0

    @property
    def unsettled_tonnes(self) -> int:
        """Bought and sold together, in all instruments; zero when no trade of the account awaits settlement."""
        return sum(units.bought_unsettled_tonnes + units.sold_unsettled_tonnes for units in self.units.values())

    def awaits_only(self, unsettled_tonnes: int) -> bool:
        """Whether so much is all that awaits settlement, and no trade that two people took out waits for its end."""
        return self.unsettled_tonnes == unsettled_tonnes and not self.trades_blocked

    @property
    def awaits_nothing(self) -> bool:
        return self.awaits_only(0)

    def units_of(self, instrument: str) -> Units:
        units = self.units.get(instrument)
        if units is None:
            units = self.units[instrument] = Units()
        return units


def assert_units(units: Units) -> None:
    assert units.available_tonnes >= 0
    assert units.locked_tonnes >= 0
    assert units.bought_tonnes >= units.bought_unsettled_tonnes >= 0
    assert units.sold_unsettled_tonnes >= 0
    assert units.blocked_tonnes >= 0
    assert units.total_tonnes == (units.custody_tonnes + units.bought_unsettled_tonnes - units.sold_unsettled_tonnes), (
        "units came from nowhere"
    )


def assert_funds(funds: Funds) -> None:
    assert funds.available_fen >= 0
    assert funds.locked_fen >= 0
    assert funds.blocked_fen >= 0
    assert funds.owed_fen >= 0
    assert funds.paid_unsettled_fen >= 0
    assert funds.received_today_fen >= 0
    assert funds.received_earlier_fen >= 0
    assert funds.total_fen == (funds.settled_fen + funds.received_unsettled_fen - funds.paid_unsettled_fen), (
        "money came from nowhere"
    )


def lock_units(units: Units, quantity_tonnes: int) -> None:
    units.available_tonnes -= quantity_tonnes
    units.locked_tonnes += quantity_tonnes
    assert_units(units)


def unlock_units(units: Units, quantity_tonnes: int) -> None:
    units.locked_tonnes -= quantity_tonnes
    units.available_tonnes += quantity_tonnes
    assert_units(units)


def lock_funds(funds: Funds, amount_fen: int) -> None:
    funds.available_fen -= amount_fen
    funds.locked_fen += amount_fen
    assert_funds(funds)


def unlock_funds(funds: Funds, amount_fen: int) -> None:
    funds.locked_fen -= amount_fen
    funds.available_fen += amount_fen
    assert_funds(funds)


def give_funds(funds: Funds, amount_fen: int) -> None:
    """Money becomes available; what is owed is covered first."""
    covered_fen = min(funds.owed_fen, amount_fen)
    funds.owed_fen -= covered_fen
    funds.available_fen += amount_fen - covered_fen


def take_back_funds(funds: Funds, amount_fen: int) -> None:
    """Money is available no longer; what was spent of it is owed."""
    taken_fen = min(funds.available_fen, amount_fen)
    funds.available_fen -= taken_fen
    funds.owed_fen += amount_fen - taken_fen


# What other modules ask of an account


def known_account(market: "Market", account: str) -> Account:
    known = market.accounts.get(account)
    if known is None:
        raise NotFound("ACCOUNT_UNKNOWN", account=account)
    return known


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


def open_trading_account(market: "Market", command: OpenTradingAccount, context: Context) -> list[object]:
    if command.account in market.accounts:
        raise Rejected("ACCOUNT_ALREADY_OPENED", account=command.account)

    return [TradingAccountOpened(account=command.account, eligible_to_trade=command.eligible_to_trade)]


# Changes


def on_trading_account_opened(market: "Market", event: TradingAccountOpened) -> None:
    assert event.account not in market.accounts
    market.accounts[event.account] = Account(event.account, event.eligible_to_trade)


DECIDE: Decide = {OpenTradingAccount: open_trading_account}

EVOLVE: Evolve = {TradingAccountOpened: on_trading_account_opened}
