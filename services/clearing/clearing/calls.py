"""What clearing orders from trading and the registry, and what it makes of their answers.

An order is an event of our own log first. The shell's caller sends it until it is answered, under the name (our log,
position), so a repeat is harmless; the answer, what the receiver recorded as refused included, comes back here and
becomes a command. A gRPC refusal never does: it is no answer (chassis/followers/caller.py).
"""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import islice

from google.protobuf.message import Message

from carbonmarket.log.v1.sum_trees_pb2 import SumTreePart, SumTreeRoot
from carbonmarket.registry.v1 import registry_query_service_pb2 as registry_queries
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as trading_types
from chassis.core.call import AnswerContradictory, NotYet
from chassis.core.decider import as_facts, merged
from chassis.core.sum_tree import Form, Root, SumTree
from chassis.followers.caller import Calls, Outgoing, sends
from chassis.followers.descent import Ask, Contradiction, Side, differing_leaves, parts_below, root_of
from chassis.serving.slices import SLICE_ROWS_MAX
from chassis.serving.trees import up_to_date
from clearing.domain import books, reconciliation, run, settlement
from clearing.domain.balances import MONEY
from clearing.domain.legs import RunLeg
from clearing.domain.reconciliation import CUSTODY
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
    then the registry states its as of what trading had heard. Where two roots differ, both trees are descended. What
    one of them answers that cannot be of one tree is no answer, and waits for people.
    """
    try:
        return await comparison(outgoing)
    except Contradiction as error:
        raise AnswerContradictory(error.side, "COMMITMENT_CONTRADICTORY", why=error.why) from error


async def comparison(outgoing: Outgoing) -> reconciliation.RecordReconciliation:
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
    held = {form: Side("clearing", as_of.tree.root, ask_own(as_of.tree)) for form, as_of in ours.items()}
    held[CUSTODY] = await custody(outgoing, stated.registry_position)
    differing: dict[Form, reconciliation.Differing] = {}
    for form, side in held.items():
        if side.root != stated.roots[form]:
            expected = Side("trading", stated.roots[form], ask_trading(outgoing, stated.position, form))
            found = await differing_leaves(form, side, expected, reconciliation.DIFFERENCES_COUNTED_MAX)
            differing[form] = check_keys(form, side, expected, found)
        if form in ours:
            differing[form] = reconciliation.with_below_zero(differing.get(form, {}), ours[form].below_zero)
    roots = {form: side.root for form, side in held.items()}
    unsettled = await unsettled_of(ours[UNITS_DUE].tree)
    return reconciliation.compared(stated, own, look.position, roots, differing, unsettled)


async def trading_statement(outgoing: Outgoing) -> books.TradingStatement:
    """Raises NotYet where it does not state all trees, and Contradiction where what it states cannot be."""
    request = trading_queries.GetCommitmentsRequest()
    answer = await outgoing.unary("trading", TRADING_ROOTS, request, trading_queries.GetCommitmentsResponse)
    returning = [
        books.InFlight(books.InFlightKind.RETURNING, row.account, row.instrument, row.quantity_tonnes)
        for row in answer.returning
    ]
    releasing = [
        books.InFlight(books.InFlightKind.RELEASING, row.account, amount_fen=row.amount_fen) for row in answer.releasing
    ]
    check_listed(CUSTODY, returning, answer.returning_count)
    check_listed(MONEY, releasing, answer.releasing_count)
    return books.TradingStatement(
        position=answer.position,
        registry_position=answer.heard_registry_position,
        clearing_entry_number=answer.heard_clearing_entry_number,
        settled_day=answer.settled_day,
        roots=roots_of("trading", answer.trees, *reconciliation.FIGURES),
        returning=tuple(returning),
        returning_count=answer.returning_count,
        releasing=tuple(releasing),
        releasing_count=answer.releasing_count,
    )


def check_listed(form: Form, rows: Sequence[books.InFlight], count: int) -> None:
    """What trading lists as on its way to the book that a tree is of. Raises Contradiction."""
    if len(rows) > min(count, reconciliation.IN_FLIGHT_LISTED_MAX):
        raise Contradiction("trading", f"it lists {len(rows)} of {count} amounts that are on their way")
    for row in rows:
        key = (row.account, row.instrument) if row.instrument else (row.account,)
        if not reconciliation.is_key(form, key) or row.quantity_tonnes + row.amount_fen <= 0:
            raise Contradiction("trading", "it lists as on its way what is no amount of an account")


def check_keys(form: Form, held: Side, expected: Side, differing: reconciliation.Differing) -> reconciliation.Differing:
    """Raises Contradiction, of the side that has the leaf, where there can be no such account."""
    for key, (held_there, _) in differing.items():
        if not reconciliation.is_key(form, key):
            side = held if any(held_there) else expected
            raise Contradiction(side.name, f"a leaf of {form} is of no account that there can be")
    return differing


def roots_of(side: str, trees: Iterable[SumTreeRoot], *forms: Form) -> dict[Form, Root]:
    """Raises NotYet where the other side does not state them all, and Contradiction where no tree has such a root."""
    stated = {root.tree: root for root in trees}
    for form in forms:
        if str(form) not in stated:
            raise NotYet(f"{side} states no tree {form}")
    return {form: root_of(form, side, stated[str(form)]) for form in forms}


async def custody(outgoing: Outgoing, registry_position: int) -> Side:
    """As of one position of the registry's log. Nothing was held there before its first record."""
    if registry_position == 0:
        nothing = SumTree(CUSTODY)
        return Side("registry", nothing.root, ask_own(nothing))
    request = registry_queries.GetCommitmentsRequest(as_of_position=registry_position)
    answer = await outgoing.unary("registry", REGISTRY_ROOTS, request, registry_queries.GetCommitmentsResponse)
    if answer.position != registry_position:
        raise Contradiction("registry", f"asked as of {registry_position}, it answers as of {answer.position}")
    root = roots_of("registry", answer.trees, CUSTODY)[CUSTODY]
    return Side("registry", root, ask_registry(outgoing, registry_position))


