"""Commands through gRPC to a commit, all processes together. Floor: an empty health check. Peer: one command at a time.

The command is the registry's TransferToTrading of one tonne: it is decided, its record is appended,
and it is answered after the commit.
"""

import asyncio
from itertools import count
from pathlib import Path

import grpc.aio
from grpc_health.v1 import health_pb2

from bench.harness.report import show
from bench.micros import Micros, held_against, measure
from carbonmarket.registry.v1 import registry_service_pb2 as pb
from carbonmarket_client import CarbonMarket
from rehearsal.stack import Stack, Start

COMMANDS = 1_000
ONE_BY_ONE = 100
IN_FLIGHT = 64
VINTAGE = "CEA"
NUMBERS = count()


async def run(folder: Path) -> None:
    async with Stack(folder, Start(clock="2021-07-15T08:00:00+08:00", spans=False)) as stack:
        await against(stack.addresses["registry"])


async def against(address: str) -> None:
    async with CarbonMarket.connect(registry=address, actor="registry_operator:ann") as operator:
        holder = await endowed(operator)
        async with grpc.aio.insecure_channel(address) as channel:
            check: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/grpc.health.v1.Health/Check")
            places = asyncio.Semaphore(IN_FLIGHT)

            async def empty() -> None:
                async with places:
                    await check(health_pb2.HealthCheckRequest().SerializeToString())

            async def transfer() -> None:
                async with places:
                    await holder.registry.transfer_to_trading("power-0001", VINTAGE, 1)

            async def floor() -> None:
                await asyncio.gather(*(empty() for _ in range(COMMANDS)))

            async def unary() -> None:
                await asyncio.gather(*(transfer() for _ in range(COMMANDS)))

            async def one_by_one() -> None:
                for _ in range(ONE_BY_ONE):
                    await transfer()

            async def read() -> None:
                async with places:
                    await operator.registry.status()

            async def reads() -> None:
                await asyncio.gather(*(read() for _ in range(COMMANDS)))

            async def bulk() -> None:
                commands = [
                    pb.TransferToTradingRequest(
                        request_id=f"bench-{next(NUMBERS)}", account="power-0001", vintage=VINTAGE, quantity_tonnes=1
                    )
                    for _ in range(COMMANDS)
                ]
                outcomes = [outcome async for outcome in holder.registry.submit_many(commands)]
                assert all(outcome.refusal is None for outcome in outcomes)

            ground = await measure(f"a health check, {IN_FLIGHT} in flight", COMMANDS, floor)
            rows: list[Micros] = [
                await measure(f"command, unary, {IN_FLIGHT} in flight", COMMANDS, unary),
                await measure("command, in a stream of many", COMMANDS, bulk),
                await measure(f"read through the writer, {IN_FLIGHT} in flight", COMMANDS, reads),
                await measure("peer: command, unary, one at a time", ONE_BY_ONE, one_by_one),
            ]
    show("Command to commit", held_against(ground, "command", rows))


async def endowed(operator: CarbonMarket) -> CarbonMarket:
    """The holder of an account with a billion tonnes to move."""
    registry = operator.registry
    await registry.create_vintage(VINTAGE, 2020)
    await registry.open_account("hubei", "province", name="Hubei", eligible_to_trade=False)
    await registry.open_account(
        "power-0001", "key_emitting_entity", name="Power", province="hubei", eligible_to_trade=True
    )
    await registry.issue_allowances(VINTAGE, "hubei", 10**9, basis="bench")
    province = operator.acting_as("province:hubei")
    await province.registry.allocate_allowances(VINTAGE, "hubei", "power-0001", 10**9, basis="bench")
    return operator.acting_as("participant:power-0001")
