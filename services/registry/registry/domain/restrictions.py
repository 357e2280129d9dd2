"""Restrictions: the registry stops an account's use at once, and trading does when it hears of it.

The registry cannot move units in trading's custody, so a restriction reaches them only through trading: on hearing
AccountRestricted it stops the account and cancels its orders, and its stop names the restriction's number. Only then is
the restriction in effect. Trades already made still settle, and the account still receives. When no trade awaits
settlement any more, trading reports that the account is wound up. Source: rulebook 1.4 and R3.

Invariants, asserted in `evolve`:
- an account is restricted at most once at a time;
- trading records no restriction that was not made.
"""

from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, Rejected, applies, handles, known_account, merged
from chassis.core.shapes import check_account, check_text
from registry.domain.accounts import check_not_closed
from registry.domain.state import Account, AccountState, Registry

# Commands


@dataclass(frozen=True, slots=True)
class RestrictAccount:
    account: str
    ground: str


@dataclass(frozen=True, slots=True)
class LiftRestriction:
    account: str


@dataclass(frozen=True, slots=True)
class RecordTradingStop:
    """Trading's log records at trading_position that it stopped the account, on hearing the restriction of that number;
    0 where it stopped the account for another reason."""

    account: str
    restriction_number: int
    trading_position: int


@dataclass(frozen=True, slots=True)
class RecordWindingUp:
    """Trading's log records at trading_position that, under the restriction of that number, no trade of the account
    awaits settlement any more."""

    account: str
    restriction_number: int
    trading_position: int


# Events


@dataclass(frozen=True, slots=True)
class AccountRestricted:
    account: str
    restriction_number: int
    ground: str
    actor: str


@dataclass(frozen=True, slots=True)
class AccountRestrictionLifted:
    account: str
    restriction_number: int


@dataclass(frozen=True, slots=True)
class RestrictionTookEffect:
    account: str
    restriction_number: int
    trading_position: int


@dataclass(frozen=True, slots=True)
class AccountWoundUp:
    account: str
    restriction_number: int
    trading_position: int


# Decisions


def restrict_account(registry: Registry, command: RestrictAccount, context: Context) -> list[object]:
    check_account(command.account)
    check_text(command.ground, "ground")
    account = known_account(registry.accounts, command.account)
    check_not_closed(registry, command.account)
    if account.state is AccountState.RESTRICTED:
        raise Rejected("ACCOUNT_ALREADY_RESTRICTED", account=command.account, ground=account.ground)

    return [
        AccountRestricted(
            account=command.account,
            restriction_number=account.restrictions + 1,
            ground=command.ground,
            actor=str(context.actor),
        )
    ]


def lift_restriction(registry: Registry, command: LiftRestriction, context: Context) -> list[object]:
    check_account(command.account)
    account = known_account(registry.accounts, command.account)
    check_not_closed(registry, command.account)
    if account.state is not AccountState.RESTRICTED:
        raise Rejected("ACCOUNT_NOT_RESTRICTED", account=command.account)

    return [AccountRestrictionLifted(account=command.account, restriction_number=account.restrictions)]


def record_trading_stop(registry: Registry, command: RecordTradingStop, context: Context) -> list[object]:
    account = restricted_account(registry, command)
    if command.restriction_number <= account.restrictions_in_trading:
        return []
    return [
        RestrictionTookEffect(
            account=command.account,
            restriction_number=command.restriction_number,
            trading_position=command.trading_position,
        )
    ]


def record_winding_up(registry: Registry, command: RecordWindingUp, context: Context) -> list[object]:
    account = restricted_account(registry, command)
    if command.restriction_number <= account.restrictions_wound_up:
        return []
    return [
        AccountWoundUp(
            account=command.account,
            restriction_number=command.restriction_number,
            trading_position=command.trading_position,
        )
    ]


def restricted_account(registry: Registry, command: RecordTradingStop | RecordWindingUp) -> Account:
    """The account that trading speaks of; refused if trading names a restriction that was never made."""
    account = known_account(registry.accounts, command.account)
    if command.restriction_number > account.restrictions:
        raise Rejected("ACCOUNT_NOT_RESTRICTED", account=command.account, restriction_number=command.restriction_number)
    return account


# Changes


def on_account_restricted(registry: Registry, event: AccountRestricted) -> None:
    account = registry.accounts[event.account]
    assert account.state is AccountState.OPEN
    assert event.restriction_number == account.restrictions + 1
    account.state = AccountState.RESTRICTED
    account.ground = event.ground
    account.restrictions = event.restriction_number


def on_account_restriction_lifted(registry: Registry, event: AccountRestrictionLifted) -> None:
    account = registry.accounts[event.account]
    assert account.state is AccountState.RESTRICTED
    assert event.restriction_number == account.restrictions
    account.state = AccountState.OPEN
    account.ground = ""


def on_restriction_took_effect(registry: Registry, event: RestrictionTookEffect) -> None:
    account = registry.accounts[event.account]
    assert account.restrictions_in_trading < event.restriction_number <= account.restrictions
    account.restrictions_in_trading = event.restriction_number


def on_account_wound_up(registry: Registry, event: AccountWoundUp) -> None:
    account = registry.accounts[event.account]
    assert account.restrictions_wound_up < event.restriction_number <= account.restrictions
    account.restrictions_wound_up = event.restriction_number


DECIDE: Decide[Registry] = merged(
    handles(RestrictAccount, restrict_account),
    handles(LiftRestriction, lift_restriction),
    handles(RecordTradingStop, record_trading_stop),
    handles(RecordWindingUp, record_winding_up),
)

EVOLVE: Evolve[Registry] = merged(
    applies(AccountRestricted, on_account_restricted),
    applies(AccountRestrictionLifted, on_account_restriction_lifted),
    applies(RestrictionTookEffect, on_restriction_took_effect),
    applies(AccountWoundUp, on_account_wound_up),
)
