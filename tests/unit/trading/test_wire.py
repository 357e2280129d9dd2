"""The stored form: nothing is lost on the way there and back, and numbers mean the same on both sides."""

from carbonmarket.trading.v1 import trading_events_pb2, trading_query_service_pb2, trading_types_pb2
from support.domains.trading_floor import RULES
from support.suites.stored import Line, Numbering, WireSuite
from trading.domain import (
    accounts,
    calendar,
    closing,
    confirmation,
    custody,
    instruments,
    listed,
    negotiations,
    opening,
    overriding,
    restriction,
    rules,
    settlement,
    suspension,
    trades,
)
from trading.domain.decider import DECIDER
from trading.domain.state import DayPhase, Limits, Obstacle, Weight
from trading.domain.values import Method, Side
from trading.projections import HANDLERS, BlockState, OrderState, TradeState
from trading.wire import WIRE

BIG = 2**62
DAY = "2021-07-16"
LIMITS = Limits("CEA", 4_800, 4_320, 5_280, 3_360, BIG)
OBSTACLE = Obstacle("BOOKS_NOT_AGREED", "5e1f")
BY_OWNER, BY_PROPOSER = listed.CancelReason.BY_OWNER, negotiations.WithdrawReason.BY_PROPOSER

# fmt: off
# An event, whose feeds it shows in, the subject whose trace it continues, and whether it ends that.
EVENTS: list[Line] = [
    (calendar.TradingDaysAnnounced((DAY, "2021-07-19")), set(), "", False),
    (rules.TradingRulesSet(RULES), set(), "", False),
    (rules.FeesSet(DAY, 1, 2, "tariff"), set(), "", False),
    (rules.CompositeWeightsSet(DAY, (Weight("CEA", 1), Weight("CEA21", 0)), "notice"), set(), "", False),
    (instruments.VintageNoted("CEA"), set(), "", False),
    (instruments.InstrumentAdmitted("CEA", DAY, 4_800), set(), "", False),
    (accounts.TradingAccountOpened("p-1", True), {"p-1"}, "", False),
    (restriction.TradingAccountStopped("p-1", "风险警示", 3), {"p-1"}, "", False),
    (restriction.TradingAccountResumed("p-1"), {"p-1"}, "", False),
    (restriction.TradingAccountClosed("p-1"), {"p-1"}, "", False),
    (restriction.TradingAccountWoundUp("p-1", 3), {"p-1"}, "", False),
    (suspension.TradingSuspended("", "a storm"), set(), "", False),
    (suspension.TradingResumed("CEA"), set(), "", False),
    (custody.AllowancesCredited("p-1", "CEA", BIG, 7), {"p-1"}, "", False),
    (custody.FundsCredited("p-1", BIG, 3, 8), {"p-1"}, "", False),
    (custody.AllowancesReturned("p-1", "CEA", BIG, 1), {"p-1"}, "", False),
    (custody.ReturnAcknowledged(1, "p-1", "CEA", BIG, 9), {"p-1"}, "", False),
    (custody.FundsReleased("p-1", BIG, 1), {"p-1"}, "", False),
    (custody.ReleaseAcknowledged(1, "p-1", BIG, 4), {"p-1"}, "", False),
    (listed.OrderPlaced(5, "p-1", "CEA", Side.BUY, 4_800, 10, DAY, BIG, 48_000), {"p-1"}, "order/5", False),
    (listed.OrderFilled(5, "p-1"), {"p-1"}, "order/5", True),
    (listed.OrderCancelled(5, "p-1", BY_OWNER, 10, 48_000), {"p-1"}, "order/5", True),
    (listed.OrderExpired(5, "p-1", 10, 48_000), {"p-1"}, "order/5", True),
    (trades.TradeExecuted(6, DAY, "CEA", Method.BLOCK, 4_800, 10, 48_000, "p-1", "p-2", 3, 4, "p-2", "p-1", 5, 7,
        BIG, 1),
        {"p-1", "p-2"}, "trade/6", False),
    (negotiations.BlockOffered(7, DAY, "CEA", "p-1", "p-2", Side.SELL, 1, 2, 3, BIG), {"p-1", "p-2"}, "block/7", False),
    (negotiations.BlockQuoted(7, "p-1", "p-2", 1, 2, 3, 4, 5, BIG), {"p-1", "p-2"}, "block/7", False),
    (negotiations.BlockConfirmed(7, "p-1", "p-2", 6), {"p-1", "p-2"}, "block/7", True),
    (negotiations.BlockDeclined(7, "p-1", "p-2", 1, 2), {"p-1", "p-2"}, "block/7", True),
    (negotiations.BlockWithdrawn(7, "p-1", "p-2", BY_PROPOSER, 1, 2), {"p-1", "p-2"}, "block/7", True),
    (negotiations.BlockExpired(7, "p-1", "p-2", 1, 2), {"p-1", "p-2"}, "block/7", True),
    (overriding.OpeningOverridden(DAY, "clearing is away", (OBSTACLE,), "e:ann", "e:bob"), set(), "", False),
    (opening.DayOpened(DAY, BIG, (LIMITS,), 4_800, (OBSTACLE,)), set(), "", False),
    (closing.InstrumentDayClosed(DAY, "CEA", 1, 2, 3, 4, 5, -6, 7, 8, 9, 10, 11, 12, 13, 14, BIG), set(), "", False),
    (closing.CompositePriced(DAY, 1, 2, 3, 4, 5, -6), set(), "", False),
    (closing.TradingDayClosed(DAY, 1, 2, 3, 4, 5, BIG), set(), "", False),
    (settlement.TradeMarkedSettled(6), set(), "trade/6", False),
    (settlement.TradeBlocked(6, "p-1", "p-2", BIG), {"p-1", "p-2"}, "trade/6", True),
    (settlement.SettlementDayNoted(DAY), set(), "", False),
    (settlement.BooksAgreementNoted(DAY, False, "5e1f"), set(), "", False),
    (settlement.AllowancesReleased(6, "p-1", "CEA", 10), {"p-1"}, "trade/6", True),
    (confirmation.ClearingRunConfirmed(1, DAY, 2, 3, 4, BIG), set(), "", False),
    (confirmation.ClearingRunDisputed(1, DAY, 2, "TOTALS_DIFFER", (("a", "1"), ("b", "2"))), set(), "", False),
]
# fmt: on

