"""A door that closes: whoever calls meanwhile is told to ask again, whoever was let in is answered, and the connections
end without CANCELLED.
"""

import asyncio
import os
import resource
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis.serving.connections import OPEN_FILES, end_connections
from chassis.serving.door import ENDS, GrpcDoor
from chassis.serving.places import Kind, Places
from support.shell.served import BROKEN_WRITE

CALLERS = 4
LATER_S = 20.0


class Shop:
    """Rpcs that answer at once, and one that waits until it is let go."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.waiting = 0
        methods: dict[str, Any] = {
            "Buy": grpc.unary_unary_rpc_method_handler(self.buy),
            "Wait": grpc.unary_unary_rpc_method_handler(self.wait),
            "Watch": grpc.unary_stream_rpc_method_handler(self.watch),
            "Follow": grpc.unary_stream_rpc_method_handler(self.follow),
            "Many": grpc.stream_stream_rpc_method_handler(self.many),
        }
        self.handlers = [grpc.method_handlers_generic_handler("shop.Shop", methods)]

    async def buy(self, data: bytes, context: Any) -> bytes:
        return data

    async def wait(self, data: bytes, context: Any) -> bytes:
        self.waiting += 1
        await self.let_go.wait()
        return data

    async def watch(self, data: bytes, context: Any) -> AsyncIterator[bytes]:
        yield data

    async def follow(self, data: bytes, context: Any) -> AsyncIterator[bytes]:
        self.waiting += 1
        await self.let_go.wait()
        yield data

    async def many(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for data in requests:
            yield data


@asynccontextmanager
async def connected(port: object) -> AsyncIterator[grpc.aio.Channel]:
    """Over a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        await asyncio.wait_for(channel.channel_ready(), LATER_S)
        yield channel


async def buy(channel: grpc.aio.Channel, rpc: str = "Buy") -> None:
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/shop.Shop/{rpc}")
    await call(b"bread", timeout=LATER_S)


async def watch(channel: grpc.aio.Channel, rpc: str = "Watch") -> None:
    call: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(f"/shop.Shop/{rpc}")
    async for _ in call(b"bread", timeout=LATER_S):
        pass


async def many(channel: grpc.aio.Channel) -> None:
    call: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream("/shop.Shop/Many")
    async for _ in call(iter([b"bread"]), timeout=LATER_S):
        pass


