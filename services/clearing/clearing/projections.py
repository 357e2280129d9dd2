"""Rows that queries read: money by account, every obligation, the runs with their steps, the reconciliations."""

from enum import IntEnum
from typing import Any

from chassis.core.days import day_of
from chassis.core.decider import Facts, merged
from chassis.core.record import Record
from chassis.followers.projections import Handlers, writes
from chassis.followers.rows import Rows, json_of_facts, values_of
from chassis.say.tracing import trace_id_of
from clearing.domain import exclusion, funds, obligations, payouts, reconciliation, run, settlement, trades
from clearing.domain.state import Phase


class EntryKind(IntEnum):
    """What changed a balance. The numbers are the public language's, as those of the next two are."""

    DEPOSIT = 1
    PAYOUT = 2
    RESTORED = 3
    BOUGHT = 4
    SOLD = 5


class PayoutState(IntEnum):
    REQUESTED = 1
    INSTRUCTED = 2
    PAID = 3
    RETURNED = 4


class ObligationState(IntEnum):
    UNSETTLED = 1
    SETTLED = 2
    EXCLUDED = 3


# Money


def enter(rows: Rows, record: Record, kind: EntryKind, **values: Any) -> None:
    """A change of a balance; what made it is in the columns that are given."""
    rows.insert("entries", **values, kind=kind, position=record.position, recorded_ms=record.recorded_ms)


def on_fund_account_opened(rows: Rows, event: funds.FundAccountOpened, record: Record) -> None:
    rows.insert("fund_accounts", **values_of(event))


def on_funds_deposited(rows: Rows, event: funds.FundsDeposited, record: Record) -> None:
    enter(rows, record, EntryKind.DEPOSIT, **values_of(event), day=day_of(record.recorded_ms))


def on_payout_requested(rows: Rows, event: payouts.PayoutRequested, record: Record) -> None:
    values = values_of(event, "account", "entry_number", "payout_id")
    day = day_of(record.recorded_ms)
    enter(rows, record, EntryKind.PAYOUT, **values, amount_fen=-event.amount_fen, day=day)
    requested_ms = record.recorded_ms
    rows.insert(
        "payouts", **values_of(event, without="entry_number"), state=PayoutState.REQUESTED, requested_ms=requested_ms
    )


def on_payout_instructed(rows: Rows, event: payouts.PayoutInstructed, record: Record) -> None:
    rows.update("payouts", {"payout_id": event.payout_id}, state=PayoutState.INSTRUCTED, bank=event.bank)


def on_payout_instruction_revoked(rows: Rows, event: payouts.PayoutInstructionRevoked, record: Record) -> None:
    rows.update("payouts", {"payout_id": event.payout_id}, state=PayoutState.REQUESTED, bank="")


def on_payout_paid(rows: Rows, event: payouts.PayoutPaid, record: Record) -> None:
    closed = {"state": PayoutState.PAID, "bank": event.bank, "closed_ms": record.recorded_ms}
    rows.update("payouts", {"payout_id": event.payout_id}, bank_reference=event.bank_reference, **closed)


def on_payout_returned(rows: Rows, event: payouts.PayoutReturned, record: Record) -> None:
    closed = {"state": PayoutState.RETURNED, "closed_ms": record.recorded_ms}
    rows.update("payouts", {"payout_id": event.payout_id}, ground=event.ground, **closed)


def on_funds_restored(rows: Rows, event: payouts.FundsRestored, record: Record) -> None:
    enter(rows, record, EntryKind.RESTORED, **values_of(event), day=day_of(record.recorded_ms))


# Obligations

NOTE_DAY = "INSERT INTO trading_days (day) VALUES ($1) ON CONFLICT DO NOTHING"


def on_obligation_recorded(rows: Rows, event: trades.ObligationRecorded, record: Record) -> None:
    rows.insert(
        "obligations",
        **values_of(event, without="trading_position"),
        state=ObligationState.UNSETTLED,
        trace_id=trace_id_of(record.traceparent),
    )


def on_trade_settled(rows: Rows, event: settlement.TradeSettled, record: Record) -> None:
    close_obligation(rows, event, record, state=ObligationState.SETTLED)
    sides = (
        (EntryKind.BOUGHT, event.buyer, -(event.value_fen + event.buyer_fee_fen), event.buyer_fee_fen),
        (EntryKind.SOLD, event.seller, event.value_fen - event.seller_fee_fen, event.seller_fee_fen),
    )
    for kind, account, amount_fen, fee_fen in sides:
        of_trade = values_of(event, "day", "trade_id")
        enter(rows, record, kind, account=account, amount_fen=amount_fen, fee_fen=fee_fen, **of_trade)


def on_trade_excluded(rows: Rows, event: exclusion.TradeExcluded, record: Record) -> None:
    close_obligation(rows, event, record, state=ObligationState.EXCLUDED, blocked_fen=event.blocked_fen)


def close_obligation(
    rows: Rows, event: settlement.TradeSettled | exclusion.TradeExcluded, record: Record, **values: int
) -> None:
    closed = {"run_id": event.run_id, "closed_ms": record.recorded_ms}
    rows.update("obligations", {"trade_id": event.trade_id}, **values, **closed)


def on_trading_days_noted(rows: Rows, event: obligations.TradingDaysNoted, record: Record) -> None:
    for day in event.days:
        rows.execute(NOTE_DAY, day)


# Runs

LATEST_ATTEMPT = 0
"""A step whose event names no attempt belongs to the latest one."""


def step(rows: Rows, record: Record, event: Any, attempt: int, reason: str = "", facts: Facts = ()) -> None:
    rows.insert(
        "run_steps",
        run_id=event.run_id,
        position=record.position,
        attempt=attempt,
        step=record.type.rpartition(".")[2],
        reason=reason,
        facts=json_of_facts(facts),
        recorded_ms=record.recorded_ms,
    )


