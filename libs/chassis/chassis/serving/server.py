"""Incoming gRPC: every rpc of a replica, its method within the same frame (frame.py) and behind the one error mapper.

Handlers are built from the service descriptors: for every rpc the method of that name on the api object, or the one
that answers with a position (command_service). The rpc's own `roles` option states who may call it. A replica that does
not lead forwards the bytes to the one that does. `SubmitMany`, where a service has it, is built here as well (bulk.py).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NoReturn

import grpc
import grpc.aio
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.rpc import status_pb2
from grpc_status import rpc_status

from chassis.core.call import Unavailable
from chassis.core.roles import EVERY_ROLE, roles_of
from chassis.edges.protocols import Channel, OpenChannel
from chassis.edges.remote import open_channel, status_of
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from chassis.serving.bulk import Many
from chassis.serving.command_service import method_of
from chassis.serving.errors import Failure, failure_of
from chassis.serving.frame import SERVICES, Failed, Frame, Reach, Rpc, log_error
from chassis.serving.heading import Context, Heading, authenticate, heading_of
from chassis.serving.places import Kind, Place, Places

BULK = "SubmitMany"
BULK_IDLE_SECONDS_MAX = 60.0
REQUEST_BYTES_MAX = 4 * 1024 * 1024
"""Far more than an order or a page of legs with every text at its longest (tests/unit/test_bounds.py)."""
PASS_ON_SECONDS_MAX = 60.0

LEADER_AWAY = "the replica that leads gave no answer; ask again"

Api = Sequence[tuple[ServiceDescriptor, object]]


@dataclass(slots=True)
class Role:
    """Whether this replica leads, and if not, where the one is that does."""

    leads: bool = False
    leader_address: str = ""
    own_address: str = ""


class Server:
    """All rpcs of one replica."""

    def __init__(
        self,
        api: Api,
        role: Role,
        tracing: Tracing,
        metrics: Metrics,
        reach: Reach,
        open_channel: OpenChannel = open_channel,
    ) -> None:
        self._role = role
        self._frame = Frame(tracing, metrics, reach)
        self._open_channel = open_channel
        self._leaders: dict[str, Channel] = {}
        self.places = Places()
        self.handlers = [self._handlers_of(descriptor, served) for descriptor, served in api]
        self.names = [descriptor.full_name for descriptor, _ in api]

    def _handlers_of(self, service: ServiceDescriptor, served: object) -> grpc.GenericRpcHandler:
        rpcs = {method.name: self._rpc(service, method, served) for method in service.methods if method.name != BULK}
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {}
        for method in service.methods:
            if method.name == BULK:
                handlers[BULK] = grpc.stream_stream_rpc_method_handler(self._bulk(service, method, rpcs))
            elif method.server_streaming:
                handlers[method.name] = grpc.unary_stream_rpc_method_handler(self._streaming(rpcs[method.name]))
            else:
                handlers[method.name] = grpc.unary_unary_rpc_method_handler(self._unary(rpcs[method.name]))
        return grpc.method_handlers_generic_handler(service.full_name, handlers)

    def _rpc(self, service: ServiceDescriptor, method: MethodDescriptor, served: object) -> Rpc:
        roles = roles_of(method)
        assert roles, f"{method.full_name} does not say who may call it"
        return Rpc(
            path=f"/{service.full_name}/{method.name}",
            name=f"{service.name}/{method.name}",
            roles=roles,
            request=message_factory.GetMessageClass(method.input_type),
            response=message_factory.GetMessageClass(method.output_type),
            method=method_of(served, method),
        )

    # The frame around a method

    def _unary(self, rpc: Rpc) -> Callable[[bytes, Context], Awaitable[bytes]]:
        async def serve(data: bytes, context: Context) -> bytes:
            heading = Heading()
            try:
                heading = heading_of(context)
                with self._place(heading, is_command=rpc.is_command) as place:
                    if not self._role.leads:
                        with place.streaming(), place.poll() if rpc.may_wait else nullcontext():
                            return await self._pass_on(rpc.path, data, heading)
                    answer = await self._frame.answer(rpc, data, heading, place)
                return answer.SerializeToString()
            except Failed as failed:
                await end_with(context, failed.failure)
            except grpc.aio.AioRpcError as error:
                await end_like(context, error)
            except Exception as error:
                log_error(error, rpc.name, heading)
                await end_with(context, failure_of(error))

        return serve

    def _streaming(self, rpc: Rpc) -> Callable[[bytes, Context], AsyncIterator[bytes]]:
        """The method yields its answers as the bytes that are sent, so that it can make one for many."""

        async def serve(data: bytes, context: Context) -> AsyncIterator[bytes]:
            heading = Heading()
            try:
                heading = heading_of(context)
                with self._place(heading, is_command=rpc.is_command) as place, place.streaming():
                    if not self._role.leads:
                        leader = self._leader(heading)
                        passing: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = leader.unary_stream(rpc.path)
                        left = heading.seconds_left()
                        async for part in passing(data, metadata=heading.passed_on(), timeout=left):
                            yield part
                        return
                    caller = authenticate(heading, rpc.roles)
                    message = rpc.read(data)
                    await self._frame.prepare(message, caller)
                    async for answer in rpc.method(message, caller):
                        yield answer
            except grpc.aio.AioRpcError as error:
                await end_like(context, error)
            except Exception as error:
                log_error(error, rpc.name, heading)
                await end_with(context, failure_of(error))

        return serve

    def _place(self, heading: Heading, *, is_command: bool) -> Place:
        if heading.actor.startswith(SERVICES):
            return self.places.place(Kind.SERVICE, heading.actor)
        return self.places.place(Kind.COMMAND if is_command else Kind.QUERY, heading.actor)

    # Many commands in one stream

    def _bulk(
        self, service: ServiceDescriptor, method: MethodDescriptor, rpcs: Mapping[str, Rpc]
    ) -> Callable[[AsyncIterator[bytes], Context], AsyncIterator[bytes]]:
        many = Many(service, method, rpcs, self._frame)

        async def serve(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
            heading = Heading()
            try:
                heading = heading_of(context)
                # Who calls is asked before anything is read; whether each command's role may, with the command.
                authenticate(heading, EVERY_ROLE)
                with self._place(heading, is_command=True) as place, place.streaming():
                    if not self._role.leads:
                        leader = self._leader(heading)
                        path = f"/{service.full_name}/{BULK}"
                        passing: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = leader.stream_stream(path)
                        left = heading.seconds_left()
                        async for part in passing(requests, metadata=heading.passed_on(), timeout=left):
                            yield part
                        return
                    while (data := await next_message(requests)) is not None:
                        with place.working():
                            answers = await many.answers(data, heading)
                        yield answers
            except grpc.aio.AioRpcError as error:
                await end_like(context, error)
            except Exception as error:
                log_error(error, f"{service.name}/{BULK}", heading)
                await end_with(context, failure_of(error))

        return serve

    # Passing on to the leader

    def _leader(self, heading: Heading) -> Channel:
        address = self._role.leader_address
        if not address or address == self._role.own_address or heading.was_passed_on:
            raise Unavailable("no replica leads yet; ask again")
        if address not in self._leaders:
            self._leaders[address] = self._open_channel(address)
        return self._leaders[address]

    async def _pass_on(self, path: str, data: bytes, heading: Heading) -> bytes:
        """With the caller's own deadline, and taken back when the caller gives up."""
        passing: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._leader(heading).unary_unary(path)
        left = heading.seconds_left()
        seconds = PASS_ON_SECONDS_MAX if left is None else min(left, PASS_ON_SECONDS_MAX)
        answer: bytes = await passing(data, metadata=heading.passed_on(), timeout=seconds)
        return answer


async def next_message(requests: AsyncIterator[bytes]) -> bytes | None:
    """None at the stream's end. Raises Unavailable where none comes in time."""
    try:
        async with asyncio.timeout(BULK_IDLE_SECONDS_MAX):
            return await anext(requests, None)
    except TimeoutError:
        raise Unavailable(f"no message came for {BULK_IDLE_SECONDS_MAX:.0f} seconds; call again") from None


async def end_with(context: Context, failure: Failure) -> NoReturn:
    await abort(context, failure.status())


async def abort(context: Context, status: status_pb2.Status) -> NoReturn:
    with_details = rpc_status.to_status(status)
    await context.abort(with_details.code, with_details.details, with_details.trailing_metadata)


async def end_like(context: Context, error: grpc.aio.AioRpcError) -> NoReturn:
    """Ends a call that was passed on as the leader ended it; if it was not the leader, the caller is to ask again."""
    status = status_of(error)
    if status is None:
        await end_with(context, failure_of(Unavailable(LEADER_AWAY)))
    else:
        await abort(context, status)
