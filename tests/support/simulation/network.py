"""Calls between processes. They carry bytes, metadata and status codes as gRPC does, and serve the shipped handlers.

A call may be lost, and so may its answer; it may be delivered again, much later; a stream may break at any of its
messages. A process that ends answers nothing any more: those who wait hear UNAVAILABLE.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import grpc
import grpc.aio

from chassis.serving.door import ENDS
from chassis.serving.heading import PASSED_ON_HEADER
from support.simulation.streams import Send, StreamCall
from support.simulation.weather import Chance

if TYPE_CHECKING:
    from contextvars import Context

LATENCY_S = 0.01
LOST_S = 1.0
"""When a broken connection is noticed."""
REPEATED_LATER_S = 60.0

BUGS = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS})
"""No caller may be answered so: a person takes it for a refusal, a service tries again."""

Handle = Callable[[Any, "CallContext"], Coroutine[Any, Any, bytes | None]]
"""Has the handler of an rpc serve a call."""


class Host(Protocol):
    """A process that can be called."""

    context: "Context"
    alive: bool
    closed: bool
    calls: "dict[asyncio.Task[Any], None]"
    """The unary ones that it serves."""
    handlers: Sequence[grpc.GenericRpcHandler]


@dataclass(frozen=True, slots=True)
class CallDetails(grpc.HandlerCallDetails):
    """What a generic handler looks a method up by."""

    method: str
    invocation_metadata: Any = ()


class Ended(Exception):
    """The handler has ended the call."""

    def __init__(self, code: grpc.StatusCode, details: str, trailing: Sequence[tuple[str, str | bytes]]) -> None:
        super().__init__(code, details)
        self.code, self.details, self.trailing = code, details, trailing


class CallContext:
    """What the shipped frame uses of a ServicerContext."""

    def __init__(self, metadata: Sequence[tuple[str, str]], ends_at: float | None) -> None:
        self._metadata = metadata
        self._ends_at = ends_at

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        return self._metadata

    def time_remaining(self) -> float | None:
        return None if self._ends_at is None else max(self._ends_at - asyncio.get_running_loop().time(), 0)

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing: Sequence[tuple[str, str | bytes]] = ()
    ) -> None:
        raise Ended(code, details, trailing)


class Network:
    """Who is where. Under a service's name any of its processes that is up is reached, under its own address one."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance
        self._hosts: defaultdict[str, list[Host]] = defaultdict(list)
        self._again: set[asyncio.Task[None]] = set()
        self.away: set[str] = set()
        """Services that nobody can reach."""
        self.change: Callable[[str, bytes], bytes] = lambda method, data: data
        """What becomes of a request of one service to another on its way, by `/package.Service/Method`; may raise."""
        self.change_answer: Callable[[str, bytes], bytes] = lambda method, data: data
        self.failed: list[str] = []
        """Calls that were answered as only a bug answers."""
        self.closed_to_people = False
        """What people sent before, and is delivered again, then waits: nobody but who calls on purpose gets through."""

    def add(self, host: Host, *names: str) -> None:
        for name in names:
            self._hosts[name].append(host)

    def remove(self, host: Host) -> None:
        for hosts in self._hosts.values():
            if host in hosts:
                hosts.remove(host)

    def channel(self, to: str, by: Host | None, place: str) -> "SimulatedChannel":
        return SimulatedChannel(self, to, by, self.chance.stream(f"network {place} to {to}"))

    def at(self, name: str) -> list[Host]:
        return [] if name.partition(":")[0] in self.away else [host for host in self._hosts[name] if host.alive]

    @property
    def has_repeats(self) -> bool:
        """Whether a call is still to be delivered again: it may change something."""
        return bool(self._again)

    def again(self, call: Any) -> None:
        """Delivered, its answer dropped."""

        async def deliver() -> None:
            try:
                await call
            except (grpc.aio.AioRpcError, Ended):
                return

        task = asyncio.get_running_loop().create_task(deliver())
        self._again.add(task)
        task.add_done_callback(self._again.discard)


