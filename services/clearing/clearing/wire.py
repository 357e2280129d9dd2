"""Domain events and their stored form: the only list of what clearing publishes.

A trade's obligation begins the trace of the trade here, and its settlement or exclusion ends it, linked to the run's;
a run's trace reaches from trading's close of the day to the day's completion. An account's feed shows its money and
its trades.
"""

from carbonmarket.clearing.v1 import clearing_events_pb2 as pb
from chassis.wire import EventKind, Wire
from clearing.domain import exclusion, funds, obligations, payouts, reconciliation, run, settlement
from clearing.encoding import books, money, runs, settlements

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


def trades_of(event: run.ClearingRunLegsListed) -> list[str]:
    """The run meets its trades where it lists them; each of them meets the run where it is settled."""
    return [f"trade/{leg.trade_id}" for leg in event.legs]


def because(
    event: run.ClearingRunBlocked | settlement.ClearingRunDisagreed | settlement.DeliveryVoided,
) -> str:
    return event.reason


WIRE = Wire(
    EventKind(
        funds.FundAccountOpened,
        pb.FundAccountOpened,
        money.fund_account_opened,
        money.to_fund_account_opened,
        accounts=account,
    ),
    EventKind(
        funds.FundAccountRestricted,
        pb.FundAccountRestricted,
        money.fund_account_restricted,
        money.to_fund_account_restricted,
        accounts=account,
    ),
    EventKind(
        funds.FundAccountRestrictionLifted,
        pb.FundAccountRestrictionLifted,
        money.fund_account_restriction_lifted,
        money.to_fund_account_restriction_lifted,
        accounts=account,
    ),
    EventKind(
        funds.FundAccountClosed,
        pb.FundAccountClosed,
        money.fund_account_closed,
        money.to_fund_account_closed,
        accounts=account,
    ),
    EventKind(
        funds.FundsDeposited, pb.FundsDeposited, money.funds_deposited, money.to_funds_deposited, accounts=account
    ),
    EventKind(
        payouts.PayoutRequested, pb.PayoutRequested, money.payout_requested, money.to_payout_requested, accounts=account
    ),
    EventKind(
        payouts.PayoutInstructed,
        pb.PayoutInstructed,
        money.payout_instructed,
        money.to_payout_instructed,
        accounts=account,
    ),
    EventKind(payouts.PayoutPaid, pb.PayoutPaid, money.payout_paid, money.to_payout_paid, accounts=account),
    EventKind(
        payouts.PayoutReturned, pb.PayoutReturned, money.payout_returned, money.to_payout_returned, accounts=account
    ),
    EventKind(payouts.FundsRestored, pb.FundsRestored, money.funds_restored, money.to_funds_restored, accounts=account),
    EventKind(
        obligations.ObligationRecorded,
        pb.ObligationRecorded,
        runs.obligation_recorded,
        runs.to_obligation_recorded,
        accounts=parties,
        subject=trade,
    ),
    EventKind(obligations.TradingDaysNoted, pb.TradingDaysNoted, runs.trading_days_noted, runs.to_trading_days_noted),
    EventKind(
        run.ClearingRunOpened,
        pb.ClearingRunOpened,
        runs.clearing_run_opened,
        runs.to_clearing_run_opened,
        subject=of_run,
    ),
    EventKind(
        run.ClearingRunBlocked,
        pb.ClearingRunBlocked,
        runs.clearing_run_blocked,
        runs.to_clearing_run_blocked,
        subject=of_run,
        concern=because,
    ),
    EventKind(
        run.ClearingRunComputed,
        pb.ClearingRunComputed,
        runs.clearing_run_computed,
        runs.to_clearing_run_computed,
        subject=of_run,
    ),
    EventKind(
        run.ClearingRunLegsListed,
        pb.ClearingRunLegsListed,
        runs.clearing_run_legs_listed,
        runs.to_clearing_run_legs_listed,
        subject=of_run,
        links=trades_of,
    ),
    EventKind(
        run.ConfirmationOrdered,
        pb.ConfirmationOrdered,
        runs.confirmation_ordered,
        runs.to_confirmation_ordered,
        subject=of_run,
    ),
    EventKind(
        settlement.ClearingRunAgreed,
        pb.ClearingRunAgreed,
        settlements.clearing_run_agreed,
        settlements.to_clearing_run_agreed,
        subject=of_run,
    ),
    EventKind(
        settlement.ClearingRunDisagreed,
        pb.ClearingRunDisagreed,
        settlements.clearing_run_disagreed,
        settlements.to_clearing_run_disagreed,
        subject=of_run,
        concern=because,
    ),
    EventKind(
        settlement.CashLegsProven,
        pb.CashLegsProven,
        settlements.cash_legs_proven,
        settlements.to_cash_legs_proven,
        subject=of_run,
    ),
    EventKind(
        settlement.DeliveryOrdered,
        pb.DeliveryOrdered,
        settlements.delivery_ordered,
        settlements.to_delivery_ordered,
        subject=of_run,
    ),
    EventKind(
        settlement.DeliveryConfirmed,
        pb.DeliveryConfirmed,
        settlements.delivery_confirmed,
        settlements.to_delivery_confirmed,
        subject=of_run,
    ),
    EventKind(
        settlement.DeliveryVoided,
        pb.DeliveryVoided,
        settlements.delivery_voided,
        settlements.to_delivery_voided,
        subject=of_run,
        concern=because,
    ),
    EventKind(
        settlement.TradeSettled,
        pb.TradeSettled,
        settlements.trade_settled,
        settlements.to_trade_settled,
        accounts=parties,
        subject=trade,
        ends_subject=True,
        links=run_link,
    ),
    EventKind(
        settlement.SettlementDayCompleted,
        pb.SettlementDayCompleted,
        settlements.settlement_day_completed,
        settlements.to_settlement_day_completed,
        subject=of_run,
        ends_subject=True,
    ),
    EventKind(
        exclusion.ExclusionProposed,
        pb.ExclusionProposed,
        settlements.exclusion_proposed,
        settlements.to_exclusion_proposed,
        subject=of_run,
    ),
    EventKind(
        exclusion.ExclusionApproved,
        pb.ExclusionApproved,
        settlements.exclusion_approved,
        settlements.to_exclusion_approved,
        subject=of_run,
    ),
    EventKind(
        exclusion.TradeExcluded,
        pb.TradeExcluded,
        settlements.trade_excluded,
        settlements.to_trade_excluded,
        accounts=parties,
        subject=trade,
        ends_subject=True,
        links=run_link,
    ),
    EventKind(
        reconciliation.ReconciliationOrdered,
        pb.ReconciliationOrdered,
        books.reconciliation_ordered,
        books.to_reconciliation_ordered,
    ),
    EventKind(
        reconciliation.BooksReconciled,
        pb.BooksReconciled,
        books.books_reconciled,
        books.to_books_reconciled,
        concern=lambda event: "" if event.agreed else "BOOKS_DISAGREE",
    ),
)
