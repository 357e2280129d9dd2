"""The stored form: nothing is lost on the way there and back, and numbers mean the same on both sides."""

from dataclasses import replace

from carbonmarket.clearing.v1 import clearing_events_pb2, clearing_types_pb2
from clearing.domain import banks, exclusion, funds, obligations, payouts, reconciliation, run, settlement, trades
from clearing.domain.books import Difference, Figure, InFlight, InFlightKind
from clearing.domain.decider import DECIDER
from clearing.domain.legs import RunLeg
from clearing.domain.settlement import CashChange
from clearing.domain.state import Phase, RunTotal
from clearing.domain.trades import Method
from clearing.projections import HANDLERS, EntryKind, ObligationState, PayoutState
from clearing.wire import WIRE
from support.suites.stored import Line, Numbering, WireSuite

BIG = 2**62
DIGEST = b"7" * 32
DAY = "2021-07-16"
FACTS = (("account", "p-1"), ("trade_id", "3"))
TOTAL = RunTotal("CEA", Method.BLOCK, 1, BIG, BIG)
LEG = RunLeg(3, "CEA", BIG, "p-2", "p-1", BIG, BIG - 1)
DIFFERENCE = Difference(Figure.RECEIVABLE, "p-1", "CEA", -BIG, BIG, BIG, -BIG)
IN_FLIGHT = InFlight(InFlightKind.FUND_ENTRIES, "p-1", "CEA", BIG, -BIG)

# An event, whose feeds it shows in, the subject whose trace it continues, and whether it ends that.
EVENTS: list[Line] = [
    (banks.SettlementBanksSet(DAY, ("ccb", "icbc"), "announcement 7"), set(), ""),
    (funds.FundAccountOpened("p-1"), {"p-1"}, ""),
    (funds.FundAccountRestricted("p-1", "风险"), {"p-1"}, ""),
    (funds.FundAccountRestrictionLifted("p-1"), {"p-1"}, ""),
    (funds.FundAccountClosed("p-1"), {"p-1"}, ""),
    (funds.FundsDeposited("p-1", BIG, "icbc", "r1", 7), {"p-1"}, ""),
    (payouts.PayoutRequested(1, "p-1", BIG, 2, 7), {"p-1"}, ""),
    (payouts.PayoutInstructed(1, "p-1", "icbc"), {"p-1"}, ""),
    (payouts.PayoutInstructionRevoked(1, "p-1", "icbc", "a slip", "c:ann", "c:bob"), {"p-1"}, ""),
    (payouts.PayoutPaid(1, "p-1", "icbc", "r2"), {"p-1"}, ""),
    (payouts.PayoutReturned(1, "p-1", "account closed"), {"p-1"}, ""),
    (payouts.FundsRestored("p-1", BIG, 1, 8), {"p-1"}, ""),
    (
        trades.ObligationRecorded(3, DAY, "CEA", Method.LISTED, 1, BIG, BIG, "p-1", "p-2", 4, 5, 6, BIG),
        {"p-1", "p-2"},
        "trade/3",
    ),
    (obligations.TradingDaysNoted((DAY, "2021-07-19")), set(), ""),
    (run.ClearingRunOpened(9, DAY, 1, BIG, BIG, 3, 3, 6, BIG), set(), "run/9"),
    (run.ClearingRunBlocked(9, DAY, 2, "FUNDS_LACKING", FACTS), set(), "run/9"),
    (run.ClearingRunBegun(9, DAY, 2), set(), "run/9"),
    (run.ClearingRunComputed(9, DAY, 2, 1, BIG, BIG, BIG, BIG, 9, 1, 0, (TOTAL,), DIGEST), set(), "run/9"),
    (run.ClearingRunLegsListed(9, 2, 1, (LEG,), BIG), set(), "run/9"),
    (run.ConfirmationOrdered(9, 2, DAY, 1, BIG, BIG, (TOTAL,), (4, BIG), DIGEST, (7, BIG)), set(), "run/9"),
    (settlement.ClearingRunAgreed(9, 2), set(), "run/9"),
    (settlement.ClearingRunDisagreed(9, 2, "TRADES_DIFFER", FACTS), set(), "run/9"),
    (settlement.CashLegsReplayed(9, 2, 3, (CashChange("p-1", -BIG),), 1, 3, "p-2", BIG), set(), "run/9"),
    (settlement.CashLegsProven(9, 2), set(), "run/9"),
    (settlement.DeliveryOrdered(9, 2, DAY, 1, BIG, DIGEST, (7, BIG)), set(), "run/9"),
    (settlement.DeliveryConfirmed(9, 2, BIG), set(), "run/9"),
    (settlement.DeliveryVoided(9, 2, "ACCOUNT_CLOSED", FACTS), set(), "run/9"),
    (settlement.TradeSettled(3, 9, DAY, "p-1", "p-2", "CEA", BIG, BIG, 4, 5), {"p-1", "p-2"}, "trade/3", True),
    (settlement.SettlementDayCompleted(DAY, 9, 1, 0, BIG, BIG), set(), "run/9", True),
    (exclusion.ExclusionApproved(1, 9, (3, 4), (3,), "default", "c:ann", "c:bob"), set(), "run/9"),
    (exclusion.TradeExcluded(3, 9, DAY, "p-1", "p-2", "CEA", BIG, BIG, 4, 5, 1, BIG), {"p-1", "p-2"}, "trade/3", True),
    (reconciliation.ReconciliationOrdered(DAY), set(), ""),
    (reconciliation.BooksReconciled(DAY, False, 1, 2, 3, 4, 5, (DIFFERENCE,), 1, (IN_FLIGHT,), 1, "5e1f"), set(), ""),
]

