"""A service that was restored from an older backup, as its callers meet it."""

import grpc
import pytest

from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket_client import CarbonMarket, KeptAway
from support.client.fake_services import FakeMarket, Says


async def place(market: CarbonMarket) -> trading.PlaceOrderResponse:
    return await market.trading.place_order("power-0007", "CEA", "sell", price_fen=5123, quantity_tonnes=1_000)


async def test_a_command_says_that_it_is_given_again_when_the_program_does(fake_market: FakeMarket) -> None:
    fake_market.trading.will("PlaceOrder", trading.PlaceOrderResponse(order_id=12))
    for given_again in (False, True):
        async with fake_market.connect(given_again=given_again) as market:
            await place(market)
            await place(market.acting_as("participant:steel-0002"))
    said = [call.metadata.get("carbonmarket-given-again", "") for call in fake_market.trading.calls]
    assert said == ["", "", "yes", "yes"]


async def test_a_service_that_was_restored_older_is_asked_once_and_its_refusal_says_so(
    fake_market: FakeMarket,
) -> None:
    fake_market.trading.will("PlaceOrder", Says(grpc.StatusCode.UNAVAILABLE, "LOG_CAME_BACK_OLDER", witness="x"))
    async with fake_market.connect() as market:
        with pytest.raises(KeptAway, match="restored from an older backup"):
            await place(market)
    fake_market.trading.only_call("PlaceOrder")
