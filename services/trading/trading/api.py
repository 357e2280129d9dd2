"""TradingService: the commands that answer with more than a position. The others need no method (command_service). No
rule lives here.
"""

from carbonmarket.trading.v1 import trading_service_pb2 as pb
from chassis.core.call import Call
from chassis.log.writer import Writer
from chassis.serving.command_service import CommandService
from trading.domain import confirmation, custody, listed, negotiations, trades
from trading.domain.state import Market
from trading.wire import COMMANDS


class TradingService(CommandService[Market]):
    """The commands. Roles and refusals are listed at each rpc in trading_service.proto."""

    def __init__(self, writer: Writer[Market]) -> None:
        super().__init__(writer, COMMANDS)

    # Listed agreement

    async def PlaceOrder(self, request: pb.PlaceOrderRequest, call: Call) -> pb.PlaceOrderResponse:
        done = await self.submit(request, call)
        return pb.PlaceOrderResponse(order_id=done.only(listed.OrderPlaced).order_id, position=done.position)

    async def TakeListing(self, request: pb.TakeListingRequest, call: Call) -> pb.TakeListingResponse:
        done = await self.submit(request, call)
        trade = done.only(trades.TradeExecuted)
        return pb.TakeListingResponse(
            trade_id=trade.trade_id,
            price_fen=trade.price_fen,
            quantity_tonnes=trade.quantity_tonnes,
            value_fen=trade.value_fen,
            fee_fen=trade.taker_fee_fen,
            position=done.position,
        )

    async def CancelOrder(self, request: pb.CancelOrderRequest, call: Call) -> pb.CancelOrderResponse:
        done = await self.submit(request, call)
        left_tonnes = done.only(listed.OrderCancelled).quantity_tonnes
        return pb.CancelOrderResponse(quantity_tonnes=left_tonnes, position=done.position)

    # Block agreement

    async def OfferBlock(self, request: pb.OfferBlockRequest, call: Call) -> pb.OfferBlockResponse:
        done = await self.submit(request, call)
        return pb.OfferBlockResponse(block_id=done.only(negotiations.BlockOffered).block_id, position=done.position)

    async def ConfirmBlock(self, request: pb.ConfirmBlockRequest, call: Call) -> pb.ConfirmBlockResponse:
        done = await self.submit(request, call)
        trade = done.only(trades.TradeExecuted)
        return pb.ConfirmBlockResponse(
            trade_id=trade.trade_id,
            value_fen=trade.value_fen,
            fee_fen=trade.taker_fee_fen,
            position=done.position,
        )

    # Custody

    async def ReturnToRegistry(self, request: pb.ReturnToRegistryRequest, call: Call) -> pb.ReturnToRegistryResponse:
        done = await self.submit(request, call)
        return_id = done.only(custody.AllowancesReturned).return_id
        return pb.ReturnToRegistryResponse(return_id=return_id, position=done.position)

    async def ReleaseFunds(self, request: pb.ReleaseFundsRequest, call: Call) -> pb.ReleaseFundsResponse:
        done = await self.submit(request, call)
        release_id = done.only(custody.FundsReleased).release_id
        return pb.ReleaseFundsResponse(release_id=release_id, position=done.position)

    # Clearing

    async def ConfirmClearingRun(
        self, request: pb.ConfirmClearingRunRequest, call: Call
    ) -> pb.ConfirmClearingRunResponse:
        done = await self.submit(request, call)
        disputed = done.all(confirmation.ClearingRunDisputed)
        if disputed:
            answer = pb.RunDisputed(reason=disputed[0].reason, facts=dict(disputed[0].facts))
            return pb.ConfirmClearingRunResponse(disputed=answer, position=done.position)
        return pb.ConfirmClearingRunResponse(confirmed=pb.RunConfirmed(), position=done.position)
