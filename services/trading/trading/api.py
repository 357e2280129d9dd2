"""TradingService: each method reads its request, submits the command and builds the response. It decides nothing."""

from carbonmarket.trading.v1 import trading_service_pb2 as pb
from chassis.core.call import Call
from chassis.log.writer import Writer
from trading.domain import confirmation, custody, listed, negotiations, trades
from trading.domain.state import Market
from trading.wire import COMMANDS


class TradingService:
    """The commands. Roles and refusals are listed at each rpc in trading_service.proto."""

    def __init__(self, writer: Writer[Market]) -> None:
        self.writer = writer

    # Calendar, rules, instruments

    async def AnnounceTradingDays(
        self, request: pb.AnnounceTradingDaysRequest, call: Call
    ) -> pb.AnnounceTradingDaysResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.AnnounceTradingDaysResponse(position=done.position)

    async def SetTradingRules(self, request: pb.SetTradingRulesRequest, call: Call) -> pb.SetTradingRulesResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.SetTradingRulesResponse(position=done.position)

    async def SetFees(self, request: pb.SetFeesRequest, call: Call) -> pb.SetFeesResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.SetFeesResponse(position=done.position)

    async def SetCompositeWeights(
        self, request: pb.SetCompositeWeightsRequest, call: Call
    ) -> pb.SetCompositeWeightsResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.SetCompositeWeightsResponse(position=done.position)

    async def AdmitInstrument(self, request: pb.AdmitInstrumentRequest, call: Call) -> pb.AdmitInstrumentResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.AdmitInstrumentResponse(position=done.position)

    # The day

    async def OpenDay(self, request: pb.OpenDayRequest, call: Call) -> pb.OpenDayResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.OpenDayResponse(position=done.position)

    async def OverrideOpening(self, request: pb.OverrideOpeningRequest, call: Call) -> pb.OverrideOpeningResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.OverrideOpeningResponse(position=done.position)

    async def CloseDay(self, request: pb.CloseDayRequest, call: Call) -> pb.CloseDayResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.CloseDayResponse(position=done.position)

    async def SuspendTrading(self, request: pb.SuspendTradingRequest, call: Call) -> pb.SuspendTradingResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.SuspendTradingResponse(position=done.position)

    async def ResumeTrading(self, request: pb.ResumeTradingRequest, call: Call) -> pb.ResumeTradingResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.ResumeTradingResponse(position=done.position)

    # Listed agreement

    async def PlaceOrder(self, request: pb.PlaceOrderRequest, call: Call) -> pb.PlaceOrderResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.PlaceOrderResponse(order_id=done.only(listed.OrderPlaced).order_id, position=done.position)

    async def TakeListing(self, request: pb.TakeListingRequest, call: Call) -> pb.TakeListingResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
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
        done = await self.writer.submit(COMMANDS.read(request), call)
        left_tonnes = done.only(listed.OrderCancelled).quantity_tonnes
        return pb.CancelOrderResponse(quantity_tonnes=left_tonnes, position=done.position)

    # Block agreement

    async def OfferBlock(self, request: pb.OfferBlockRequest, call: Call) -> pb.OfferBlockResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.OfferBlockResponse(block_id=done.only(negotiations.BlockOffered).block_id, position=done.position)

    async def QuoteBlock(self, request: pb.QuoteBlockRequest, call: Call) -> pb.QuoteBlockResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.QuoteBlockResponse(position=done.position)

    async def ConfirmBlock(self, request: pb.ConfirmBlockRequest, call: Call) -> pb.ConfirmBlockResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        trade = done.only(trades.TradeExecuted)
        return pb.ConfirmBlockResponse(
            trade_id=trade.trade_id,
            value_fen=trade.value_fen,
            fee_fen=trade.taker_fee_fen,
            position=done.position,
        )

    async def DeclineBlock(self, request: pb.DeclineBlockRequest, call: Call) -> pb.DeclineBlockResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.DeclineBlockResponse(position=done.position)

    async def WithdrawBlock(self, request: pb.WithdrawBlockRequest, call: Call) -> pb.WithdrawBlockResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.WithdrawBlockResponse(position=done.position)

    # Custody

    async def ReturnToRegistry(self, request: pb.ReturnToRegistryRequest, call: Call) -> pb.ReturnToRegistryResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return_id = done.only(custody.AllowancesReturned).return_id
        return pb.ReturnToRegistryResponse(return_id=return_id, position=done.position)

    async def ReleaseFunds(self, request: pb.ReleaseFundsRequest, call: Call) -> pb.ReleaseFundsResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        release_id = done.only(custody.FundsReleased).release_id
        return pb.ReleaseFundsResponse(release_id=release_id, position=done.position)

    # Clearing

    async def ConfirmClearingRun(
        self, request: pb.ConfirmClearingRunRequest, call: Call
    ) -> pb.ConfirmClearingRunResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        disputed = done.all(confirmation.ClearingRunDisputed)
        if disputed:
            answer = pb.RunDisputed(reason=disputed[0].reason, facts=dict(disputed[0].facts))
            return pb.ConfirmClearingRunResponse(disputed=answer, position=done.position)
        return pb.ConfirmClearingRunResponse(confirmed=pb.RunConfirmed(), position=done.position)
