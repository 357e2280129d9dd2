"""In the middle of a busy day: a process that is killed, units and money on their way back, an account restricted.

The tests run in their order on one venue.
"""

import asyncio
import random

import grpc

from carbonmarket.clearing.v1 import clearing_events_pb2 as clearing
from carbonmarket.log.v1.sum_trees_pb2 import SumTreeRoot
from carbonmarket.registry.v1 import registry_events_pb2 as registry
from carbonmarket.trading.v1 import trading_events_pb2 as events
from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket.trading.v1 import trading_service_pb2 as pb
from chassis.core.call import Refused
from chassis.core.record import first_fault, genesis
from chassis.core.sum_tree import Form, Key, Quantities, SumTree
from chassis.edges.remote import record_from
from support.processes.one_service import with_id
from support.processes.running_trading import AUDITOR, Venue, order, refusal, take
from trading.domain.commitments import CUSTODY, MONEY, UNITS_DUE

POWER, STEEL, CLEARING = "participant:power", "participant:steel", "service:clearing"
TAKES = 60
SPREAD_S = 2.0
TRIES_MAX = 1_200
KILLS = 2


async def take_one_tonne(venue: Venue, number: int, after_s: float) -> int:
    """Pick one tonne under one request id until it is answered; return the trade."""
    await asyncio.sleep(after_s)
    request = with_id(take(1), f"tonne {number}")
    for _ in range(TRIES_MAX):
        try:
            answer: pb.TakeListingResponse = await venue.service.call(STEEL, request)
            return answer.trade_id
        except Refused as refused:
            if refused.code is not grpc.StatusCode.UNAVAILABLE:
                raise
            await asyncio.sleep(0.05)
    raise TimeoutError(f"no answer to {request.request_id} after {TRIES_MAX} tries")


async def test_a_trade_that_was_acknowledged_is_made_once_whenever_the_process_is_killed(busy: Venue) -> None:
    choose = random.Random(1)
    answers = [
        asyncio.create_task(take_one_tonne(busy, number, choose.uniform(0.0, SPREAD_S))) for number in range(TAKES)
    ]
    for _ in range(KILLS):
        await asyncio.sleep(choose.uniform(0.0, SPREAD_S / KILLS))
        await busy.service.restart()
    acknowledged = await asyncio.gather(*answers)

    records = await busy.service.records()
    made = {
        record.request_id: events.TradeExecuted.FromString(record.data).trade_id
        for record in records
        if record.type == events.TradeExecuted.DESCRIPTOR.full_name
    }
    assert [made[f"tonne {number}"] for number in range(TAKES)] == acknowledged
    assert sorted(acknowledged) == list(range(1, TAKES + 1))
    assert first_fault(genesis("trading"), [record_from(record) for record in records]) is None
    steel = await busy.see(AUDITOR, query.GetPositionRequest(account="steel"))
    assert steel.units[0].bought_tonnes == TAKES
    assert steel.funds.available_fen == 1_000_000_000 - TAKES * 4_800
    book = (await busy.see(AUDITOR, query.GetBookRequest(instrument="CEA"))).book
    assert book.asks[0].listings[0].quantity_tonnes == 100 - TAKES
    listed = query.ListTradesRequest(account="steel", page_size=1_000, min_position=await busy.head())
    assert len((await busy.see(AUDITOR, listed)).trades) == TAKES


async def test_what_was_given_back_is_stated_until_the_other_books_have_it(busy: Venue) -> None:
    returned = await busy.ask(POWER, pb.ReturnToRegistryRequest(account="power", instrument="CEA", quantity_tonnes=9))
    released = await busy.ask(STEEL, pb.ReleaseFundsRequest(account="steel", amount_fen=7))
    stated = await busy.see(CLEARING, query.GetAllPositionsRequest())
    assert {one.account: one.returns_unacknowledged_tonnes for one in stated.units}["power"] == 9
    assert {one.account: one.releases_unacknowledged_fen for one in stated.funds}["steel"] == 7
    assert stated.heard_registry_position == busy.registry.position
    assert (stated.heard_clearing_position, stated.heard_clearing_entry_number) == (busy.clearing.position, 2)
    assert (stated.settled_day, stated.position) == ("", released.position)
    roots = await busy.see(CLEARING, query.GetCommitmentsRequest())
    assert [(one.account, one.instrument, one.quantity_tonnes) for one in roots.returning] == [("power", "CEA", 9)]
    assert [(one.account, one.amount_fen) for one in roots.releasing] == [("steel", 7)]
    assert (roots.returning_count, roots.releasing_count) == (1, 1)
    assert (roots.heard_registry_position, roots.heard_clearing_entry_number) == (busy.registry.position, 2)
    assert roots_of(stated) == list(roots.trees)
    busy.registry.write(
        registry.ReturnedFromTrading(
            account="power",
            vintage="CEA",
            quantity_tonnes=9,
            trading_position=returned.position,
            return_id=returned.return_id,
        )
    )
    busy.clearing.write(
        clearing.PayoutRequested(
            payout_id=1, account="steel", amount_fen=7, release_id=released.release_id, entry_number=3
        )
    )
    await busy.hear()
    stated = await busy.see(CLEARING, query.GetAllPositionsRequest())
    assert not any(one.returns_unacknowledged_tonnes for one in stated.units)
    assert not any(one.releases_unacknowledged_fen for one in stated.funds)
    assert stated.heard_clearing_entry_number == 3


