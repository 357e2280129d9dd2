"""The process is killed at any moment: a trade that was acknowledged is there, once, and the log's chain holds."""

import asyncio
import random

import grpc

from carbonmarket.trading.v1 import trading_events_pb2 as events
from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket.trading.v1 import trading_service_pb2 as pb
from chassis.core.call import Refused
from chassis.core.record import first_fault, genesis
from chassis.edges.remote import record_from
from support.processes.one_service import with_id
from support.processes.running_trading import AUDITOR, Venue, take

TAKES = 60
SPREAD_S = 2.0
TRIES_MAX = 400
KILLS = 2


async def take_one_tonne(venue: Venue, number: int, after_s: float) -> int:
    """Pick one tonne under one request id until it is answered; return the trade."""
    await asyncio.sleep(after_s)
    request = with_id(take(1), f"tonne {number}")
    for _ in range(TRIES_MAX):
        try:
            answer: pb.TakeListingResponse = await venue.service.call("participant:steel", request)
            return answer.trade_id
        except Refused as refused:
            if refused.code is not grpc.StatusCode.UNAVAILABLE:
                raise
            await asyncio.sleep(0.05)
    raise TimeoutError(f"no answer to {request.request_id} after {TRIES_MAX} tries")


async def test_a_trade_that_was_acknowledged_is_made_once_whenever_the_process_is_killed(busy: Venue) -> None:
    choose = random.Random(1)
    answers = [
        asyncio.create_task(take_one_tonne(busy, number, choose.uniform(0.0, SPREAD_S))) for number in range(TAKES)
    ]
    for _ in range(KILLS):
        await asyncio.sleep(choose.uniform(0.0, SPREAD_S / KILLS))
        await busy.service.restart()
    acknowledged = await asyncio.gather(*answers)

    records = await busy.service.records()
    made = {
        record.request_id: events.TradeExecuted.FromString(record.data).trade_id
        for record in records
        if record.type == events.TradeExecuted.DESCRIPTOR.full_name
    }
    assert [made[f"tonne {number}"] for number in range(TAKES)] == acknowledged
    assert sorted(acknowledged) == list(range(1, TAKES + 1))
    assert first_fault(genesis("trading"), [record_from(record) for record in records]) is None
    steel = await busy.see(AUDITOR, query.GetPositionRequest(account="steel"))
    assert steel.units[0].bought_tonnes == TAKES
    assert steel.funds.available_fen == 1_000_000_000 - TAKES * 4_800
    book = (await busy.see(AUDITOR, query.GetBookRequest(instrument="CEA"))).book
    assert book.asks[0].listings[0].quantity_tonnes == 100 - TAKES
    listed = query.ListTradesRequest(account="steel", page_size=1_000, min_position=await busy.head())
    assert len((await busy.see(AUDITOR, listed)).trades) == TAKES
