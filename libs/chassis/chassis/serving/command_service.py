"""A service's commands over gRPC: read the command that a request asks for, queue it, answer once it is committed.

A command whose answer is the position of its last record needs no method: `acknowledgement` answers all of them. Of a
command that answers with more, a service writes a method that makes the answer of what was decided. A method that is
given request and call serves its rpc alone: so does every query, and a command that does more than to be decided.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Generic, TypeVar

from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from chassis.core.call import Call
from chassis.core.commands import Commands
from chassis.core.engine import Done
from chassis.log.writer import Writer

S = TypeVar("S")

POSITION = "position"


class CommandService(Generic[S]):
    """What a service's commands are served by."""

    def __init__(self, writer: Writer[S], commands: Commands) -> None:
        self.writer = writer
        self.commands = commands

    def queue(self, request: Message, call: Call) -> "asyncio.Future[Done]":
        return self.writer.queue_command(self.commands.read(request), call)

    async def submit(self, request: Message, call: Call) -> Done:
        return await self.queue(request, call)


@dataclass(frozen=True, slots=True)
class CommandMethod:
    """Serves a command in two steps, so that many can be queued before the first is answered."""

    queue: "Callable[[Any, Call], asyncio.Future[Done]]"
    answer: Callable[[Done], Message]

    async def __call__(self, request: Message, call: Call) -> Message:
        return self.answer(await self.queue(request, call))


def method_of(served: object, rpc: MethodDescriptor) -> Callable[[Any, Call], Any]:
    """What serves an rpc: the method of its name or, of a command that answers with its position alone, none of the
    service's own. Fails where an rpc that answers with more has no method, when a replica is put together.
    """
    own: Callable[..., Any] | None = getattr(served, rpc.name, None)
    if not isinstance(served, CommandService) or rpc.server_streaming or iscoroutinefunction(own):
        assert own is not None, f"{rpc.full_name} has no method that serves it"
        return own
    if own is None:
        is_plain = list(rpc.output_type.fields_by_name) == [POSITION]
        assert is_plain, f"{rpc.full_name} has no method that serves it"
        own = partial(acknowledgement, message_factory.GetMessageClass(rpc.output_type))
    return CommandMethod(served.queue, own)


def acknowledgement(response: type[Any], done: Done) -> Message:
    answer: Message = response(position=done.position)
    return answer
