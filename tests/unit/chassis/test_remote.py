"""Calls to other services: what counts as an answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import SimpleNamespace
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import empty_pb2
from google.rpc import status_pb2
from grpc_status import rpc_status

from carbonmarket.log.v1 import log_service_pb2 as log
from chassis.core.call import NotYet, Refused
from chassis.core.decider import BeyondEnd, Rejected
from chassis.core.record import HeardUpTo
from chassis.edges.remote import LogRead, Remote, open_channel
from chassis.serving.errors import failure_of

READ = "carbonmarket.log.v1.LogService/Read"


def answering(error: Any, rpc: str = "svc.v1.Svc/Do") -> AbstractAsyncContextManager[Remote]:
    async def fail(data: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        await context.abort(error.code, error.details, error.trailing_metadata)
        return b""

    return reached(fail, rpc)


def serving(answer: bytes, rpc: str) -> AbstractAsyncContextManager[Remote]:
    async def say(data: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        return answer

    return reached(say, rpc)


@asynccontextmanager
async def reached(handle: Callable[..., Awaitable[bytes]], rpc: str) -> AsyncIterator[Remote]:
    server = grpc.aio.server()
    service, _, method = rpc.partition("/")
    handler = grpc.method_handlers_generic_handler(service, {method: grpc.unary_unary_rpc_method_handler(handle)})
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    remote = Remote("svc", open_channel(f"127.0.0.1:{port}"), "tally")
    yield remote
    await remote.close()
    await server.stop(None)


def refusing(error: Exception) -> grpc.Status:
    return rpc_status.to_status(failure_of(error).status())


async def test_a_refusal_by_the_other_domain_is_an_answer() -> None:
    async with answering(refusing(Rejected("RUN_OUT_OF_ORDER", run_id=3))) as remote:
        with pytest.raises(Refused) as refused:
            await remote.unary("svc.v1.Svc/Do", empty_pb2.Empty(), empty_pb2.Empty)
        assert (refused.value.reason, refused.value.facts) == ("RUN_OUT_OF_ORDER", {"run_id": "3"})


async def test_a_log_that_came_back_older_says_where_it_ends() -> None:
    error = BeyondEnd("POSITION_BEYOND_END", "after_position", position=9, end_position=7)
    async with answering(refusing(error), READ) as remote:
        assert await remote.read_log(9, 10) == LogRead((), 7)


async def test_a_log_that_may_not_be_read_is_not_taken_for_an_empty_one() -> None:
    async with answering(refusing(Rejected("ROLE_NOT_ALLOWED", role="x")), READ) as remote:
        with pytest.raises(Refused):
            await remote.read_log(9, 10)


@pytest.mark.parametrize(
    ("position", "digest", "is_a_word"),
    [(7, b"7" * 32, True), (0, b"", False), (-1, b"7" * 32, False), (-(2**63), b"7" * 32, False), (7, b"7", False)],
)
async def test_how_far_a_service_heard_us_is_a_position_with_a_digest_or_no_word(
    position: int, digest: bytes, is_a_word: bool
) -> None:
    said = log.ReadResponse(heard_of_reader=log.HeardUpTo(position=position, digest=digest))
    async with serving(said.SerializeToString(), READ) as remote:
        heard_of_us = (await remote.read_log(0, 1)).heard_of_us
    assert heard_of_us == (HeardUpTo("tally", position, digest) if is_a_word else None)


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.UNAVAILABLE,
    ],
)
async def test_what_something_else_on_the_way_says_is_no_answer(code: grpc.StatusCode) -> None:
    async with answering(rpc_status.to_status(status_pb2.Status(code=code.value[0], message="no"))) as remote:
        with pytest.raises(NotYet):
            await remote.unary("svc.v1.Svc/Do", empty_pb2.Empty(), empty_pb2.Empty)
        with pytest.raises(NotYet):
            await remote.unary("svc.v1.Svc/Missing", empty_pb2.Empty(), empty_pb2.Empty)


@pytest.mark.parametrize("changed", ["its details are not a status", "its code is another", "its text is another"])
async def test_a_refusal_that_something_on_the_way_changed_is_no_answer(changed: str) -> None:
    made = refusing(Rejected("RUN_OUT_OF_ORDER", run_id=3))
    code, text, ((name, details),) = made.code, made.details, made.trailing_metadata
    match changed:
        case "its code is another":
            code = grpc.StatusCode.NOT_FOUND
        case "its text is another":
            text = "no"
        case _:
            details = b"<html>"
    async with answering(SimpleNamespace(code=code, details=text, trailing_metadata=((name, details),))) as remote:
        with pytest.raises(NotYet):
            await remote.unary("svc.v1.Svc/Do", empty_pb2.Empty(), empty_pb2.Empty)
