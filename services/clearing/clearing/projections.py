"""Rows that queries read: money by account, every obligation, the runs with their steps, the reconciliations."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from chassis.decider import Facts
from chassis.projections import Handlers, Rows
from chassis.record import Record
from chassis.tracing import trace_id_of
from clearing.domain import exclusion, funds, obligations, payouts, reconciliation, run, settlement
from clearing.domain.state import Phase

MS_PER_SECOND = 1_000
CHINA = timedelta(hours=8)
"""China time has no daylight saving."""


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


def china_day(recorded_ms: int) -> str:
    return (datetime.fromtimestamp(recorded_ms // MS_PER_SECOND, UTC) + CHINA).date().isoformat()


# Money

OPEN_ACCOUNT = "INSERT INTO fund_accounts (account) VALUES ($1)"

ENTER = """
INSERT INTO entries (account, position, kind, day, amount_fen, fee_fen, entry, bank, bank_reference, payout_id,
                     trade_id, recorded_ms)
VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8, $9, 0, $10)
"""

REQUEST_PAYOUT = """
INSERT INTO payouts (payout_id, account, amount_fen, state, release_id, bank, bank_reference, ground, requested_ms,
                     closed_ms)
VALUES ($1, $2, $3, $4, $5, '', '', '', $6, 0)
"""

INSTRUCT_PAYOUT = "UPDATE payouts SET state = $2, bank = $3 WHERE payout_id = $1"

CLOSE_PAYOUT = "UPDATE payouts SET state = $2, bank_reference = $3, ground = $4, closed_ms = $5 WHERE payout_id = $1"


def enter(
    rows: Rows, record: Record, kind: EntryKind, account: str, amount_fen: int, entry: int, payout_id: int = 0
) -> None:
    """A change of a balance that no trade made; a bank's own names come with a deposit only."""
    day = china_day(record.recorded_ms)
    rows.execute(ENTER, account, record.position, kind, day, amount_fen, entry, "", "", payout_id, record.recorded_ms)


def on_fund_account_opened(rows: Rows, event: funds.FundAccountOpened, record: Record) -> None:
    rows.execute(OPEN_ACCOUNT, event.account)


def on_funds_deposited(rows: Rows, event: funds.FundsDeposited, record: Record) -> None:
    rows.execute(
        ENTER,
        event.account,
        record.position,
        EntryKind.DEPOSIT,
        china_day(record.recorded_ms),
        event.amount_fen,
        event.entry,
        event.bank,
        event.bank_reference,
        0,
        record.recorded_ms,
    )


def on_payout_requested(rows: Rows, event: payouts.PayoutRequested, record: Record) -> None:
    payout_id = event.payout_id
    enter(rows, record, EntryKind.PAYOUT, event.account, -event.amount_fen, event.entry, payout_id)
    rows.execute(
        REQUEST_PAYOUT,
        payout_id,
        event.account,
        event.amount_fen,
        PayoutState.REQUESTED,
        event.release_id,
        record.recorded_ms,
    )


def on_payout_instructed(rows: Rows, event: payouts.PayoutInstructed, record: Record) -> None:
    rows.execute(INSTRUCT_PAYOUT, event.payout_id, PayoutState.INSTRUCTED, event.bank)


def on_payout_paid(rows: Rows, event: payouts.PayoutPaid, record: Record) -> None:
    rows.execute(CLOSE_PAYOUT, event.payout_id, PayoutState.PAID, event.bank_reference, "", record.recorded_ms)


def on_payout_returned(rows: Rows, event: payouts.PayoutReturned, record: Record) -> None:
    rows.execute(CLOSE_PAYOUT, event.payout_id, PayoutState.RETURNED, "", event.ground, record.recorded_ms)


def on_funds_restored(rows: Rows, event: payouts.FundsRestored, record: Record) -> None:
    enter(rows, record, EntryKind.RESTORED, event.account, event.amount_fen, event.entry, event.payout_id)


# Obligations

RECORD_OBLIGATION = """
INSERT INTO obligations (trade_id, day, instrument, method, price_fen, quantity_tonnes, value_fen, buyer, seller,
                         buyer_fee_fen, seller_fee_fen, blocked_fen, state, run_id, executed_ms, closed_ms, trace_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, 0, $13, 0, $14)
"""

# One statement for all that a settled trade changes, so that a whole run goes to the database in one piece.
SETTLE = """
WITH settled AS (UPDATE obligations SET state = $2, run_id = $3, closed_ms = $4 WHERE trade_id = $1)
INSERT INTO entries (account, position, kind, day, amount_fen, fee_fen, entry, bank, bank_reference, payout_id,
                     trade_id, recorded_ms)
VALUES ($5, $6, $7, $8, -($9::bigint + $10::bigint), $10, 0, '', '', 0, $1, $4),
       ($11, $6, $12, $8, $9::bigint - $13::bigint, $13, 0, '', '', 0, $1, $4)
"""

