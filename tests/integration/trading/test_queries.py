"""The running service's queries: what they show, to whom, page by page, and every kind of bad input; the market data
stream.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import grpc
import grpc.aio
import pytest

from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket.trading.v1 import trading_service_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from chassis.core.call import Refused
from chassis.edges.remote import ACTOR_HEADER
from support.domains.trading_floor import FRIDAY, MONDAY, moment
from support.processes.one_service import OneService
from support.processes.running_trading import ANN, AUDITOR, Venue, order, take
from support.suites.lists import Asked, ListSuite

POWER, STEEL, CEMENT, CLEARING = "participant:power", "participant:steel", "participant:cement", "service:clearing"
HUGE = 2**63 - 1
STREAM_S_MAX = 60.0

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
FORBIDDEN = grpc.StatusCode.PERMISSION_DENIED

# fmt: off
BAD_QUERIES: list[tuple[str, Any, grpc.StatusCode, str]] = [
    (POWER,    query.GetDayRequest(day="16 July"),                               INVALID,   "DAY_MALFORMED"),
    (POWER,    query.GetDayRequest(day="2021-07-17"),                            NOT_FOUND, "DAY_UNKNOWN"),
    (POWER,    query.GetBookRequest(),                                           INVALID,   "INSTRUMENT_MALFORMED"),
    (POWER,    query.GetBookRequest(instrument="CEA99"),                         NOT_FOUND, "INSTRUMENT_UNKNOWN"),
    (POWER,    query.GetPositionRequest(),                                       INVALID,   "ACCOUNT_MALFORMED"),
    (POWER,    query.GetPositionRequest(account="steel"),                        FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (AUDITOR,  query.GetPositionRequest(account="nobody"),                       NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (CLEARING, query.GetPositionRequest(account="power"),                        FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (POWER,    query.ListOrdersRequest(account="cement"),                        FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (POWER,    query.ListOrdersRequest(account="power", day="today"),            INVALID,   "DAY_MALFORMED"),
    (POWER,    query.ListOrdersRequest(account="power", page_size=-1),           INVALID,   "NUMBER_NEGATIVE"),
    (POWER,    query.ListOrdersRequest(account="power", page_token="x"),         INVALID,   "PAGE_TOKEN_MALFORMED"),
    (AUDITOR,  query.ListOrdersRequest(account="a\0b"),                          INVALID,   "TEXT_HAS_NUL"),
    (POWER,    query.GetOrderRequest(),                                          NOT_FOUND, "ORDER_UNKNOWN"),
    (POWER,    query.GetOrderRequest(order_id=HUGE),                             NOT_FOUND, "ORDER_UNKNOWN"),
    (POWER,    query.GetOrderRequest(order_id=1),                                FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (POWER,    query.ListTradesRequest(account="power", page_token="9" * 40),    INVALID,   "PAGE_TOKEN_MALFORMED"),
    (POWER,    query.ListTradesRequest(account="power", day="2021-02-30"),       INVALID,   "DAY_MALFORMED"),
    (POWER,    query.ListTradesRequest(account="power", day="2021-07-17"),       NOT_FOUND, "DAY_UNKNOWN"),
    (POWER,    query.ListOrdersRequest(account="power", day="2035-01-02"),       NOT_FOUND, "DAY_UNKNOWN"),
    (POWER,    query.GetTradeRequest(trade_id=-1),                               NOT_FOUND, "TRADE_UNKNOWN"),
    (POWER,    query.GetTradeRequest(trade_id=1),                                FORBIDDEN, "NOT_PARTY_TO_TRADE"),
    (POWER,    query.GetBulletinRequest(),                                       INVALID,   "DAY_MALFORMED"),
    (POWER,    query.GetBulletinRequest(day="2021-07-17"),                       NOT_FOUND, "DAY_UNKNOWN"),
    (POWER,    query.GetBulletinRequest(day=MONDAY),                             NOT_FOUND, "BULLETIN_UNKNOWN"),
    (POWER,    query.ListBlocksRequest(account="power", page_token="-1"),        INVALID,   "PAGE_TOKEN_MALFORMED"),
    (POWER,    query.ListBlocksRequest(account="power", page_size=-9),           INVALID,   "NUMBER_NEGATIVE"),
    (POWER,    query.GetAllPositionsRequest(),                                    FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (POWER,    query.GetCommitmentsRequest(),                                    FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (POWER,    query.GetTreePartsRequest(),                                      FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (CLEARING, query.GetTreePartsRequest(places=[b""] * 257),                    INVALID,   "TOO_MANY_PLACES"),
    (CLEARING, query.GetTreePartsRequest(places=[bytes([16])]),                  INVALID,   "PLACE_MALFORMED"),
]
# fmt: on


@pytest.fixture(autouse=True)
async def one_trade(busy: Venue) -> None:
    """steel has bought 1 t of cement's listing 1: trade 1."""
    if (await busy.see(AUDITOR, query.GetDayRequest(day=FRIDAY))).trades == 0:
        await busy.ask(STEEL, take(1))


