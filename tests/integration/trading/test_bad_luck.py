"""In the middle of a busy day: trading suspended, an account restricted, units and money that are on their way back."""

from carbonmarket.clearing.v1 import clearing_events_pb2 as clearing
from carbonmarket.registry.v1 import registry_events_pb2 as registry
from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket.trading.v1 import trading_service_pb2 as pb
from support.processes.running_trading import ANN, AUDITOR, Venue, offer, order, refusal, take

POWER, STEEL, CEMENT, CLEARING = "participant:power", "participant:steel", "participant:cement", "service:clearing"


async def test_suspended_trading_refuses_orders_and_lets_owners_cancel(busy: Venue) -> None:
    await busy.ask(ANN, pb.SuspendTradingRequest(ground="a fault"))
    assert await refusal(busy, POWER, order()) == "TRADING_SUSPENDED"
    assert await refusal(busy, STEEL, take(1)) == "TRADING_SUSPENDED"
    assert await refusal(busy, POWER, offer()) == "TRADING_SUSPENDED"
    assert (await busy.ask(CEMENT, pb.CancelOrderRequest(order_id=6))).quantity_tonnes == 100
    await busy.ask(ANN, pb.ResumeTradingRequest())
    await busy.ask(STEEL, take(1))


async def test_what_was_given_back_is_stated_until_the_other_books_have_it(busy: Venue) -> None:
    returned = await busy.ask(POWER, pb.ReturnToRegistryRequest(account="power", instrument="CEA", quantity_tonnes=9))
    released = await busy.ask(STEEL, pb.ReleaseFundsRequest(account="steel", amount_fen=7))
    stated = await busy.see(CLEARING, query.GetAllPositionsRequest())
    assert {one.account: one.returns_unacknowledged_tonnes for one in stated.units}["power"] == 9
    assert {one.account: one.releases_unacknowledged_fen for one in stated.funds}["steel"] == 7
    assert stated.heard_registry_position == busy.registry.position
    assert (stated.heard_clearing_position, stated.heard_clearing_entry) == (busy.clearing.position, 2)
    assert (stated.settled_day, stated.position) == ("", released.position)
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
        clearing.PayoutRequested(payout_id=1, account="steel", amount_fen=7, release_id=released.release_id, entry=3)
    )
    await busy.hear()
    stated = await busy.see(CLEARING, query.GetAllPositionsRequest())
    assert not any(one.returns_unacknowledged_tonnes for one in stated.units)
    assert not any(one.releases_unacknowledged_fen for one in stated.funds)
    assert stated.heard_clearing_entry == 3


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