ENUMS: list[Numbering] = [
    (Method, dict(clearing_types_pb2.TradeMethod.items()), "TRADE_METHOD_"),
    (Phase, dict(clearing_types_pb2.RunPhase.items()), "RUN_PHASE_"),
    (Figure, dict(clearing_types_pb2.ComparedFigure.items()), "COMPARED_FIGURE_"),
    (InFlightKind, dict(clearing_types_pb2.InFlightKind.items()), "IN_FLIGHT_KIND_"),
    (EntryKind, dict(clearing_types_pb2.EntryKind.items()), "ENTRY_KIND_"),
    (PayoutState, dict(clearing_types_pb2.PayoutState.items()), "PAYOUT_STATE_"),
    (ObligationState, dict(clearing_types_pb2.ObligationState.items()), "OBLIGATION_STATE_"),
]


class TestWire(WireSuite):
    published = clearing_events_pb2.DESCRIPTOR
    wire = WIRE
    decider = DECIDER
    projected = HANDLERS
    events = EVENTS
    enums = ENUMS


def test_a_settled_trade_is_linked_to_its_run_and_the_run_to_its_trades() -> None:
    settled = settlement.TradeSettled(3, 9, DAY, "p-1", "p-2", "CEA", 1, 1, 0, 0)
    assert WIRE.by_event[settlement.TradeSettled].links(settled) == ("run/9",)
    listed = run.ClearingRunLegsListed(9, 2, 1, (LEG, replace(LEG, trade_id=4)), 7)
    assert WIRE.by_event[run.ClearingRunLegsListed].links(listed) == ["trade/3", "trade/4"]


def test_people_are_told_of_every_event_that_keeps_a_day_from_its_end_and_of_no_other() -> None:
    told = {type(event).__name__: WIRE.by_event[type(event)].concern(event) for event, *_ in EVENTS}
    assert {name: reason for name, reason in told.items() if reason} == {
        "ClearingRunBlocked": "FUNDS_LACKING",
        "ClearingRunDisagreed": "TRADES_DIFFER",
        "DeliveryVoided": "ACCOUNT_CLOSED",
        "BooksReconciled": "BOOKS_DISAGREE",
    }
    agreed = reconciliation.BooksReconciled(DAY, True, 1, 2, 3, 4, 5, (), 0, (), 0, "")
    assert WIRE.by_event[reconciliation.BooksReconciled].concern(agreed) == ""