def ask_own(tree: SumTree) -> Ask:
    async def ask(places: Sequence[bytes]) -> list[Sequence[SumTreePart]]:
        return [parts_below(tree, place) for place in places]

    return ask


def ask_trading(outgoing: Outgoing, position: int, form: Form) -> Ask:
    async def ask(places: Sequence[bytes]) -> list[Sequence[SumTreePart]]:
        request = trading_queries.GetTreePartsRequest(position=position, tree=str(form), places=places)
        answer = await outgoing.unary("trading", TRADING_PARTS, request, trading_queries.GetTreePartsResponse)
        if not answer.kept:
            raise NotYet(f"trading keeps its trees of position {position} no longer")
        return [below.parts for below in answer.places]

    return ask


def ask_registry(outgoing: Outgoing, position: int) -> Ask:
    async def ask(places: Sequence[bytes]) -> list[Sequence[SumTreePart]]:
        request = registry_queries.GetTreePartsRequest(position=position, tree=str(CUSTODY), places=places)
        answer = await outgoing.unary("registry", REGISTRY_PARTS, request, registry_queries.GetTreePartsResponse)
        if not answer.kept:
            raise NotYet(f"the registry keeps its tree of position {position} no longer")
        return [below.parts for below in answer.places]

    return ask


async def unsettled_of(units_due: SumTree) -> reconciliation.Unsettled:
    """On most evenings there is none."""
    unsettled = reconciliation.Unsettled()
    if any(units_due.sums[:2]):
        leaves = units_due.all_leaves()
        while some := list(islice(leaves, SLICE_ROWS_MAX)):
            for leaf in some:
                unsettled.add(leaf.key, leaf.sums)
            await asyncio.sleep(0)
    return unsettled


CALLS: Calls = merged(
    sends(run.ConfirmationOrdered, confirm),
    sends(settlement.DeliveryOrdered, deliver),
    sends(reconciliation.ReconciliationOrdered, reconcile),
)
