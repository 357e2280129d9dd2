"""One suite for the way to other services: what gRPC's channels and those of the simulated network both keep."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio

from chassis.edges.protocols import Channel
from chassis.edges.remote import open_channel
from support.simulation.network import Network
from support.simulation.weather import Chance, Weather

SERVICE = "tally.Tally"
NO_ANSWER = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
SOON_S = 1.0
LATER_S = 30.0
LEFT_S_MAX = LATER_S * 1.05
"""gRPC sends a deadline as two or three digits, rounded up: 30 seconds as 30.1. And it asks the wall clock what is left
of it, which may be set meanwhile.
"""


class Called:
    """Serves a few rpcs, as bytes, and notes what it sees of its calls."""

    def __init__(self) -> None:
        self.metadata: list[tuple[str, str]] = []
        self.time_left: float | None = None
        self.waiting = 0
        self.tasks: set[asyncio.Task[Any] | None] = set()
        unary, stream, both = (
            grpc.unary_unary_rpc_method_handler,
            grpc.unary_stream_rpc_method_handler,
            grpc.stream_stream_rpc_method_handler,
        )
        methods: dict[str, Any] = {"Echo": unary(self.echo), "Refuse": unary(self.refuse), "Wait": unary(self.wait)}
        methods |= {"Count": stream(self.count), "Watch": stream(self.watch), "Many": both(self.many)}
        self.handlers: Sequence[grpc.GenericRpcHandler] = [grpc.method_handlers_generic_handler(SERVICE, methods)]

    def note(self, context: Any) -> None:
        self.metadata = [(name, value) for name, value in context.invocation_metadata() if name.startswith("tally-")]
        self.time_left = context.time_remaining()

    async def echo(self, data: bytes, context: Any) -> bytes:
        self.note(context)
        return data

    async def refuse(self, data: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not today", (("tally-why", "closed"),))
        raise AssertionError("abort raises")

    async def wait(self, data: bytes, context: Any) -> bytes:
        self.tasks.add(asyncio.current_task())
        self.waiting += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.waiting -= 1
        return data

    async def count(self, data: bytes, context: Any) -> AsyncIterator[bytes]:
        """As many answers as the request has bytes; then it ends, or is refused where the first of them is a `!`."""
        self.note(context)
        for number in range(len(data)):
            yield b"%d" % number
        if data.startswith(b"!"):
            await context.abort(grpc.StatusCode.ABORTED, "no more", ())

    async def watch(self, data: bytes, context: Any) -> AsyncIterator[bytes]:
        yield b"first"
        yield await self.wait(data, context)

    async def many(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        self.note(context)
        self.tasks.add(asyncio.current_task())
        async for data in requests:
            yield data.upper()


@dataclass
class Line:
    """A called process, and how others come to it."""

    called: Called
    channel: Channel
    stop: Callable[[], Awaitable[None]]


@dataclass
class Hosting:
    """Keeps support.simulation.network.Host."""

    handlers: Sequence[grpc.GenericRpcHandler]
    alive: bool = True
    closed: bool = False
    calls: "dict[asyncio.Task[Any], None]" = field(default_factory=dict)
    context: contextvars.Context = field(default_factory=contextvars.copy_context)


@pytest_asyncio.fixture(params=["simulated", "grpc"])
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    called = Called()
    if request.param == "simulated":
        network, host = Network(Chance(0, Weather(slow=0))), Hosting(called.handlers)
        network.add(host, "tally")

        async def kill() -> None:
            host.alive = False
            network.remove(host)
            for task in called.tasks:
                assert task is not None
                task.cancel()

        yield Line(called, network.channel("tally", None, "test"), kill)
        return
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(tuple(called.handlers))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = open_channel(f"127.0.0.1:{port}")

    async def stop() -> None:
        await server.stop(None)

    yield Line(called, channel, stop)
    await channel.close()
    await server.stop(None)


def path(rpc: str) -> str:
    return f"/{SERVICE}/{rpc}"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LATER_S):
        while not condition():
            await asyncio.sleep(0.01)


async def failure_of(call: Awaitable[object]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return failed.value


async def test_a_call_carries_bytes_and_metadata_there_and_an_answer_back(line: Line) -> None:
    call = line.channel.unary_unary(path("Echo"))
    metadata = (("tally-actor", "ada"), ("tally-actor", "bea"))
    assert await call(b"\x00bread", metadata=metadata, timeout=LATER_S) == b"\x00bread"
    assert line.called.metadata == list(metadata), "what is said twice arrives twice"


async def test_what_is_sent_is_made_bytes_and_an_answer_is_read_as_the_caller_says(line: Line) -> None:
    call = line.channel.unary_unary(path("Echo"), request_serializer=str.encode, response_deserializer=bytes.decode)
    assert await call("bread", timeout=LATER_S) == "bread"


async def test_a_handler_knows_how_long_its_caller_waits_if_it_was_said(line: Line) -> None:
    call = line.channel.unary_unary(path("Echo"))
    await call(b"", timeout=LATER_S)
    assert line.called.time_left is not None and 0 < line.called.time_left <= LEFT_S_MAX
    await call(b"")
    assert line.called.time_left is None


async def test_a_refusal_carries_its_code_its_details_and_its_metadata(line: Line) -> None:
    refused = await failure_of(line.channel.unary_unary(path("Refuse"))(b"", timeout=LATER_S))
    assert (refused.code(), refused.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "not today")
    assert ("tally-why", "closed") in [tuple(one) for one in refused.trailing_metadata()]


async def test_what_nobody_serves_is_unimplemented(line: Line) -> None:
    for method in (path("Bake"), "/bakery.Bakery/Echo"):
        refused = await failure_of(line.channel.unary_unary(method)(b"", timeout=LATER_S))
        assert refused.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_call_ends_at_its_deadline_and_so_does_what_served_it(line: Line) -> None:
    late = await failure_of(line.channel.unary_unary(path("Wait"))(b"", timeout=SOON_S))
    assert late.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await until(lambda: line.called.waiting == 0)


async def test_a_caller_that_gives_up_ends_what_serves_it(line: Line) -> None:
    async def ask() -> object:
        return await line.channel.unary_unary(path("Wait"))(b"", timeout=LATER_S)

    asking = asyncio.create_task(ask())
    await until(lambda: line.called.waiting == 1)
    asking.cancel()
    with suppress(asyncio.CancelledError):
        await asking
    await until(lambda: line.called.waiting == 0)


async def test_a_process_that_ends_answers_nothing_any_more(line: Line) -> None:
    async def ask() -> object:
        return await line.channel.unary_unary(path("Wait"))(b"", timeout=LATER_S)

    asking = asyncio.create_task(ask())
    await until(lambda: line.called.waiting == 1)
    await line.stop()
    with pytest.raises(grpc.aio.AioRpcError) as broken:
        await asking
    assert broken.value.code() in NO_ANSWER
    nobody = await failure_of(line.channel.unary_unary(path("Echo"))(b"", timeout=LATER_S))
    assert nobody.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_stream_of_answers_comes_in_order_and_ends(line: Line) -> None:
    call = line.channel.unary_stream(path("Count"), response_deserializer=int)
    answers = [answer async for answer in call(b"12345", metadata=(("tally-actor", "ada"),), timeout=LATER_S)]
    assert (answers, line.called.metadata) == ([0, 1, 2, 3, 4], [("tally-actor", "ada")])


async def test_a_stream_that_is_refused_in_between_gives_what_was_sent_before(line: Line) -> None:
    call = line.channel.unary_stream(path("Count"))(b"!2", timeout=LATER_S)
    assert [await call.read(), await call.read()] == [b"0", b"1"]
    refused = await failure_of(call.read())
    assert refused.code() is grpc.StatusCode.ABORTED


async def test_a_stream_ends_at_its_deadline_and_when_its_reader_leaves(line: Line) -> None:
    await line.channel.unary_unary(path("Echo"))(b"", timeout=LATER_S)  # what follows finds a connection
    watch = line.channel.unary_stream(path("Watch"))
    watching = watch(b"", timeout=SOON_S)
    assert await watching.read() == b"first"
    late = await failure_of(watching.read())
    assert late.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await until(lambda: line.called.waiting == 0)

    async def read() -> None:
        async for _ in watch(b"", timeout=LATER_S):
            pass

    reading = asyncio.create_task(read())
    await until(lambda: line.called.waiting == 1)
    reading.cancel()
    with suppress(asyncio.CancelledError):
        await reading
    await until(lambda: line.called.waiting == 0)


async def test_requests_that_are_handed_over_as_an_iterator_are_answered_one_by_one(line: Line) -> None:
    async def requests() -> AsyncIterator[bytes]:
        for data in (b"bread", b"salt"):
            yield data

    call = line.channel.stream_stream(path("Many"))
    answers = [one async for one in call(requests(), metadata=(("tally-actor", "ada"),), timeout=LATER_S)]
    assert (answers, line.called.metadata) == ([b"BREAD", b"SALT"], [("tally-actor", "ada")])


async def test_a_stream_is_written_and_read_by_turns_until_its_writer_is_done(line: Line) -> None:
    call = line.channel.stream_stream(path("Many"), str.encode, bytes.decode)()
    for word in ("bread", "salt"):
        await call.write(word)
        assert await call.read() == word.upper()
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK
    with pytest.raises(asyncio.InvalidStateError):
        await call.write("late")


async def test_a_stream_whose_other_end_is_gone_says_so_to_who_reads_and_to_who_writes(line: Line) -> None:
    call = line.channel.stream_stream(path("Many"))()
    await call.write(b"bread")
    assert await call.read() == b"BREAD"
    await line.stop()
    broken = await failure_of(call.read())
    assert broken.code() in NO_ANSWER
    with pytest.raises((grpc.aio.AioRpcError, asyncio.InvalidStateError)):
        await call.write(b"salt")
    assert await call.code() in NO_ANSWER
