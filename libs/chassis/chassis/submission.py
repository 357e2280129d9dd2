"""What the writer is given to decide, one type for each of its four kinds: a caller's command, another log's record,
another service's answer, a timer that is due.

The last three are never refused: what the domain cannot apply is set aside. Each says who acts, under which key a
repeat is known (if it has one) and what caused it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chassis.decider import Actor, Timer
from chassis.log import Key
from chassis.record import HeardUpTo, Record


@dataclass(frozen=True, slots=True)
class AskedCommand:
    """A caller's command. Without a request id (the service's own, at its start) no repeat is known."""

    actor: Actor
    request_id: str
    command: object
    traceparent: str = ""
    subject_traces: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeardRecord:
    """Another log's record, and what it makes us do; no command where it is of no concern, but it is heard."""

    upto: HeardUpTo
    type: str
    command: object | None
    traceparent: str = ""

    @property
    def actor(self) -> Actor:
        return service_actor(self.upto.log_id)

    request_id = ""


@dataclass(frozen=True, slots=True)
class OrderAnswer:
    """What another service answered to our own order at a position."""

    log_id: str
    position: int
    command: object
    traceparent: str = ""

    @property
    def actor(self) -> Actor:
        return service_actor(self.log_id)

    @property
    def request_id(self) -> str:
        return f"answer/{self.position}"


@dataclass(frozen=True, slots=True)
class DueTimer:
    """A timer of our own. It has no cause that a trace could come from, so it begins one."""

    log_id: str
    timer: Timer

    @property
    def actor(self) -> Actor:
        return timer_actor(self.log_id)

    @property
    def request_id(self) -> str:
        return self.timer.name

    @property
    def command(self) -> object:
        return self.timer.command

    traceparent = ""


Submission = AskedCommand | HeardRecord | OrderAnswer | DueTimer


def heard_record(source: str, record: Record, command: object | None, traceparent: str = "") -> HeardRecord:
    return HeardRecord(HeardUpTo(source, record.position, record.digest), record.type, command, traceparent)


def key_of(actor: Actor, request_id: str) -> Key:
    return Key(actor.subject, actor.account, request_id)


def service_actor(log_id: str) -> Actor:
    return Actor(f"service:{log_id}", "service")


def timer_actor(log_id: str) -> Actor:
    return Actor(f"timer:{log_id}", "timer")
