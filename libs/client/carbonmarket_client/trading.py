"""Trading: the day, the book, listed and block agreement, and what of an account may be traded."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from google.protobuf.message import Message

from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket.trading.v1 import trading_service_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from carbonmarket_client.bulk import Outcome, submit_many
from carbonmarket_client.service import ServiceClient
from carbonmarket_client.words import Side, number_of


class TradingClient(ServiceClient):
    """The exchange. Prices are fen per tonne, quantities tonnes, days `2021-07-16` in China time."""

    # Commands of participants

    async def place_order(
        self,
        account: str,
        instrument: str,
        side: Side,
        *,
        price_fen: int,
        quantity_tonnes: int,
        request_id: str = "",
    ) -> pb.PlaceOrderResponse:
        """Put a listing into the book, valid for the day. Nothing is matched automatically: others take it."""
        request = pb.PlaceOrderRequest(
            request_id=request_id,
            account=account,
            instrument=instrument,
            side=number_of(types.Side, side),
            price_fen=price_fen,
            quantity_tonnes=quantity_tonnes,
        )
        return await self.link.call(request, pb.PlaceOrderResponse)

    async def take_listing(
        self, account: str, order_id: int, *, quantity_tonnes: int, price_fen: int, request_id: str = ""
    ) -> pb.TakeListingResponse:
        """Take a listing from the best levels of the book, at its price; price_fen is the price that was seen."""
        request = pb.TakeListingRequest(
            request_id=request_id,
            account=account,
            order_id=order_id,
            quantity_tonnes=quantity_tonnes,
            price_fen=price_fen,
        )
        return await self.link.call(request, pb.TakeListingResponse)

    async def cancel_order(self, order_id: int, *, request_id: str = "") -> pb.CancelOrderResponse:
        """Remove the rest of your own listing from the book."""
        request = pb.CancelOrderRequest(request_id=request_id, order_id=order_id)
        return await self.link.call(request, pb.CancelOrderResponse)

    async def offer_block(
        self,
        account: str,
        counterparty: str,
        instrument: str,
        side: Side,
        *,
        price_fen: int,
        quantity_tonnes: int,
        request_id: str = "",
    ) -> pb.OfferBlockResponse:
        """Offer a block to one counterparty; side is the account's own."""
        request = pb.OfferBlockRequest(
            request_id=request_id,
            account=account,
            counterparty=counterparty,
            instrument=instrument,
            side=number_of(types.Side, side),
            price_fen=price_fen,
            quantity_tonnes=quantity_tonnes,
        )
        return await self.link.call(request, pb.OfferBlockResponse)

    async def quote_block(
        self, block_id: int, *, price_fen: int, quantity_tonnes: int, request_id: str = ""
    ) -> pb.QuoteBlockResponse:
        """Propose other terms than the current ones."""
        request = pb.QuoteBlockRequest(
            request_id=request_id, block_id=block_id, price_fen=price_fen, quantity_tonnes=quantity_tonnes
        )
        return await self.link.call(request, pb.QuoteBlockResponse)

    async def confirm_block(
        self, block_id: int, *, price_fen: int, quantity_tonnes: int, request_id: str = ""
    ) -> pb.ConfirmBlockResponse:
        """Accept the current terms; price_fen and quantity_tonnes are those that the caller saw."""
        request = pb.ConfirmBlockRequest(
            request_id=request_id, block_id=block_id, price_fen=price_fen, quantity_tonnes=quantity_tonnes
        )
        return await self.link.call(request, pb.ConfirmBlockResponse)

    async def decline_block(self, block_id: int, *, request_id: str = "") -> pb.DeclineBlockResponse:
        """Decline the other side's terms: the negotiation ends."""
        request = pb.DeclineBlockRequest(request_id=request_id, block_id=block_id)
        return await self.link.call(request, pb.DeclineBlockResponse)

    async def withdraw_block(self, block_id: int, *, request_id: str = "") -> pb.WithdrawBlockResponse:
        """Withdraw your own terms: the negotiation ends."""
        request = pb.WithdrawBlockRequest(request_id=request_id, block_id=block_id)
        return await self.link.call(request, pb.WithdrawBlockResponse)

    async def return_to_registry(
        self, account: str, instrument: str, quantity_tonnes: int, *, request_id: str = ""
    ) -> pb.ReturnToRegistryResponse:
        """Return available allowances to the registry."""
        request = pb.ReturnToRegistryRequest(
            request_id=request_id, account=account, instrument=instrument, quantity_tonnes=quantity_tonnes
        )
        return await self.link.call(request, pb.ReturnToRegistryResponse)

    async def release_funds(self, account: str, amount_fen: int, *, request_id: str = "") -> pb.ReleaseFundsResponse:
        """Release money to be paid out by clearing, up to what may be withdrawn."""
        request = pb.ReleaseFundsRequest(request_id=request_id, account=account, amount_fen=amount_fen)
        return await self.link.call(request, pb.ReleaseFundsResponse)

    # Commands of exchange operators

    async def announce_trading_days(
        self, days: Sequence[str], *, request_id: str = ""
    ) -> pb.AnnounceTradingDaysResponse:
        """Announce trading days, ascending, each later than the last one announced."""
        request = pb.AnnounceTradingDaysRequest(request_id=request_id, days=days)
        return await self.link.call(request, pb.AnnounceTradingDaysResponse)

    async def set_trading_rules(self, rules: types.TradingRules, *, request_id: str = "") -> pb.SetTradingRulesResponse:
        """Set the rules of trading from a day on."""
        request = pb.SetTradingRulesRequest(request_id=request_id, rules=rules)
        return await self.link.call(request, pb.SetTradingRulesResponse)

    async def set_fees(
        self,
        valid_from_day: str,
        *,
        buyer_fee_ppm: int,
        seller_fee_ppm: int,
        source: str,
        request_id: str = "",
    ) -> pb.SetFeesResponse:
        """Set the fees from a day on, in parts per million of a day's value; source says where they were announced."""
        request = pb.SetFeesRequest(
            request_id=request_id,
            valid_from_day=valid_from_day,
            buyer_fee_ppm=buyer_fee_ppm,
            seller_fee_ppm=seller_fee_ppm,
            source=source,
        )
        return await self.link.call(request, pb.SetFeesResponse)

    async def set_composite_weights(
        self, valid_from_day: str, weights: Mapping[str, int], *, source: str, request_id: str = ""
    ) -> pb.SetCompositeWeightsResponse:
        """Set the weight of each instrument in the composite price from a day on."""
        request = pb.SetCompositeWeightsRequest(
            request_id=request_id,
            valid_from_day=valid_from_day,
            weights=[types.CompositeWeight(instrument=name, weight=weight) for name, weight in weights.items()],
            source=source,
        )
        return await self.link.call(request, pb.SetCompositeWeightsResponse)

    async def admit_instrument(
        self, instrument: str, day: str, *, reference_price_fen: int = 0, request_id: str = ""
    ) -> pb.AdmitInstrumentResponse:
        """Admit a vintage to trading from a day on, with a reference price only before the market's first day."""
        request = pb.AdmitInstrumentRequest(
            request_id=request_id, instrument=instrument, day=day, reference_price_fen=reference_price_fen
        )
        return await self.link.call(request, pb.AdmitInstrumentResponse)

    async def open_day(self, day: str, *, request_id: str = "") -> pb.OpenDayResponse:
        """Open a trading day; earlier days must be settled and the books agreed."""
        return await self.link.call(pb.OpenDayRequest(request_id=request_id, day=day), pb.OpenDayResponse)

    async def override_opening(self, day: str, ground: str, *, request_id: str = "") -> log.ProposeCommandResponse:
        """Propose that a day opens in spite of its obstacles."""
        return await self.propose_command(pb.OverrideOpeningRequest(day=day, ground=ground), request_id=request_id)

    async def close_day(self, day: str, *, request_id: str = "") -> pb.CloseDayResponse:
        """Close the trading day after its last session; a timer does the same."""
        return await self.link.call(pb.CloseDayRequest(request_id=request_id, day=day), pb.CloseDayResponse)

    async def suspend_trading(
        self, ground: str, *, instrument: str = "", request_id: str = ""
    ) -> pb.SuspendTradingResponse:
        """Stop trading in an instrument, or in all when none is named."""
        request = pb.SuspendTradingRequest(request_id=request_id, instrument=instrument, ground=ground)
        return await self.link.call(request, pb.SuspendTradingResponse)

    async def resume_trading(self, *, instrument: str = "", request_id: str = "") -> pb.ResumeTradingResponse:
        """Resume trading in an instrument, or in all when none is named."""
        request = pb.ResumeTradingRequest(request_id=request_id, instrument=instrument)
        return await self.link.call(request, pb.ResumeTradingResponse)

    def submit_many(self, commands: Iterable[Message]) -> AsyncIterator[Outcome]:
        """Send many commands (request messages of this service) on one stream; one Outcome comes for each, in order."""
        return submit_many(self.link, commands, pb.SubmitManyRequest, pb.SubmitManyResponse)

    # Queries

    async def list_instruments(
        self, *, page_size: int = 0, page_token: str = "", min_position: int = 0
    ) -> query.ListInstrumentsResponse:
        """The instruments with the day's limits and prices, and the rules of the day."""
        request = query.ListInstrumentsRequest(min_position=min_position, page_size=page_size, page_token=page_token)
        return await self.link.call(request, query.ListInstrumentsResponse)

    async def get_day(self, day: str = "", *, min_position: int = 0) -> query.GetDayResponse:
        """The state of a trading day; with none named the open day, else the next one announced, else the last."""
        return await self.link.call(query.GetDayRequest(min_position=min_position, day=day), query.GetDayResponse)

    async def get_book(self, instrument: str, *, min_position: int = 0) -> query.GetBookResponse:
        """The best price levels of each side and the listings at each: what may be taken."""
        request = query.GetBookRequest(min_position=min_position, instrument=instrument)
        return await self.link.call(request, query.GetBookResponse)

    def stream_market_data(self, instrument: str) -> AsyncIterator[query.StreamMarketDataResponse]:
        """The book with the day's prices, at once and again after every change; a broken connection is taken up
        again.
        """
        return self.link.stream(query.StreamMarketDataRequest(instrument=instrument), query.StreamMarketDataResponse)

    async def get_position(self, account: str, *, min_position: int = 0) -> query.GetPositionResponse:
        """An account's units and funds as orders are checked against them."""
        request = query.GetPositionRequest(min_position=min_position, account=account)
        return await self.link.call(request, query.GetPositionResponse)

    async def list_orders(
        self,
        *,
        account: str = "",
        day: str = "",
        open_only: bool = False,
        page_size: int = 0,
        page_token: str = "",
        min_position: int = 0,
    ) -> query.ListOrdersResponse:
        """Orders, newest first, in pages; a participant names its own account."""
        request = query.ListOrdersRequest(
            min_position=min_position,
            account=account,
            day=day,
            open_only=open_only,
            page_size=page_size,
            page_token=page_token,
        )
        return await self.link.call(request, query.ListOrdersResponse)

    async def get_order(self, order_id: int, *, min_position: int = 0) -> query.GetOrderResponse:
        """One order."""
        request = query.GetOrderRequest(min_position=min_position, order_id=order_id)
        return await self.link.call(request, query.GetOrderResponse)

    async def list_trades(
        self, *, account: str = "", day: str = "", page_size: int = 0, page_token: str = "", min_position: int = 0
    ) -> query.ListTradesResponse:
        """Trades, newest first, in pages; a participant names its own account."""
        request = query.ListTradesRequest(
            min_position=min_position, account=account, day=day, page_size=page_size, page_token=page_token
        )
        return await self.link.call(request, query.ListTradesResponse)

    async def get_trade(self, trade_id: int, *, min_position: int = 0) -> query.GetTradeResponse:
        """One trade, for its two sides and the operators, with the id of its trace."""
        request = query.GetTradeRequest(min_position=min_position, trade_id=trade_id)
        return await self.link.call(request, query.GetTradeResponse)

    async def get_bulletin(self, day: str, *, min_position: int = 0) -> query.GetBulletinResponse:
        """The bulletin of a closed day: the composite and every instrument."""
        request = query.GetBulletinRequest(min_position=min_position, day=day)
        return await self.link.call(request, query.GetBulletinResponse)

    async def list_blocks(
        self,
        *,
        account: str = "",
        open_only: bool = False,
        page_size: int = 0,
        page_token: str = "",
        min_position: int = 0,
    ) -> query.ListBlocksResponse:
        """Block negotiations, newest first, in pages; a participant names its own account."""
        request = query.ListBlocksRequest(
            min_position=min_position,
            account=account,
            open_only=open_only,
            page_size=page_size,
            page_token=page_token,
        )
        return await self.link.call(request, query.ListBlocksResponse)

    async def get_all_positions(self, *, min_position: int = 0) -> query.GetAllPositionsResponse:
        """Every position that is not zero, as of one log position: trading's side of the reconciliation, for
        auditors.
        """
        request = query.GetAllPositionsRequest(min_position=min_position)
        return await self.link.call(request, query.GetAllPositionsResponse)

    async def get_commitments(self, *, min_position: int = 0) -> query.GetCommitmentsResponse:
        """The roots of trading's sum trees, as of one log position: its side of the reconciliation, for auditors."""
        request = query.GetCommitmentsRequest(min_position=min_position)
        return await self.link.call(request, query.GetCommitmentsResponse)

    async def get_tree_parts(self, position: int, tree: str, places: Sequence[bytes]) -> query.GetTreePartsResponse:
        """What is below places of a tree that get_commitments stated the root of; no digit leads to the root."""
        request = query.GetTreePartsRequest(position=position, tree=tree, places=places)
        return await self.link.call(request, query.GetTreePartsResponse)