EXCLUDE = "UPDATE obligations SET state = $2, run_id = $3, blocked_fen = $4, closed_ms = $5 WHERE trade_id = $1"

NOTE_DAY = "INSERT INTO trading_days (day) VALUES ($1) ON CONFLICT DO NOTHING"


def on_obligation_recorded(rows: Rows, event: obligations.ObligationRecorded, record: Record) -> None:
    rows.execute(
        RECORD_OBLIGATION,
        event.trade_id,
        event.day,
        event.instrument,
        event.method,
        event.price_fen,
        event.quantity_tonnes,
        event.value_fen,
        event.buyer,
        event.seller,
        event.buyer_fee_fen,
        event.seller_fee_fen,
        ObligationState.UNSETTLED,
        event.executed_ms,
        trace_id_of(record.traceparent),
    )


def on_trade_settled(rows: Rows, event: settlement.TradeSettled, record: Record) -> None:
    rows.execute(
        SETTLE,
        event.trade_id,
        ObligationState.SETTLED,
        event.run_id,
        record.recorded_ms,
        event.buyer,
        record.position,
        EntryKind.BOUGHT,
        event.day,
        event.value_fen,
        event.buyer_fee_fen,
        event.seller,
        EntryKind.SOLD,
        event.seller_fee_fen,
    )


def on_trade_excluded(rows: Rows, event: exclusion.TradeExcluded, record: Record) -> None:
    rows.execute(EXCLUDE, event.trade_id, ObligationState.EXCLUDED, event.run_id, event.blocked_fen, record.recorded_ms)


def on_trading_days_noted(rows: Rows, event: obligations.TradingDaysNoted, record: Record) -> None:
    for day in event.days:
        rows.execute(NOTE_DAY, day)


# Runs

OPEN_RUN = """
INSERT INTO runs (run_id, day, attempt, computed_attempt, phase, blocked_because, facts, trades, quantity_tonnes,
                  value_fen, fees_fen, excluded, totals, opened_ms, completed_ms)
VALUES ($1, $2, 0, 0, $3, '', '{}', $4, $5, $6, 0, 0, '[]', $7, 0)
"""

BLOCK_RUN = "UPDATE runs SET attempt = $2, phase = $3, blocked_because = $4, facts = $5::jsonb WHERE run_id = $1"

COMPUTE_RUN = """
UPDATE runs SET attempt = $2, computed_attempt = $2, phase = $3, blocked_because = '', facts = '{}', trades = $4,
                quantity_tonnes = $5, value_fen = $6, fees_fen = $7, excluded = $8, totals = $9::jsonb
WHERE run_id = $1
"""

