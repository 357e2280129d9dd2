"""Three services that answer what a test tells them to, on loopback, speaking the real protos."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import any_pb2, message_factory
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

from carbonmarket_client import CarbonMarket
from carbonmarket_client.contracts import METHODS

Answer = Message | Exception | Callable[[Any], Any]
"""What a rpc answers with: always this, this status, or whatever comes of the request (an iterator for a stream)."""


class Says(Exception):
    """A status to answer with; a reason goes into the details as services send it."""

    def __init__(self, code: grpc.StatusCode, reason: str = "", **facts: str | int) -> None:
        super().__init__(code, reason, facts)
        self.code = code
        self.reason = reason
        self.facts = {name: str(value) for name, value in facts.items()}


@dataclass
class Call:
    """One call as it came in."""

    rpc: str
    request: Any
    metadata: dict[str, str]


@dataclass
class FakeService:
    """Answers each rpc with the next of the answers given for it; the last one stays."""

    service: str
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    address: str = ""

    def will(self, rpc: str, *answers: Answer) -> None:
        self.answers[rpc] = list(answers)

    def only_call(self, rpc: str) -> Call:
        (call,) = [call for call in self.calls if call.rpc == rpc]
        return call

    def answer(self, rpc: str, request: Any, context: grpc.ServicerContext) -> Any:
        metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        self.calls.append(Call(rpc, request, metadata))
        answers = self.answers.get(rpc) or [Says(grpc.StatusCode.UNIMPLEMENTED)]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        try:
            if isinstance(answer, Exception):
                raise answer
            return answer(request) if callable(answer) else answer
        except Says as said:
            return end(context, said)


def end(context: grpc.ServicerContext, said: Says) -> None:
    if said.reason:
        info = any_pb2.Any()
        info.Pack(error_details_pb2.ErrorInfo(reason=said.reason, domain="carbonmarket", metadata=said.facts))
        status = status_pb2.Status(code=said.code.value[0], message=said.reason, details=[info])
        context.abort_with_status(rpc_status.to_status(status))
    context.abort(said.code, "as the test wanted")


class Handler(grpc.GenericRpcHandler):
    """Finds an rpc by its path in the protos."""

    def __init__(self, fake: FakeService) -> None:
        self.fake = fake
        self.methods = {f"/{m.containing_service.full_name}/{m.name}": m for m in METHODS[fake.service].values()}

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        method = self.methods.get(details.method)
        if method is None:
            return None
        parse = message_factory.GetMessageClass(method.input_type).FromString
        name = method.name

        def unary(request: Any, context: grpc.ServicerContext) -> Any:
            return self.fake.answer(name, request, context)

        def stream(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            try:
                yield from self.fake.answer(name, request, context)
            except Says as said:
                end(context, said)

        def both(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
            for request in requests:
                yield self.fake.answer(name, request, context)

        if method.client_streaming:
            return grpc.stream_stream_rpc_method_handler(both, parse, serialize)
        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(stream, parse, serialize)
        return grpc.unary_unary_rpc_method_handler(unary, parse, serialize)


def serialize(message: Message) -> bytes:
    return message.SerializeToString()


@dataclass
class FakeMarket:
    """The three, and a client for them."""

    registry: FakeService
    trading: FakeService
    clearing: FakeService

    def connect(self, actor: str = "participant:power-0007", **options: Any) -> CarbonMarket:
        return CarbonMarket.connect(
            self.registry.address, self.trading.address, self.clearing.address, actor, **options
        )

    def arguments(self, *arguments: str, actor: str = "participant:power-0007") -> Sequence[str]:
        """The command line that speaks to these services."""
        addresses = [f"--{fake.service}={fake.address}" for fake in (self.registry, self.trading, self.clearing)]
        return [*addresses, f"--as={actor}", *arguments]


@contextmanager
def running_fakes() -> Iterator[FakeMarket]:
    """Three fake services on free ports, until the block ends."""
    fakes = [FakeService(service) for service in ("registry", "trading", "clearing")]
    servers = []
    for fake in fakes:
        server = grpc.server(ThreadPoolExecutor(4), handlers=[Handler(fake)])
        names = {method.containing_service.full_name for method in METHODS[fake.service].values()}
        reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], server)
        fake.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        servers.append(server)
    yield FakeMarket(*fakes)
    for server in servers:
        server.stop(None).wait()
