"""TradingQueryService: the present is read from the live state, history from the tables.

Every answer names the committed position that it is as of. A read of the live state includes every command up to that
position; all that one answer shows of the tables is of one reading, as of its position. A participant sees its own
account, operators and supervisors see all; instruments, days, books and bulletins are public.
"""

from collections.abc import AsyncIterator, Sequence

from carbonmarket.trading.v1 import trading_query_service_pb2 as pb
from chassis.core.call import HOLDER_ROLES, Call, check_may_see
from chassis.core.decider import NotFound, NotPermitted, known_account
from chassis.core.shapes import CODE, check_account, check_day
from chassis.edges.protocols import Reading, Row
from chassis.followers.projections import Tables
from chassis.followers.rows import from_row
from chassis.log.writer import Writer
from chassis.serving.pages import NUMBER_MAX, page_of
from chassis.serving.trees import KeptTrees, parts, up_to_date
from trading.answers import live
from trading.answers.commitments import stated
from trading.answers.pictures import Pictures, book, picture, stream_of
from trading.domain.calendar import check_announced
from trading.domain.state import Market
from trading.domain.values import check_instrument
from trading.projections import BlockState, OrderState

# The filled quantity of an order is the sum of its trades.
ORDERS = f"""
SELECT order_id, account, instrument, side, price_fen, quantity_tonnes, day, placed_ms, trace_id,
       fills.tonnes AS filled_tonnes,
       CASE WHEN fills.tonnes = quantity_tonnes THEN {OrderState.FILLED:d} ELSE state END AS state,
       CASE WHEN fills.tonnes = quantity_tonnes THEN fills.last_ms ELSE ended_ms END AS ended_ms
FROM orders CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity_tonnes), 0)::bigint AS tonnes, coalesce(max(executed_ms), 0) AS last_ms
    FROM trades WHERE maker_order_id = order_id
) AS fills
"""
ORDER = ORDERS + "WHERE order_id = $1"


def orders_page(of: str) -> str:
    return f"""{ORDERS}
WHERE {of} AND order_id < $1 AND ($3 = '' OR day = $3)
      AND (NOT $4 OR (state = {OrderState.OPEN:d} AND fills.tonnes < quantity_tonnes)) ORDER BY order_id DESC LIMIT $2
"""


def trades_page(of: str) -> str:
    return f"""
SELECT * FROM trades WHERE {of} AND trade_id < $1 AND ($3 = '' OR day = $3) ORDER BY trade_id DESC LIMIT $2
"""


def blocks_page(of: str) -> str:
    return f"""
SELECT * FROM blocks WHERE {of} AND block_id < $1 AND (NOT $3 OR state = {BlockState.OPEN:d})
ORDER BY block_id DESC LIMIT $2
"""


