"""How a played day reaches the services: a port, of which there is one for processes and one for the simulation.

Every command has a request id and is sent again under it until there is an answer, whatever happens in between; a
journal keeps each answer's log position, so that afterwards nothing that was answered may be missing.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

import grpc
import grpc.aio
from google.protobuf import message_factory
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from carbonmarket.clearing.v1 import clearing_query_service_pb2, clearing_service_pb2
from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.registry.v1 import registry_query_service_pb2, registry_service_pb2
from carbonmarket.trading.v1 import trading_query_service_pb2, trading_service_pb2

R = TypeVar("R", bound=Message)

Also = tuple[tuple[str, str], ...]
GIVEN_AGAIN: Also = (("carbonmarket-given-again", "yes"),)

ANSWER_S_MAX = 60.0
CALL_S_MAX = 5.0
PAUSE_S = 0.05
NO_ANSWER = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
]
FILES = (
    registry_service_pb2,
    registry_query_service_pb2,
    trading_service_pb2,
    trading_query_service_pb2,
    clearing_service_pb2,
    clearing_query_service_pb2,
)


@dataclass(frozen=True, slots=True)
class CalledRpc:
    """Where a request goes and what answers it."""

    service: str
    path: str
    answer: type[Message]
    request_fields: frozenset[str]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def rpcs() -> dict[str, CalledRpc]:
    """Where each request message goes, by its full name."""
    return {
        method.input_type.full_name: CalledRpc(
            file.DESCRIPTOR.package.split(".")[1],
            f"/{service.full_name}/{method.name}",
            message_factory.GetMessageClass(method.output_type),
            frozenset(method.input_type.fields_by_name),
        )
        for file in FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


RPCS = rpcs()


class Refused(Exception):
    """The market said no."""

    def __init__(self, code: str, reason: str, facts: Mapping[str, str]) -> None:
        super().__init__(code, reason, dict(facts))
        self.code = code
        self.reason = reason
        self.facts = dict(facts)


@dataclass(frozen=True, slots=True)
class AnsweredCommand:
    """A command that was answered: from then on it must be in the log for ever."""

    service: str
    actor: str
    request_id: str
    position: int


class Port(Protocol):
    """What a played day needs of a market."""

    answered: list[AnsweredCommand]
    refusals: Counter[str]
    accepted: Counter[str]

    async def call(self, actor: str, request: Message, given_again: bool = False) -> Any:
        """Sends a command or query until it is answered; `given_again`: the service has lost it. Raises Refused."""

    async def call_log(self, service: str, actor: str, request: Message, answer: type[R]) -> R:
        """Sends a command of LogService, which every service offers, until it is answered. Raises Refused."""

    async def move_clock(self, service: str, to_ms: int) -> None:
        """Moves a service's rehearsal clock, unless it is there already."""

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        """Lets time go by until something is so."""

    async def at_rest(self) -> bool:
        """Whether nothing is on its way between the services."""


