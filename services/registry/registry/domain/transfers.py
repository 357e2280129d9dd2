"""Transfers between registry and trading.

Transferred allowances are in trading's custody. They come back only by a return in trading's log, because only trading
knows what is locked. So a holder transfers in the registry and returns in trading (ReturnToRegistry). Source: rulebook
R11.
"""

from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, Rejected, applies, check_owner, handles, known_account, merged
from chassis.core.shapes import check_account
from registry.domain import holdings
from registry.domain.accounts import check_not_closed, check_not_restricted
from registry.domain.holdings import check_available, holding_of
from registry.domain.state import Registry
from registry.domain.values import check_quantity, check_vintage
from registry.domain.vintages import existing_vintage

# Commands


@dataclass(frozen=True, slots=True)
class TransferToTrading:
    account: str
    vintage: str
    quantity_tonnes: int


@dataclass(frozen=True, slots=True)
class RecordReturnFromTrading:
    """Trading's log records at trading_position, as its return_id, that it gave the allowances back."""

    account: str
    vintage: str
    quantity_tonnes: int
    trading_position: int
    return_id: int


# Events


@dataclass(frozen=True, slots=True)
class TransferredToTrading:
    account: str
    vintage: str
    quantity_tonnes: int


@dataclass(frozen=True, slots=True)
class ReturnedFromTrading:
    account: str
    vintage: str
    quantity_tonnes: int
    trading_position: int
    return_id: int


# Decisions


def transfer_to_trading(registry: Registry, command: TransferToTrading, context: Context) -> list[object]:
    check_account(command.account)
    check_vintage(command.vintage)
    check_quantity(command.quantity_tonnes)
    account = known_account(registry.accounts, command.account)
    existing_vintage(registry, command.vintage)
    check_owner(command.account, context)
    check_not_closed(registry, command.account)
    check_not_restricted(registry, command.account)
    if not account.eligible_to_trade:
        raise Rejected("ACCOUNT_NOT_ELIGIBLE_TO_TRADE", account=command.account)
    check_available(registry, command.account, command.vintage, command.quantity_tonnes)

    return [
        TransferredToTrading(account=command.account, vintage=command.vintage, quantity_tonnes=command.quantity_tonnes)
    ]


def check_return_new(registry: Registry, return_id: int) -> None:
    """Trading numbers its returns without gaps. A number that is booked comes again where trading's log came back older
    and the return was given again: the allowances are here already.
    """
    booked = registry.returns_booked
    if booked.has(return_id):
        raise Rejected("RETURN_ALREADY_BOOKED", return_id=return_id, last_return_id=booked.last)
    if return_id > booked.next_max:
        raise Rejected("RETURN_TOO_FAR_AHEAD", return_id=return_id, return_id_max=booked.next_max)


def record_return_from_trading(registry: Registry, command: RecordReturnFromTrading, context: Context) -> list[object]:
    """Refuses only what contradicts our books: that is then set aside for people, and no allowance moves."""
    check_quantity(command.quantity_tonnes)
    known_account(registry.accounts, command.account)
    existing_vintage(registry, command.vintage)
    check_return_new(registry, command.return_id)
    trading_tonnes = holding_of(registry, command.account, command.vintage).trading_tonnes
    if command.quantity_tonnes > trading_tonnes:
        raise Rejected(
            "INSUFFICIENT_ALLOWANCES",
            account=command.account,
            vintage=command.vintage,
            quantity_tonnes=command.quantity_tonnes,
            trading_tonnes=trading_tonnes,
        )

    return [
        ReturnedFromTrading(
            account=command.account,
            vintage=command.vintage,
            quantity_tonnes=command.quantity_tonnes,
            trading_position=command.trading_position,
            return_id=command.return_id,
        )
    ]


# Changes


def on_transferred_to_trading(registry: Registry, event: TransferredToTrading) -> None:
    holdings.transfer_to_trading(registry, event.vintage, event.account, event.quantity_tonnes)


def on_returned_from_trading(registry: Registry, event: ReturnedFromTrading) -> None:
    registry.returns_booked.take(event.return_id)
    holdings.return_from_trading(registry, event.vintage, event.account, event.quantity_tonnes)


DECIDE: Decide[Registry] = merged(
    handles(TransferToTrading, transfer_to_trading),
    handles(RecordReturnFromTrading, record_return_from_trading),
)

EVOLVE: Evolve[Registry] = merged(
    applies(TransferredToTrading, on_transferred_to_trading),
    applies(ReturnedFromTrading, on_returned_from_trading),
)
