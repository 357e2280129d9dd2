"""Rows that queries read: accounts with their names and states over time, vintages, holdings, and every movement."""

from enum import IntEnum

from chassis.projections import Handlers, Rows
from chassis.record import Record
from registry.domain import accounts, delivery, issuance, restrictions, transfers, vintages
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


OPEN_ACCOUNT = """
INSERT INTO accounts (account, kind, province, eligible_to_trade, opened_position, opened_ms)
VALUES ($1, $2, $3, $4, $5, $6)
"""

NAME_ACCOUNT = "INSERT INTO account_names (account, position, name) VALUES ($1, $2, $3)"

SET_STATE = """
INSERT INTO account_states (account, position, state, ground, restriction, since_ms) VALUES ($1, $2, $3, $4, $5, $6)
"""

SET_IN_EFFECT = "INSERT INTO restrictions_in_effect (account, restriction, position) VALUES ($1, $2, $3)"
SET_WOUND_UP = "INSERT INTO accounts_wound_up (account, restriction, position) VALUES ($1, $2, $3)"

CREATE_VINTAGE = "INSERT INTO vintages (vintage, compliance_year, issued_tonnes) VALUES ($1, $2, 0)"

ADD_ISSUED = "UPDATE vintages SET issued_tonnes = issued_tonnes + $2 WHERE vintage = $1"

# One statement for both tables, so that a whole delivery goes to the database in one piece.
MOVE = """
WITH moved AS (
    INSERT INTO movements (account, vintage, registry_available_change_tonnes, trading_change_tonnes, kind,
                           counterparty, trade_id, run_id, basis, position, recorded_ms, traceparent)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    RETURNING account, vintage, registry_available_change_tonnes, trading_change_tonnes
)
INSERT INTO holdings (account, vintage, registry_available_tonnes, trading_tonnes)
SELECT account, vintage, registry_available_change_tonnes, trading_change_tonnes FROM moved
ON CONFLICT (account, vintage) DO UPDATE
SET registry_available_tonnes = holdings.registry_available_tonnes + excluded.registry_available_tonnes,
    trading_tonnes = holdings.trading_tonnes + excluded.trading_tonnes
"""


def move(
    rows: Rows,
    record: Record,
    account: str,
    vintage: str,
    kind: MovementKind,
    *,
    registry_available_tonnes: int = 0,
    trading_tonnes: int = 0,
    counterparty: str = "",
    trade_id: int = 0,
    run_id: int = 0,
    basis: str = "",
) -> None:
    rows.execute(
        MOVE,
        account,
        vintage,
        registry_available_tonnes,
        trading_tonnes,
        kind,
        counterparty,
        trade_id,
        run_id,
        basis,
        record.position,
        record.recorded_ms,
        record.traceparent,
    )


def on_account_opened(rows: Rows, event: accounts.AccountOpened, record: Record) -> None:
    rows.execute(
        OPEN_ACCOUNT,
        event.account,
        event.kind,
        event.province,
        event.eligible_to_trade,
        record.position,
        event.opened_ms,
    )
    rows.execute(NAME_ACCOUNT, event.account, record.position, event.name)
    rows.execute(SET_STATE, event.account, record.position, AccountState.OPEN, "", 0, record.recorded_ms)


def on_account_data_changed(rows: Rows, event: accounts.AccountDataChanged, record: Record) -> None:
    rows.execute(NAME_ACCOUNT, event.account, record.position, event.name)


def on_account_restricted(rows: Rows, event: restrictions.AccountRestricted, record: Record) -> None:
    rows.execute(
        SET_STATE,
        event.account,
        record.position,
        AccountState.RESTRICTED,
        event.ground,
        event.restriction,
        record.recorded_ms,
    )


def on_restriction_took_effect(rows: Rows, event: restrictions.RestrictionTookEffect, record: Record) -> None:
    rows.execute(SET_IN_EFFECT, event.account, event.restriction, record.position)


