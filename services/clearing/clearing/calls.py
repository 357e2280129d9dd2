"""What clearing orders from trading and the registry, and what it makes of their answers.

An order is an event of our own log first. The shell's caller sends it until it is answered, under the name (our log,
position), so a repeat is harmless; the answer, what the receiver recorded as refused included, comes back here and
becomes a command. A gRPC refusal never does: it is no answer (chassis/followers/caller.py).
"""

from google.protobuf.message import Message

from carbonmarket.registry.v1 import registry_query_service_pb2 as registry_queries
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as trading_types
from chassis.core.call import NotYet
from chassis.core.decider import as_facts, merged
from chassis.followers.caller import Calls, Outgoing, sends
from clearing.domain import books, reconciliation, run, settlement
from clearing.domain.legs import RunLeg
from clearing.domain.state import RunTotal

CONFIRM = "carbonmarket.trading.v1.TradingService/ConfirmClearingRun"
ALL_POSITIONS = "carbonmarket.trading.v1.TradingQueryService/GetAllPositions"
STAGE = "carbonmarket.registry.v1.RegistryService/StageDeliveryLegs"
DELIVER = "carbonmarket.registry.v1.RegistryService/DeliverAllowances"
LIST_HOLDINGS = "carbonmarket.registry.v1.RegistryQueryService/ListTradingHoldings"

HOLDINGS_PER_PAGE = 1_000
HOLDING_PAGES_MAX = 1_000


# Confirmation


async def confirm(order: run.ConfirmationOrdered, outgoing: Outgoing) -> settlement.RecordConfirmation:
    """Trading compares the run with its own day."""
    request = trading.ConfirmClearingRunRequest(
        request_id=outgoing.order_id,
        run_id=order.run_id,
        day=order.day,
        attempt=order.attempt,
        trades=order.legs,
        quantity_tonnes=order.quantity_tonnes,
        value_fen=order.value_fen,
        totals=[method_total(total) for total in order.totals],
        excluded_trade_ids=order.excluded_trade_ids,
    )
    answer = await outgoing.unary("trading", CONFIRM, request, trading.ConfirmClearingRunResponse)
    if answer.HasField("disputed"):
        return disagreed(order, answer.disputed.reason, dict(answer.disputed.facts))
    check_outcome(answer, "confirmed")
    return settlement.RecordConfirmation(order.run_id, order.attempt, agreed=True)


def method_total(total: RunTotal) -> trading_types.MethodTotal:
    return trading_types.MethodTotal(
        instrument=total.instrument,
        method=trading_types.TradeMethod.ValueType(total.method),
        trades=total.trades,
        quantity_tonnes=total.quantity_tonnes,
        value_fen=total.value_fen,
    )


def disagreed(order: run.ConfirmationOrdered, reason: str, facts: dict[str, str]) -> settlement.RecordConfirmation:
    return settlement.RecordConfirmation(
        order.run_id, order.attempt, agreed=False, reason=reason, facts=as_facts(**facts)
    )


# Delivery


async def deliver(order: settlement.DeliveryOrdered, outgoing: Outgoing) -> settlement.RecordDelivery:
    """The registry moves the units of the whole run, or of none of it. Its legs are sent first, page by page, each
    page under a name of its own, so that a page sent twice is a repeat.
    """
    for number, position in enumerate(order.page_positions, start=1):
        page = await outgoing.own_event(position)
        assert isinstance(page, run.ClearingRunLegsListed)
        staging = registry.StageDeliveryLegsRequest(
            request_id=f"{outgoing.order_id}/legs/{number}",
            run_id=order.run_id,
            attempt=order.attempt,
            page=number,
            legs=[delivery_leg(leg, outgoing.trace(f"trade/{leg.trade_id}")) for leg in page.legs],
        )
        await outgoing.unary("registry", STAGE, staging, registry.StageDeliveryLegsResponse)
    request = registry.DeliverAllowancesRequest(
        request_id=outgoing.order_id,
        run_id=order.run_id,
        attempt=order.attempt,
        day=order.day,
        legs=order.legs,
        quantity_tonnes=order.quantity_tonnes,
        legs_digest=order.legs_digest,
    )
    answer = await outgoing.unary("registry", DELIVER, request, registry.DeliverAllowancesResponse)
    if answer.HasField("refused"):
        return refused(order, answer.refused.reason, dict(answer.refused.facts))
    check_outcome(answer, "completed", "repeated")
    return settlement.RecordDelivery(order.run_id, order.attempt, delivered=True, registry_position=answer.position)