# One statement for all accounts and one for a single account, so that the latter uses the account's index.
ORDERS_OF_ALL, ORDERS_OF_ACCOUNT = orders_page("TRUE"), orders_page("account = $5")
TRADE = "SELECT * FROM trades WHERE trade_id = $1"
TRADES_OF_ALL, TRADES_OF_ACCOUNT = trades_page("TRUE"), trades_page("(buyer = $4 OR seller = $4)")
BLOCKS_OF_ALL, BLOCKS_OF_ACCOUNT = blocks_page("TRUE"), blocks_page("(buyer = $4 OR seller = $4)")

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
        self.trees = KeptTrees()

    # From the live state

    async def ListInstruments(self, request: pb.ListInstrumentsRequest, call: Call) -> pb.ListInstrumentsResponse:
        page = page_of(request, call, CODE.form)
        seen = await self.writer.read(lambda market: live.instruments(market, page))
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
        with stream_of(self.pictures.streams, str(call.actor)):
            seen = await self.writer.read(lambda market: picture(market, request.instrument))
            async for answer in self.pictures.watch(request.instrument, seen):
                yield answer

    async def GetPosition(self, request: pb.GetPositionRequest, call: Call) -> pb.GetPositionResponse:
        check_account(request.account)
        check_may_see(request.account, call)
        seen = await self.writer.read(lambda market: live.position(known_account(market.accounts, request.account)))
        seen.value.position = seen.position
        return seen.value

    async def GetAllPositions(self, request: pb.GetAllPositionsRequest, call: Call) -> pb.GetAllPositionsResponse:
        seen = await self.writer.read(live.copy_positions)
        answer = await live.all_positions(seen.value)
        answer.position = seen.position
        answer.heard_registry_position = seen.heard.get("registry", 0)
        answer.heard_clearing_position = seen.heard.get("clearing", 0)
        return answer

    async def GetCommitments(self, request: pb.GetCommitmentsRequest, call: Call) -> pb.GetCommitmentsResponse:
        seen = await up_to_date(self.writer.read, stated)
        answer = seen.value.answer
        answer.trees.extend(self.trees.keep(seen.position, seen.value.trees))
        answer.position = seen.position
        answer.heard_registry_position = seen.heard.get("registry", 0)
        return answer

    async def GetTreeParts(self, request: pb.GetTreePartsRequest, call: Call) -> pb.GetTreePartsResponse:
        places = parts(self.trees, request.position, request.tree, request.places)
        return pb.GetTreePartsResponse(kept=places is not None, places=places)

    # From the tables

    async def ListOrders(self, request: pb.ListOrdersRequest, call: Call) -> pb.ListOrdersResponse:
        page = page_of(request, call)
        account = await self._account_listed(request.account, call)
        await self._check_day_filter(request.day)
        arguments = (page.after(NUMBER_MAX), page.fetched_max, request.day, request.open_only)
        async with self.tables.reading() as reading:
            rows = await rows_listed(reading, ORDERS_OF_ALL, ORDERS_OF_ACCOUNT, arguments, account)
        shown, next_page_token = page.shown(rows, "order_id")
        orders = [from_row(pb.Order, row) for row in shown]
        return pb.ListOrdersResponse(orders=orders, next_page_token=next_page_token, position=reading.position)

    async def GetOrder(self, request: pb.GetOrderRequest, call: Call) -> pb.GetOrderResponse:
        async with self.tables.reading() as reading:
            row = await reading.fetch_one(ORDER, request.order_id)
        if row is None:
            raise NotFound("ORDER_UNKNOWN", order_id=request.order_id)
        check_may_see(row["account"], call)
        return pb.GetOrderResponse(order=from_row(pb.Order, row), position=reading.position)

    async def ListTrades(self, request: pb.ListTradesRequest, call: Call) -> pb.ListTradesResponse:
        page = page_of(request, call)
        account = await self._account_listed(request.account, call)
        await self._check_day_filter(request.day)
        arguments = (page.after(NUMBER_MAX), page.fetched_max, request.day)
        async with self.tables.reading() as reading:
            rows = await rows_listed(reading, TRADES_OF_ALL, TRADES_OF_ACCOUNT, arguments, account)
        shown, next_page_token = page.shown(rows, "trade_id")
        trades = [from_row(pb.Trade, row) for row in shown]
        return pb.ListTradesResponse(trades=trades, next_page_token=next_page_token, position=reading.position)

    async def GetTrade(self, request: pb.GetTradeRequest, call: Call) -> pb.GetTradeResponse:
        async with self.tables.reading() as reading:
            row = await reading.fetch_one(TRADE, request.trade_id)
        if row is None:
            raise NotFound("TRADE_UNKNOWN", trade_id=request.trade_id)
        if call.role in HOLDER_ROLES and call.account not in (row["buyer"], row["seller"]):
            raise NotPermitted("NOT_PARTY_TO_TRADE", trade_id=request.trade_id, actor=str(call.actor))
        return pb.GetTradeResponse(trade=from_row(pb.Trade, row), position=reading.position)

    async def ListBlocks(self, request: pb.ListBlocksRequest, call: Call) -> pb.ListBlocksResponse:
        page = page_of(request, call)
        account = await self._account_listed(request.account, call)
        arguments = (page.after(NUMBER_MAX), page.fetched_max, request.open_only)
        async with self.tables.reading() as reading:
            rows = await rows_listed(reading, BLOCKS_OF_ALL, BLOCKS_OF_ACCOUNT, arguments, account)
        shown, next_page_token = page.shown(rows, "block_id")
        blocks = [from_row(pb.Block, row) for row in shown]
        return pb.ListBlocksResponse(blocks=blocks, next_page_token=next_page_token, position=reading.position)

    async def GetBulletin(self, request: pb.GetBulletinRequest, call: Call) -> pb.GetBulletinResponse:
        await self._check_trading_day(request.day)
        async with self.tables.reading() as reading:
            row = await reading.fetch_one(BULLETIN, request.day)
            if row is None:
                raise NotFound("BULLETIN_UNKNOWN", day=request.day)
            lines = await reading.fetch(BULLETIN_LINES, request.day)
        return pb.GetBulletinResponse(
            day=request.day,
            composite=from_row(pb.BulletinComposite, row) if row["close_fen"] is not None else None,
            lines=[from_row(pb.BulletinLine, line) for line in lines],
            trades=row["trades"],
            quantity_tonnes=row["quantity_tonnes"],
            value_fen=row["value_fen"],
            position=reading.position,
        )

    async def _check_day_filter(self, day: str) -> None:
        """An empty filter selects all days. Raises Malformed, or NotFound for a day that is no trading day."""
        if day:
            await self._check_trading_day(day)

    async def _check_trading_day(self, day: str) -> None:
        check_day(day)
        await self.writer.read(lambda market: check_announced(market.calendar, day))

    async def _account_listed(self, account: str, call: Call) -> str:
        """Return the account whose rows a list shows: the one named, else a holder's own; empty means all.

        Raises Malformed, NotPermitted or NotFound for an account that was named.
        """
        account = account or (call.account if call.role in HOLDER_ROLES else "")
        if account:
            check_account(account)
            check_may_see(account, call)
            await self.writer.read(lambda market: known_account(market.accounts, account) is not None)
        return account


async def rows_listed(
    reading: Reading, of_all: str, of_account: str, arguments: tuple[object, ...], account: str
) -> Sequence[Row]:
    if account:
        return await reading.fetch(of_account, *arguments, account)
    return await reading.fetch(of_all, *arguments)
