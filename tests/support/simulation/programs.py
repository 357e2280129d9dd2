"""A participant's program: it gives its orders in bulk, by the client that integrators use.

What had no outcome is given again under the same request ids, whatever broke; and an order that was placed on a stream
is known as a repeat when it comes alone.
"""

import asyncio
import random
from collections.abc import Sequence

from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket_client.bulk import submit_many
from carbonmarket_client.errors import Unavailable
from carbonmarket_client.link import Link
from support.days.calls import AnsweredCommand
from support.days.day import Player
from support.simulation.market import ANSWER_S_MAX, SimulatedMarket

ORDERS_MAX = 8


async def order_in_bulk(market: SimulatedMarket, player: Player, account: str, draw: random.Random) -> None:
    """Some orders of an account on one stream."""
    actor = f"participant:{account}"
    orders = [an_order(player, account, draw) for _ in range(draw.randint(2, ORDERS_MAX))]
    link = market.link("trading", actor)
    ends = asyncio.get_running_loop().time() + ANSWER_S_MAX
    left: Sequence[trading.PlaceOrderRequest] = orders
    answers: dict[str, trading.PlaceOrderResponse] = {}
    while left:
        assert asyncio.get_running_loop().time() < ends, f"{len(left)} orders had no outcome"
        left = await without_outcome(link, left, answers)
    for order in orders:
        answer = answers.get(order.request_id)
        if answer is not None:
            player.open_orders[answer.order_id] = account
            market.port.answered.append(AnsweredCommand("trading", actor, order.request_id, answer.position))
            assert await market.port.call(actor, order) == answer, "an order that came twice is one"
    market.chance.counts["SubmitMany"] += 1


async def without_outcome(
    link: Link, orders: Sequence[trading.PlaceOrderRequest], answers: dict[str, trading.PlaceOrderResponse]
) -> list[trading.PlaceOrderRequest]:
    """Gives orders, notes the answers of those that were placed; those of which nobody knows what became."""
    left = {order.request_id: order for order in orders}
    try:
        async for outcome in submit_many(link, orders, trading.SubmitManyRequest, trading.SubmitManyResponse):
            assert isinstance(outcome.command, trading.PlaceOrderRequest)
            if isinstance(outcome.refusal, Unavailable):
                continue
            del left[outcome.command.request_id]
            if outcome.answer is not None:
                assert isinstance(outcome.answer, trading.PlaceOrderResponse)
                answers[outcome.command.request_id] = outcome.answer
    except Unavailable:
        pass
    return list(left.values())


def an_order(player: Player, account: str, draw: random.Random) -> trading.PlaceOrderRequest:
    order = trading.PlaceOrderRequest(request_id=player.next_id(), account=account, instrument="CEA")
    order.side, order.price_fen, order.quantity_tonnes = player.side(), player.price_fen(), draw.randint(1, 500)
    return order
