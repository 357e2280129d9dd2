"""What clearing orders from trading and the registry, and what it makes of their answers.

An order is an event of our own log first. The shell's caller sends it until it is answered, under the name (our log,
position), so a repeat is harmless; the answer, what the receiver recorded as refused included, comes back here and
becomes a command. A gRPC refusal never does: it is no answer (chassis/followers/caller.py).
"""

from collections.abc import Iterable, Sequence

from google.protobuf.message import Message

from carbonmarket.log.v1.sum_trees_pb2 import SumTreePart, SumTreeRoot
from carbonmarket.registry.v1 import registry_query_service_pb2 as registry_queries
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as trading_types
from chassis.core.call import NotYet
from chassis.core.decider import as_facts, merged
from chassis.core.sum_tree import SumTree
from chassis.followers.caller import Calls, Outgoing, sends
from chassis.followers.descent import Ask, differing_leaves, parts_below
from chassis.serving.slices import in_slices
from chassis.serving.trees import up_to_date
from clearing.domain import books, reconciliation, run, settlement
from clearing.domain.legs import RunLeg
from clearing.domain.state import RunTotal
from clearing.domain.units_due import UNITS_DUE

CONFIRM = "carbonmarket.trading.v1.TradingService/ConfirmClearingRun"
TRADING_ROOTS = "carbonmarket.trading.v1.TradingQueryService/GetCommitments"
TRADING_PARTS = "carbonmarket.trading.v1.TradingQueryService/GetTreeParts"
STAGE = "carbonmarket.registry.v1.RegistryService/StageDeliveryLegs"
DELIVER = "carbonmarket.registry.v1.RegistryService/DeliverAllowances"
REGISTRY_ROOTS = "carbonmarket.registry.v1.RegistryQueryService/GetCommitments"
REGISTRY_PARTS = "carbonmarket.registry.v1.RegistryQueryService/GetTreeParts"


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
    """Trading states the roots of its trees, then, as soon as that position of its log is heard, ours are looked at;
    then the registry states its as of what trading had heard. Where two roots differ, both trees are descended.
    """
    stated = await trading_statement(outgoing)
    await outgoing.until_heard("trading", stated.position)
    look = await up_to_date(
        outgoing.read, lambda state: books.own_book(state, stated.position, stated.clearing_entry_number)
    )
    own = look.value
    why = reconciliation.not_comparable_because(stated, own)
    if why:
        raise NotYet(why)
    ours = books.as_heard(own)
    held = {name: reconciliation.root_of(as_of.tree) for name, as_of in ours.items()}
    held[reconciliation.CUSTODY] = await custody_root(outgoing, stated.registry_position)
    differing: dict[str, reconciliation.Differing] = {}
    for name, root in held.items():
        if root.digest != stated.roots[name].digest:
            ask_held = ask_own(ours[name].tree) if name in ours else ask_registry(outgoing, stated.registry_position)
            differing[name] = await differing_leaves(ask_held, ask_trading(outgoing, stated.position, name))
        if name in ours:
            differing[name] = reconciliation.with_below_zero(differing.get(name, {}), ours[name].below_zero)
    unsettled = await unsettled_of(ours[str(UNITS_DUE)].tree)
    return reconciliation.compared(stated, own, look.position, held, differing, unsettled)


async def trading_statement(outgoing: Outgoing) -> books.TradingStatement:
    request = trading_queries.GetCommitmentsRequest()
    answer = await outgoing.unary("trading", TRADING_ROOTS, request, trading_queries.GetCommitmentsResponse)
    return books.TradingStatement(
        position=answer.position,
        registry_position=answer.heard_registry_position,
        clearing_entry_number=answer.heard_clearing_entry_number,
        settled_day=answer.settled_day,
        roots=roots_of(answer.trees, *reconciliation.FIGURES),
        returning=tuple(
            books.InFlight(books.InFlightKind.RETURNING, row.account, row.instrument, row.quantity_tonnes)
            for row in answer.returning
        ),
        returning_count=answer.returning_count,
        releasing=tuple(
            books.InFlight(books.InFlightKind.RELEASING, row.account, amount_fen=row.amount_fen)
            for row in answer.releasing
        ),
        releasing_count=answer.releasing_count,
    )


def roots_of(trees: Iterable[SumTreeRoot], *names: str) -> dict[str, books.Root]:
    """The roots by the names of their trees. Raises NotYet where the other side does not state them all."""
    found = {root.tree: books.Root(root.digest, root.leaves, tuple(root.sums)) for root in trees}
    for name in names:
        if name not in found:
            raise NotYet(f"the other side states no tree {name}")
    return found


async def custody_root(outgoing: Outgoing, registry_position: int) -> books.Root:
    """As of one position of the registry's log. Nothing was held there before its first record."""
    if registry_position == 0:
        return reconciliation.root_of(SumTree(reconciliation.CUSTODY_FORM))
    request = registry_queries.GetCommitmentsRequest(as_of_position=registry_position)
    answer = await outgoing.unary("registry", REGISTRY_ROOTS, request, registry_queries.GetCommitmentsResponse)
    return roots_of(answer.trees, reconciliation.CUSTODY)[reconciliation.CUSTODY]


def ask_own(tree: SumTree) -> Ask:
    async def ask(places: Sequence[bytes]) -> list[Sequence[SumTreePart]]:
        return [parts_below(tree, place) for place in places]

    return ask


def ask_trading(outgoing: Outgoing, position: int, tree: str) -> Ask:
    async def ask(places: Sequence[bytes]) -> list[Sequence[SumTreePart]]:
        request = trading_queries.GetTreePartsRequest(position=position, tree=tree, places=places)
        answer = await outgoing.unary("trading", TRADING_PARTS, request, trading_queries.GetTreePartsResponse)
        if not answer.kept:
            raise NotYet(f"trading keeps its trees of position {position} no longer")
        return [below.parts for below in answer.places]

    return ask


def ask_registry(outgoing: Outgoing, position: int) -> Ask:
    async def ask(places: Sequence[bytes]) -> list[Sequence[SumTreePart]]:
        if position == 0:
            return [[] for _ in places]
        request = registry_queries.GetTreePartsRequest(position=position, tree=reconciliation.CUSTODY, places=places)
        answer = await outgoing.unary("registry", REGISTRY_PARTS, request, registry_queries.GetTreePartsResponse)
        if not answer.kept:
            raise NotYet(f"the registry keeps its tree of position {position} no longer")
        return [below.parts for below in answer.places]

    return ask


async def unsettled_of(units_due: SumTree) -> reconciliation.Unsettled:
    """On most evenings there is none."""
    unsettled = reconciliation.Unsettled()
    if any(units_due.sums[:2]):
        async for some in in_slices(list(units_due.all_leaves())):
            for leaf in some:
                unsettled.add(leaf.key, leaf.sums)
    return unsettled


CALLS: Calls = merged(
    sends(run.ConfirmationOrdered, confirm),
    sends(settlement.DeliveryOrdered, deliver),
    sends(reconciliation.ReconciliationOrdered, reconcile),
)
