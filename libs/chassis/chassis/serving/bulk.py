"""Many commands in one message: each is looked up, checked, counted and answered as its own rpc would be, in their
order.

They are counted before they are parsed: an empty one takes two bytes, and about a hundred when parsed. Then all are
queued, one after another and without a task of their own, and all are answered when the last of them is. Who gives up
meanwhile takes back those whose turn has not come.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from carbonmarket.log.v1 import refusal_pb2
from chassis.core.call import Call
from chassis.core.decider import Malformed
from chassis.core.engine import Done
from chassis.core.request_values import check_values
from chassis.serving.command_service import CommandMethod
from chassis.serving.errors import Failure, failure_of
from chassis.serving.frame import CANCELLED, OK, Begun, Frame, Rpc, log_error
from chassis.serving.heading import Heading, authenticate

BULK_COMMANDS_MAX = 500
VARINT_BYTES_MAX = 10
LAYOUT_BITS = 0b111
VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5
"""How a field's bytes are laid out, by the last bits of its tag."""


class Queued(NamedTuple):
    """A command that waits for its turn."""

    field: str
    method: CommandMethod
    begun: Begun
    done: "asyncio.Future[Done]"


class Many:
    """The stream `method` of a service, message by message."""

    def __init__(
        self, service: ServiceDescriptor, method: MethodDescriptor, rpcs: Mapping[str, Rpc], frame: Frame
    ) -> None:
        self._service = service.full_name
        self._name = f"{service.name}/{method.name}"
        self._frame = frame
        self._message = GetMessageClass(method.input_type)
        self._answer = GetMessageClass(method.output_type)
        self._outcome: Any = GetMessageClass(part_of(method.output_type.fields_by_name["outcomes"]))
        by_request = {rpc.request.DESCRIPTOR.full_name: rpc for rpc in rpcs.values()}
        fields = part_of(method.input_type.fields_by_name["commands"]).fields
        self._by_field = {field.name: by_request[part_of(field).full_name] for field in fields}

    async def answers(self, data: bytes, heading: Heading) -> bytes:
        """Raises Malformed where the message cannot be read; whatever is wrong with a command is its own outcome."""
        callers: dict[str, Call] = {}
        queued = [self._queue(command, heading, callers) for command in parse_many(self._message, data)]
        waiting = [one for one in queued if isinstance(one, Queued)]
        try:
            await all_ended([one.done for one in waiting])
        except BaseException:
            for one in waiting:
                self._frame.end(one.begun, CANCELLED)
            raise
        outcomes = [self._outcome_of(one) if isinstance(one, Queued) else one for one in queued]
        answer: bytes = self._answer(outcomes=outcomes).SerializeToString()
        return answer

    def _queue(self, command: Any, heading: Heading, callers: dict[str, Call]) -> Queued | Message:
        """`callers` has who calls, for each rpc that its role may call: it is the same for all commands of a stream."""
        field = command.WhichOneof("command")
        if field is None:
            missing = Malformed("COMMAND_MISSING", "", service=self._service)
            log_error(missing, self._name, heading)
            return self._refused(failure_of(missing))
        rpc, request = self._by_field[field], getattr(command, field)
        begun = Begun(rpc, heading)
        try:
            who = callers.get(field)
            if who is None:
                who = callers[field] = authenticate(heading, rpc.roles)
            call = Call(who.actor, request.request_id, heading.traceparent, who.given_again, who.ends_at)
            self._frame.trace(begun, call)
            check_values(request)
            method = rpc.method
            assert isinstance(method, CommandMethod), f"{rpc.name} is no command that is only queued and answered"
            return Queued(field, method, begun, method.queue(request, call))
        except Exception as error:
            return self._failed(begun, error)

    def _outcome_of(self, queued: Queued) -> Message:
        try:
            answer = queued.method.answer(queued.done.result())
        except Exception as error:
            return self._failed(queued.begun, error)
        self._frame.note_position(queued.begun, answer)
        self._frame.end(queued.begun, OK)
        outcome: Message = self._outcome(**{queued.field: answer})
        return outcome

    def _failed(self, begun: Begun, error: Exception) -> Message:
        failure = self._frame.failed(begun, error).failure
        self._frame.end(begun, failure.reason)
        return self._refused(failure)

    def _refused(self, failure: Failure) -> Message:
        code = failure.code.value[0]
        refusal = refusal_pb2.Refusal(code=code, reason=failure.reason, facts=failure.facts, field=failure.field)
        outcome: Message = self._outcome(refusal=refusal)
        return outcome


async def all_ended(answers: "Sequence[asyncio.Future[Any]]") -> None:
    """Returns when each is there. Where whoever waits is cancelled, all that are not there are too."""
    try:
        for answer in answers:
            if not answer.done():
                await asyncio.wait((answer,))
    except BaseException:
        for answer in answers:
            if not answer.cancel() and not answer.cancelled():
                # Nobody will ask for it; the loop need not report it.
                answer.exception()
        raise


def part_of(field: FieldDescriptor) -> Descriptor:
    assert field.message_type is not None, f"{field.full_name} is no message"
    return field.message_type


def parse_many(kind: type[Any], data: bytes) -> Sequence[Any]:
    """The commands of a message. Raises Malformed."""
    if fields_in(data, BULK_COMMANDS_MAX + 1) > BULK_COMMANDS_MAX:
        raise Malformed("TOO_MANY_COMMANDS", "commands", commands_max=BULK_COMMANDS_MAX)
    try:
        commands: Sequence[Any] = kind.FromString(data).commands
    except DecodeError:
        raise Malformed("REQUEST_NOT_READABLE", "", message=kind.DESCRIPTOR.full_name) from None
    return commands


def fields_in(data: bytes, fields_max: int) -> int:
    """The number of top-level fields of a message, up to `fields_max`. A group, which no message of ours has and
    the parser would pass over, counts as more than any number: what is behind it is not counted.
    """
    at = 0
    for count in range(fields_max):
        if at >= len(data):
            return count
        tag, at = varint(data, at)
        layout = tag & LAYOUT_BITS
        if layout == VARINT:
            _, at = varint(data, at)
        elif layout == LENGTH:
            size, at = varint(data, at)
            at += size
        elif layout == EIGHT_BYTES:
            at += 8
        elif layout == FOUR_BYTES:
            at += 4
        else:
            return fields_max
    return fields_max


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins there, and where it ends, if there are enough bytes."""
    value = 0
    for place, byte in enumerate(data[at : at + VARINT_BYTES_MAX]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    return value, len(data)
