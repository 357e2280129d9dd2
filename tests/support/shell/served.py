"""One replica's rpcs, served for real on loopback by methods that the test controls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from carbonmarket.log.v1 import log_service_pb2
from carbonmarket.registry.v1 import registry_service_pb2 as pb
from chassis.core.call import Call
from chassis.core.decider import Rejected
from chassis.core.engine import Done
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from chassis.serving.command_service import CommandService
from chassis.serving.server import Role, Server
from registry.domain.vintages import CreateVintage
from registry.wire import COMMANDS

SERVICE = pb.DESCRIPTOR.services_by_name["RegistryService"]
CREATE = "CreateVintage"


class Api(CommandService[Any]):
    """Serves every rpc of a real contract; the writer of one of its commands fails as the test asks."""

    def __init__(self) -> None:
        super().__init__(cast(Any, self), COMMANDS)
        self.fails_with: Exception | None = None
        self.holds_back = False
        self.held_back: list[asyncio.Future[Done]] = []
        self.counted: list[tuple[str, str]] = []
        self.calls: list[Call] = []
        self.vintages: list[str] = []
        for method in SERVICE.methods:
            if method.name not in (CREATE, "SubmitMany"):
                setattr(self, method.name, self._unused)

    async def _unused(self, request: Message, call: Call) -> Message:
        raise AssertionError("not called")

    def queue_command(self, command: object, call: Call) -> "asyncio.Future[Done]":
        assert isinstance(command, CreateVintage), "not called"
        self.calls.append(call)
        done: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        if self.holds_back:
            self.held_back.append(done)
        elif self.fails_with is not None:
            done.set_exception(self.fails_with)
        elif command.vintage == "BAD":
            done.set_exception(Rejected("VINTAGE_EXISTS", vintage=command.vintage))
        else:
            self.vintages.append(command.vintage)
            done.set_result(Done((), len(self.vintages)))
        return done


class CallsCounted(Metrics):
    """Which calls were counted, and as what."""

    def __init__(self, calls: list[tuple[str, str]]) -> None:
        super().__init__()
        self._calls = calls

    def called(self, rpc: str, outcome: str, seconds: float) -> None:
        self._calls.append((rpc, outcome))


async def reach(position: int) -> None:
    """Every position is shown at once."""


@asynccontextmanager
async def serving(api: Api, role: Role) -> AsyncIterator[str]:
    server = grpc.aio.server()
    handlers = Server([(SERVICE, api)], role, Tracing(), CallsCounted(api.counted), reach).handlers
    server.add_generic_rpc_handlers(tuple(handlers))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


@asynccontextmanager
async def replica(**role: Any) -> AsyncIterator[tuple[Api, str]]:
    api = Api()
    async with serving(api, Role(**role)) as address:
        yield api, address


async def create(
    address: str,
    actor: str | None = "registry_operator:ann",
    data: bytes | None = None,
    also: tuple[tuple[str, str], ...] = (),
    seconds: float = 5,
) -> int:
    request = pb.CreateVintageRequest(request_id="r", vintage="CEA", compliance_year=2020).SerializeToString()
    async with grpc.aio.insecure_channel(address) as channel:
        rpc: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{SERVICE.full_name}/{CREATE}")
        metadata = (("carbonmarket-actor", actor),) if actor is not None else ()
        answer = await rpc(request if data is None else data, metadata=(*metadata, *also), timeout=seconds)
        return pb.CreateVintageResponse.FromString(answer).position


async def refusal(address: str, **how: Any) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await create(address, **how)
    status = rpc_status.from_call(cast(grpc.Call, failed.value))
    info = error_details_pb2.ErrorInfo()
    assert status is not None and status.details[0].Unpack(info)
    return failed.value.code(), info.reason, dict(info.metadata)


BROKEN_WRITE = "Internal error from Core"
BROKEN_WRITES_MAX = 5


async def submit_many(address: str, vintages: list[str], **how: Any) -> list[pb.ManyOutcome]:
    """Where grpc's client writes just as the server ends the call, it shows INTERNAL now and then in place of what the
    server sent (grpc issue 36066). The project's client sends again then, and so does this.
    """
    for _ in range(BROKEN_WRITES_MAX):
        try:
            return await submit_once(address, vintages, **how)
        except grpc.aio.AioRpcError as error:
            if error.details() != BROKEN_WRITE:
                raise
    raise AssertionError(f"{BROKEN_WRITES_MAX} calls broke, one after another")


async def submit_once(
    address: str,
    vintages: list[str],
    actor: str = "registry_operator:ann",
    empty: int = 0,
    also: tuple[tuple[str, str], ...] = (),
    seconds: float = 60,
) -> list[pb.ManyOutcome]:
    commands = [
        pb.ManyCommand(create_vintage=pb.CreateVintageRequest(request_id=str(number), vintage=vintage))
        for number, vintage in enumerate(vintages)
    ]
    commands += [pb.ManyCommand()] * empty
    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
        rpc: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
            f"/{SERVICE.full_name}/SubmitMany"
        )

        async def requests() -> AsyncIterator[bytes]:
            yield pb.SubmitManyRequest(commands=commands).SerializeToString()

        answers = rpc(requests(), metadata=(("carbonmarket-actor", actor), *also), timeout=seconds)
        return [outcome async for data in answers for outcome in pb.SubmitManyResponse.FromString(data).outcomes]


LOG = log_service_pb2.DESCRIPTOR.services_by_name["LogService"]


class Waiting:
    """A LogService whose readers wait for ever."""

    def __init__(self) -> None:
        self.reading = 0
        for method in LOG.methods:
            if not hasattr(self, method.name):
                setattr(self, method.name, self.MoveClock)

    async def Read(self, request: Message, call: Call) -> Message:
        self.reading += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.reading -= 1
        raise AssertionError("waits for ever")

    async def MoveClock(self, request: Message, call: Call) -> Message:
        return log_service_pb2.MoveClockResponse()


@asynccontextmanager
async def serving_log(api: Waiting, role: Role | None = None) -> AsyncIterator[str]:
    server = grpc.aio.server()
    handlers = Server([(LOG, api)], role or Role(leads=True), Tracing(), Metrics(), reach).handlers
    server.add_generic_rpc_handlers(tuple(handlers))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)
