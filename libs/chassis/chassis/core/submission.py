"""What the writer is given to decide, one type for each of its four kinds: a caller's command, another log's record,
another service's answer, a timer that is due.

The last three are never refused: what the domain cannot apply is set aside. Each names the actor, the key by which a
repeat is recognised (if it has one), and what caused it.
"""

from dataclasses import dataclass

from chassis.core.decider import Actor, Timer
from chassis.core.keys import Key
from chassis.core.record import HeardUpTo, Record
from chassis.say.traceparent import well_formed


@dataclass(frozen=True, slots=True)
class AskedCommand:
    """A caller's command. Without a request id (the service's own, at its start) no repeat is known."""

    actor: Actor
    request_id: str
    command: object
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class HeardRecord:
    """Another log's record, and what it makes us do; no command where it is of no concern, but it is heard. The records
    just before it that cause nothing, `passed` of them, are heard with it.
    """

    upto: HeardUpTo
    type: str
    command: object | None
    traceparent: str = ""
    data: bytes = b""
    passed: int = 0

    @property
    def actor(self) -> Actor:
        return service_actor(self.upto.log_id)

    request_id = ""


@dataclass(frozen=True, slots=True)
class OrderAnswer:
    """What another service answered to our own order at a position; `type` is the order's."""

    log_id: str
    position: int
    type: str
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
    """A timer of our own. It has no cause that a trace could come from: it continues its subject's, or begins one."""

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


def name_of(submission: Submission) -> str:
    """By which it is known again when it comes again; empty where it does not."""
    if isinstance(submission, HeardRecord):
        return f"{submission.upto.log_id}/{submission.upto.position}"
    if not submission.request_id:
        return ""
    return "|".join(key_of(submission.actor, submission.request_id))


def heard_record(
    source: str, record: Record, command: object | None, traceparent: str = "", passed: int = 0
) -> HeardRecord:
    upto = HeardUpTo(source, record.position, record.digest)
    return HeardRecord(upto, record.type, command, well_formed(traceparent), record.data, passed)


def key_of(actor: Actor, request_id: str) -> Key:
    return Key(actor.subject, actor.account, request_id)


def service_actor(log_id: str) -> Actor:
    return Actor(f"service:{log_id}", "service")


def timer_actor(log_id: str) -> Actor:
    return Actor(f"timer:{log_id}", "timer")


def repeat_key(submission: Submission) -> Key | None:
    """By which a repeat is known. An answer's is not: it is awaited or not, and one that was set aside is asked for
    again.
    """
    if not submission.request_id or isinstance(submission, OrderAnswer):
        return None
    return key_of(submission.actor, submission.request_id)


def source_of(cause: Submission) -> tuple[str, int]:
    """The record that caused this: another log's, or our own order that was answered."""
    match cause:
        case HeardRecord(upto):
            return upto.log_id, upto.position
        case OrderAnswer(log_id, position):
            return log_id, position
        case _:
            return "", 0
