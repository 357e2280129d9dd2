"""The gRPC server with health and reflection. Implements chassis.edges.protocols.Door.

A call whose headers have arrived and whose message has not has begun nothing, and may never: gRPC reports it to nobody.
Of such calls only the newest ARRIVING_MAX are kept, whoever makes them and over however many connections. They take no
place (places.py), and a caller that sends its message at once is not among the oldest. The open calls of a connection
are bounded, because each costs some 17 kB until its connection ends or its caller gives up.

gRPC's own way to stop a server is not used: a call that comes over an open connection while it stops is ended with
CANCELLED, which no caller takes for a reason to ask again, also if none was in progress when it began to stop. A door
that is closed answers UNAVAILABLE itself, and then its sockets are shut down: a caller that connects again reaches
another replica. It waits for unary calls that are at work, not for streams and long polls, which may last for ever:
they end with their connections, and their callers ask again.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from inspect import isasyncgenfunction
from typing import Any, cast

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2_grpc

from chassis.core.call import Unavailable
from chassis.edges.remote import CHANNEL_OPTIONS
from chassis.serving.connections import end_connections
from chassis.serving.errors import failure_of
from chassis.serving.heading import Context
from chassis.serving.health import HEALTH_SERVICE, Health
from chassis.serving.reflection import reflection_handlers
from chassis.serving.server import REQUEST_BYTES_MAX, end_with

ARRIVING_MAX = 1_000
CALLS_OF_A_CONNECTION_MAX = 5_000
"""A standby passes the feeds of all participants on over one connection."""
SERVER_OPTIONS = [
    *(option for option in CHANNEL_OPTIONS if option[0] != "grpc.max_receive_message_length"),
    ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
    ("grpc.max_concurrent_streams", CALLS_OF_A_CONNECTION_MAX),
    ("grpc.so_reuseport", 0),  # two processes never share a port by accident
]
ENDS = "this replica ends; ask again"


class Arrivals(grpc.GenericRpcHandler):
    """Serves what the handlers given to it serve; ends the oldest of the calls whose message does not come. Once it is
    `closed`, it turns every further call away.
    """

    def __init__(self) -> None:
        self._handlers: list[grpc.GenericRpcHandler] = []
        self._known: dict[str, Any] = {}
        self._arriving: dict[asyncio.Task[Any] | None, None] = {}
        self.closed = False
        self.under_way: set[asyncio.Task[Any]] = set()
        """Those that serve a unary call."""

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        self._handlers += handlers

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        """Generated code gives each of its handlers in this way as well."""

    def service(self, call: grpc.HandlerCallDetails) -> Any:
        handler = self._known.get(call.method) or self._find(call)
        if handler is None or handler.request_streaming:
            return handler
        # gRPC asks for the handler in the task that serves the call.
        self._arriving[asyncio.current_task()] = None
        if len(self._arriving) > ARRIVING_MAX:
            oldest = next(iter(self._arriving))
            del self._arriving[oldest]
            if oldest is not None:
                oldest.cancel()
        return handler

    def _find(self, call: grpc.HandlerCallDetails) -> Any:
        found: Any = next((one for one in (given.service(call) for given in self._handlers) if one is not None), None)
        if found is None:
            return None
        how = found.request_deserializer, found.response_serializer
        if found.unary_unary is not None:
            found = grpc.unary_unary_rpc_method_handler(self._answered(found.unary_unary), *how)
        elif found.unary_stream is not None:
            found = grpc.unary_stream_rpc_method_handler(self._streamed(found.unary_stream), *how)
        elif found.stream_stream is not None:
            found = grpc.stream_stream_rpc_method_handler(self._streamed(found.stream_stream), *how)
        self._known[call.method] = found
        return found

    async def _begin(self, context: Context) -> asyncio.Task[Any]:
        """The call's message is here, or it has none to wait for."""
        task = asyncio.current_task()
        assert task is not None, "gRPC serves a call in a task of its own"
        self._arriving.pop(task, None)
        if self.closed:
            await end_with(context, failure_of(Unavailable(ENDS)))
        return task

    # gRPC looks at what kind of function it is given.

    def _answered(self, serve: Any) -> Any:
        async def served(request: object, context: Context) -> object:
            task = await self._begin(context)
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)
            return await serve(request, context)

        return served

    def _awaited(self, serve: Any) -> Any:
        async def served(request: object, context: Context) -> object:
            await self._begin(context)
            return await serve(request, context)

        return served

    def _streamed(self, serve: Any) -> Any:
        return self._iterated(serve) if isasyncgenfunction(serve) else self._awaited(serve)

    def _iterated(self, serve: Any) -> Any:
        async def served(request: object, context: Context) -> AsyncIterator[object]:
            await self._begin(context)
            async for answer in serve(request, context):
                yield answer

        return served


class GrpcDoor:
    def __init__(self, listen: str) -> None:
        self._listen = listen
        self._port = 0
        self._server = grpc.aio.server(options=SERVER_OPTIONS)
        self._health = Health()
        self._arrivals = Arrivals()
        self._server.add_generic_rpc_handlers((self._arrivals,))
        # It is as much of a server as generated code asks for.
        health_pb2_grpc.add_HealthServicer_to_server(self._health, cast(Any, self._arrivals))

    def serve(self, handlers: Sequence[grpc.GenericRpcHandler], names: Sequence[str]) -> None:
        self._health.names.update(names)
        self._arrivals.add_generic_rpc_handlers(handlers)
        self._arrivals.add_generic_rpc_handlers(reflection_handlers([*names, HEALTH_SERVICE]))

    async def start(self) -> int:
        """Returns the port."""
        self._port = self._server.add_insecure_port(self._listen)
        await self._server.start()
        return self._port

    async def say_health(self, *, serves: bool) -> None:
        self._health.say(serves=serves)

    async def close(self, seconds: float, polls: Collection[Any] = ()) -> None:
        self._arrivals.closed = True
        self._health.close()
        at_work = self._arrivals.under_way.difference(polls)
        if at_work:
            await asyncio.wait(at_work, timeout=seconds)

    async def end_connections(self) -> None:
        if self._port:
            end_connections(self._port)
