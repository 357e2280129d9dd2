"""Rows that queries read: accounts with their names and states over time, vintages, holdings, and every movement."""

from enum import IntEnum

from chassis.core.decider import merged
from chassis.core.record import Record
from chassis.followers.projections import Handlers, writes
from chassis.followers.rows import Rows, values_of
from registry.domain import accounts, delivery, issuance, restrictions, staging, transfers, vintages
from registry.domain.state import AccountState


class MovementKind(IntEnum):
    """Why a holding changed. The numbers are the public language's."""

    ISSUED = 1
    ALLOCATED_OUT = 2
    ALLOCATED_IN = 3
    TRANSFERRED_TO_TRADING = 4
    RETURNED_FROM_TRADING = 5
    DELIVERED_OUT = 6
    DELIVERED_IN = 7


ADD_ISSUED = "UPDATE vintages SET issued_tonnes = issued_tonnes + $2 WHERE vintage = $1"

DROP_STAGED = "DELETE FROM staged_legs"

# A whole run at once: two movements for every leg, then what they amount to in the holdings.
MOVE_STAGED = """
INSERT INTO movements (account, vintage, registry_available_change_tonnes, trading_change_tonnes, kind,
                       counterparty, trade_id, run_id, basis, position, recorded_ms, traceparent)
SELECT seller, vintage, 0, -quantity_tonnes, $1::smallint, buyer, trade_id, $3::bigint, '', $4::bigint, $5::bigint,
       traceparent
FROM staged_legs
UNION ALL
SELECT buyer, vintage, 0, quantity_tonnes, $2::smallint, seller, trade_id, $3::bigint, '', $4::bigint, $5::bigint,
       traceparent
FROM staged_legs
"""

HOLD_STAGED = """
INSERT INTO holdings (account, vintage, registry_available_tonnes, trading_tonnes)
SELECT account, vintage, 0, sum(trading_change_tonnes) FROM movements WHERE position = $1 GROUP BY account, vintage
ON CONFLICT (account, vintage) DO UPDATE SET trading_tonnes = holdings.trading_tonnes + excluded.trading_tonnes
"""


# Accounts


def on_account_opened(rows: Rows, event: accounts.AccountOpened, record: Record) -> None:
    rows.insert("accounts", **values_of(event, without="name"), opened_position=record.position)
    rows.insert("account_names", account=event.account, position=record.position, name=event.name)
    set_state(rows, record, event.account, AccountState.OPEN)


def on_account_data_changed(rows: Rows, event: accounts.AccountDataChanged, record: Record) -> None:
    rows.insert("account_names", account=event.account, position=record.position, name=event.name)


def on_account_restricted(rows: Rows, event: restrictions.AccountRestricted, record: Record) -> None:
    set_state(rows, record, event.account, AccountState.RESTRICTED, event.ground, event.restriction_number)


def on_restriction_took_effect(rows: Rows, event: restrictions.RestrictionTookEffect, record: Record) -> None:
    rows.insert("restrictions_in_effect", **values_of(event, without="trading_position"), position=record.position)


def on_account_wound_up(rows: Rows, event: restrictions.AccountWoundUp, record: Record) -> None:
    rows.insert("accounts_wound_up", **values_of(event, without="trading_position"), position=record.position)


def on_account_restriction_lifted(rows: Rows, event: restrictions.AccountRestrictionLifted, record: Record) -> None:
    set_state(rows, record, event.account, AccountState.OPEN)


def on_account_closed(rows: Rows, event: accounts.AccountClosed, record: Record) -> None:
    set_state(rows, record, event.account, AccountState.CLOSED, event.ground)


def set_state(
    rows: Rows, record: Record, account: str, state: AccountState, ground: str = "", restriction_number: int = 0
) -> None:
    rows.insert(
        "account_states",
        account=account,
        position=record.position,
        state=state,
        ground=ground,
        restriction_number=restriction_number,
        since_ms=record.recorded_ms,
    )


# Vintages and what is held of them


def on_vintage_created(rows: Rows, event: vintages.VintageCreated, record: Record) -> None:
    rows.insert("vintages", **values_of(event), issued_tonnes=0)


