"""The caller: sends each order of its service's log to the service it is for, until it is answered.

An order is an event; which orders await their answer is part of the folded state, so a restart forgets none. The order
is sent under a name by which the receiver recognises a repeat: this log and the order's position, or the position of
the record that renames it (corrections.py). If there is no answer (a timeout, a service away), it is sent again. The
answer, also if the receiver refuses, becomes a command here, and its events mark the order as answered.

Only what the receiver has recorded, and returns in its answer, is its decision on an order. A refusal by gRPC is not: a
missing role, a request id used for something else, a release that does not know the rpc say nothing about whether an
earlier send of the order was carried out. Such an order stays unanswered, is sent again, and raises an alarm until it
is answered: a log line of level ERROR, carbonmarket.orders.refused, and refused_orders in GetStatus. No function in
calls.py sees such a refusal, so none can take it for an answer. An answer that contradicts itself is none either, and
raises the same alarm (AnswerContradictory).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.message import Message

from chassis.core.call import NotYet, OrderRefused, Refused, Unavailable, WaitsForPeople
from chassis.core.engine import Batch
from chassis.core.set_aside import SetAsideDecidedAgain
from chassis.core.shell import order_name
from chassis.core.submission import OrderAnswer
from chassis.edges.remote import Remote
from chassis.log.writer import Read, Writer
from chassis.say.tracing import Branch, Tracing

CALLS_IN_FLIGHT_MAX = 8
ORDERS_OUT_MAX = 1_000
RETRY_SECONDS = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
BUG_RETRY_SECONDS = 5.0
HEARING_POLL_SECONDS = 0.005
HEARING_SECONDS_MAX = 600.0
"""Hearing that is further behind is an alarm of its own."""
ALARM_EACH = 30
"""Tries after which an order that is refused again is logged again: about once a minute."""

R = TypeVar("R", bound=Message)
T = TypeVar("T")
E = TypeVar("E")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One order on its way: what a function in calls.py may use."""

    position: int
    order_id: str
    branch: Branch
    remotes: Mapping[str, Remote]
    writer: Writer[Any]

    async def unary(self, service: str, rpc: str, request: Message, response: type[R]) -> R:
        """What the receiver answers, what it recorded as refused included. Raises NotYet where it gives no answer, and
        OrderRefused, one of its kind, where a gRPC refusal comes instead of one.
        """
        try:
            return await self.remotes[service].unary(rpc, request, response, self.branch.traceparent)
        except Refused as refusal:
            raise OrderRefused(service, refusal) from refusal

    async def own_event(self, position: int) -> object:
        """A record of our own log that the order names: the page of a long list."""
        ((_, event),) = await self.writer.tail.read(position - 1, 1)
        return event

    async def read(self, look: Callable[[Any], T]) -> Read[T]:
        return await self.writer.read(look)

    async def until_heard(self, source: str, position: int) -> None:
        """Returns when a source is heard up to a position of its log: what it answered as of there can be compared with
        what is known here, and need not be asked again while its log grows faster than it is heard. Raises NotYet.
        """
        ends = asyncio.get_running_loop().time() + HEARING_SECONDS_MAX
        while (upto := self.writer.engine.heard.get(source)) is None or upto.position < position:
            if asyncio.get_running_loop().time() > ends:
                raise NotYet(f"{source} is not heard up to {position}")
            await asyncio.sleep(HEARING_POLL_SECONDS)

    def trace(self, subject: str) -> str:
        """The trace a subject of ours continues, to be handed on; empty if it has none."""
        return self.writer.engine.shell.traces.get(subject, "")


@dataclass(frozen=True, slots=True)
class RefusedOrder:
    """An order that was refused instead of answered, or answered with what cannot be, as operators see it."""

    position: int
    order: str
    service: str
    reason: str
    facts: Mapping[str, str]


Calls = Mapping[type, Callable[[Any, Outgoing], Awaitable[object]]]
"""By the event that is the order, made of `sends` and merged."""


def sends(order: type[E], send: Callable[[E, Outgoing], Awaitable[object]]) -> Calls:
    return {order: send}


class Caller:
    """Sends the leader's orders, at most CALLS_IN_FLIGHT_MAX at a time. A domain has few out at once (clearing two at
    most, of its one run under way and of its one comparison); more than ORDERS_OUT_MAX is a bug.
    """

    def __init__(self, calls: Calls, remotes: Mapping[str, Remote], writer: Writer[Any], tracing: Tracing) -> None:
        self._calls = calls
        self._remotes = remotes
        self._writer = writer
        self._tracing = tracing
        self._places = asyncio.Semaphore(CALLS_IN_FLIGHT_MAX)
        self._new: asyncio.Queue[int] = asyncio.Queue(ORDERS_OUT_MAX)
        # Unanswered orders whose last try was refused instead of answered, by position. Bounded by what is unanswered.
        self.refused: dict[int, RefusedOrder] = {}

    async def run(self) -> None:
        """Sends what was left unanswered, then every new order, until cancelled."""
        for position in sorted(self._writer.engine.shell.unanswered):
            # What is decided but not yet committed is noticed when it is.
            if position <= self._writer.tail.position:
                self._new.put_nowait(position)
        self._writer.after_commit.append(self._notice)
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._send(await self._new.get()))

    def _notice(self, batch: Batch) -> None:
        for record, event in zip(batch.records, batch.events, strict=True):
            if type(event) in self._calls:
                self._new.put_nowait(record.position)
            elif isinstance(event, SetAsideDecidedAgain) and event.source_log_id == self._writer.log.log_id:
                self._new.put_nowait(event.source_position)

    async def _send(self, position: int) -> None:
        ((record, order),) = await self._writer.tail.read(position - 1, 1)
        name = record.type.rpartition(".")[2]
        span = self._tracing.branch(f"order {name}", record.traceparent, attributes={"position": position})
        where = {"position": position, "traceparent": span.traceparent}
        attempt = 0
        while position in self._writer.engine.shell.unanswered:
            try:
                order_id = await self._committed_name(position)
                outgoing = Outgoing(position, order_id, span, self._remotes, self._writer)
                await self._try(record.type, order, outgoing)
            except WaitsForPeople as error:
                if attempt % ALARM_EACH == 0 or position not in self.refused:
                    logger.error("%s waits for people: %s", name, error, extra={**where, "reason": error.reason})
                self.refused[position] = RefusedOrder(position, name, error.service, error.reason, error.facts)
                await asyncio.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            except (NotYet, Unavailable) as error:
                if attempt in (0, len(RETRY_SECONDS)):
                    logger.info("%s is not answered yet: %s", name, error, extra=where)
                await asyncio.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            except Exception as error:
                logger.error("%s cannot be sent or answered: %r", name, error, exc_info=error, extra=where)
                await asyncio.sleep(BUG_RETRY_SECONDS)
            attempt += 1
        self.refused.pop(position, None)
        span.end()

    async def _committed_name(self, position: int) -> str:
        """The state is ahead of what is committed: a new name that is never committed may be another order's later."""
        shell = self._writer.engine.shell
        return (await self._writer.read(lambda _: order_name(shell, position))).value

    async def _try(self, type_name: str, order: object, outgoing: Outgoing) -> None:
        # A place is held while a try lasts: its calls, and for a comparison also the wait until its source is heard.
        # An order that waits for its next try holds none, so it keeps no other from being sent.
        async with self._places:
            answer = await self._calls[type(order)](order, outgoing)
        log_id = self._writer.log.log_id
        await self._writer.insist(
            OrderAnswer(log_id, outgoing.position, type_name, answer, outgoing.branch.traceparent)
        )
