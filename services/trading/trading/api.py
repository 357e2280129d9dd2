"""TradingService: what is answered to commands that answer with more than a position. The others need no method
(command_service). No rule lives here.
"""

from carbonmarket.trading.v1 import trading_service_pb2 as pb
from chassis.core.engine import Done
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

    def PlaceOrder(self, done: Done) -> pb.PlaceOrderResponse:
        return pb.PlaceOrderResponse(order_id=done.only(listed.OrderPlaced).order_id, position=done.position)

    def TakeListing(self, done: Done) -> pb.TakeListingResponse:
        trade = done.only(trades.TradeExecuted)
        return pb.TakeListingResponse(
            trade_id=trade.trade_id,
            price_fen=trade.price_fen,
            quantity_tonnes=trade.quantity_tonnes,
            value_fen=trade.value_fen,
            fee_fen=trade.taker_fee_fen,
            position=done.position,
        )

    def CancelOrder(self, done: Done) -> pb.CancelOrderResponse:
        left_tonnes = done.only(listed.OrderCancelled).quantity_tonnes
        return pb.CancelOrderResponse(quantity_tonnes=left_tonnes, position=done.position)

    # Block agreement

    def OfferBlock(self, done: Done) -> pb.OfferBlockResponse:
        return pb.OfferBlockResponse(block_id=done.only(negotiations.BlockOffered).block_id, position=done.position)

    def ConfirmBlock(self, done: Done) -> pb.ConfirmBlockResponse:
        trade = done.only(trades.TradeExecuted)
        return pb.ConfirmBlockResponse(
            trade_id=trade.trade_id,
            value_fen=trade.value_fen,
            fee_fen=trade.taker_fee_fen,
            position=done.position,
        )

    # Custody

    def ReturnToRegistry(self, done: Done) -> pb.ReturnToRegistryResponse:
        return_id = done.only(custody.AllowancesReturned).return_id
        return pb.ReturnToRegistryResponse(return_id=return_id, position=done.position)

    def ReleaseFunds(self, done: Done) -> pb.ReleaseFundsResponse:
        release_id = done.only(custody.FundsReleased).release_id
        return pb.ReleaseFundsResponse(release_id=release_id, position=done.position)

    # Clearing

    def ConfirmClearingRun(self, done: Done) -> pb.ConfirmClearingRunResponse:
        disputed = done.all(confirmation.ClearingRunDisputed)
        if disputed:
            answer = pb.RunDisputed(reason=disputed[0].reason, facts=dict(disputed[0].facts))
            return pb.ConfirmClearingRunResponse(disputed=answer, position=done.position)
        return pb.ConfirmClearingRunResponse(confirmed=pb.RunConfirmed(), position=done.position)
