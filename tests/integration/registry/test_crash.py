"""The registry's process is killed at any moment: what was acknowledged is there, once, and the log's chain holds."""

import asyncio
import random

import grpc

from carbonmarket.registry.v1 import registry_events_pb2 as events
from carbonmarket.registry.v1 import registry_query_service_pb2 as query
from carbonmarket.registry.v1 import registry_service_pb2 as pb
from chassis.core.call import Refused
from chassis.core.record import first_fault, genesis
from chassis.edges.remote import record_from
from support.processes.one_service import OneService

POWER = "participant:power-0001"
TRANSFERS = 60
SPREAD_S = 2.0
TRIES_MAX = 400
KILLS = 3


async def transfer_one_tonne(registry: OneService, number: int, after_s: float) -> int:
    """Send one transfer under one request id until it is answered; return its position."""
    await asyncio.sleep(after_s)
    request = pb.TransferToTradingRequest(
        request_id=f"tonne {number}", account="power-0001", vintage="CEA", quantity_tonnes=1
    )
    for _ in range(TRIES_MAX):
        try:
            answer: pb.TransferToTradingResponse = await registry.call(POWER, request)
            return answer.position
        except Refused as refused:
            if refused.code is not grpc.StatusCode.UNAVAILABLE:
                raise
            await asyncio.sleep(0.05)
    raise TimeoutError(f"no answer to {request.request_id} after {TRIES_MAX} tries")


async def test_a_transfer_that_was_acknowledged_is_booked_once_whenever_the_process_is_killed(
    registry: OneService,
) -> None:
    choose = random.Random(1)
    before = (await registry.call(POWER, query.ListHoldingsRequest(account="power-0001"))).holdings[0]
    answers = [
        asyncio.create_task(transfer_one_tonne(registry, number, choose.uniform(0.0, SPREAD_S)))
        for number in range(TRANSFERS)
    ]
    for _ in range(KILLS):
        await asyncio.sleep(choose.uniform(0.0, SPREAD_S / KILLS))
        await registry.restart()
    positions = await asyncio.gather(*answers)

    records = await registry.records()
    booked = {
        record.request_id: record.position
        for record in records
        if record.type == events.TransferredToTrading.DESCRIPTOR.full_name and record.request_id.startswith("tonne")
    }
    assert [booked[f"tonne {number}"] for number in range(TRANSFERS)] == positions
    assert len(booked) == TRANSFERS
    after = query.ListHoldingsRequest(account="power-0001", min_position=records[-1].position)
    holding = (await registry.call(POWER, after)).holdings[0]
    assert holding.trading_tonnes == before.trading_tonnes + TRANSFERS
    assert holding.registry_available_tonnes == before.registry_available_tonnes - TRANSFERS
    assert first_fault(genesis("registry"), [record_from(record) for record in records]) is None
