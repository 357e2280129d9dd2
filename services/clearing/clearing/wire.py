"""Domain events and their stored form: the only list of what clearing publishes.

A trade's obligation begins the trace of the trade here and its settlement or exclusion ends it, linked to the run's; a run's
trace reaches from trading's close of the day to the day's completion. An account's feed shows its money and its trades.
"""

from carbonmarket.clearing.v1 import clearing_events_pb2 as pb
from chassis.wire import EventKind, Wire
from clearing.domain import exclusion, funds, obligations, payouts, reconciliation, run, settlement
from clearing.encoding import books as b
from clearing.encoding import money as m
from clearing.encoding import run as r
from clearing.encoding import settlement as s

OwnAccount = (
    funds.FundAccountOpened
    | funds.FundAccountRestricted
    | funds.FundAccountRestrictionLifted
    | funds.FundAccountClosed
    | funds.FundsDeposited
    | payouts.PayoutRequested
    | payouts.PayoutInstructed
    | payouts.PayoutPaid
    | payouts.PayoutReturned
    | payouts.FundsRestored
)
OfTrade = obligations.ObligationRecorded | settlement.TradeSettled | exclusion.TradeExcluded
OfRun = (
    run.ClearingRunOpened
    | run.ClearingRunBlocked
    | run.ClearingRunComputed
    | run.ClearingRunLegsListed
    | run.ConfirmationOrdered
    | settlement.ClearingRunAgreed
    | settlement.ClearingRunDisagreed
    | settlement.CashLegsProven
    | settlement.DeliveryOrdered
    | settlement.DeliveryConfirmed
    | settlement.DeliveryVoided
    | settlement.SettlementDayCompleted
    | exclusion.ExclusionProposed
    | exclusion.ExclusionApproved
)


def account(event: OwnAccount) -> tuple[str]:
    return (event.account,)


def parties(event: OfTrade) -> tuple[str, str]:
    return (event.buyer, event.seller)


def trade(event: OfTrade) -> str:
    return f"trade/{event.trade_id}"


def of_run(event: OfRun | settlement.TradeSettled | exclusion.TradeExcluded) -> str:
    return f"run/{event.run_id}"


def run_link(event: settlement.TradeSettled | exclusion.TradeExcluded) -> tuple[str]:
    return (of_run(event),)


WIRE = Wire(
    EventKind(
        funds.FundAccountOpened, pb.FundAccountOpened, m.fund_account_opened, m.to_fund_account_opened, accounts=account
    ),
    EventKind(
        funds.FundAccountRestricted,
        pb.FundAccountRestricted,
        m.fund_account_restricted,
        m.to_fund_account_restricted,
        accounts=account,
    ),
    EventKind(
        funds.FundAccountRestrictionLifted,
        pb.FundAccountRestrictionLifted,
        m.fund_account_restriction_lifted,
        m.to_fund_account_restriction_lifted,
        accounts=account,
    ),
    EventKind(
        funds.FundAccountClosed, pb.FundAccountClosed, m.fund_account_closed, m.to_fund_account_closed, accounts=account
    ),
    EventKind(funds.FundsDeposited, pb.FundsDeposited, m.funds_deposited, m.to_funds_deposited, accounts=account),
    EventKind(payouts.PayoutRequested, pb.PayoutRequested, m.payout_requested, m.to_payout_requested, accounts=account),
    EventKind(
        payouts.PayoutInstructed, pb.PayoutInstructed, m.payout_instructed, m.to_payout_instructed, accounts=account
    ),
    EventKind(payouts.PayoutPaid, pb.PayoutPaid, m.payout_paid, m.to_payout_paid, accounts=account),
    EventKind(payouts.PayoutReturned, pb.PayoutReturned, m.payout_returned, m.to_payout_returned, accounts=account),
    EventKind(payouts.FundsRestored, pb.FundsRestored, m.funds_restored, m.to_funds_restored, accounts=account),
    EventKind(
        obligations.ObligationRecorded,
        pb.ObligationRecorded,
        r.obligation_recorded,
        r.to_obligation_recorded,
        accounts=parties,
        subject=trade,
    ),
    EventKind(obligations.TradingDaysNoted, pb.TradingDaysNoted, r.trading_days_noted, r.to_trading_days_noted),
    EventKind(
        run.ClearingRunOpened, pb.ClearingRunOpened, r.clearing_run_opened, r.to_clearing_run_opened, subject=of_run
    ),
    EventKind(
        run.ClearingRunBlocked, pb.ClearingRunBlocked, r.clearing_run_blocked, r.to_clearing_run_blocked, subject=of_run
    ),
    EventKind(
        run.ClearingRunComputed,
        pb.ClearingRunComputed,
        r.clearing_run_computed,
        r.to_clearing_run_computed,
        subject=of_run,
    ),
    EventKind(
        run.ClearingRunLegsListed,
        pb.ClearingRunLegsListed,
        r.clearing_run_legs_listed,
        r.to_clearing_run_legs_listed,
        subject=of_run,
    ),
    EventKind(
        run.ConfirmationOrdered,
        pb.ConfirmationOrdered,
        r.confirmation_ordered,
        r.to_confirmation_ordered,
        subject=of_run,
    ),
    EventKind(
        settlement.ClearingRunAgreed,
        pb.ClearingRunAgreed,
        s.clearing_run_agreed,
        s.to_clearing_run_agreed,
        subject=of_run,
    ),
    EventKind(
        settlement.ClearingRunDisagreed,
        pb.ClearingRunDisagreed,
        s.clearing_run_disagreed,
        s.to_clearing_run_disagreed,
        subject=of_run,
    ),
    EventKind(settlement.CashLegsProven, pb.CashLegsProven, s.cash_legs_proven, s.to_cash_legs_proven, subject=of_run),
    EventKind(
        settlement.DeliveryOrdered, pb.DeliveryOrdered, s.delivery_ordered, s.to_delivery_ordered, subject=of_run
    ),
    EventKind(
        settlement.DeliveryConfirmed,
        pb.DeliveryConfirmed,
        s.delivery_confirmed,
        s.to_delivery_confirmed,
        subject=of_run,
    ),
    EventKind(settlement.DeliveryVoided, pb.DeliveryVoided, s.delivery_voided, s.to_delivery_voided, subject=of_run),
    EventKind(
        settlement.TradeSettled,
        pb.TradeSettled,
        s.trade_settled,
        s.to_trade_settled,
        accounts=parties,
        subject=trade,
        ends_subject=True,
        links=run_link,
    ),
    EventKind(
        settlement.SettlementDayCompleted,
        pb.SettlementDayCompleted,
        s.settlement_day_completed,
        s.to_settlement_day_completed,
        subject=of_run,
        ends_subject=True,
    ),
    EventKind(
        exclusion.ExclusionProposed, pb.ExclusionProposed, s.exclusion_proposed, s.to_exclusion_proposed, subject=of_run
    ),
    EventKind(
        exclusion.ExclusionApproved, pb.ExclusionApproved, s.exclusion_approved, s.to_exclusion_approved, subject=of_run
    ),
    EventKind(
        exclusion.TradeExcluded,
        pb.TradeExcluded,
        s.trade_excluded,
        s.to_trade_excluded,
        accounts=parties,
        subject=trade,
        ends_subject=True,
        links=run_link,
    ),
    EventKind(
        reconciliation.ReconciliationOrdered,
        pb.ReconciliationOrdered,
        b.reconciliation_ordered,
        b.to_reconciliation_ordered,
    ),
    EventKind(reconciliation.BooksReconciled, pb.BooksReconciled, b.books_reconciled, b.to_books_reconciled),
)
