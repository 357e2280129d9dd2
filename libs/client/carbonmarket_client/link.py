"""One service at the other end of a channel: every call of the client goes through here.

A call is found by its request's message, because every request message belongs to one rpc: so the address of an rpc
is read from the proto descriptors and written nowhere. What each call gets: the actor, the current trace, a deadline
over all its tries, a request id when it is a command, the position last written here when it is a query (whoever
wrote reads what it wrote), and further tries when the service could not be reached. A command's tries share one
request id, so it is done once however often it is sent.
"""

import asyncio
import logging
import random
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from carbonmarket_client.errors import KeptAway, MarketError, Unavailable, from_grpc
from carbonmarket_client.tracing import in_a_trace, new_trace, trace_headers

logger = logging.getLogger(__name__)

R = TypeVar("R", bound=Message)

DEADLINE_S = 15.0
"""How long a call may take over all its tries, unless the caller says otherwise."""
TRIES_MAX = 12
PAUSE_S_FIRST = 0.05
PAUSE_S_MAX = 2.0
SILENT_S_MAX = 1.0
"""After so long a warning says that an address has led to no service yet: it may be wrong."""
REFUSED = "Connection refused"
"""So gRPC's text ends where nobody listens at an address."""
MESSAGE_BYTES_MAX = 32 * 1024 * 1024
"""As the services; the largest is a statement with every trade of the largest day."""
ACTOR_HEADER = "carbonmarket-actor"
GIVEN_AGAIN = ("carbonmarket-given-again", "yes")

# The fields that every command, query and answer of the market has under these names.
REQUEST_ID, MIN_POSITION, POSITION = "request_id", "min_position", "position"

CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


def new_request_id() -> str:
    return uuid.uuid4().hex


def pause_s(tries: int) -> float:
    """How long to wait after so many failed tries: doubling, bounded, with half of it left to chance."""
    longest: float = min(PAUSE_S_MAX, PAUSE_S_FIRST * 2.0 ** min(tries - 1, 10))
    return longest * random.uniform(0.5, 1.0)


