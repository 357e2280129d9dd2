"""Registration accounts: one per entity, opened after a formal check, closed only when empty, and for good.

Nothing may be traded while an account is being closed and all its business must be wound up first: it is restricted,
trading says when no trade of it awaits settlement any more, and only then is it closed.

The account's id is its entity's id, so that no entity can have two. A province's account is where allowances are
issued and allocated from; it never trades. Whether an institution or an individual is admitted to trading is open
in the rules: hence the flag `eligible_to_trade`. Source: rulebook 1.2 to 1.4, operations R1, R2, R5.

Invariants, asserted in `evolve` and held by the properties in tests/property/registry:
- an account is opened once and keeps its kind and province;
- a closed account is empty, awaits nothing and stays closed.
"""

from dataclasses import dataclass

from chassis.core.decider import (
    Context,
    Decide,
    Evolve,
    Malformed,
    NotFound,
    Rejected,
    applies,
    handles,
    known_account,
    merged,
)
from chassis.core.shapes import check_account, check_text
from registry.domain.state import Account, AccountKind, AccountState, Holding, Registry

ACCOUNTS_MAX = 100_000
"""Closed ones count. Each morning's opening is one step of trading's writer, and every account takes a little of it.
The books are compared at the same cost however many there are. The national market has some 3,500.
"""

# Commands


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """kind is a number as the request has it."""

    account: str
    kind: int
    name: str
    province: str
    eligible_to_trade: bool


@dataclass(frozen=True, slots=True)
class ChangeAccountData:
    account: str
    name: str
    basis: str


@dataclass(frozen=True, slots=True)
class CloseAccount:
    account: str
    ground: str


# Events


@dataclass(frozen=True, slots=True)
class AccountOpened:
    account: str
    kind: AccountKind
    name: str
    province: str
    eligible_to_trade: bool
    opened_ms: int


@dataclass(frozen=True, slots=True)
class AccountDataChanged:
    account: str
    name: str
    basis: str


@dataclass(frozen=True, slots=True)
class AccountClosed:
    account: str
    ground: str


# Checks that other modules use


def check_not_closed(registry: Registry, account: str) -> None:
    if registry.accounts[account].state is AccountState.CLOSED:
        raise Rejected("ACCOUNT_CLOSED", account=account)


def check_not_restricted(registry: Registry, account: str) -> None:
    found = registry.accounts[account]
    if found.state is AccountState.RESTRICTED:
        raise Rejected("ACCOUNT_RESTRICTED", account=account, ground=found.ground)


# Decisions


def open_account(registry: Registry, command: OpenAccount, context: Context) -> list[object]:
    check_account(command.account)
    kind = known_kind(command.kind)
    check_text(command.name, "name")
    if command.province:
        check_account(command.province, "province")
    if kind is AccountKind.KEY_EMITTING_ENTITY and not command.province:
        raise Malformed("PROVINCE_MISSING", "province", account=command.account)
    if kind is AccountKind.PROVINCE and command.province:
        raise Malformed("PROVINCE_NOT_EMPTY", "province", account=command.account, province=command.province)
    if kind is AccountKind.PROVINCE and command.eligible_to_trade:
        raise Malformed("PROVINCE_NEVER_TRADES", "eligible_to_trade", account=command.account)
    province = registry.accounts.get(command.province)
    if command.province and (province is None or province.kind is not AccountKind.PROVINCE):
        raise NotFound("PROVINCE_UNKNOWN", province=command.province)
    if command.account in registry.accounts:
        raise Rejected("ACCOUNT_ALREADY_OPENED", account=command.account)
    if len(registry.accounts) >= ACCOUNTS_MAX:
        raise Rejected("TOO_MANY_ACCOUNTS", accounts_max=ACCOUNTS_MAX)
    if province is not None and province.state is AccountState.CLOSED:
        raise Rejected("PROVINCE_CLOSED", province=command.province)

    return [
        AccountOpened(
            account=command.account,
            kind=kind,
            name=command.name,
            province=command.province,
            eligible_to_trade=command.eligible_to_trade,
            opened_ms=context.now_ms,
        )
    ]


def known_kind(number: int) -> AccountKind:
    try:
        return AccountKind(number)
    except ValueError:
        raise Malformed("ACCOUNT_KIND_UNKNOWN", "kind", kind=number) from None


def change_account_data(registry: Registry, command: ChangeAccountData, context: Context) -> list[object]:
    check_account(command.account)
    check_text(command.name, "name")
    check_text(command.basis, "basis")
    account = known_account(registry.accounts, command.account)
    check_not_closed(registry, command.account)
    if command.name == account.name:
        raise Rejected("ACCOUNT_DATA_UNCHANGED", account=command.account)

    return [AccountDataChanged(account=command.account, name=command.name, basis=command.basis)]


def close_account(registry: Registry, command: CloseAccount, context: Context) -> list[object]:
    check_account(command.account)
    check_text(command.ground, "ground")
    account = known_account(registry.accounts, command.account)
    check_not_closed(registry, command.account)
    if account.state is not AccountState.RESTRICTED:
        raise Rejected("ACCOUNT_IN_USE", account=command.account)
    if account.restrictions_wound_up < account.restrictions:
        raise Rejected("ACCOUNT_NOT_WOUND_UP", account=command.account, restriction_number=account.restrictions)
    for vintage, holding in sorted(registry.holdings[command.account].items()):
        if holding != Holding():
            raise Rejected(
                "ACCOUNT_NOT_EMPTY",
                account=command.account,
                vintage=vintage,
                registry_available_tonnes=holding.registry_available_tonnes,
                trading_tonnes=holding.trading_tonnes,
            )

    return [AccountClosed(account=command.account, ground=command.ground)]


# Changes


def on_account_opened(registry: Registry, event: AccountOpened) -> None:
    assert event.account not in registry.accounts
    registry.accounts[event.account] = Account(
        kind=event.kind, name=event.name, province=event.province, eligible_to_trade=event.eligible_to_trade
    )
    registry.holdings[event.account] = {}


def on_account_data_changed(registry: Registry, event: AccountDataChanged) -> None:
    account = registry.accounts[event.account]
    assert account.state is not AccountState.CLOSED
    account.name = event.name


def on_account_closed(registry: Registry, event: AccountClosed) -> None:
    account = registry.accounts[event.account]
    assert account.state is AccountState.RESTRICTED
    assert account.restrictions_wound_up == account.restrictions
    assert all(holding == Holding() for holding in registry.holdings[event.account].values())
    account.state = AccountState.CLOSED
    account.ground = event.ground


DECIDE: Decide[Registry] = merged(
    handles(OpenAccount, open_account),
    handles(ChangeAccountData, change_account_data),
    handles(CloseAccount, close_account),
)

EVOLVE: Evolve[Registry] = merged(
    applies(AccountOpened, on_account_opened),
    applies(AccountDataChanged, on_account_data_changed),
    applies(AccountClosed, on_account_closed),
)