async def outcome(call: Awaitable[None]) -> tuple[grpc.StatusCode, str]:
    """Its status and what is said with it."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    return grpc.StatusCode.OK, ""


OPEN, CLOSED = (grpc.StatusCode.OK, ""), (grpc.StatusCode.UNAVAILABLE, f"UNAVAILABLE: why={ENDS}")


@pytest_asyncio.fixture
async def open_door() -> AsyncIterator[tuple[Shop, GrpcDoor, int]]:
    shop, door = Shop(), GrpcDoor("127.0.0.1:0")
    door.serve(shop.handlers, [])
    yield shop, door, await door.start()
    shop.let_go.set()
    await door._server.stop(None)


async def test_who_calls_while_a_door_closes_is_told_to_ask_again(open_door: tuple[Shop, GrpcDoor, int]) -> None:
    _, door, port = open_door
    seen: Counter[tuple[grpc.StatusCode, str]] = Counter()
    calls: list[Callable[[grpc.aio.Channel], Awaitable[None]]] = [buy, watch, many]

    async def keep_calling(call: Callable[[grpc.aio.Channel], Awaitable[None]]) -> None:
        async with connected(port) as channel:
            last = OPEN
            while last == OPEN:
                last = await outcome(call(channel))
                if last[1] == BROKEN_WRITE:  # grpc's client, as submit_many says
                    last = OPEN
                seen[last] += 1

    calling = [asyncio.create_task(keep_calling(call)) for call in calls * CALLERS]
    async with asyncio.timeout(LATER_S):
        while seen[OPEN] < len(calling):
            await asyncio.sleep(0.01)
        await door.close(0.5)
        await asyncio.gather(*calling)
    assert set(seen) == {OPEN, CLOSED}, seen
    assert seen[CLOSED] == len(calling)


async def test_who_was_let_in_before_a_door_closed_is_answered(open_door: tuple[Shop, GrpcDoor, int]) -> None:
    shop, door, port = open_door
    async with connected(port) as channel, asyncio.timeout(LATER_S):
        waiting = asyncio.create_task(outcome(buy(channel, "Wait")))
        while shop.waiting == 0:
            await asyncio.sleep(0.01)
        await door.close(0)
        closing = asyncio.create_task(door.close(LATER_S))
        assert await outcome(buy(channel)) == CLOSED
        assert not closing.done()
        shop.let_go.set()
        await closing
        assert await waiting == OPEN


async def test_a_closing_door_waits_neither_for_a_stream_nor_for_a_long_poll(
    open_door: tuple[Shop, GrpcDoor, int],
) -> None:
    shop, door, port = open_door
    places = Places()

    async def poll(data: bytes, context: Any) -> bytes:
        with places.place(Kind.QUERY, "auditor:aud") as place, place.polling():
            return await shop.wait(data, context)

    polled: dict[str, Any] = {"Poll": grpc.unary_unary_rpc_method_handler(poll)}
    door.serve([grpc.method_handlers_generic_handler("shop.Polled", polled)], [])
    async with connected(port) as channel, asyncio.timeout(LATER_S):
        following = asyncio.create_task(outcome(watch(channel, "Follow")))
        rpc: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/shop.Polled/Poll")
        polling = rpc(b"bread", timeout=LATER_S)
        while shop.waiting < 2:
            await asyncio.sleep(0.01)
        await door.close(10 * LATER_S, places.polls)
        await door.end_connections()
        assert (await following)[0] is await polling.code() is grpc.StatusCode.UNAVAILABLE


async def test_when_connections_end_every_call_on_its_way_ends_with_unavailable_and_nobody_connects_again(
    open_door: tuple[Shop, GrpcDoor, int],
) -> None:
    _, door, port = open_door
    seen: Counter[grpc.StatusCode] = Counter()
    calls: list[Callable[[grpc.aio.Channel], Awaitable[None]]] = [buy, watch, many]

    async def keep_calling(call: Callable[[grpc.aio.Channel], Awaitable[None]]) -> None:
        async with connected(port) as channel:
            while True:
                code, said = await outcome(call(channel))
                if said != BROKEN_WRITE:  # grpc's client, as submit_many says
                    seen[code] += 1
                if "failed to connect" in said:
                    return

    calling = [asyncio.create_task(keep_calling(call)) for call in calls * CALLERS]
    async with asyncio.timeout(2 * LATER_S):
        while seen[grpc.StatusCode.OK] < len(calling):
            await asyncio.sleep(0.01)
        await door.close(0.5)
        while seen[grpc.StatusCode.UNAVAILABLE] < len(calling):
            await asyncio.sleep(0.01)
        await door.end_connections()
        await asyncio.gather(*calling)
    assert set(seen) == {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}, seen


async def test_a_closed_door_never_says_again_that_it_serves(open_door: tuple[Shop, GrpcDoor, int]) -> None:
    _, door, port = open_door
    answers = health_pb2.HealthCheckResponse
    await door.say_health(serves=True)
    async with connected(port) as channel, asyncio.timeout(LATER_S):
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watching = stub.Watch(health_pb2.HealthCheckRequest())
        assert (await watching.read()).status == answers.SERVING
        await door.close(0)
        assert (await watching.read()).status == answers.NOT_SERVING
        await door.say_health(serves=True)
        _, pending = await asyncio.wait({asyncio.ensure_future(watching.read())}, timeout=0.2)
        assert pending
        watching.cancel()
        await asyncio.wait(pending)


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    """Of HTTP/2."""
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + body


def watch_without_a_window() -> bytes:
    """A call of Watch by a client whose window for what it is sent is 0 bytes."""
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": "/grpc.health.v1.Health/Watch",
        ":authority": "door",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    texts = [text.encode() for pair in headers.items() for text in pair]
    fields = b"".join(b"\0" * (number % 2 == 0) + bytes((len(text),)) + text for number, text in enumerate(texts))
    window = (4).to_bytes(2, "big") + (0).to_bytes(4, "big")
    settings, call = frame(4, 0, 0, window), frame(1, 4, 1, fields) + frame(0, 1, 1, bytes(5))
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + call


async def test_a_watcher_that_reads_nothing_holds_up_neither_the_health_of_a_door_nor_its_end(
    open_door: tuple[Shop, GrpcDoor, int],
) -> None:
    _, door, port = open_door
    await door.say_health(serves=True)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(watch_without_a_window())
    async with asyncio.timeout(LATER_S):
        while True:
            size, kind = int.from_bytes(await reader.readexactly(3), "big"), (await reader.readexactly(6))[0]
            await reader.readexactly(size)
            if kind == 1:
                break  # the headers of the answer, so the call is being served
        await asyncio.sleep(0.1)
        for serves in (False, True):
            await door.say_health(serves=serves)
        await door.close(LATER_S)
        await door.end_connections()
    writer.close()


async def test_a_process_that_has_as_many_files_open_as_it_may_ends_its_connections_all_the_same() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
    accepted = [listening.accept()[0] for _ in callers]
    most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fillers: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir(OPEN_FILES))) + 10, hard))
        with suppress(OSError):
            while True:
                fillers.append(os.dup(0))
        os.close(fillers.pop())
        end_connections(port)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        for number in fillers:
            os.close(number)
    assert [caller.recv(1) for caller in callers] == [b""] * len(callers)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    for one in (listening, *callers, *accepted):
        one.close()


async def test_ending_connections_leaves_no_file_open() -> None:
    files = len(os.listdir(OPEN_FILES))
    for _ in range(10):  # what it left would be doubled each time
        end_connections(0)
    assert len(os.listdir(OPEN_FILES)) < files + 100
