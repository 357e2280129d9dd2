"""Incoming gRPC: who calls, whether the role may call it, the method, and the one error mapper; the same wrapper around
every rpc.

Handlers are built from the service descriptors: for every rpc the method of that name on the api object, or the one
that answers with a position (command_service). The rpc's own `roles` option states who may call it. A replica that does
not lead forwards the bytes to the one that does. `SubmitMany`, where a service has it, is built here as well: each
command in it is looked up, checked and answered as its own rpc would be.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.rpc import status_pb2
from grpc_status import rpc_status

from carbonmarket.log.v1 import refusal_pb2
from chassis.core.call import Call, Unavailable
from chassis.core.decider import Malformed
from chassis.core.request_values import check_values
from chassis.core.roles import EVERY_ROLE, roles_of
from chassis.edges.protocols import Channel, OpenChannel
from chassis.edges.remote import open_channel, status_of
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Branch, Tracing
from chassis.serving.bulk import parse_many
from chassis.serving.command_service import method_of
from chassis.serving.errors import Failure, failure_of
from chassis.serving.heading import Context, Heading, authenticate, heading_of
from chassis.serving.places import Kind, Place, Places

REQUEST_ID, MIN_POSITION, WAIT_MS = "request_id", "min_position", "wait_ms"
"""The fields of a request that are the frame's: no method reads them."""
BULK = "SubmitMany"
BULK_IDLE_SECONDS_MAX = 60.0
REQUEST_BYTES_MAX = 4 * 1024 * 1024
"""Far more than an order or a page of legs with every text at its longest (tests/unit/test_bounds.py)."""
PASS_ON_SECONDS_MAX = 60.0
SERVICES = "service:"

LEADER_AWAY = "the replica that leads gave no answer; ask again"

logger = logging.getLogger(__name__)

Api = Sequence[tuple[ServiceDescriptor, object]]
Reach = Callable[[int], Awaitable[None]]
"""Returns when queries show a position."""


@dataclass(slots=True)
class Role:
    """Whether this replica leads, and if not, where the one is that does."""

    leads: bool = False
    leader_address: str = ""
    own_address: str = ""


@dataclass(frozen=True, slots=True)
class Rpc:
    """One rpc: its names, its messages, its roles and the method that serves it."""

    path: str
    name: str
    roles: frozenset[str]
    request: type[Message]
    response: type[Message]
    method: Callable[[Any, Call], Any]

    @property
    def is_command(self) -> bool:
        return REQUEST_ID in self.request.DESCRIPTOR.fields_by_name

    @property
    def may_wait(self) -> bool:
        """A long poll."""
        return WAIT_MS in self.request.DESCRIPTOR.fields_by_name

    def read(self, request: bytes | Message) -> Message:
        """The request, in bytes or as a part of a larger message. Raises Malformed."""
        try:
            message = self.request.FromString(request) if isinstance(request, bytes) else request
        except DecodeError as error:
            raise Malformed("REQUEST_NOT_READABLE", "", message=self.request.DESCRIPTOR.full_name) from error
        check_values(message)
        return message