@pytest.mark.parametrize(("actor", "request_", "code", "reason"), BAD_QUERIES, ids=lambda value: str(value)[:40])
async def test_a_bad_query_is_refused_by_its_rule(
    busy: Venue, actor: str, request_: Any, code: grpc.StatusCode, reason: str
) -> None:
    await busy.see(AUDITOR, query.ListTradesRequest(min_position=await busy.head()))
    with pytest.raises(Refused) as refused:
        await busy.see(actor, request_)
    assert (refused.value.code, refused.value.reason) == (code, reason)


class TestLists(ListSuite):
    api = query.DESCRIPTOR
    lists: ClassVar[Mapping[str, Asked]] = {
        "ListInstruments": (AUDITOR, query.ListInstrumentsRequest()),
        "ListOrders": (AUDITOR, query.ListOrdersRequest()),
        "ListTrades": (AUDITOR, query.ListTradesRequest()),
        "ListBlocks": (AUDITOR, query.ListBlocksRequest()),
    }

    @pytest.fixture
    def service(self, busy: Venue) -> OneService:
        return busy.service


async def test_the_book_shows_the_best_five_levels_and_no_names(busy: Venue) -> None:
    answer = await busy.see(POWER, query.GetBookRequest(instrument="CEA", min_position=await busy.head()))
    assert [level.price_fen for level in answer.book.asks] == [4_800, 4_801, 4_802, 4_803, 4_804]
    assert not answer.book.bids
    assert [(one.order_id, one.quantity_tonnes) for one in answer.book.asks[0].listings] == [(1, 99)]
    assert answer.book.asks[0].quantity_tonnes == 99
    assert "cement" not in str(answer)


async def test_instruments_come_with_their_limits_prices_and_rules(busy: Venue) -> None:
    answer = await busy.see(POWER, query.ListInstrumentsRequest())
    assert [one.instrument for one in answer.instruments] == ["CEA", "CEA21"]
    cea, unlisted = answer.instruments
    assert (cea.limits.listed_low_fen, cea.limits.listed_high_fen) == (4_320, 5_280)
    assert (cea.limits.block_low_fen, cea.limits.block_high_fen) == (3_360, 6_240)
    assert (cea.prices.last_fen, cea.prices.average_fen, cea.prices.listed_tonnes) == (4_800, 4_800, 1)
    assert (unlisted.first_day, unlisted.HasField("limits")) == ("", False)
    assert (answer.rules.book_levels, answer.buyer_fee_ppm) == (5, 0)


