"""Where calls come in: a gRPC server with health and reflection. Keeps chassis.edges.Door."""

from collections.abc import Sequence

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection

from chassis.remote import CHANNEL_OPTIONS
from chassis.server import REQUEST_BYTES_MAX, RPCS_UNDER_WAY_MAX

SERVER_OPTIONS = [
    *(option for option in CHANNEL_OPTIONS if option[0] != "grpc.max_receive_message_length"),
    ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
    ("grpc.so_reuseport", 0),  # two processes never share a port unawares
]
HEALTH_SERVICE = "grpc.health.v1.Health"


class GrpcDoor:
    def __init__(self, listen: str) -> None:
        self._listen = listen
        self._server = grpc.aio.server(options=SERVER_OPTIONS, maximum_concurrent_rpcs=RPCS_UNDER_WAY_MAX)
        self._health = health.HealthServicer()
        self._names: list[str] = []
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)

    def serve(self, handlers: Sequence[grpc.GenericRpcHandler], names: Sequence[str]) -> None:
        self._names += names
        self._server.add_generic_rpc_handlers(tuple(handlers))
        reflection.enable_server_reflection([*self._names, HEALTH_SERVICE, reflection.SERVICE_NAME], self._server)

    async def start(self) -> None:
        self._server.add_insecure_port(self._listen)
        await self._server.start()

    async def say_health(self, *, serves: bool) -> None:
        """Of the process, whose name is empty, and of every service that it serves: they are healthy together."""
        answers = health_pb2.HealthCheckResponse
        for name in ("", *self._names):
            await self._health.set(name, answers.SERVING if serves else answers.NOT_SERVING)

    async def stop(self, seconds: float) -> None:
        await self._server.stop(seconds)