class SimulatedChannel:
    """Keeps chassis.edges.protocols.Channel."""

    def __init__(self, network: Network, to: str, by: Host | None, draw: Any) -> None:
        self._network = network
        self._to = to
        self._by = by
        self._draw = draw

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
    ) -> Callable[..., Any]:
        async def call(request: Any, metadata: Any = (), timeout: float | None = None) -> Any:
            data = request_serializer(request) if request_serializer else request
            answer = await self._carry(method, data, tuple(metadata), timeout)
            return response_deserializer(answer) if response_deserializer else answer

        return call

    def unary_stream(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
    ) -> Callable[..., StreamCall]:
        def call(request: Any, metadata: Any = (), timeout: float | None = None) -> StreamCall:
            data = request_serializer(request) if request_serializer else request

            async def serve(requests: AsyncIterator[bytes], send: Send) -> None:
                async def handle(handler: Any, context: CallContext) -> None:
                    async for answer in handler.unary_stream(data, context):
                        send(answer)

                await self._serve_stream(method, handle, tuple(metadata), timeout)

            return StreamCall(serve, self._cross, as_it_is, response_deserializer or as_it_is, None)

        return call

    def stream_stream(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
    ) -> Callable[..., StreamCall]:
        def call(requests: Any = None, metadata: Any = (), timeout: float | None = None) -> StreamCall:
            async def serve(requests: AsyncIterator[bytes], send: Send) -> None:
                async def handle(handler: Any, context: CallContext) -> None:
                    async for answer in handler.stream_stream(requests, context):
                        send(answer)

                await self._serve_stream(method, handle, tuple(metadata), timeout)

            encode, decode = request_serializer or as_it_is, response_deserializer or as_it_is
            return StreamCall(serve, self._cross, encode, decode, requests)

        return call

    async def close(self) -> None:
        return

    async def _carry(self, method: str, data: bytes, metadata: tuple[Any, ...], timeout: float | None) -> bytes:
        chance, draw = self._network.chance, self._draw
        share = chance.weather.lose_call
        # Once on its way: not again where a standby passes it on.
        between_services = self._by is not None and PASSED_ON_HEADER not in dict(metadata)
        if between_services:
            data = self._network.change(method, data)
        await asyncio.sleep(draw.random() * LATENCY_S * chance.weather.slow)
        which, later_s = draw.random(), draw.random() * REPEATED_LATER_S
        if chance.happens(draw, "call lost", share):
            await asyncio.sleep(LOST_S)
            raise no_answer("the connection broke")
        if chance.happens(draw, "call repeated later", chance.weather.repeat_call):
            self._network.again(self._later(later_s, which, method, data, metadata))
        answer_lost = chance.happens(draw, "answer lost", share)
        answer = await self._deliver(which, method, unary(data), metadata, timeout)
        assert answer is not None
        await asyncio.sleep(draw.random() * LATENCY_S * chance.weather.slow)
        if answer_lost:
            await asyncio.sleep(LOST_S)
            raise no_answer("the connection broke")
        return self._network.change_answer(method, answer) if between_services else answer

    async def _later(self, seconds: float, which: float, method: str, data: bytes, metadata: tuple[Any, ...]) -> None:
        await asyncio.sleep(seconds)
        by_people = self._by is None or PASSED_ON_HEADER in dict(metadata)
        while by_people and self._network.closed_to_people:
            await asyncio.sleep(LOST_S)
        await self._deliver(which, method, unary(data), metadata, None)

    async def _cross(self) -> None:
        """One message of a stream goes its way, or the connection breaks."""
        chance, draw = self._network.chance, self._draw
        await asyncio.sleep(draw.random() * LATENCY_S * chance.weather.slow)
        if chance.happens(draw, "stream broken", chance.weather.lose_call):
            await asyncio.sleep(LOST_S)
            raise no_answer("the connection broke")

    async def _serve_stream(
        self, method: str, handle: Handle, metadata: tuple[Any, ...], timeout: float | None
    ) -> None:
        await self._cross()
        await self._deliver(self._draw.random(), method, handle, metadata, timeout)

    async def _deliver(
        self, which: float, method: str, handle: Handle, metadata: tuple[Any, ...], timeout: float | None
    ) -> bytes | None:
        hosts = self._network.at(self._to)
        if not hosts:
            raise no_answer(f"nobody is at {self._to}")
        host = hosts[int(which * len(hosts))]
        if host.closed:
            raise no_answer(ENDS)
        handler: Any = next(
            (found for each in host.handlers if (found := each.service(CallDetails(method))) is not None), None
        )
        if handler is None:
            raise failed(grpc.StatusCode.UNIMPLEMENTED, method, ())
        loop = asyncio.get_running_loop()
        context = CallContext(metadata, None if timeout is None else loop.time() + timeout)
        # In the process's own context: when it is killed, what it was doing for us ends too.
        serving = loop.create_task(handle(handler, context), context=host.context)
        if handler.unary_unary is not None:
            host.calls[serving] = None
            serving.add_done_callback(lambda ended: host.calls.pop(ended, None))
        try:
            async with asyncio.timeout(timeout):
                await asyncio.wait({serving})
        except TimeoutError:
            raise failed(grpc.StatusCode.DEADLINE_EXCEEDED, "too late", ()) from None
        finally:
            serving.cancel()
        if serving.cancelled() or not host.alive:
            raise no_answer("the connection broke")
        try:
            return serving.result()
        except Ended as ended:
            if ended.code in BUGS:
                self._network.failed.append(f"{method} answered {ended.code.name} {ended.details}")
            raise failed(ended.code, ended.details, ended.trailing) from None


def unary(data: bytes) -> Handle:
    async def handle(handler: Any, context: CallContext) -> bytes:
        answer: bytes = await handler.unary_unary(data, context)
        return answer

    return handle


def as_it_is(data: Any) -> Any:
    """Where a caller gives no serializer, as gRPC has it."""
    return data


def no_answer(details: str) -> grpc.aio.AioRpcError:
    return failed(grpc.StatusCode.UNAVAILABLE, details, ())


def failed(code: grpc.StatusCode, details: str, trailing: Sequence[tuple[str, str | bytes]]) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), details)