async def test_the_open_day_is_the_one_meant_when_none_is_named(busy: Venue) -> None:
    answer = await busy.see(POWER, query.GetDayRequest())
    assert (answer.day, answer.phase, answer.now_ms) == (FRIDAY, types.DAY_PHASE_OPEN, moment(FRIDAY, "13:30"))
    assert [(one.open_minute, one.close_minute) for one in answer.listed_sessions] == [(570, 690), (780, 900)]
    assert not answer.obstacles


async def test_a_participant_that_names_no_account_sees_its_own(busy: Venue) -> None:
    position = await busy.head()
    for actor, account in ((POWER, "power"), (STEEL, "steel"), (CEMENT, "cement")):
        for kind in (query.ListOrdersRequest, query.ListTradesRequest, query.ListBlocksRequest):
            unnamed = await busy.see(actor, kind(min_position=position))
            assert unnamed == await busy.see(actor, kind(account=account, min_position=position))


async def test_lists_come_in_pages_newest_first(busy: Venue) -> None:
    seen: list[int] = []
    token = ""
    while True:
        request = query.ListOrdersRequest(
            account="cement", page_size=3, page_token=token, min_position=await busy.head()
        )
        page = await busy.see(CEMENT, request)
        seen += [one.order_id for one in page.orders]
        token = page.next_page_token
        if not token:
            break
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    open_only = query.ListOrdersRequest(account="cement", day=FRIDAY, open_only=True)
    assert [one.order_id for one in (await busy.see(AUDITOR, open_only)).orders] == [6, 5, 4, 3, 2, 1]
    assert not (await busy.see(AUDITOR, query.ListOrdersRequest(day=MONDAY))).orders


async def test_whoever_wrote_reads_what_it_wrote(busy: Venue) -> None:
    placed = await busy.ask(POWER, order(price_fen=5_000, quantity_tonnes=20))
    read = query.GetOrderRequest(order_id=placed.order_id, min_position=placed.position)
    mine = await busy.see(POWER, read)
    assert mine.position >= placed.position
    assert (mine.order.account, mine.order.side, mine.order.state) == (
        "power",
        types.SIDE_SELL,
        query.ORDER_STATE_OPEN,
    )
    cancelled = await busy.ask(POWER, pb.CancelOrderRequest(order_id=placed.order_id))
    read.min_position = cancelled.position
    ended = (await busy.see(POWER, read)).order
    assert (ended.state, ended.ended_ms) == (query.ORDER_STATE_CANCELLED, moment(FRIDAY, "13:30"))


async def test_a_filled_order_is_told_from_its_trades(busy: Venue) -> None:
    placed = await busy.ask(POWER, order(price_fen=4_700, quantity_tonnes=3))
    await busy.ask(STEEL, take(placed.order_id, price_fen=4_700, quantity_tonnes=1))
    read = query.GetOrderRequest(order_id=placed.order_id, min_position=await busy.head())
    part = (await busy.see(POWER, read)).order
    assert (part.filled_tonnes, part.state, part.ended_ms) == (1, query.ORDER_STATE_OPEN, 0)
    taken = await busy.ask(STEEL, take(placed.order_id, price_fen=4_700, quantity_tonnes=2))
    read.min_position = taken.position
    whole = (await busy.see(POWER, read)).order
    assert (whole.filled_tonnes, whole.state, whole.ended_ms) == (
        3,
        query.ORDER_STATE_FILLED,
        moment(FRIDAY, "13:30"),
    )
    trades = query.ListTradesRequest(account="power", day=FRIDAY, min_position=taken.position)
    listed = (await busy.see(POWER, trades)).trades
    assert [(one.maker_order_id, one.quantity_tonnes, one.buyer, one.state) for one in listed][:2] == [
        (placed.order_id, 2, "steel", query.TRADE_STATE_EXECUTED),
        (placed.order_id, 1, "steel", query.TRADE_STATE_EXECUTED),
    ]