TYPES, QUERIES = trading_types_pb2, trading_query_service_pb2
ENUMS: list[Numbering] = [
    (Side, dict(TYPES.Side.items()), "SIDE_"),
    (Method, dict(TYPES.TradeMethod.items()), "TRADE_METHOD_"),
    (DayPhase, dict(TYPES.DayPhase.items()), "DAY_PHASE_"),
    (listed.CancelReason, dict(TYPES.CancelReason.items()), "CANCEL_REASON_"),
    (negotiations.WithdrawReason, dict(TYPES.WithdrawReason.items()), "WITHDRAW_REASON_"),
    (OrderState, dict(QUERIES.OrderState.items()), "ORDER_STATE_"),
    (TradeState, dict(QUERIES.TradeState.items()), "TRADE_STATE_"),
    (BlockState, dict(QUERIES.BlockState.items()), "BLOCK_STATE_"),
]


class TestWire(WireSuite):
    published = trading_events_pb2.DESCRIPTOR
    wire = WIRE
    decider = DECIDER
    projected = HANDLERS
    events = EVENTS
    enums = ENUMS


def test_people_are_told_of_what_they_should_look_at() -> None:
    told = {type(event).__name__: WIRE.by_event[type(event)].concern(event) for event, *_ in EVENTS}
    assert {name: concern for name, concern in told.items() if concern} == {
        "TradingSuspended": "a storm",
        "DayOpened": "DAY_OPENED_BY_OVERRIDE",
        "TradeBlocked": "TRADE_TAKEN_OUT",
        "ClearingRunDisputed": "TOTALS_DIFFER",
    }
    as_usual = opening.DayOpened(DAY, BIG, (LIMITS,), 4_800, ())
    assert WIRE.by_event[opening.DayOpened].concern(as_usual) == ""


def test_a_trade_links_the_listing_or_the_block_that_it_came_from() -> None:
    links = WIRE.by_event[trades.TradeExecuted].links
    of_listing = trades.TradeExecuted(1, DAY, "CEA", Method.LISTED, 1, 1, 1, "b", "s", 0, 0, "b", "s", 5, 0, 1, 0)
    of_block = trades.TradeExecuted(1, DAY, "CEA", Method.BLOCK, 1, 1, 1, "b", "s", 0, 0, "b", "s", 0, 7, 1, 0)
    assert (links(of_listing), links(of_block)) == (("order/5",), ("block/7",))
