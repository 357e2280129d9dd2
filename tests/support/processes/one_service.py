"""One service alone: its process, calls by any actor, and another service's log as the test writes it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import grpc
import grpc.aio
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from carbonmarket.log.v1 import log_service_pb2
from chassis.core.call import Refused
from chassis.core.record import Record, chain, genesis
from chassis.edges.remote import ACTOR_HEADER, error_info, record_to
from rehearsal.processes import Child, Program, free_port, healthy

CALL_S_MAX = 60.0
NOTHING_MORE: Mapping[str, str] = {}
HEAR_S_MAX = 60.0
POLL_S = 0.05


class OneService:
    """A running service. `apis` are its generated modules; a call finds its rpc by its request's message."""

    def __init__(self, child: Child, address: str, apis: Sequence[ModuleType]) -> None:
        self.child = child
        self.address = address
        self._numbers = count(1)
        self._channel = grpc.aio.insecure_channel(address, options=[("grpc.max_reconnect_backoff_ms", 200)])
        self._methods: dict[str, MethodDescriptor] = {
            method.input_type.full_name: method
            for api in (*apis, log_service_pb2)
            for service in api.DESCRIPTOR.services_by_name.values()
            for method in service.methods
        }

    async def call(self, actor: str, request: Message, traceparent: str = "") -> Any:
        """Send one request, once; return its answer. Raises chassis.core.call.Refused with code, reason and facts."""
        method = self._methods[request.DESCRIPTOR.full_name]
        answer_type = message_factory.GetMessageClass(method.output_type)
        send = self._channel.unary_unary(path(method), type(request).SerializeToString, answer_type.FromString)
        metadata = [(ACTOR_HEADER, actor)] if actor else []
        if traceparent:
            metadata.append(("traceparent", traceparent))
        try:
            return await send(request, metadata=tuple(metadata), timeout=CALL_S_MAX, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            raise refusal_of(error) from error

    async def ask(self, actor: str, request: Message) -> Any:
        """Send a command under a new request id."""
        return await self.call(actor, with_id(request, self.new_id()))

    async def ask_by_two(self, proposer: str, approver: str, command: Message) -> Any:
        """Have a command proposed by one and approved by another; return the approval's answer."""
        proposal = log_service_pb2.ProposeCommandRequest(
            type=command.DESCRIPTOR.full_name, data=command.SerializeToString()
        )
        number = (await self.ask(proposer, proposal)).proposal_id
        return await self.ask(approver, log_service_pb2.ApproveProposalRequest(proposal_id=number))

    def new_id(self) -> str:
        """A request id that was not given before."""
        return f"request {next(self._numbers)}"

    async def submit_many(self, actor: str, request: Message) -> Any:
        """Send one message of many commands; return the message of their outcomes."""
        method = self._methods[request.DESCRIPTOR.full_name]
        answer_type = message_factory.GetMessageClass(method.output_type)
        open_stream = self._channel.stream_stream(path(method), type(request).SerializeToString, answer_type.FromString)
        stream = open_stream(iter([request]), metadata=((ACTOR_HEADER, actor),), timeout=CALL_S_MAX)
        try:
            return await stream.read()
        except grpc.aio.AioRpcError as error:
            raise refusal_of(error) from error

    async def head(self) -> int:
        """Return the position of the log's last record."""
        status: log_service_pb2.GetStatusResponse = await self.call("auditor:test", log_service_pb2.GetStatusRequest())
        return status.head_position

    async def records(self, after_position: int = 0) -> list[log_service_pb2.Record]:
        """Return the service's log after a position."""
        found: list[log_service_pb2.Record] = []
        while True:
            request = log_service_pb2.ReadRequest(after_position=after_position + len(found))
            answer = await self.call("auditor:test", request)
            found.extend(answer.records)
            if not answer.records:
                return found

    async def heard(self, source: "WrittenLog") -> log_service_pb2.GetStatusResponse:
        """Return the service's status once it has heard all of a source."""
        async with asyncio.timeout(HEAR_S_MAX):
            while True:
                status: log_service_pb2.GetStatusResponse = await self.call(
                    "auditor:test", log_service_pb2.GetStatusRequest()
                )
                if any(one.log_id == source.log_id and one.heard_position == source.position for one in status.sources):
                    return status
                await asyncio.sleep(POLL_S)

    async def restart(self) -> None:
        """End the process as a crash would and start it again."""
        await self.child.kill()
        await self.child.start()

    async def close(self) -> None:
        """Stop the process."""
        await self._channel.close()
        await self.child.stop()


class WrittenLog:
    """Another service, as far as it is heard: its log, which the test writes."""

    def __init__(self, log_id: str) -> None:
        self.log_id = log_id
        self.address = f"127.0.0.1:{free_port()}"
        self._records: list[Record] = []
        self._head = genesis(log_id).digest
        self._server = grpc.aio.server()
        method = log_service_pb2.DESCRIPTOR.services_by_name["LogService"].methods_by_name["Read"]
        handler = grpc.unary_unary_rpc_method_handler(
            self._read,
            request_deserializer=log_service_pb2.ReadRequest.FromString,
            response_serializer=log_service_pb2.ReadResponse.SerializeToString,
        )
        service = method.containing_service.full_name
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method.name: handler}),))

    @property
    def position(self) -> int:
        """The last record's position."""
        return len(self._records)

    def write(self, *events: Message) -> int:
        """Add events to the log; return the position of the last."""
        for event in events:
            data = event.SerializeToString(deterministic=True)
            kind = event.DESCRIPTOR.full_name
            record = Record(self.position + 1, kind, data, 1_626_400_000_000, f"service:{self.log_id}")
            self._head = chain(self._head, record)
            self._records.append(replace(record, digest=self._head))
        return self.position

    async def start(self) -> None:
        """Answer those who read."""
        self._server.add_insecure_port(self.address)
        await self._server.start()

    async def stop(self) -> None:
        """Answer no more."""
        await self._server.stop(None)

    async def _read(self, request: log_service_pb2.ReadRequest, context: object) -> log_service_pb2.ReadResponse:
        records = self._records[request.after_position : request.after_position + (request.records_max or 1_000)]
        return log_service_pb2.ReadResponse(records=map(record_to, records), head_position=self.position)


