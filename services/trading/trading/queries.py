"""TradingQueryService: what is comes from the live state, what was from the tables.

Both are as of a committed position that the answer names: a look at the live state sees every command before it; of the
tables the position is read before the rows, so that the rows show at least that much. A participant sees its own; the
operators and supervisors see all; what may be traded is everybody's.
"""

from collections.abc import AsyncIterator, Sequence

from carbonmarket.trading.v1 import trading_query_service_pb2 as pb
from chassis.call import Call
from chassis.decider import NotFound, NotPermitted
from chassis.edges import Row
from chassis.pages import NUMBER_MAX, page_of
from chassis.projections import Tables
from chassis.shapes import check_account, check_day
from chassis.writer import Writer
from trading.answers import live
from trading.answers.pictures import Pictures, book, check_streams, picture
from trading.answers.rows import block_of, composite_of, line_of, order_of, trade_of
from trading.domain.accounts import known_account
from trading.domain.market import Market
from trading.domain.values import check_instrument
from trading.projections import BlockState, OrderState

ORDERS = """
SELECT orders.*, fills.tonnes AS filled_tonnes, fills.last_ms AS filled_ms
FROM orders CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity_tonnes), 0)::bigint AS tonnes, coalesce(max(executed_ms), 0) AS last_ms
    FROM trades WHERE maker_order_id = order_id
) AS fills
"""
ORDER = ORDERS + "WHERE order_id = $1"
ORDERS_PAGE = """
WHERE order_id < $1 AND ($3 = '' OR day = $3)
  AND (NOT $4 OR (state = $5 AND fills.tonnes < quantity_tonnes)) ORDER BY order_id DESC LIMIT $2
"""
ORDERS_OF_ALL = ORDERS + ORDERS_PAGE
ORDERS_OF_ACCOUNT = ORDERS + ORDERS_PAGE.replace("WHERE", "WHERE account = $6 AND")

TRADE = "SELECT * FROM trades WHERE trade_id = $1"
TRADES_OF_ALL = """
SELECT * FROM trades WHERE trade_id < $1 AND ($3 = '' OR day = $3) ORDER BY trade_id DESC LIMIT $2
"""
TRADES_OF_ACCOUNT = TRADES_OF_ALL.replace("WHERE", "WHERE (buyer = $4 OR seller = $4) AND")

BLOCKS_OF_ALL = """
SELECT * FROM blocks WHERE block_id < $1 AND (NOT $3 OR state = $4) ORDER BY block_id DESC LIMIT $2
"""
BLOCKS_OF_ACCOUNT = BLOCKS_OF_ALL.replace("WHERE", "WHERE (buyer = $5 OR seller = $5) AND")

BULLETIN = """
SELECT bulletins.*, open_fen, high_fen, low_fen, close_fen, previous_close_fen, change_bp
FROM bulletins LEFT JOIN composites USING (day) WHERE day = $1
"""
BULLETIN_LINES = "SELECT * FROM bulletin_lines WHERE day = $1 ORDER BY instrument"


