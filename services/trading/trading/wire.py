"""Domain events and commands as messages: the only list of what trading publishes.

A listing's or negotiation's trace begins when it is opened and ends with its last event. A trade's trace begins with
the trade, which links its maker's listing or its negotiation, and ends in this log when its units are released or it is
blocked. An account's feed shows its own orders, blocks, trades and custody; events about the whole market are in no
feed.
"""

from typing import Protocol

from carbonmarket.trading.v1 import trading_events_pb2 as pb
from carbonmarket.trading.v1 import trading_service_pb2
from chassis.core.commands import Commands
from chassis.core.wire import EventKind, Wire, account
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


class OfOrder(Protocol):
    @property
    def order_id(self) -> int: ...


class OfBlock(Protocol):
    @property
    def block_id(self) -> int: ...


class OfTrade(Protocol):
    @property
    def trade_id(self) -> int: ...


class Negotiated(Protocol):
    @property
    def account(self) -> str: ...
    @property
    def counterparty(self) -> str: ...


def negotiators(event: Negotiated) -> tuple[str, str]:
    return (event.account, event.counterparty)


def parties(event: trades.TradeExecuted | settlement.TradeBlocked) -> tuple[str, str]:
    return (event.buyer, event.seller)


def order(event: OfOrder) -> str:
    return f"order/{event.order_id}"


def block(event: OfBlock) -> str:
    return f"block/{event.block_id}"


def trade(event: OfTrade) -> str:
    return f"trade/{event.trade_id}"


def maker(event: trades.TradeExecuted) -> tuple[str]:
    return (f"order/{event.maker_order_id}",) if event.maker_order_id else (f"block/{event.block_id}",)


WIRE = Wire(
    EventKind(calendar.TradingDaysAnnounced, pb.TradingDaysAnnounced),
    EventKind(rules.TradingRulesSet, pb.TradingRulesSet),
    EventKind(rules.FeesSet, pb.FeesSet),
    EventKind(rules.CompositeWeightsSet, pb.CompositeWeightsSet),
    EventKind(instruments.VintageNoted, pb.VintageNoted),
    EventKind(instruments.InstrumentAdmitted, pb.InstrumentAdmitted),
    EventKind(accounts.TradingAccountOpened, pb.TradingAccountOpened, accounts=account),
    EventKind(restriction.TradingAccountStopped, pb.TradingAccountStopped, accounts=account),
    EventKind(restriction.TradingAccountWoundUp, pb.TradingAccountWoundUp, accounts=account),
    EventKind(restriction.TradingAccountResumed, pb.TradingAccountResumed, accounts=account),
    EventKind(restriction.TradingAccountClosed, pb.TradingAccountClosed, accounts=account),
    EventKind(
        suspension.TradingSuspended,
        pb.TradingSuspended,
        concern=lambda event: event.ground,
        shown=("instrument", "ground"),
        about=("suspension", "instrument"),
    ),
    EventKind(
        suspension.TradingResumed,
        pb.TradingResumed,
        shown=("instrument",),
        about=("suspension", "instrument"),
    ),
    EventKind(custody.AllowancesCredited, pb.AllowancesCredited, accounts=account),
    EventKind(custody.FundsCredited, pb.FundsCredited, accounts=account),
    EventKind(custody.AllowancesReturned, pb.AllowancesReturned, accounts=account),
    EventKind(custody.ReturnAcknowledged, pb.ReturnAcknowledged, accounts=account),
    EventKind(custody.FundsReleased, pb.FundsReleased, accounts=account),
    EventKind(custody.ReleaseAcknowledged, pb.ReleaseAcknowledged, accounts=account),
    EventKind(listed.OrderPlaced, pb.OrderPlaced, accounts=account, subject=order),
    EventKind(listed.OrderFilled, pb.OrderFilled, accounts=account, subject=order, ends_subject=True),
    EventKind(listed.OrderCancelled, pb.OrderCancelled, accounts=account, subject=order, ends_subject=True),
    EventKind(listed.OrderExpired, pb.OrderExpired, accounts=account, subject=order, ends_subject=True),
    EventKind(trades.TradeExecuted, pb.TradeExecuted, accounts=parties, subject=trade, links=maker),
    EventKind(negotiations.BlockOffered, pb.BlockOffered, accounts=negotiators, subject=block),
    EventKind(negotiations.BlockQuoted, pb.BlockQuoted, accounts=negotiators, subject=block),
    EventKind(negotiations.BlockConfirmed, pb.BlockConfirmed, accounts=negotiators, subject=block, ends_subject=True),
    EventKind(negotiations.BlockDeclined, pb.BlockDeclined, accounts=negotiators, subject=block, ends_subject=True),
    EventKind(negotiations.BlockWithdrawn, pb.BlockWithdrawn, accounts=negotiators, subject=block, ends_subject=True),
    EventKind(negotiations.BlockExpired, pb.BlockExpired, accounts=negotiators, subject=block, ends_subject=True),
    EventKind(overriding.OpeningOverridden, pb.OpeningOverridden, shown=("day", "ground", "obstacles")),
    EventKind(
        opening.DayOpened, pb.DayOpened, concern=lambda event: "DAY_OPENED_BY_OVERRIDE" if event.overridden else ""
    ),
    EventKind(closing.InstrumentDayClosed, pb.InstrumentDayClosed),
    EventKind(closing.CompositePriced, pb.CompositePriced),
    EventKind(closing.TradingDayClosed, pb.TradingDayClosed),
    EventKind(settlement.TradeMarkedSettled, pb.TradeMarkedSettled, subject=trade),
    EventKind(
        settlement.TradeBlocked,
        pb.TradeBlocked,
        accounts=parties,
        subject=trade,
        ends_subject=True,
        concern=lambda event: "TRADE_TAKEN_OUT",
    ),
    EventKind(settlement.SettlementDayNoted, pb.SettlementDayNoted),
    EventKind(settlement.BooksAgreementNoted, pb.BooksAgreementNoted),
    EventKind(settlement.AllowancesReleased, pb.AllowancesReleased, accounts=account, subject=trade, ends_subject=True),
    EventKind(confirmation.ClearingRunConfirmed, pb.ClearingRunConfirmed),
    EventKind(confirmation.ClearingRunDisputed, pb.ClearingRunDisputed, concern=lambda event: event.reason),
)

COMMANDS = Commands(trading_service_pb2.DESCRIPTOR.services_by_name["TradingService"], DECIDER.decide)
