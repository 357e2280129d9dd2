"""The running registry's books: delivery, what is heard from trading, and what queries show as of any position."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from carbonmarket.log.v1 import log_service_pb2
from carbonmarket.log.v1.sum_trees_pb2 import SumTreeRoot
from carbonmarket.registry.v1 import registry_events_pb2 as events
from carbonmarket.registry.v1 import registry_query_service_pb2 as query
from carbonmarket.registry.v1 import registry_service_pb2 as pb
from carbonmarket.registry.v1 import registry_types_pb2 as types
from carbonmarket.trading.v1 import trading_events_pb2 as trading_events
from chassis.core.call import Refused
from chassis.core.sum_tree import Key, Quantities, SumTree
from chassis.serving.trees import POSITIONS_KEPT_MAX
from registry.domain.state import CUSTODY, Leg
from support.domains.registry_books import digest_of
from support.processes.one_service import OneService, WrittenLog

OPERATOR, AUDITOR = "registry_operator:ann", "auditor:eve"
HUBEI, POWER, STEEL, CLEARING = (
    "province:hubei",
    "participant:power-0001",
    "participant:steel-0002",
    "service:clearing",
)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"

WOUND_UP = {"leaving-0006": True, "held-0005": False, "closed-0004": False, "power-0001": False}
"""A closed account is not restricted any more."""

Books = Counter[tuple[str, str, str]]
"""Tonnes by account, vintage and state."""


@pytest_asyncio.fixture(scope="module")
async def trading_heard(registry: OneService, trading: WrittenLog) -> AsyncIterator[None]:
    """Trading gives 20 t back, then stops an account that was restricted."""
    stopped = trading_events.TradingAccountStopped(account="held-0005", restriction_number=1, ground="risk warning")
    trading.write(
        trading_events.AllowancesReturned(account="power-0001", instrument="CEA", quantity_tonnes=20, return_id=1),
        trading_events.TradingAccountOpened(account="power-0001", eligible_to_trade=True),
        stopped,
        stopped,
    )
    await registry.heard(trading)
    yield


@pytest_asyncio.fixture(scope="module")
async def delivered(registry: OneService, trading_heard: None) -> pb.DeliverAllowancesResponse:
    """Run 1 delivers trades 1 and 3: 30 t and 12 t from power-0001 to steel-0002."""
    return await deliver(registry, 1, 1, leg(1, 30), leg(3, 12))


def leg(trade_id: int, quantity_tonnes: int) -> types.DeliveryLeg:
    return types.DeliveryLeg(
        trade_id=trade_id,
        vintage="CEA",
        quantity_tonnes=quantity_tonnes,
        seller="power-0001",
        buyer="steel-0002",
        traceparent=TRACEPARENT if trade_id == 1 else "",
    )


async def deliver(
    registry: OneService, run_id: int, attempt: int, *legs: types.DeliveryLeg
) -> pb.DeliverAllowancesResponse:
    """Stage the legs in one page, then order them; every repeat is the same."""
    digest = digest_of(Leg(one.trade_id, one.vintage, one.quantity_tonnes, one.seller, one.buyer) for one in legs)
    order_id = f"clearing/{run_id}.{attempt}"
    staging = pb.StageDeliveryLegsRequest(
        request_id=f"{order_id}/legs/1", run_id=run_id, attempt=attempt, page=1, legs=legs
    )
    await registry.call(CLEARING, staging)
    order = pb.DeliverAllowancesRequest(
        request_id=order_id,
        run_id=run_id,
        attempt=attempt,
        day="2021-07-16",
        legs=len(legs),
        quantity_tonnes=sum(one.quantity_tonnes for one in legs),
        legs_digest=digest,
    )
    answer: pb.DeliverAllowancesResponse = await registry.call(CLEARING, order)
    return answer


def fold(records: list[log_service_pb2.Record]) -> Books:
    """Add up the published records, knowing no rule."""
    books: Books = Counter()
    staged: list[types.DeliveryLeg] = []
    for record in records:
        match record.type.rpartition(".")[2]:
            case "AllowancesIssued":
                issued = events.AllowancesIssued.FromString(record.data)
                books[issued.account, issued.vintage, "registry"] += issued.quantity_tonnes
            case "AllowancesAllocated":
                allocated = events.AllowancesAllocated.FromString(record.data)
                books[allocated.from_account, allocated.vintage, "registry"] -= allocated.quantity_tonnes
                books[allocated.account, allocated.vintage, "registry"] += allocated.quantity_tonnes
            case "TransferredToTrading":
                there = events.TransferredToTrading.FromString(record.data)
                books[there.account, there.vintage, "registry"] -= there.quantity_tonnes
                books[there.account, there.vintage, "trading"] += there.quantity_tonnes
            case "ReturnedFromTrading":
                back = events.ReturnedFromTrading.FromString(record.data)
                books[back.account, back.vintage, "registry"] += back.quantity_tonnes
                books[back.account, back.vintage, "trading"] -= back.quantity_tonnes
            case "DeliveryLegsStaged":
                staged = list(events.DeliveryLegsStaged.FromString(record.data).legs)
            case "DeliveryCompleted":
                for moved in staged:
                    books[moved.seller, moved.vintage, "trading"] -= moved.quantity_tonnes
                    books[moved.buyer, moved.vintage, "trading"] += moved.quantity_tonnes
    return +books


async def told(registry: OneService, position: int) -> list[log_service_pb2.Record]:
    """A delivery and its two legs, which are reported to their accounts at once after it."""
    async with asyncio.timeout(60):
        while len(records := (await registry.records(position - 1))[:3]) < 3:
            await asyncio.sleep(0.02)
    return records


def kinds(records: list[log_service_pb2.Record]) -> list[str]:
    return [record.type.rpartition(".")[2] for record in records]


async def test_a_run_is_delivered_whole_and_its_repeat_gets_the_same_answer(
    registry: OneService, delivered: pb.DeliverAllowancesResponse
) -> None:
    assert delivered.completed == events.DeliveryCompleted(
        run_id=1,
        attempt=1,
        day="2021-07-16",
        legs=2,
        quantity_tonnes=42,
        legs_digest=delivered.completed.legs_digest,
    )
    after = await registry.head()
    assert await deliver(registry, 1, 1, leg(1, 30), leg(3, 12)) == delivered
    assert await registry.head() == after


async def test_a_leg_continues_the_trace_of_its_trade(
    registry: OneService, delivered: pb.DeliverAllowancesResponse
) -> None:
    legs = await told(registry, delivered.position)
    assert kinds(legs) == ["DeliveryCompleted", "AllowancesDelivered", "AllowancesDelivered"]
    assert [TRACE in record.traceparent for record in legs] == [False, True, False]
    request = query.ListMovementsRequest(account="steel-0002", min_position=delivered.position)
    movements = (await registry.call(STEEL, request)).movements
    assert [TRACE in movement.traceparent for movement in movements] == [True, False]


async def test_a_delivery_that_cannot_be_is_answered_and_recorded_and_moves_nothing(
    registry: OneService, delivered: pb.DeliverAllowancesResponse
) -> None:
    books = fold(await registry.records())
    answer = await deliver(registry, 2, 1, leg(4, 1), leg(5, 10**12))
    assert answer.refused.reason == "INSUFFICIENT_ALLOWANCES"
    assert dict(answer.refused.facts) == {
        "account": "power-0001",
        "vintage": "CEA",
        "quantity_tonnes": str(10**12 + 1),
        "trading_tonnes": str(books["power-0001", "CEA", "trading"]),
    }
    assert await deliver(registry, 2, 1, leg(4, 1), leg(5, 10**12)) == answer
    assert kinds(await registry.records(answer.position - 1)) == ["DeliveryRefused"]
    assert fold(await registry.records()) == books
    assert (await deliver(registry, 2, 2, leg(4, 1))).completed.legs == 1


async def test_what_trading_gives_back_is_booked_once(registry: OneService, trading_heard: None) -> None:
    returned = [record for record in await registry.records() if record.type.endswith("ReturnedFromTrading")]
    assert [events.ReturnedFromTrading.FromString(record.data) for record in returned] == [
        events.ReturnedFromTrading(
            account="power-0001", vintage="CEA", quantity_tonnes=20, trading_position=3, return_id=1
        )
    ]


async def test_a_restriction_is_in_effect_once_trading_has_recorded_it(
    registry: OneService, trading_heard: None
) -> None:
    account = (await registry.call(AUDITOR, query.GetAccountRequest(account="held-0005"))).account
    assert (account.state, account.ground) == (types.ACCOUNT_STATE_RESTRICTED, "risk warning")
    assert account.restriction_in_effect
    effects = [record for record in await registry.records() if record.type.endswith("RestrictionTookEffect")]
    assert len(effects) == 1
    before = query.GetStatementRequest(account="held-0005", as_of_position=effects[0].position - 1)
    assert not (await registry.call(AUDITOR, before)).account.restriction_in_effect


async def test_an_account_is_wound_up_once_trading_has_said_so(registry: OneService, trading_heard: None) -> None:
    accounts = {one: (await registry.call(AUDITOR, query.GetAccountRequest(account=one))).account for one in WOUND_UP}
    assert {one: account.wound_up for one, account in accounts.items()} == WOUND_UP
    said = next(record for record in await registry.records() if record.type.endswith("AccountWoundUp"))
    before = query.GetStatementRequest(account="closed-0004", as_of_position=said.position - 1)
    assert not (await registry.call(AUDITOR, before)).account.wound_up
    at = query.GetStatementRequest(account="closed-0004", as_of_position=said.position)
    assert (await registry.call(AUDITOR, at)).account.wound_up


async def test_a_statement_shows_the_books_as_of_any_past_position(
    registry: OneService, delivered: pb.DeliverAllowancesResponse
) -> None:
    records = await registry.records()
    opened = {
        events.AccountOpened.FromString(record.data).account: record.position
        for record in records
        if record.type.endswith(".AccountOpened")
    }
    for position in range(1, len(records) + 1):
        books = fold(records[:position])
        for account in ("hubei", "power-0001", "steel-0002"):
            request = query.GetStatementRequest(account=account, as_of_position=position)
            if position < opened[account]:
                with pytest.raises(Refused, match="ACCOUNT_UNKNOWN"):
                    await registry.call(AUDITOR, request)
                continue
            statement = await registry.call(AUDITOR, request)
            shown: Books = Counter()
            for holding in statement.holdings:
                shown[account, holding.vintage, "registry"] = holding.registry_available_tonnes
                shown[account, holding.vintage, "trading"] = holding.trading_tonnes
            assert +shown == Counter({key: tonnes for key, tonnes in books.items() if key[0] == account})
            assert statement.position == position


async def test_trading_holdings_are_listed_as_of_any_past_position_page_by_page(
    registry: OneService, delivered: pb.DeliverAllowancesResponse
) -> None:
    records = await registry.records()
    for position in range(1, len(records) + 1):
        books = fold(records[:position])
        shown: dict[tuple[str, str], int] = {}
        token = ""
        while True:
            request = query.ListTradingHoldingsRequest(as_of_position=position, page_size=1, page_token=token)
            page = await registry.call("service:clearing", request)
            assert page.position == position
            shown |= {(row.account, row.vintage): row.quantity_tonnes for row in page.holdings}
            token = page.next_page_token
            if not token:
                break
        assert shown == {key[:2]: tonnes for key, tonnes in books.items() if key[2] == "trading"}


async def test_the_root_of_trading_holdings_is_stated_as_of_any_past_position(
    registry: OneService, delivered: pb.DeliverAllowancesResponse
) -> None:
    """The tree of now, with what came since put back, is the one made of what was held then."""
    records = await registry.records()
    for position in range(1, len(records) + 1):
        books = fold(records[:position])
        held: dict[Key, Quantities] = {key[:2]: (tonnes,) for key, tonnes in books.items() if key[2] == "trading"}
        tree = SumTree(CUSTODY).changed(held)
        answer = await registry.call("service:clearing", query.GetCommitmentsRequest(as_of_position=position))
        assert answer.position == position
        assert list(answer.trees) == [
            SumTreeRoot(tree="custody/1", digest=tree.digest, leaves=len(held), sums=tree.sums)
        ]


async def test_the_trees_of_the_last_positions_that_were_asked_for_can_be_descended(
    registry: OneService, delivered: pb.DeliverAllowancesResponse
) -> None:
    head = (await registry.call("service:clearing", query.GetCommitmentsRequest())).position
    request = query.GetTreePartsRequest(position=head, tree="custody/1", places=[b""])
    answer = await registry.call("service:clearing", request)
    books = fold(await registry.records())
    found = {tuple(part.key): tuple(part.sums) for part in answer.places[0].parts}
    assert answer.kept
    assert found == {key[:2]: (tonnes,) for key, tonnes in books.items() if key[2] == "trading"}
    with pytest.raises(Refused, match="TREE_UNKNOWN"):
        await registry.call("service:clearing", query.GetTreePartsRequest(position=head, tree="money/1"))
    for position in range(1, POSITIONS_KEPT_MAX + 1):
        await registry.call("service:clearing", query.GetCommitmentsRequest(as_of_position=position))
    assert not (await registry.call("service:clearing", request)).kept


async def test_every_vintage_is_conserved_in_the_tables_too(
    registry: OneService, delivered: pb.DeliverAllowancesResponse
) -> None:
    answer = await registry.call(POWER, query.ListVintagesRequest(min_position=await registry.head()))
    (vintage,) = answer.vintages
    assert vintage.issued_tonnes == vintage.registry_available_tonnes + vintage.trading_tonnes == 1_650
    holdings = await registry.call(POWER, query.ListHoldingsRequest(account="power-0001"))
    books = fold(await registry.records())
    assert [(one.registry_available_tonnes, one.trading_tonnes) for one in holdings.holdings] == [
        (books["power-0001", "CEA", "registry"], books["power-0001", "CEA", "trading"])
    ]


async def test_movements_add_up_to_the_holding_and_say_where_each_came_from(
    registry: OneService, delivered: pb.DeliverAllowancesResponse
) -> None:
    movements, token = [], ""
    while True:
        request = query.ListMovementsRequest(account="power-0001", page_size=2, page_token=token)
        page = await registry.call(POWER, request)
        movements += page.movements
        token = page.next_page_token
        if not token:
            break
    assert [movement.kind for movement in movements[:5]] == [
        types.MOVEMENT_KIND_ALLOCATED_IN,
        types.MOVEMENT_KIND_TRANSFERRED_TO_TRADING,
        types.MOVEMENT_KIND_RETURNED_FROM_TRADING,
        types.MOVEMENT_KIND_DELIVERED_OUT,
        types.MOVEMENT_KIND_DELIVERED_OUT,
    ]
    assert (movements[0].counterparty, movements[0].basis) == ("hubei", "list 1")
    assert (movements[4].counterparty, movements[4].trade_id, movements[4].run_id) == ("steel-0002", 3, 1)
    books = fold(await registry.records())
    assert sum(one.registry_available_change_tonnes for one in movements) == books["power-0001", "CEA", "registry"]
    assert sum(one.trading_change_tonnes for one in movements) == books["power-0001", "CEA", "trading"]


async def test_movements_after_a_position_lead_from_the_statement_there_to_a_later_one(
    registry: OneService, delivered: pb.DeliverAllowancesResponse
) -> None:
    """A clearing operator, who answers objections to statements, reads the same."""
    operator = "clearing_operator:lu"
    every = await registry.call(operator, query.ListMovementsRequest(account="power-0001"))
    at = every.movements[1].position
    request = query.ListMovementsRequest(account="power-0001", after_position=at)
    later = (await registry.call(operator, request)).movements
    assert list(later) == list(every.movements[2:])
    request.page_size = 1
    page = await registry.call(operator, request)
    assert list(page.movements) == [every.movements[2]]
    request.page_token = page.next_page_token
    page = await registry.call(operator, request)
    assert list(page.movements) == list(every.movements[3:4])
    statements = [
        await registry.call(operator, query.GetStatementRequest(account="power-0001", as_of_position=position))
        for position in (at, later[-1].position)
    ]
    ((then,), (now,)) = (statement.holdings for statement in statements)
    assert then.trading_tonnes + sum(one.trading_change_tonnes for one in later) == now.trading_tonnes


async def test_a_holder_follows_its_own_feed_without_gaps(
    registry: OneService, delivered: pb.DeliverAllowancesResponse
) -> None:
    feed = (await registry.call(STEEL, log_service_pb2.ReadFeedRequest(account="steel-0002"))).records
    assert [one.sequence for one in feed] == list(range(1, len(feed) + 1))
    seen = kinds([one.record for one in feed])
    assert seen.count("AllowancesDelivered") >= 2
    assert "AllowancesIssued" not in seen


async def test_the_books_are_the_same_after_the_process_was_killed(
    registry: OneService, trading: WrittenLog, delivered: pb.DeliverAllowancesResponse
) -> None:
    before = await registry.records()
    statement = await registry.call(POWER, query.GetStatementRequest(account="power-0001"))
    await registry.restart()
    await registry.heard(trading)
    after = await registry.records()
    assert after[: len(before)] == before
    assert kinds(after[len(before) :]) == ["LeadershipTaken"]
    again = await registry.call(
        POWER, query.GetStatementRequest(account="power-0001", as_of_position=statement.position)
    )
    assert again == statement


async def test_a_return_of_what_trading_has_not_is_set_aside_and_nothing_is_delivered_until_two_people_drop_it(
    registry: OneService, trading: WrittenLog, delivered: pb.DeliverAllowancesResponse
) -> None:
    claim = trading_events.AllowancesReturned(account="power-0001", instrument="CEA", quantity_tonnes=900, return_id=2)
    claimed_at = trading.write(claim)
    (aside,) = (await registry.heard(trading)).set_aside
    assert (aside.source_position, aside.reason) == (claimed_at, "INSUFFICIENT_ALLOWANCES")
    books = fold(await registry.records())
    answer = await deliver(registry, 3, 1, leg(6, 1))
    assert (answer.refused.reason, dict(answer.refused.facts)) == ("SET_ASIDE_PENDING", {"set_aside": "1"})
    assert fold(await registry.records()) == books
    drop = log_service_pb2.DropSetAsideRequest(set_aside_position=aside.position, ground="trading's mistake")
    with pytest.raises(Refused) as refused:
        await registry.ask("registry_operator:ann", drop)
    assert refused.value.reason == "APPROVAL_REQUIRED"
    done = await registry.ask_by_two("registry_operator:ann", "registry_operator:ben", drop)
    assert list(done.events) == ["carbonmarket.log.v1.SetAsideDropped"]
    assert (await deliver(registry, 3, 2, leg(6, 1))).completed.legs == 1