def check_outcome(answer: Message, *outcomes: str) -> None:
    """An outcome that this release does not know is no answer to it."""
    if answer.WhichOneof("outcome") not in outcomes:
        raise NotYet(f"{type(answer).__name__} has none of the outcomes {', '.join(outcomes)}")


def delivery_leg(leg: RunLeg, traceparent: str) -> registry_types.DeliveryLeg:
    """What trading calls an instrument the registry calls a vintage."""
    return registry_types.DeliveryLeg(
        trade_id=leg.trade_id,
        vintage=leg.instrument,
        quantity_tonnes=leg.quantity_tonnes,
        seller=leg.seller,
        buyer=leg.buyer,
        traceparent=traceparent,
    )


def refused(order: settlement.DeliveryOrdered, reason: str, facts: dict[str, str]) -> settlement.RecordDelivery:
    return settlement.RecordDelivery(
        order.run_id, order.attempt, delivered=False, reason=reason, facts=as_facts(**facts)
    )


# Reconciliation


async def reconcile(
    order: reconciliation.ReconciliationOrdered, outgoing: Outgoing
) -> reconciliation.RecordReconciliation:
    """Trading states its book, then, as soon as that position of its log is heard, ours is looked at; then the registry
    states its as of what trading had heard.
    """
    trading_book = await all_positions(outgoing)
    await outgoing.until_heard("trading", trading_book.position)
    look = await outgoing.read(books.own_book)
    why = reconciliation.not_comparable_because(trading_book, look.value)
    if why:
        raise NotYet(why)
    holdings = await list_holdings(outgoing, trading_book.registry_position)
    return reconciliation.compare(trading_book, holdings, look.value, look.position)


async def all_positions(outgoing: Outgoing) -> books.TradingBook:
    request = trading_queries.GetAllPositionsRequest()
    answer = await outgoing.unary("trading", ALL_POSITIONS, request, trading_queries.GetAllPositionsResponse)
    return books.TradingBook(
        position=answer.position,
        registry_position=answer.heard_registry_position,
        clearing_entry_number=answer.heard_clearing_entry_number,
        settled_day=answer.settled_day,
        units=tuple(unit_position(row) for row in answer.units),
        funds=tuple(fund_position(row) for row in answer.funds),
    )


def unit_position(row: trading_queries.AccountUnits) -> books.UnitPosition:
    return books.UnitPosition(
        account=row.account,
        instrument=row.instrument,
        total_tonnes=row.total_tonnes,
        bought_unsettled_tonnes=row.bought_unsettled_tonnes,
        sold_unsettled_tonnes=row.sold_unsettled_tonnes,
        returns_unacknowledged_tonnes=row.returns_unacknowledged_tonnes,
        blocked_tonnes=row.blocked_tonnes,
    )


def fund_position(row: trading_queries.AccountFunds) -> books.FundPosition:
    return books.FundPosition(
        account=row.account,
        total_fen=row.total_fen,
        paid_unsettled_fen=row.paid_unsettled_fen,
        received_unsettled_fen=row.received_unsettled_fen,
        releases_unacknowledged_fen=row.releases_unacknowledged_fen,
        blocked_fen=row.blocked_fen,
    )


async def list_holdings(outgoing: Outgoing, registry_position: int) -> list[books.Holding]:
    """All pages, as of one position of the registry's log. Nothing was held there before its first record."""
    if registry_position == 0:
        return []
    holdings: list[books.Holding] = []
    page_token = ""
    for _ in range(HOLDING_PAGES_MAX):
        request = registry_queries.ListTradingHoldingsRequest(
            as_of_position=registry_position, page_size=HOLDINGS_PER_PAGE, page_token=page_token
        )
        answer = await outgoing.unary("registry", LIST_HOLDINGS, request, registry_queries.ListTradingHoldingsResponse)
        holdings += [books.Holding(row.account, row.vintage, row.quantity_tonnes) for row in answer.holdings]
        page_token = answer.next_page_token
        if not page_token:
            return holdings
    raise AssertionError(f"more than {HOLDING_PAGES_MAX} pages of holdings")


CALLS: Calls = merged(
    sends(run.ConfirmationOrdered, confirm),
    sends(settlement.DeliveryOrdered, deliver),
    sends(reconciliation.ReconciliationOrdered, reconcile),
)