def on_account_wound_up(rows: Rows, event: restrictions.AccountWoundUp, record: Record) -> None:
    rows.execute(SET_WOUND_UP, event.account, event.restriction, record.position)


def on_account_restriction_lifted(rows: Rows, event: restrictions.AccountRestrictionLifted, record: Record) -> None:
    rows.execute(SET_STATE, event.account, record.position, AccountState.OPEN, "", 0, record.recorded_ms)


def on_account_closed(rows: Rows, event: accounts.AccountClosed, record: Record) -> None:
    rows.execute(SET_STATE, event.account, record.position, AccountState.CLOSED, event.ground, 0, record.recorded_ms)


def on_vintage_created(rows: Rows, event: vintages.VintageCreated, record: Record) -> None:
    rows.execute(CREATE_VINTAGE, event.vintage, event.compliance_year)


def on_allowances_issued(rows: Rows, event: issuance.AllowancesIssued, record: Record) -> None:
    rows.execute(ADD_ISSUED, event.vintage, event.quantity_tonnes)
    move(
        rows,
        record,
        event.account,
        event.vintage,
        MovementKind.ISSUED,
        registry_available_tonnes=event.quantity_tonnes,
        basis=event.basis,
    )


def on_allowances_allocated(rows: Rows, event: issuance.AllowancesAllocated, record: Record) -> None:
    move(
        rows,
        record,
        event.from_account,
        event.vintage,
        MovementKind.ALLOCATED_OUT,
        registry_available_tonnes=-event.quantity_tonnes,
        counterparty=event.account,
        basis=event.basis,
    )
    move(
        rows,
        record,
        event.account,
        event.vintage,
        MovementKind.ALLOCATED_IN,
        registry_available_tonnes=event.quantity_tonnes,
        counterparty=event.from_account,
        basis=event.basis,
    )


def on_transferred_to_trading(rows: Rows, event: transfers.TransferredToTrading, record: Record) -> None:
    move(
        rows,
        record,
        event.account,
        event.vintage,
        MovementKind.TRANSFERRED_TO_TRADING,
        registry_available_tonnes=-event.quantity_tonnes,
        trading_tonnes=event.quantity_tonnes,
    )


def on_returned_from_trading(rows: Rows, event: transfers.ReturnedFromTrading, record: Record) -> None:
    move(
        rows,
        record,
        event.account,
        event.vintage,
        MovementKind.RETURNED_FROM_TRADING,
        registry_available_tonnes=event.quantity_tonnes,
        trading_tonnes=-event.quantity_tonnes,
    )


def on_allowances_delivered(rows: Rows, event: delivery.AllowancesDelivered, record: Record) -> None:
    move(
        rows,
        record,
        event.seller,
        event.vintage,
        MovementKind.DELIVERED_OUT,
        trading_tonnes=-event.quantity_tonnes,
        counterparty=event.buyer,
        trade_id=event.trade_id,
        run_id=event.run_id,
    )
    move(
        rows,
        record,
        event.buyer,
        event.vintage,
        MovementKind.DELIVERED_IN,
        trading_tonnes=event.quantity_tonnes,
        counterparty=event.seller,
        trade_id=event.trade_id,
        run_id=event.run_id,
    )


HANDLERS: Handlers = {
    accounts.AccountOpened: on_account_opened,
    accounts.AccountDataChanged: on_account_data_changed,
    accounts.AccountClosed: on_account_closed,
    restrictions.AccountRestricted: on_account_restricted,
    restrictions.RestrictionTookEffect: on_restriction_took_effect,
    restrictions.AccountWoundUp: on_account_wound_up,
    restrictions.AccountRestrictionLifted: on_account_restriction_lifted,
    vintages.VintageCreated: on_vintage_created,
    issuance.AllowancesIssued: on_allowances_issued,
    issuance.AllowancesAllocated: on_allowances_allocated,
    transfers.TransferredToTrading: on_transferred_to_trading,
    transfers.ReturnedFromTrading: on_returned_from_trading,
    delivery.AllowancesDelivered: on_allowances_delivered,
}
