"""Health as gRPC defines it: of the process, whose name is empty, and of every service that it serves. They are healthy
together.

The library's own service writes to a watcher under a lock that it also takes to change the answer: a watcher that does
not read what it is sent would hold up the replica. Here each watcher holds up itself alone.
"""

import asyncio
from collections.abc import AsyncIterator

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis.serving.heading import Context

HEALTH_SERVICE = "grpc.health.v1.Health"
ANSWERS = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):
    """Healthy is only what was said to be, and nothing any more once it is closed."""

    def __init__(self) -> None:
        self.names = {""}
        self._serves = False
        self._closed = False
        self._changed = asyncio.Event()

    def say(self, *, serves: bool) -> None:
        if serves != self._serves and not self._closed:
            self._serves = serves
            self._changed.set()
            self._changed = asyncio.Event()

    def close(self) -> None:
        self.say(serves=False)
        self._closed = True

    async def Check(self, request: health_pb2.HealthCheckRequest, context: Context) -> health_pb2.HealthCheckResponse:
        if request.service not in self.names:
            await context.abort(grpc.StatusCode.NOT_FOUND)
        return self._answer(request)

    async def Watch(
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        while True:
            changed = self._changed
            yield self._answer(request)
            await changed.wait()

    def _answer(self, request: health_pb2.HealthCheckRequest) -> health_pb2.HealthCheckResponse:
        if request.service not in self.names:
            return ANSWERS(status=ANSWERS.SERVICE_UNKNOWN)
        return ANSWERS(status=ANSWERS.SERVING if self._serves else ANSWERS.NOT_SERVING)