def with_id(request: Any, request_id: str) -> Any:
    """The same request under a request id."""
    copied = type(request)()
    copied.CopyFrom(request)
    copied.request_id = request_id
    return copied


class RefusedAt(Refused):
    """A refusal with the field of the request that the answer names, empty where it names none."""

    def __init__(self, code: grpc.StatusCode, reason: str, facts: Mapping[str, str], field: str) -> None:
        super().__init__(code, reason, facts)
        self.field = field


def field_of(error: grpc.aio.AioRpcError) -> str:
    """The path in the answer's google.rpc.BadRequest."""
    status = rpc_status.from_call(cast(grpc.Call, error))
    for detail in status.details if status else ():
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(bad):
            return str(bad.field_violations[0].field)
    return ""


def refusal_of(error: grpc.aio.AioRpcError) -> Refused:
    """What a broken call says; where no service of ours answered, the code's name is the reason."""
    info = error_info(error)
    if info is None:
        return Refused(error.code(), error.code().name, {"details": error.details() or ""})
    return RefusedAt(error.code(), info.reason, dict(info.metadata), field_of(error))


def path(method: MethodDescriptor) -> str:
    """The rpc's address in a channel."""
    return f"/{method.containing_service.full_name}/{method.name}"


@asynccontextmanager
async def one_service(
    name: str,
    apis: Sequence[ModuleType],
    folder: Path,
    database_url: str,
    kafka_address: str,
    remotes: Mapping[str, str],
    clock: str = "machine",
    more: Mapping[str, str] = NOTHING_MORE,
) -> AsyncIterator[OneService]:
    """Run a service; `remotes` are the addresses of the others, by name, `clock` is the setting CARBONMARKET_CLOCK."""
    address = f"127.0.0.1:{free_port()}"
    environment = {
        "CARBONMARKET_LISTEN": address,
        "CARBONMARKET_DATABASE_URL": database_url,
        "CARBONMARKET_KAFKA": kafka_address,
        "CARBONMARKET_ACTOR_FROM": "metadata",
        "CARBONMARKET_CLOCK": clock,
        **{f"CARBONMARKET_{other.upper().replace('-', '_')}_ADDRESS": at for other, at in remotes.items()},
        **more,
    }
    child = Child(Program(name, (sys.executable, "-m", name), environment, ready=healthy(address)), folder)
    await child.start()
    service = OneService(child, address, apis)
    try:
        yield service
    finally:
        await service.close()