async def test_an_order_and_its_trade_carry_the_trace_of_their_callers(busy: Venue) -> None:
    of_order, of_trade = "a" * 32, "b" * 32
    request = order(price_fen=4_750, quantity_tonnes=1)
    request.request_id = busy.service.new_id()
    placed = await busy.service.call(POWER, request, traceparent=f"00-{of_order}-{'1' * 16}-00")
    picked = take(placed.order_id, price_fen=4_750)
    picked.request_id = busy.service.new_id()
    taken = await busy.service.call(STEEL, picked, traceparent=f"00-{of_trade}-{'2' * 16}-00")
    read = query.GetOrderRequest(order_id=placed.order_id, min_position=taken.position)
    assert (await busy.see(POWER, read)).order.trace_id == of_order
    assert (await busy.see(STEEL, query.GetTradeRequest(trade_id=taken.trade_id))).trade.trace_id == of_trade


@asynccontextmanager
async def market_data(venue: Venue, instrument: str) -> AsyncIterator[AsyncIterator[query.StreamMarketDataResponse]]:
    async with grpc.aio.insecure_channel(venue.service.address) as channel:
        call = channel.unary_stream(
            "/carbonmarket.trading.v1.TradingQueryService/StreamMarketData",
            query.StreamMarketDataRequest.SerializeToString,
            query.StreamMarketDataResponse.FromString,
        )(query.StreamMarketDataRequest(instrument=instrument), metadata=((ACTOR_HEADER, POWER),), timeout=STREAM_S_MAX)
        yield aiter(call)


async def test_the_stream_shows_the_same_book_at_once_and_after_every_change(busy: Venue) -> None:
    async with market_data(busy, "CEA") as pictures:
        first = await anext(pictures)
        shown = await busy.see(POWER, query.GetBookRequest(instrument="CEA"))
        assert first.book == shown.book
        assert first.day == FRIDAY
        await busy.ask(POWER, pb.ReturnToRegistryRequest(account="power", instrument="CEA", quantity_tonnes=1))
        await busy.ask(STEEL, order("steel", side=types.SIDE_BUY, price_fen=4_600, quantity_tonnes=5))
        second = await anext(pictures)
        assert [(level.price_fen, level.quantity_tonnes) for level in second.book.bids] == [(4_600, 5)]
        assert second.prices == first.prices
        taken = await busy.ask(STEEL, take(1))
        third = await anext(pictures)
        assert third.prices.listed_tonnes == first.prices.listed_tonnes + 1
        assert third.position >= taken.position


async def test_a_stream_of_what_is_not_there_is_refused(busy: Venue) -> None:
    for instrument, code in (("", INVALID), ("CEA99", NOT_FOUND)):
        async with market_data(busy, instrument) as pictures:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await anext(pictures)
            assert refused.value.code() is code


async def test_ended_streams_leave_room_for_others(busy: Venue) -> None:
    for _ in range(5):
        async with market_data(busy, "CEA") as pictures:
            await anext(pictures)
    await asyncio.sleep(0)
    async with market_data(busy, "CEA") as pictures:
        assert (await anext(pictures)).day == FRIDAY


async def test_the_bulletin_of_a_closed_day_is_everybodys(busy: Venue) -> None:
    """The last test of the module: it ends the day."""
    await busy.at("15:00")
    request = query.GetBulletinRequest(day=FRIDAY, min_position=await busy.head())
    bulletin = await busy.see("settlement_bank:icbc", request)
    (line,) = bulletin.lines
    day = await busy.see(ANN, query.GetDayRequest(day=FRIDAY))
    assert (bulletin.trades, bulletin.quantity_tonnes, bulletin.value_fen) == (
        day.trades,
        day.quantity_tonnes,
        day.value_fen,
    )
    assert line.listed_tonnes == bulletin.quantity_tonnes
    assert (line.high_fen, line.low_fen, line.previous_close_fen) == (4_800, 4_700, 4_800)
    assert bulletin.composite.close_fen == line.close_fen
    assert not (await busy.see(ANN, query.ListOrdersRequest(open_only=True))).orders