async def test_a_restriction_by_the_registry_ends_what_the_account_has_open(busy: Venue) -> None:
    placed = await busy.ask(POWER, order())
    unsold = (await busy.see(AUDITOR, query.GetPositionRequest(account="power"))).units[0]
    busy.registry.write(registry.AccountRestricted(account="power", restriction_number=1, ground="licence expired"))
    await busy.hear()
    assert await refusal(busy, POWER, order()) == "ACCOUNT_RESTRICTED"
    assert await refusal(busy, STEEL, take(placed.order_id, price_fen=4_900)) == "LISTING_GONE"
    blocks = (await busy.see(STEEL, query.ListBlocksRequest(account="steel", min_position=await busy.head()))).blocks
    assert [block.state for block in blocks] == [query.BLOCK_STATE_WITHDRAWN, query.BLOCK_STATE_WITHDRAWN]
    position = await busy.see(AUDITOR, query.GetPositionRequest(account="power"))
    units = position.units[0]
    assert (position.stopped_ground, units.available_tonnes, units.locked_tonnes) == ("licence expired", 0, 0)
    stated = await busy.see(CLEARING, query.GetAllPositionsRequest())
    returned = {one.account: one.returns_unacknowledged_tonnes for one in stated.units}["power"]
    assert returned == unsold.available_tonnes + unsold.locked_tonnes > 0
    busy.registry.write(
        registry.AccountRestrictionLifted(account="power", restriction_number=1),
        registry.TransferredToTrading(account="power", vintage="CEA", quantity_tonnes=10),
    )
    await busy.hear()
    await busy.ask(POWER, order())


def roots_of(stated: query.GetAllPositionsResponse) -> list[SumTreeRoot]:
    """The commitments, made of all positions."""
    trees = [SumTree(form).changed(quantities) for form, quantities in committed(stated).items()]
    return [SumTreeRoot(tree=str(tree.form), digest=tree.digest, leaves=tree.leaves, sums=tree.sums) for tree in trees]


def committed(stated: query.GetAllPositionsResponse) -> dict[Form, dict[Key, Quantities]]:
    units, money = stated.units, stated.funds
    custody: dict[Key, Quantities] = {
        (one.account, one.instrument): (
            one.total_tonnes
            - one.bought_unsettled_tonnes
            + one.sold_unsettled_tonnes
            + one.returns_unacknowledged_tonnes,
        )
        for one in units
    }
    due: dict[Key, Quantities] = {
        (one.account, one.instrument): (one.bought_unsettled_tonnes, one.sold_unsettled_tonnes, one.blocked_tonnes)
        for one in units
    }
    balances: dict[Key, Quantities] = {
        (one.account,): (
            one.total_fen + one.paid_unsettled_fen - one.received_unsettled_fen + one.releases_unacknowledged_fen,
            one.paid_unsettled_fen,
            one.received_unsettled_fen,
            one.blocked_fen,
        )
        for one in money
    }
    return {CUSTODY: custody, UNITS_DUE: due, MONEY: balances}


async def test_the_commitments_are_those_of_all_positions_also_after_a_restart(busy: Venue) -> None:
    for _ in range(2):
        roots = await busy.see(CLEARING, query.GetCommitmentsRequest())
        assert roots_of(await busy.see(CLEARING, query.GetAllPositionsRequest())) == list(roots.trees)
        await busy.service.restart()