class Failed(Exception):
    """A call has failed, and that is counted and logged."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


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
        self._reach = reach
        self._tracing = tracing
        self._metrics = metrics
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
                    answer = await self._answer(rpc, data, heading, place)
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
                    await self._prepare(message, caller)
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

    async def _answer(
        self, rpc: Rpc, request: bytes | Message, heading: Heading, place: Place | None = None
    ) -> Message:
        """Raises Failed for whatever the method raises."""
        started = time.perf_counter()
        branch = Branch("")
        outcome = "CANCELLED"
        try:
            caller = authenticate(heading, rpc.roles)
            branch = self._branch(rpc, caller)
            caller.traceparent = branch.traceparent
            if place is not None:
                caller.waiting = place.polling
            message = rpc.read(request)
            await self._prepare(message, caller)
            answer: Message = await rpc.method(message, caller)
            if rpc.is_command:
                branch.note("position", getattr(answer, "position", 0))
            outcome = "OK"
            return answer
        except Exception as error:
            failure = failure_of(error)
            outcome = failure.reason
            branch.fail(outcome)
            log_error(error, rpc.name, heading, branch.traceparent)
            raise Failed(failure) from error
        finally:
            branch.end()
            self._metrics.called(rpc.name, outcome, time.perf_counter() - started)

    async def _prepare(self, message: Any, caller: Call) -> None:
        """Does what the frame's own fields of a request ask for. A command does not wait here: the order in which it
        came is kept up to the writer's queue.
        """
        caller.request_id = getattr(message, REQUEST_ID, "")
        min_position = getattr(message, MIN_POSITION, None)
        if min_position is not None:
            await self._reach(min_position)

    def _branch(self, rpc: Rpc, caller: Call) -> Branch:
        attributes = {"actor": str(caller.actor)}
        if caller.traceparent and str(caller.actor).startswith(SERVICES):
            # It goes on with what a log recorded, and was sampled where that began.
            return self._tracing.branch(rpc.name, caller.traceparent, attributes=attributes)
        if caller.traceparent:
            return self._tracing.joined(rpc.name, caller.traceparent, attributes)
        # Only what can change something begins a trace of its own; a query joins its caller's.
        return self._tracing.root(rpc.name, attributes=attributes) if rpc.is_command else Branch("")

    # Many commands in one stream

    def _bulk(
        self, service: ServiceDescriptor, method: MethodDescriptor, rpcs: Mapping[str, Rpc]
    ) -> Callable[[AsyncIterator[bytes], Context], AsyncIterator[bytes]]:
        many = message_factory.GetMessageClass(method.input_type)
        answers = message_factory.GetMessageClass(method.output_type)
        outcome_descriptor = method.output_type.fields_by_name["outcomes"].message_type
        assert outcome_descriptor is not None, f"{method.full_name} has outcomes that are no messages"
        outcome_type = message_factory.GetMessageClass(outcome_descriptor)
        by_request = {rpc.request.DESCRIPTOR.full_name: rpc for rpc in rpcs.values()}

        async def one(command: Any, heading: Heading) -> Message:
            field = command.WhichOneof("command")
            try:
                if field is None:
                    raise Malformed("COMMAND_MISSING", "", service=service.full_name)
                request = getattr(command, field)
                answer = await self._answer(by_request[request.DESCRIPTOR.full_name], request, heading)
                return outcome_type(**{field: answer})
            except Failed as failed:
                return outcome_type(refusal=refusal_of(failed.failure))
            except Exception as error:
                log_error(error, f"{service.name}/{BULK}", heading)
                return outcome_type(refusal=refusal_of(failure_of(error)))

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
                            commands = parse_many(many, data)
                            # Tasks start in the order they are made and reach the writer's queue before they first
                            # wait: order is kept.
                            outcomes = await asyncio.gather(*(one(command, heading) for command in commands))
                        yield answers(outcomes=outcomes).SerializeToString()
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


def refusal_of(failure: Failure) -> refusal_pb2.Refusal:
    code = failure.code.value[0]
    return refusal_pb2.Refusal(code=code, reason=failure.reason, facts=failure.facts, field=failure.field)


def log_error(error: Exception, rpc: str, heading: Heading, traceparent: str = "") -> None:
    """A refusal is logged as information, a bug as an error with its traceback."""
    failure = failure_of(error)
    where = {"rpc": rpc, "actor": heading.actor, "reason": failure.reason}
    where["traceparent"] = traceparent or heading.traceparent
    if failure.code is grpc.StatusCode.INTERNAL:
        logger.error("%s failed: %r", rpc, error, exc_info=error, extra=where)
    else:
        logger.info("%s is refused: %s", rpc, failure.message, extra=where)


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
