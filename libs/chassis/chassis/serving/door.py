"""The gRPC server with health and reflection. Implements chassis.edges.protocols.Door.

A call whose headers have arrived and whose message has not has begun nothing, and may never: gRPC reports it to nobody.
Of such calls only the newest ARRIVING_MAX are kept, whoever makes them and over however many connections. They take no
place (places.py), and a caller that sends its message at once is not among the oldest. The open calls of a connection
are bounded, because each costs some 17 kB until its connection ends or its caller gives up.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from inspect import isasyncgenfunction
from typing import Any, cast

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health

from chassis.edges.remote import CHANNEL_OPTIONS
from chassis.serving.reflection import reflection_handlers
from chassis.serving.server import REQUEST_BYTES_MAX

ARRIVING_MAX = 1_000
CALLS_OF_A_CONNECTION_MAX = 5_000
"""A standby passes the feeds of all participants on over one connection."""
SERVER_OPTIONS = [
    *(option for option in CHANNEL_OPTIONS if option[0] != "grpc.max_receive_message_length"),
    ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
    ("grpc.max_concurrent_streams", CALLS_OF_A_CONNECTION_MAX),
    ("grpc.so_reuseport", 0),  # two processes never share a port by accident
]
HEALTH_SERVICE = "grpc.health.v1.Health"


class Arrivals(grpc.GenericRpcHandler):
    """Serves what the handlers given to it serve; ends the oldest of the calls whose message does not come."""

    def __init__(self) -> None:
        self._handlers: list[grpc.GenericRpcHandler] = []
        self._known: dict[str, Any] = {}
        self._arriving: dict[asyncio.Task[Any] | None, None] = {}

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
            found = grpc.unary_unary_rpc_method_handler(self._awaited(found.unary_unary), *how)
        elif found.unary_stream is not None:
            whole = isasyncgenfunction(found.unary_stream)
            served = self._iterated(found.unary_stream) if whole else self._awaited(found.unary_stream)
            found = grpc.unary_stream_rpc_method_handler(served, *how)
        self._known[call.method] = found
        return found

    # gRPC looks at what kind of function it is given.

    def _awaited(self, serve: Any) -> Any:
        async def served(request: object, context: object) -> object:
            self._arriving.pop(asyncio.current_task(), None)
            return await serve(request, context)

        return served

    def _iterated(self, serve: Any) -> Any:
        async def served(request: object, context: object) -> AsyncIterator[object]:
            self._arriving.pop(asyncio.current_task(), None)
            async for answer in serve(request, context):
                yield answer

        return served


class GrpcDoor:
    def __init__(self, listen: str) -> None:
        self._listen = listen
        self._server = grpc.aio.server(options=SERVER_OPTIONS)
        self._health = health.HealthServicer()
        self._names: list[str] = []
        self._arrivals = cast(Any, Arrivals())  # as much of a server as generated code asks for
        self._server.add_generic_rpc_handlers((self._arrivals,))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._arrivals)

    def serve(self, handlers: Sequence[grpc.GenericRpcHandler], names: Sequence[str]) -> None:
        self._names += names
        self._arrivals.add_generic_rpc_handlers(handlers)
        self._arrivals.add_generic_rpc_handlers(reflection_handlers([*self._names, HEALTH_SERVICE]))

    async def start(self) -> int:
        """Returns the port."""
        port = self._server.add_insecure_port(self._listen)
        await self._server.start()
        return port

    async def say_health(self, *, serves: bool) -> None:
        """Of the process, whose name is empty, and of every service that it serves: they are healthy together."""
        answers = health_pb2.HealthCheckResponse
        for name in ("", *self._names):
            await self._health.set(name, answers.SERVING if serves else answers.NOT_SERVING)

    async def stop(self, seconds: float) -> None:
        await self._server.stop(seconds)