def on_allowances_issued(rows: Rows, event: issuance.AllowancesIssued, record: Record) -> None:
    rows.execute(ADD_ISSUED, event.vintage, event.quantity_tonnes)
    move(rows, record, MovementKind.ISSUED, event.account, event.vintage, event.quantity_tonnes, basis=event.basis)


def on_allowances_allocated(rows: Rows, event: issuance.AllowancesAllocated, record: Record) -> None:
    giver, taker, vintage, tonnes = event.from_account, event.account, event.vintage, event.quantity_tonnes
    move(rows, record, MovementKind.ALLOCATED_OUT, giver, vintage, -tonnes, counterparty=taker, basis=event.basis)
    move(rows, record, MovementKind.ALLOCATED_IN, taker, vintage, tonnes, counterparty=giver, basis=event.basis)


def on_transferred_to_trading(rows: Rows, event: transfers.TransferredToTrading, record: Record) -> None:
    tonnes = event.quantity_tonnes
    move(rows, record, MovementKind.TRANSFERRED_TO_TRADING, event.account, event.vintage, -tonnes, tonnes)


def on_returned_from_trading(rows: Rows, event: transfers.ReturnedFromTrading, record: Record) -> None:
    tonnes = event.quantity_tonnes
    move(rows, record, MovementKind.RETURNED_FROM_TRADING, event.account, event.vintage, tonnes, -tonnes)


def on_delivery_legs_staged(rows: Rows, event: staging.DeliveryLegsStaged, record: Record) -> None:
    if event.page == 1:
        rows.execute(DROP_STAGED)
    for leg in event.legs:
        rows.insert(
            "staged_legs", **values_of(leg, without="traceparent"), traceparent=leg.traceparent or record.traceparent
        )


def on_delivery_completed(rows: Rows, event: delivery.DeliveryCompleted, record: Record) -> None:
    out, into = MovementKind.DELIVERED_OUT, MovementKind.DELIVERED_IN
    rows.execute(MOVE_STAGED, out, into, event.run_id, record.position, record.recorded_ms)
    rows.execute(HOLD_STAGED, record.position)
    rows.execute(DROP_STAGED)


def move(
    rows: Rows,
    record: Record,
    kind: MovementKind,
    account: str,
    vintage: str,
    registry_available_tonnes: int = 0,
    trading_tonnes: int = 0,
    *,
    counterparty: str = "",
    trade_id: int = 0,
    run_id: int = 0,
    basis: str = "",
) -> None:
    """A change of a holding: how much more, or less, is available in the registry and in trading's custody."""
    rows.insert(
        "movements",
        account=account,
        position=record.position,
        recorded_ms=record.recorded_ms,
        vintage=vintage,
        kind=kind,
        registry_available_change_tonnes=registry_available_tonnes,
        trading_change_tonnes=trading_tonnes,
        counterparty=counterparty,
        trade_id=trade_id,
        run_id=run_id,
        basis=basis,
        traceparent=record.traceparent,
    )
    rows.add(
        "holdings",
        {"account": account, "vintage": vintage},
        registry_available_tonnes=registry_available_tonnes,
        trading_tonnes=trading_tonnes,
    )


HANDLERS: Handlers = merged(
    writes(accounts.AccountOpened, on_account_opened),
    writes(accounts.AccountDataChanged, on_account_data_changed),
    writes(accounts.AccountClosed, on_account_closed),
    writes(restrictions.AccountRestricted, on_account_restricted),
    writes(restrictions.RestrictionTookEffect, on_restriction_took_effect),
    writes(restrictions.AccountWoundUp, on_account_wound_up),
    writes(restrictions.AccountRestrictionLifted, on_account_restriction_lifted),
    writes(vintages.VintageCreated, on_vintage_created),
    writes(issuance.AllowancesIssued, on_allowances_issued),
    writes(issuance.AllowancesAllocated, on_allowances_allocated),
    writes(transfers.TransferredToTrading, on_transferred_to_trading),
    writes(transfers.ReturnedFromTrading, on_returned_from_trading),
    writes(staging.DeliveryLegsStaged, on_delivery_legs_staged),
    writes(delivery.DeliveryCompleted, on_delivery_completed),
)
