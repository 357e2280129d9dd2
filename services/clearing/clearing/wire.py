"""Domain events and commands as messages: the only list of what clearing publishes.

A trade's obligation begins the trace of the trade here, and its settlement or exclusion ends it, linked to the run's;
a run's trace reaches from trading's close of the day to the day's completion. An account's feed shows its money and
its trades.
"""

from typing import Protocol

from carbonmarket.clearing.v1 import clearing_events_pb2 as pb
from carbonmarket.clearing.v1 import clearing_service_pb2
from chassis.core.commands import Commands
from chassis.core.wire import EventKind, Wire, account
from clearing.domain import banks, exclusion, funds, obligations, payouts, reconciliation, run, settlement, trades
from clearing.domain.decider import DECIDER


class OfParties(Protocol):
    @property
    def buyer(self) -> str: ...
    @property
    def seller(self) -> str: ...


class OfTrade(Protocol):
    @property
    def trade_id(self) -> int: ...


class OfRun(Protocol):
    @property
    def run_id(self) -> int: ...


class WithReason(Protocol):
    @property
    def reason(self) -> str: ...


def parties(event: OfParties) -> tuple[str, str]:
    return (event.buyer, event.seller)


def trade(event: OfTrade) -> str:
    return f"trade/{event.trade_id}"


def of_run(event: OfRun) -> str:
    return f"run/{event.run_id}"


def run_link(event: OfRun) -> tuple[str]:
    return (of_run(event),)


def trades_of(event: run.ClearingRunLegsListed) -> list[str]:
    """The run meets its trades where it lists them; each of them meets the run where it is settled."""
    return [f"trade/{leg.trade_id}" for leg in event.legs]


def because(event: WithReason) -> str:
    return event.reason


WIRE = Wire(
    EventKind(banks.SettlementBanksSet, pb.SettlementBanksSet),
    EventKind(funds.FundAccountOpened, pb.FundAccountOpened, accounts=account),
    EventKind(funds.FundAccountRestricted, pb.FundAccountRestricted, accounts=account),
    EventKind(funds.FundAccountRestrictionLifted, pb.FundAccountRestrictionLifted, accounts=account),
    EventKind(funds.FundAccountClosed, pb.FundAccountClosed, accounts=account),
    EventKind(funds.FundsDeposited, pb.FundsDeposited, accounts=account),
    EventKind(payouts.PayoutRequested, pb.PayoutRequested, accounts=account),
    EventKind(
        payouts.PayoutInstructed,
        pb.PayoutInstructed,
        accounts=account,
        shown=("payout_id", "bank"),
        about=("instruction", "payout_id"),
    ),
    EventKind(
        payouts.PayoutInstructionRevoked,
        pb.PayoutInstructionRevoked,
        accounts=account,
        shown=("payout_id", "bank", "ground"),
        about=("instruction", "payout_id"),
    ),
    EventKind(payouts.PayoutPaid, pb.PayoutPaid, accounts=account),
    EventKind(payouts.PayoutReturned, pb.PayoutReturned, accounts=account),
    EventKind(payouts.FundsRestored, pb.FundsRestored, accounts=account),
    EventKind(trades.ObligationRecorded, pb.ObligationRecorded, accounts=parties, subject=trade),
    EventKind(obligations.TradingDaysNoted, pb.TradingDaysNoted),
    EventKind(run.ClearingRunOpened, pb.ClearingRunOpened, subject=of_run),
    EventKind(run.ClearingRunBlocked, pb.ClearingRunBlocked, subject=of_run, concern=because),
    EventKind(run.ClearingRunBegun, pb.ClearingRunBegun, subject=of_run, shown=("run_id", "attempt")),
    EventKind(run.ClearingRunComputed, pb.ClearingRunComputed, subject=of_run),
    EventKind(run.ClearingRunLegsListed, pb.ClearingRunLegsListed, subject=of_run, links=trades_of),
    EventKind(run.ConfirmationOrdered, pb.ConfirmationOrdered, subject=of_run),
    EventKind(settlement.ClearingRunAgreed, pb.ClearingRunAgreed, subject=of_run),
    EventKind(settlement.ClearingRunDisagreed, pb.ClearingRunDisagreed, subject=of_run, concern=because),
    EventKind(settlement.CashLegsReplayed, pb.CashLegsReplayed, subject=of_run),
    EventKind(settlement.CashLegsProven, pb.CashLegsProven, subject=of_run),
    EventKind(settlement.DeliveryOrdered, pb.DeliveryOrdered, subject=of_run),
    EventKind(settlement.DeliveryConfirmed, pb.DeliveryConfirmed, subject=of_run),
    EventKind(settlement.DeliveryVoided, pb.DeliveryVoided, subject=of_run, concern=because),
    EventKind(
        settlement.TradeSettled, pb.TradeSettled, accounts=parties, subject=trade, ends_subject=True, links=run_link
    ),
    EventKind(settlement.SettlementDayCompleted, pb.SettlementDayCompleted, subject=of_run, ends_subject=True),
    EventKind(
        exclusion.ExclusionApproved,
        pb.ExclusionApproved,
        subject=of_run,
        shown=("run_id", "trade_ids", "named_trade_ids", "ground"),
    ),
    EventKind(
        exclusion.TradeExcluded, pb.TradeExcluded, accounts=parties, subject=trade, ends_subject=True, links=run_link
    ),
    EventKind(reconciliation.ReconciliationOrdered, pb.ReconciliationOrdered),
    EventKind(
        reconciliation.BooksReconciled,
        pb.BooksReconciled,
        concern=lambda event: "" if event.agreed else "BOOKS_DISAGREE",
    ),
)

COMMANDS = Commands(clearing_service_pb2.DESCRIPTOR.services_by_name["ClearingService"], DECIDER.decide)