class SharedChannel:
    """A channel to one address, opened on its first use inside the running loop; many actors may call over it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._channel: grpc.aio.Channel | None = None
        self._was_reached = False

    def get(self) -> grpc.aio.Channel:
        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(self.address, options=CHANNEL_OPTIONS)
        return self._channel

    def was_reached(self) -> bool:
        """Whether a service was ever there, looked at after a call."""
        self._was_reached = self._was_reached or self.get().get_state() is grpc.ChannelConnectivity.READY
        return self._was_reached

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()


class Link:
    """One actor's way to one service.

    actor: `role:name`, sent as metadata until certificates say it. methods: the service's rpcs by the full name of
    their request message. begin_traces: a command outside any trace begins one.
    given_again: what is sent was recorded before and then lost, because the service was restored older.
    """

    def __init__(
        self,
        service: str,
        shared: SharedChannel,
        actor: str,
        methods: Mapping[str, MethodDescriptor],
        *,
        deadline_s: float = DEADLINE_S,
        begin_traces: bool = False,
        given_again: bool = False,
    ) -> None:
        self.service = service
        self.shared = shared
        self.actor = actor
        self.methods = methods
        self.deadline_s = deadline_s
        self.begin_traces = begin_traces
        self.given_again = given_again
        self.written_position = 0

    async def call(self, request: Message, answer_type: type[R], *, deadline_s: float | None = None) -> R:
        """Send one request and wait for its answer. Raises MarketError.

        The deadline covers all tries. Unavailable raised for a command carries the request id to repeat it under.
        """
        path = self._path(request, answer_type)
        request_id = self._prepare(request)
        call = self.shared.get().unary_unary(path, type(request).SerializeToString, answer_type.FromString)
        began_at = asyncio.get_running_loop().time()
        ends_at = began_at + (deadline_s or self.deadline_s)
        with self._trace_of(request_id):
            headers = self.headers()
            tries, silent = 0, True
            while True:
                tries += 1
                left_s = ends_at - asyncio.get_running_loop().time()
                try:
                    answer: R = await call(request, metadata=headers, timeout=max(left_s, 0.001))
                except grpc.aio.AioRpcError as error:
                    failure = self.failure(error, request_id)
                    pause = pause_s(tries)
                    kept_away = isinstance(failure, KeptAway)
                    if kept_away or not _worth_another_try(error) or tries >= TRIES_MAX or left_s <= pause:
                        raise failure from error
                    await asyncio.sleep(pause)
                    waited_s = asyncio.get_running_loop().time() - began_at
                    if silent and waited_s > SILENT_S_MAX and not self.shared.was_reached():
                        logger.warning("%s; waiting for it", failure)
                        silent = False
                else:
                    self.shared.was_reached()
                    if request_id:
                        self.note_written(answer)
                    return answer

    async def stream(self, request: Message, answer_type: type[R]) -> AsyncIterator[R]:
        """Send one request and read answers until the service ends them. Raises MarketError.

        For streams whose every answer is the whole picture: a broken one is opened again, and the next picture is
        current.
        """
        path = self._path(request, answer_type)
        self._prepare(request)
        call = self.shared.get().unary_stream(path, type(request).SerializeToString, answer_type.FromString)
        tries = 0
        while True:
            try:
                async for answer in call(request, metadata=self.headers()):
                    tries = 0
                    yield answer
            except grpc.aio.AioRpcError as error:
                tries += 1
                if not _worth_another_try(error) or tries >= TRIES_MAX:
                    raise self.failure(error) from error
                await asyncio.sleep(pause_s(tries))
            else:
                return

    def both_ways(self, request_type: type[Message], answer_type: type[R]) -> "grpc.aio.StreamStreamCall[Message, R]":
        """Open a stream in both directions, as bulk entry uses it. The caller maps grpc errors."""
        path = _path(self.methods[request_type.DESCRIPTOR.full_name])
        call = self.shared.get().stream_stream(path, request_type.SerializeToString, answer_type.FromString)
        return call(metadata=self.headers())

    def headers(self) -> tuple[tuple[str, str], ...]:
        also = (GIVEN_AGAIN,) if self.given_again else ()
        return ((ACTOR_HEADER, self.actor), *also, *trace_headers().items())

    def failure(self, error: grpc.aio.AioRpcError, request_id: str = "") -> MarketError:
        """What a broken call means in the market's words."""
        if not self.shared.was_reached() and REFUSED in (error.details() or ""):
            return Unavailable(self.service, f"nothing listens at {self.shared.address}", request_id)
        return from_grpc(self.service, self.shared.address, error, request_id)

    def _path(self, request: Message, answer_type: type[Message]) -> str:
        method = self.methods[request.DESCRIPTOR.full_name]
        assert method.output_type is answer_type.DESCRIPTOR, (
            f"{method.full_name} does not answer with {answer_type.__name__}"
        )
        return _path(method)

    def _prepare(self, request: Message) -> str:
        """Give a command its request id and a query its position. Returns the request id, empty for a query."""
        fields = request.DESCRIPTOR.fields_by_name
        if REQUEST_ID in fields:
            request_id: str = getattr(request, REQUEST_ID) or new_request_id()
            setattr(request, REQUEST_ID, request_id)
            return request_id
        if MIN_POSITION in fields and not getattr(request, MIN_POSITION):
            setattr(request, MIN_POSITION, self.written_position)
        return ""

    def _trace_of(self, request_id: str) -> AbstractContextManager[object]:
        if request_id and self.begin_traces and not in_a_trace():
            return new_trace(self.service)
        return nullcontext()

    def note_written(self, answer: Message) -> None:
        """A query that is made here from now on waits for what this answer says was written."""
        if POSITION in answer.DESCRIPTOR.fields_by_name:
            self.written_position = max(self.written_position, getattr(answer, POSITION))


def _path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def _worth_another_try(error: grpc.aio.AioRpcError) -> bool:
    return error.code() is grpc.StatusCode.UNAVAILABLE