class ProcessPort:
    """Services as processes, by gRPC; or by any channel that carries the same."""

    def __init__(
        self,
        addresses: Mapping[str, str],
        open_channel: Callable[[str], Any] = lambda address: grpc.aio.insecure_channel(address, OPTIONS),
        answer_s_max: float = ANSWER_S_MAX,
        pause_s: float = PAUSE_S,
    ) -> None:
        self.answered: list[AnsweredCommand] = []
        self.refusals: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self._channels = {name: open_channel(address) for name, address in addresses.items()}
        self._answer_s_max = answer_s_max
        self._pause_s = pause_s

    async def call(self, actor: str, request: Message, given_again: bool = False) -> Any:
        rpc = RPCS[request.DESCRIPTOR.full_name]
        also = GIVEN_AGAIN if given_again else ()
        try:
            answered: Any = await self._ask(rpc.service, rpc.path, actor, request, rpc.answer, also)
        except Refused as refused:
            self.refusals[refused.reason] += 1
            raise
        request_id = getattr(request, "request_id", "")
        if request_id:
            self.answered.append(AnsweredCommand(rpc.service, actor, request_id, answered.position))
            self.accepted[rpc.name] += 1
        return answered

    async def reason_of(self, actor: str, request: Message) -> str:
        """Why a command is refused, at the first try, also where it should be sent again; empty if it is not, or if
        nobody answers.
        """
        rpc = RPCS[request.DESCRIPTOR.full_name]
        try:
            await self.ask_once(rpc.service, rpc.path, actor, request, rpc.answer)
        except Refused as refused:
            return refused.reason
        except grpc.aio.AioRpcError as error:
            info = error_info(error)
            return info.reason if info else ""
        return ""

    async def _ask(self, service: str, path: str, actor: str, request: Message, answer: type[R], also: Also = ()) -> R:
        ends = asyncio.get_running_loop().time() + self._answer_s_max
        while True:
            try:
                return await self.ask_once(service, path, actor, request, answer, also=also)
            except grpc.aio.AioRpcError as error:
                if error.code() not in NO_ANSWER or asyncio.get_running_loop().time() > ends:
                    raise
                await asyncio.sleep(self._pause_s)

    async def ask_once(
        self,
        service: str,
        path: str,
        actor: str,
        request: Message,
        answer: type[R],
        seconds: float = CALL_S_MAX,
        also: Also = (),
    ) -> R:
        """One try. Raises Refused, or AioRpcError where there is no answer."""
        call = self._channels[service].unary_unary(path, type(request).SerializeToString, answer.FromString)
        try:
            answered: R = await call(request, metadata=(("carbonmarket-actor", actor), *also), timeout=seconds)
            return answered
        except grpc.aio.AioRpcError as error:
            info = error_info(error)
            if info is None or error.code() in NO_ANSWER:
                raise
            raise Refused(error.code().name, info.reason, info.metadata) from error

    async def call_log(self, service: str, actor: str, request: Message, answer: type[R]) -> R:
        rpc = request.DESCRIPTOR.name.removesuffix("Request")
        answered = await self._ask(service, f"/carbonmarket.log.v1.LogService/{rpc}", actor, request, answer)
        self.accepted[rpc] += 1
        return answered

    async def status(self, service: str) -> log.GetStatusResponse:
        path = "/carbonmarket.log.v1.LogService/GetStatus"
        return await self._ask(service, path, "auditor:test", log.GetStatusRequest(), log.GetStatusResponse)

    async def fork_proofs(self, service: str) -> Sequence[log.ForkProof]:
        path = "/carbonmarket.log.v1.LogService/GetForkProofs"
        request = log.GetForkProofsRequest()
        return (await self._ask(service, path, "auditor:test", request, log.GetForkProofsResponse)).proofs

    async def read_log(self, service: str, after_position: int, wait_ms: int = 0) -> log.ReadResponse:
        path = "/carbonmarket.log.v1.LogService/Read"
        request = log.ReadRequest(after_position=after_position, wait_ms=wait_ms)
        return await self._ask(service, path, "auditor:test", request, log.ReadResponse)

    async def whole_log(self, service: str) -> list[log.Record]:
        records: list[log.Record] = []
        while True:
            answer = await self.read_log(service, len(records))
            records += answer.records
            if len(records) >= answer.head_position:
                return records

    async def move_clock(self, service: str, to_ms: int) -> None:
        request = log.MoveClockRequest(request_id=f"clock/{to_ms}", to_ms=to_ms)
        path = "/carbonmarket.log.v1.LogService/MoveClock"
        await self._ask(service, path, "exchange_operator:clock", request, log.MoveClockResponse)

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        ends = asyncio.get_running_loop().time() + self._answer_s_max
        while not await condition():
            assert asyncio.get_running_loop().time() < ends, f"waited {self._answer_s_max:g} s for {what}"
            await asyncio.sleep(self._pause_s)

    async def at_rest(self) -> bool:
        statuses = {name: await self.status(name) for name in self._channels}
        return all(
            not status.unanswered_positions
            and all(source.heard_position == statuses[source.log_id].head_position for source in status.sources)
            for status in statuses.values()
        )

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()


def error_info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo | None:
    status = rpc_status.from_call(cast(grpc.Call, error))
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info
    return None


def misplaced(answered: Any, records: list[log.Record]) -> list[str]:
    """Answered commands of one service that its log does not have, once, where the answer said."""
    ends: dict[tuple[str, str], list[int]] = {}

    def key_of(record: log.Record) -> tuple[str, str]:
        return f"{record.role}:{record.subject.rpartition(':')[2]}", record.request_id

    for record, following in zip(records, [*records[1:], None], strict=True):
        key = key_of(record)
        if record.request_id and (following is None or key_of(following) != key):
            ends.setdefault(key, []).append(record.position)
    return [
        f"{each}: the log has {ends.get((each.actor, each.request_id), [])}"
        for each in answered
        if ends.get((each.actor, each.request_id)) != [each.position]
    ]
