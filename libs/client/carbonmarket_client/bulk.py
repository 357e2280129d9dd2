"""Bulk entry: many commands on one stream, each answered by its own outcome, in order.

Each command is decided as if it had come alone; a refused one does not stop those after it. Commands travel in
messages of at most COMMANDS_MAX, a few of them on the way at a time, so a sender needs neither to wait for each
answer nor to hold a long list in memory. The commands must be at hand, in a list or from a generator: the first outcome
comes when ON_THE_WAY_MAX full messages are sent, or the commands end. When the connection breaks, what has no outcome
yet is sent again under the same request ids.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message

from carbonmarket_client.errors import Failed, MarketError, Unavailable, error_of
from carbonmarket_client.link import REQUEST_ID, TRIES_MAX, Link, new_request_id, pause_s

COMMANDS_MAX = 500
"""So many commands travel in one message; the services take no more."""
ON_THE_WAY_MAX = 4
"""So many messages may be on the way without an answer."""
ANSWER_S_MAX = 60.0
BROKEN_WRITE = "Internal error from Core"
"""What grpc says, with the code INTERNAL, where a message was written to a call that was ending."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one command: its answer, or its refusal.

    refusal is Unavailable (or Busy) where the service could not decide: the same command may be sent again.
    """

    command: Message
    answer: Message | None
    refusal: MarketError | None


async def submit_many(
    link: Link,
    commands: Iterable[Message],
    request_type: type[Any],
    answer_type: type[Any],
) -> AsyncIterator[Outcome]:
    """Send commands (request messages of the service's rpcs) and yield one Outcome for each, in their order.

    A command without a request id is given one, in place. Raises MarketError when the stream as a whole fails; what
    had no outcome by then may or may not have been done and can be sent again as it is.
    """
    field_of = {
        field.message_type.full_name: field.name
        for field in request_type.DESCRIPTOR.fields_by_name["commands"].message_type.oneofs_by_name["command"].fields
    }
    source = _chunks(commands)
    unanswered: deque[list[Message]] = deque()
    exhausted, tries = False, 0
    while True:
        call = link.both_ways(request_type, answer_type)
        try:
            for chunk in unanswered:
                await call.write(_message(request_type, field_of, chunk))
            while True:
                while not exhausted and len(unanswered) < ON_THE_WAY_MAX:
                    chunk = next(source, [])
                    if chunk:
                        unanswered.append(chunk)
                        await call.write(_message(request_type, field_of, chunk))
                    else:
                        exhausted = True
                if not unanswered:
                    await call.done_writing()
                    return
                answer: Any = await asyncio.wait_for(call.read(), ANSWER_S_MAX)
                if answer is grpc.aio.EOF:
                    raise Failed(link.service, "OK", "the stream ended before every command had its outcome")
                tries = 0
                for command, outcome in zip(unanswered.popleft(), answer.outcomes, strict=True):
                    yield _outcome(link, command, outcome)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
            failure = await _failure(link, call, error)
            tries += 1
            if not isinstance(failure, Unavailable) or tries >= TRIES_MAX:
                raise failure from error
            await asyncio.sleep(pause_s(tries))
        except TimeoutError as error:
            raise Unavailable(link.service, f"no outcome within {ANSWER_S_MAX:.0f} s") from error
        finally:
            call.cancel()


async def _failure(link: Link, call: Any, error: Exception) -> Exception:
    """The error of the call. A write that fails says only that the call has ended; grpc then shows INTERNAL, a
    fault of its own.
    """
    if isinstance(error, grpc.aio.AioRpcError):
        if error.details() == BROKEN_WRITE:
            return Unavailable(link.service, "the stream broke while commands were being sent")
        return link.failure(error)
    ended = grpc.aio.AioRpcError(
        await call.code(), await call.initial_metadata(), await call.trailing_metadata(), await call.details()
    )
    return link.failure(ended)


def _chunks(commands: Iterable[Message]) -> Iterator[list[Message]]:
    chunk: list[Message] = []
    for command in commands:
        if not getattr(command, REQUEST_ID):
            setattr(command, REQUEST_ID, new_request_id())
        chunk.append(command)
        if len(chunk) == COMMANDS_MAX:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _message(request_type: type[Any], field_of: dict[str, str], chunk: list[Message]) -> Message:
    request = request_type()
    for command in chunk:
        getattr(request.commands.add(), field_of[command.DESCRIPTOR.full_name]).CopyFrom(command)
    message: Message = request
    return message


def _outcome(link: Link, command: Message, outcome: Any) -> Outcome:
    kind = outcome.WhichOneof("outcome")
    if kind == "refusal":
        said, request_id = outcome.refusal, getattr(command, REQUEST_ID)
        return Outcome(command, None, error_of(link.service, said.code, said.reason, dict(said.facts), request_id))
    answer: Message = getattr(outcome, kind)
    link.note_written(answer)
    return Outcome(command, answer, None)
