"""The auditor's own line to the services: contracts and gRPC, nothing of the project's client or shell."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as clearing_queries
from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.registry.v1 import registry_query_service_pb2 as registry_queries
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries

Q = TypeVar("Q", bound=Message)
R = TypeVar("R", bound=Message)

ACTOR = "auditor:second-opinion"
CALL_SECONDS_MAX = 60.0
MESSAGE_BYTES_MAX = 64 * 1024 * 1024
RECORDS_PER_READ = 1_000
ASKED_AT_ONCE_MAX = 64
REST_S_MAX = 60.0
REST_PAUSE_S = 0.05
FILES = (log, registry_queries, trading_queries, clearing_queries)


def paths() -> dict[str, str]:
    """The path of every rpc by its request's name."""
    return {
        method.input_type.full_name: f"/{service.full_name}/{method.name}"
        for file in FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


class Services:
    """The three services by name, read as an auditor."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        options = [("grpc.max_receive_message_length", MESSAGE_BYTES_MAX)]
        self._paths = paths()
        self.channels = {name: grpc.aio.insecure_channel(address, options) for name, address in addresses.items()}

    async def ask(self, service: str, request: Message, answer: type[R]) -> R:
        path = self._paths[request.DESCRIPTOR.full_name]
        call = self.channels[service].unary_unary(path, type(request).SerializeToString, answer.FromString)
        answered: R = await call(request, metadata=(("carbonmarket-actor", ACTOR),), timeout=CALL_SECONDS_MAX)
        return answered

    async def each(self, service: str, requests: Sequence[Q], answer: type[R]) -> AsyncIterator[tuple[Q, R]]:
        """Every request with its answer, in their order; so many at a time are asked at once."""
        for start in range(0, len(requests), ASKED_AT_ONCE_MAX):
            some = requests[start : start + ASKED_AT_ONCE_MAX]
            answers = await asyncio.gather(*(self.ask(service, request, answer) for request in some))
            for request, answered in zip(some, answers, strict=True):
                yield request, answered

    async def head(self, service: str) -> int:
        answer = await self.ask(service, log.GetStatusRequest(), log.GetStatusResponse)
        return answer.head_position

    async def rest(self) -> None:
        """Returns when every log is heard to its end and every order is answered. Raises TimeoutError."""
        async with asyncio.timeout(REST_S_MAX):
            while not await self._at_rest():
                await asyncio.sleep(REST_PAUSE_S)

    async def _at_rest(self) -> bool:
        asked = {name: await self.ask(name, log.GetStatusRequest(), log.GetStatusResponse) for name in self.channels}
        return all(
            not status.unanswered_positions
            and all(source.heard_position == asked[source.log_id].head_position for source in status.sources)
            for status in asked.values()
        )

    async def records(self, service: str, upto: int) -> AsyncIterator[log.Record]:
        """Every record of a log up to a position."""
        position = 0
        while position < upto:
            request = log.ReadRequest(after_position=position, records_max=RECORDS_PER_READ)
            answer = await self.ask(service, request, log.ReadResponse)
            assert answer.records, f"{service} gives no record after {position} of {upto}"
            for record in answer.records[: upto - position]:
                yield record
            position += len(answer.records)

    async def close(self) -> None:
        for channel in self.channels.values():
            await channel.close()


async def every_page(ask: Callable[[str], Awaitable[Any]]) -> AsyncIterator[Any]:
    """The pages of a list, by what asks for one."""
    token = ""
    while True:
        page = await ask(token)
        yield page
        token = page.next_page_token
        if not token:
            return
