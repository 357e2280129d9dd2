"""The frame around a method: who calls, the request read, its span, its count, its line in the log where it fails.

Every call of a method has it, alone or as a command of a stream.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from chassis.core.call import Call
from chassis.core.decider import Malformed
from chassis.core.request_values import check_values
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Branch, Tracing
from chassis.serving.errors import Failure, failure_of
from chassis.serving.heading import Heading, authenticate
from chassis.serving.places import Place

REQUEST_ID, MIN_POSITION, WAIT_MS = "request_id", "min_position", "wait_ms"
"""The fields of a request that are the frame's: no method reads them."""
OK, CANCELLED = "OK", "CANCELLED"
SERVICES = "service:"

logger = logging.getLogger(__name__)

Reach = Callable[[int], Awaitable[None]]
"""Returns when queries show a position."""


@dataclass(frozen=True, slots=True)
class Rpc:
    """One rpc: its names, its messages, its roles and the method that serves it."""

    path: str
    name: str
    roles: frozenset[str]
    request: type[Message]
    response: type[Message]
    method: Callable[[Any, Call], Any]
    is_command: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_command", REQUEST_ID in self.request.DESCRIPTOR.fields_by_name)

    @property
    def may_wait(self) -> bool:
        """A long poll."""
        return WAIT_MS in self.request.DESCRIPTOR.fields_by_name

    def read(self, request: bytes) -> Message:
        """Raises Malformed."""
        try:
            message = self.request.FromString(request)
        except DecodeError as error:
            raise Malformed("REQUEST_NOT_READABLE", "", message=self.request.DESCRIPTOR.full_name) from error
        check_values(message)
        return message


class Failed(Exception):
    """A call has failed, and that is counted and logged."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Begun:
    """A call that has begun, and what is noted of it when it ends."""

    __slots__ = ("branch", "heading", "rpc", "started")

    def __init__(self, rpc: Rpc, heading: Heading) -> None:
        self.rpc = rpc
        self.heading = heading
        self.started = time.perf_counter()
        self.branch = Branch("")


class Frame:
    def __init__(self, tracing: Tracing, metrics: Metrics, reach: Reach) -> None:
        self._tracing = tracing
        self._metrics = metrics
        self._reach = reach

    async def answer(self, rpc: Rpc, request: bytes, heading: Heading, place: Place) -> Message:
        """Raises Failed for whatever the method raises."""
        begun, outcome = Begun(rpc, heading), CANCELLED
        try:
            caller = authenticate(heading, rpc.roles)
            self.trace(begun, caller)
            caller.waiting = place.polling
            message = rpc.read(request)
            await self.prepare(message, caller)
            answer: Message = await rpc.method(message, caller)
            self.note_position(begun, answer)
            outcome = OK
            return answer
        except Exception as error:
            failed = self.failed(begun, error)
            outcome = failed.failure.reason
            raise failed from error
        finally:
            self.end(begun, outcome)

    async def prepare(self, message: Any, caller: Call) -> None:
        """Does what the frame's own fields of a request ask for. A command does not wait here: the order in which it
        came is kept up to the writer's queue.
        """
        caller.request_id = getattr(message, REQUEST_ID, "")
        min_position = getattr(message, MIN_POSITION, None)
        if min_position is not None:
            await self._reach(min_position)

    def trace(self, begun: Begun, caller: Call) -> None:
        """Begins the call's span, of which the caller's trace context becomes the one that goes on."""
        begun.branch = self._branch(begun.rpc, caller)
        caller.traceparent = begun.branch.traceparent

    def _branch(self, rpc: Rpc, caller: Call) -> Branch:
        attributes = {"actor": str(caller.actor)}
        if caller.traceparent and attributes["actor"].startswith(SERVICES):
            # It goes on with what a log recorded, and was sampled where that began.
            return self._tracing.branch(rpc.name, caller.traceparent, attributes=attributes)
        if caller.traceparent:
            return self._tracing.joined(rpc.name, caller.traceparent, attributes)
        # Only what can change something begins a trace of its own; a query joins its caller's.
        return self._tracing.root(rpc.name, attributes=attributes) if rpc.is_command else Branch("")

    def note_position(self, begun: Begun, answer: Any) -> None:
        if begun.rpc.is_command:
            begun.branch.note("position", getattr(answer, "position", 0))

    def failed(self, begun: Begun, error: Exception) -> Failed:
        failure = failure_of(error)
        begun.branch.fail(failure.reason)
        log_error(error, begun.rpc.name, begun.heading, begun.branch.traceparent)
        return Failed(failure)

    def end(self, begun: Begun, outcome: str) -> None:
        begun.branch.end()
        self._metrics.called(begun.rpc.name, outcome, time.perf_counter() - begun.started)


def log_error(error: Exception, rpc: str, heading: Heading, traceparent: str = "") -> None:
    """A refusal is logged as information, a bug as an error with its traceback."""
    failure = failure_of(error)
    where = {"rpc": rpc, "actor": heading.actor, "reason": failure.reason}
    where["traceparent"] = traceparent or heading.traceparent
    if failure.code is grpc.StatusCode.INTERNAL:
        logger.error("%s failed: %r", rpc, error, exc_info=error, extra=where)
    else:
        logger.info("%s is refused: %s", rpc, failure.message, extra=where)