ADD_LEG = """
INSERT INTO run_legs (run_id, attempt, trade_id, instrument, quantity_tonnes, seller, buyer, buyer_pays_fen,
                      seller_receives_fen)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

SET_PHASE = "UPDATE runs SET phase = $2, completed_ms = $3 WHERE run_id = $1"

ADD_STEP = """
INSERT INTO run_steps (run_id, position, attempt, step, reason, facts, recorded_ms)
VALUES ($1, $2, COALESCE($3, (SELECT attempt FROM runs WHERE run_id = $1)), $4, $5, $6::jsonb, $7)
"""

PROPOSE_EXCLUSION = """
INSERT INTO exclusions (exclusion_id, run_id, trade_ids, ground, proposer, approver) VALUES ($1, $2, $3, $4, $5, '')
"""

APPROVE_EXCLUSION = "UPDATE exclusions SET approver = $2 WHERE exclusion_id = $1"


def step(
    rows: Rows,
    record: Record,
    run_id: int,
    attempt: int | None,
    event: object,
    reason: str = "",
    facts: Facts = (),
) -> None:
    """A step of a run; without an attempt of its own it belongs to the latest."""
    name = type(event).__name__
    rows.execute(ADD_STEP, run_id, record.position, attempt, name, reason, json.dumps(dict(facts)), record.recorded_ms)


def on_clearing_run_opened(rows: Rows, event: run.ClearingRunOpened, record: Record) -> None:
    rows.execute(
        OPEN_RUN,
        event.run_id,
        event.day,
        Phase.BLOCKED,
        event.trades,
        event.quantity_tonnes,
        event.value_fen,
        event.opened_ms,
    )
    step(rows, record, event.run_id, 0, event)


def on_clearing_run_blocked(rows: Rows, event: run.ClearingRunBlocked, record: Record) -> None:
    facts = json.dumps(dict(event.facts))
    rows.execute(BLOCK_RUN, event.run_id, event.attempt, Phase.BLOCKED, event.reason, facts)
    step(rows, record, event.run_id, event.attempt, event, event.reason, event.facts)


def on_clearing_run_computed(rows: Rows, event: run.ClearingRunComputed, record: Record) -> None:
    rows.execute(
        COMPUTE_RUN,
        event.run_id,
        event.attempt,
        Phase.CONFIRMING,
        event.trades,
        event.quantity_tonnes,
        event.value_fen,
        event.fees_fen,
        event.excluded,
        json.dumps([asdict(total) for total in event.totals]),
    )
    step(rows, record, event.run_id, event.attempt, event)


def on_clearing_run_legs_listed(rows: Rows, event: run.ClearingRunLegsListed, record: Record) -> None:
    for leg in event.legs:
        rows.execute(
            ADD_LEG,
            event.run_id,
            event.attempt,
            leg.trade_id,
            leg.instrument,
            leg.quantity_tonnes,
            leg.seller,
            leg.buyer,
            leg.buyer_pays_fen,
            leg.seller_receives_fen,
        )


def on_plain_step(
    rows: Rows,
    event: run.ConfirmationOrdered
    | settlement.ClearingRunAgreed
    | settlement.CashLegsProven
    | settlement.DeliveryConfirmed,
    record: Record,
) -> None:
    step(rows, record, event.run_id, event.attempt, event)


def on_refused_step(
    rows: Rows, event: settlement.ClearingRunDisagreed | settlement.DeliveryVoided, record: Record
) -> None:
    step(rows, record, event.run_id, event.attempt, event, event.reason, event.facts)


def on_delivery_ordered(rows: Rows, event: settlement.DeliveryOrdered, record: Record) -> None:
    rows.execute(SET_PHASE, event.run_id, Phase.DELIVERING, 0)
    step(rows, record, event.run_id, event.attempt, event)


def on_settlement_day_completed(rows: Rows, event: settlement.SettlementDayCompleted, record: Record) -> None:
    rows.execute(SET_PHASE, event.run_id, Phase.COMPLETED, record.recorded_ms)
    step(rows, record, event.run_id, None, event)


def on_exclusion_proposed(rows: Rows, event: exclusion.ExclusionProposed, record: Record) -> None:
    rows.execute(
        PROPOSE_EXCLUSION, event.exclusion_id, event.run_id, list(event.trade_ids), event.ground, event.proposer
    )
    step(rows, record, event.run_id, None, event)


def on_exclusion_approved(rows: Rows, event: exclusion.ExclusionApproved, record: Record) -> None:
    rows.execute(APPROVE_EXCLUSION, event.exclusion_id, event.approver)
    step(rows, record, event.run_id, None, event)


# Reconciliation

RECONCILE = """
INSERT INTO reconciliations (position, day, agreed, registry_position, trading_position, clearing_position,
                             clearing_entry, rows_compared, difference_count, differences, in_flight_count, in_flight,
                             recorded_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11, $12::jsonb, $13)
"""


def on_books_reconciled(rows: Rows, event: reconciliation.BooksReconciled, record: Record) -> None:
    rows.execute(
        RECONCILE,
        record.position,
        event.day,
        event.agreed,
        event.registry_position,
        event.trading_position,
        event.clearing_position,
        event.clearing_entry,
        event.rows_compared,
        event.difference_count,
        json.dumps([asdict(row) for row in event.differences]),
        event.in_flight_count,
        json.dumps([asdict(row) for row in event.in_flight]),
        record.recorded_ms,
    )


HANDLERS: Handlers = {
    funds.FundAccountOpened: on_fund_account_opened,
    funds.FundsDeposited: on_funds_deposited,
    payouts.PayoutRequested: on_payout_requested,
    payouts.PayoutInstructed: on_payout_instructed,
    payouts.PayoutPaid: on_payout_paid,
    payouts.PayoutReturned: on_payout_returned,
    payouts.FundsRestored: on_funds_restored,
    obligations.ObligationRecorded: on_obligation_recorded,
    obligations.TradingDaysNoted: on_trading_days_noted,
    run.ClearingRunOpened: on_clearing_run_opened,
    run.ClearingRunBlocked: on_clearing_run_blocked,
    run.ClearingRunComputed: on_clearing_run_computed,
    run.ClearingRunLegsListed: on_clearing_run_legs_listed,
    run.ConfirmationOrdered: on_plain_step,
    settlement.ClearingRunAgreed: on_plain_step,
    settlement.ClearingRunDisagreed: on_refused_step,
    settlement.CashLegsProven: on_plain_step,
    settlement.DeliveryOrdered: on_delivery_ordered,
    settlement.DeliveryConfirmed: on_plain_step,
    settlement.DeliveryVoided: on_refused_step,
    settlement.TradeSettled: on_trade_settled,
    settlement.SettlementDayCompleted: on_settlement_day_completed,
    exclusion.ExclusionProposed: on_exclusion_proposed,
    exclusion.ExclusionApproved: on_exclusion_approved,
    exclusion.TradeExcluded: on_trade_excluded,
    reconciliation.BooksReconciled: on_books_reconciled,
}
