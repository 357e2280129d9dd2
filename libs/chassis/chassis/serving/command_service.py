"""A service's commands over gRPC: read the command that a request asks for, submit it, answer.

A command whose answer is the position of its last record needs no method: `acknowledge` serves all of them. A service
writes a method for every command that answers with more, and for every query.
"""

from collections.abc import Awaitable, Callable
from functools import partial
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

    async def submit(self, request: Message, call: Call) -> Done:
        return await self.writer.submit(self.commands.read(request), call)

    async def acknowledge(self, response: type[Any], request: Message, call: Call) -> Message:
        done = await self.submit(request, call)
        answer: Message = response(position=done.position)
        return answer


def method_of(served: object, rpc: MethodDescriptor) -> Callable[[Any, Call], Any]:
    """What serves an rpc: the method of its name or, of a command that answers with its position alone, `acknowledge`.
    Fails where an rpc that answers with more has no method, when a replica is put together.
    """
    own: Callable[[Any, Call], Any] | None = getattr(served, rpc.name, None)
    if own is not None:
        return own
    is_plain = list(rpc.output_type.fields_by_name) == [POSITION]
    assert isinstance(served, CommandService) and is_plain, f"{rpc.full_name} has no method that serves it"
    acknowledge: Callable[[Any, Call], Awaitable[Message]] = partial(
        served.acknowledge, message_factory.GetMessageClass(rpc.output_type)
    )
    return acknowledge