class TradingQueryService:
    """The queries. Roles and refusals are listed at each rpc in trading_query_service.proto."""

    def __init__(self, tables: Tables, writer: Writer[Market]) -> None:
        self.tables = tables
        self.writer = writer
        self.pictures = Pictures(writer)

    # What is

    async def ListInstruments(self, request: pb.ListInstrumentsRequest, call: Call) -> pb.ListInstrumentsResponse:
        seen = await self.writer.read(live.instruments)
        seen.value.position = seen.position
        return seen.value

    async def GetDay(self, request: pb.GetDayRequest, call: Call) -> pb.GetDayResponse:
        if request.day:
            check_day(request.day)
        seen = await self.writer.read(lambda market: live.day(market, request.day, self.writer.context(call.actor)))
        seen.value.position = seen.position
        return seen.value

    async def GetBook(self, request: pb.GetBookRequest, call: Call) -> pb.GetBookResponse:
        check_instrument(request.instrument)
        seen = await self.writer.read(lambda market: book(market, request.instrument))
        return pb.GetBookResponse(book=seen.value, position=seen.position)

    async def StreamMarketData(self, request: pb.StreamMarketDataRequest, call: Call) -> AsyncIterator[bytes]:
        check_instrument(request.instrument)
        check_streams(self.pictures.streams, str(call.actor))
        seen = await self.writer.read(lambda market: picture(market, request.instrument))
        async for answer in self.pictures.watch(request.instrument, str(call.actor), seen):
            yield answer

    async def GetPosition(self, request: pb.GetPositionRequest, call: Call) -> pb.GetPositionResponse:
        check_account(request.account)
        check_may_see(request.account, call)
        seen = await self.writer.read(lambda market: live.position(known_account(market, request.account)))
        seen.value.position = seen.position
        return seen.value

    async def StatePositions(self, request: pb.StatePositionsRequest, call: Call) -> pb.StatePositionsResponse:
        seen = await self.writer.read(live.stated_positions)
        seen.value.position = seen.position
        seen.value.heard_registry_position = seen.heard.get("registry", 0)
        seen.value.heard_clearing_position = seen.heard.get("clearing", 0)
        return seen.value

    # What was

    async def ListOrders(self, request: pb.ListOrdersRequest, call: Call) -> pb.ListOrdersResponse:
        page = page_of(request, call)
        check_filter(request.account, request.day, call)
        position = self.tables.position
        arguments = (page.after(NUMBER_MAX), page.fetched_max, request.day, request.open_only, OrderState.OPEN)
        rows = await self._rows(ORDERS_OF_ALL, ORDERS_OF_ACCOUNT, arguments, request.account, position)
        shown, next_page_token = page.shown(rows, "order_id")
        orders = [order_of(row) for row in shown]
        return pb.ListOrdersResponse(orders=orders, next_page_token=next_page_token, position=position)

    async def GetOrder(self, request: pb.GetOrderRequest, call: Call) -> pb.GetOrderResponse:
        position = self.tables.position
        row = await self.tables.fetch_one(ORDER, request.order_id)
        if row is None:
            raise NotFound("ORDER_UNKNOWN", order_id=request.order_id)
        check_may_see(row["account"], call)
        return pb.GetOrderResponse(order=order_of(row), position=position)

    async def ListTrades(self, request: pb.ListTradesRequest, call: Call) -> pb.ListTradesResponse:
        page = page_of(request, call)
        check_filter(request.account, request.day, call)
        position = self.tables.position
        arguments = (page.after(NUMBER_MAX), page.fetched_max, request.day)
        rows = await self._rows(TRADES_OF_ALL, TRADES_OF_ACCOUNT, arguments, request.account, position)
        shown, next_page_token = page.shown(rows, "trade_id")
        trades = [trade_of(row) for row in shown]
        return pb.ListTradesResponse(trades=trades, next_page_token=next_page_token, position=position)

    async def GetTrade(self, request: pb.GetTradeRequest, call: Call) -> pb.GetTradeResponse:
        position = self.tables.position
        row = await self.tables.fetch_one(TRADE, request.trade_id)
        if row is None:
            raise NotFound("TRADE_UNKNOWN", trade_id=request.trade_id)
        if call.role == "participant" and call.account not in (row["buyer"], row["seller"]):
            raise NotPermitted("NOT_PARTY_TO_TRADE", trade_id=request.trade_id, actor=str(call.actor))
        return pb.GetTradeResponse(trade=trade_of(row), position=position)

    async def ListBlocks(self, request: pb.ListBlocksRequest, call: Call) -> pb.ListBlocksResponse:
        page = page_of(request, call)
        check_filter(request.account, "", call)
        position = self.tables.position
        arguments = (page.after(NUMBER_MAX), page.fetched_max, request.open_only, BlockState.OPEN)
        rows = await self._rows(BLOCKS_OF_ALL, BLOCKS_OF_ACCOUNT, arguments, request.account, position)
        shown, next_page_token = page.shown(rows, "block_id")
        blocks = [block_of(row) for row in shown]
        return pb.ListBlocksResponse(blocks=blocks, next_page_token=next_page_token, position=position)

    async def GetBulletin(self, request: pb.GetBulletinRequest, call: Call) -> pb.GetBulletinResponse:
        check_day(request.day)
        position = self.tables.position
        row = await self.tables.fetch_one(BULLETIN, request.day)
        if row is None:
            raise NotFound("BULLETIN_UNKNOWN", day=request.day)
        lines = await self.tables.fetch(BULLETIN_LINES, request.day)
        return pb.GetBulletinResponse(
            day=request.day,
            composite=composite_of(row) if row["close_fen"] is not None else None,
            lines=[line_of(line) for line in lines],
            trades=row["trades"],
            quantity_tonnes=row["quantity_tonnes"],
            value_fen=row["value_fen"],
            position=position,
        )

    async def _rows(
        self, of_all: str, of_account: str, arguments: tuple[object, ...], account: str, position: int
    ) -> Sequence[Row]:
        if account:
            return await self.tables.fetch(of_account, *arguments, account)
        return await self.tables.fetch(of_all, *arguments)


# Who may see


def check_may_see(account: str, call: Call) -> None:
    """A participant sees its own account; the other roles that an rpc lets in see all."""
    if call.role == "participant" and call.account != account:
        raise NotPermitted("NOT_OWNER_OF_ACCOUNT", account=account, actor=str(call.actor))


def check_filter(account: str, day: str, call: Call) -> None:
    if account:
        check_account(account)
    check_may_see(account, call)
    if day:
        check_day(day)
