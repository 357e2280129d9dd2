"""What those who wait cost the others, and what the bounds on calls cost each call.

Idle feeds and half-made calls beside one command at a time; floor: the same command while nobody waits.
An rpc that does nothing, behind the door; floor: the same method on a bare gRPC server.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from bench.commands import VINTAGE, endowed
from bench.harness.report import show
from bench.micros import Micros, held_against, measure
from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket_client import CarbonMarket
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from chassis.serving.door import GrpcDoor
from chassis.serving.server import Role, Server
from rehearsal.stack import Stack, Start

WAITING = 1_000
CONNECTIONS = 10
COMMANDS = 50
CALLS = 1_000
IN_FLIGHT = 64
READ_FEED = "/carbonmarket.log.v1.LogService/ReadFeed"
MOVE_CLOCK = "/carbonmarket.log.v1.LogService/MoveClock"
ANN = (("carbonmarket-actor", "registry_operator:ann"),)


async def run(folder: Path) -> None:
    async with Stack(folder, Start(clock="2021-07-15T08:00:00+08:00", spans=False)) as stack:
        await beside_commands(stack.addresses["registry"])
    await behind_the_door()


async def beside_commands(address: str) -> None:
    async with CarbonMarket.connect(registry=address, actor="registry_operator:ann") as operator:
        holder = await endowed(operator)

        async def commands() -> None:
            for _ in range(COMMANDS):
                await holder.registry.transfer_to_trading("power-0001", VINTAGE, 1)

        ground = await measure("a command, nobody waits", COMMANDS, commands)
        rows = []
        async with waiting(address, idle_feed):
            rows.append(await measure(f"beside {WAITING} idle feeds", COMMANDS, commands))
        async with waiting(address, half_a_call):
            rows.append(await measure(f"beside {WAITING} calls without their message", COMMANDS, commands))
        rows.append(await measure("nobody waits, again", COMMANDS, commands))
    show("A command beside those who wait", held_against(ground, "command", rows))


def idle_feed(channel: grpc.aio.Channel, number: int) -> Any:
    poll: grpc.aio.UnaryUnaryMultiCallable[Any, bytes] = channel.unary_unary(
        READ_FEED, request_serializer=log.ReadFeedRequest.SerializeToString
    )
    request = log.ReadFeedRequest(account=f"idle-{number}", wait_ms=30_000)
    return poll(request, metadata=(("carbonmarket-actor", f"participant:idle-{number}"),))


def half_a_call(channel: grpc.aio.Channel, number: int) -> Any:
    call: grpc.aio.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary(READ_FEED)
    return call(metadata=ANN)


@asynccontextmanager
async def waiting(address: str, begin: Callable[[grpc.aio.Channel, int], Any]) -> AsyncIterator[None]:
    """Over several connections; polls that end are begun again."""
    async with AsyncExitStack() as stack:
        apart = [("grpc.use_local_subchannel_pool", 1)]
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(address, options=apart))
            for _ in range(CONNECTIONS)
        ]

        async def wait(number: int) -> None:
            while True:
                await begin(channels[number % CONNECTIONS], number)

        tasks = [asyncio.create_task(wait(number)) for number in range(WAITING)]
        await asyncio.sleep(2)
        yield
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


class Nothing:
    """A LogService that does nothing."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[log.MoveClockResponse]]:
        async def served(request: object, call: object) -> log.MoveClockResponse:
            return log.MoveClockResponse()

        return served


async def at_once(position: int) -> None:
    """Nothing is waited for."""


async def bare(data: bytes, context: object) -> bytes:
    log.MoveClockRequest.FromString(data)
    return log.MoveClockResponse().SerializeToString()


async def behind_the_door() -> None:
    server = grpc.aio.server()
    handlers: Any = {"MoveClock": grpc.unary_unary_rpc_method_handler(bare)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("carbonmarket.log.v1.LogService", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    ground = await measured("an rpc on a bare server", port)
    await server.stop(0)

    api = [(log.DESCRIPTOR.services_by_name["LogService"], Nothing())]
    framed = Server(api, Role(leads=True), Tracing(), Metrics(), at_once)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(tuple(framed.handlers))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    rows = [await measured("with the frame of every rpc", port)]
    await server.stop(0)

    door = GrpcDoor("127.0.0.1:0")
    door.serve(framed.handlers, framed.names)
    rows.append(await measured("and behind the door", await door.start()))
    await door.close(0)
    await door.end_connections()
    show(f"An rpc that does nothing, {IN_FLIGHT} in flight, both ends", held_against(ground, "call", rows))


async def measured(what: str, port: int) -> Micros:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        rpc: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(MOVE_CLOCK)
        places = asyncio.Semaphore(IN_FLIGHT)

        async def one() -> None:
            async with places:
                await rpc(b"", metadata=ANN)

        async def all_calls() -> None:
            await asyncio.gather(*(one() for _ in range(CALLS)))

        return await measure(what, CALLS, all_calls)