def set_run(rows: Rows, run_id: int, **values: Any) -> None:
    rows.update("runs", {"run_id": run_id}, **values)


def on_clearing_run_opened(rows: Rows, event: run.ClearingRunOpened, record: Record) -> None:
    columns = ("run_id", "day", "trades", "quantity_tonnes", "value_fen", "opened_ms")
    rows.insert("runs", **values_of(event, *columns), phase=Phase.BLOCKED)
    step(rows, record, event, LATEST_ATTEMPT)


def on_clearing_run_blocked(rows: Rows, event: run.ClearingRunBlocked, record: Record) -> None:
    values = values_of(event, "attempt", "facts")
    set_run(rows, event.run_id, **values, phase=Phase.BLOCKED, blocked_because=event.reason)
    step(rows, record, event, event.attempt, event.reason, event.facts)


def on_clearing_run_begun(rows: Rows, event: run.ClearingRunBegun, record: Record) -> None:
    unblocked = {"phase": Phase.LISTING, "blocked_because": "", "facts": json_of_facts(())}
    set_run(rows, event.run_id, attempt=event.attempt, **unblocked)
    step(rows, record, event, event.attempt)


def on_clearing_run_computed(rows: Rows, event: run.ClearingRunComputed, record: Record) -> None:
    columns = ("attempt", "trades", "quantity_tonnes", "value_fen", "fees_fen", "excluded_trades", "totals")
    set_run(rows, event.run_id, **values_of(event, *columns), computed_attempt=event.attempt)
    step(rows, record, event, event.attempt)


def on_clearing_run_legs_listed(rows: Rows, event: run.ClearingRunLegsListed, record: Record) -> None:
    for leg in event.legs:
        rows.insert("run_legs", **values_of(leg), run_id=event.run_id, attempt=event.attempt)


PHASE_AFTER = {
    run.ConfirmationOrdered: Phase.CONFIRMING,
    settlement.ClearingRunAgreed: Phase.PROVING,
    settlement.CashLegsProven: Phase.PROVING,
    settlement.DeliveryOrdered: Phase.DELIVERING,
    settlement.DeliveryConfirmed: Phase.PAYING,
}


def on_next_phase(
    rows: Rows,
    event: run.ConfirmationOrdered
    | settlement.ClearingRunAgreed
    | settlement.CashLegsProven
    | settlement.DeliveryOrdered
    | settlement.DeliveryConfirmed,
    record: Record,
) -> None:
    set_run(rows, event.run_id, phase=PHASE_AFTER[type(event)])
    step(rows, record, event, event.attempt)


def on_refused_step(
    rows: Rows, event: settlement.ClearingRunDisagreed | settlement.DeliveryVoided, record: Record
) -> None:
    step(rows, record, event, event.attempt, event.reason, event.facts)


def on_settlement_day_completed(rows: Rows, event: settlement.SettlementDayCompleted, record: Record) -> None:
    set_run(rows, event.run_id, phase=Phase.COMPLETED, completed_ms=record.recorded_ms)
    step(rows, record, event, LATEST_ATTEMPT)


def on_exclusion_approved(rows: Rows, event: exclusion.ExclusionApproved, record: Record) -> None:
    rows.insert("exclusions", **values_of(event, without="named_trade_ids"))
    step(rows, record, event, LATEST_ATTEMPT)


# Reconciliation


def on_books_reconciled(rows: Rows, event: reconciliation.BooksReconciled, record: Record) -> None:
    position, recorded_ms = record.position, record.recorded_ms
    rows.insert(
        "reconciliations", **values_of(event, without="disagreement"), position=position, recorded_ms=recorded_ms
    )


HANDLERS: Handlers = merged(
    writes(funds.FundAccountOpened, on_fund_account_opened),
    writes(funds.FundsDeposited, on_funds_deposited),
    writes(payouts.PayoutRequested, on_payout_requested),
    writes(payouts.PayoutInstructed, on_payout_instructed),
    writes(payouts.PayoutInstructionRevoked, on_payout_instruction_revoked),
    writes(payouts.PayoutPaid, on_payout_paid),
    writes(payouts.PayoutReturned, on_payout_returned),
    writes(payouts.FundsRestored, on_funds_restored),
    writes(trades.ObligationRecorded, on_obligation_recorded),
    writes(obligations.TradingDaysNoted, on_trading_days_noted),
    writes(run.ClearingRunOpened, on_clearing_run_opened),
    writes(run.ClearingRunBlocked, on_clearing_run_blocked),
    writes(run.ClearingRunBegun, on_clearing_run_begun),
    writes(run.ClearingRunComputed, on_clearing_run_computed),
    writes(run.ClearingRunLegsListed, on_clearing_run_legs_listed),
    writes(run.ConfirmationOrdered, on_next_phase),
    writes(settlement.ClearingRunAgreed, on_next_phase),
    writes(settlement.ClearingRunDisagreed, on_refused_step),
    writes(settlement.CashLegsProven, on_next_phase),
    writes(settlement.DeliveryOrdered, on_next_phase),
    writes(settlement.DeliveryConfirmed, on_next_phase),
    writes(settlement.DeliveryVoided, on_refused_step),
    writes(settlement.TradeSettled, on_trade_settled),
    writes(settlement.SettlementDayCompleted, on_settlement_day_completed),
    writes(exclusion.ExclusionApproved, on_exclusion_approved),
    writes(exclusion.TradeExcluded, on_trade_excluded),
    writes(reconciliation.BooksReconciled, on_books_reconciled),
)
