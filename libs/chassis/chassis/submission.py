"""What the writer is given to decide: a caller's command, another log's record, another service's answer, a timer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chassis.decider import Timer
from chassis.record import HeardUpTo, Record


@dataclass(frozen=True, slots=True)
class Submission:
    """One thing to decide. `must_apply` marks what is heard, due or answered: set aside rather than refused. A timer
    has no cause that a trace could come from, so it begins one.
    """

    actor: str
    request_id: str
    command: object | None
    traceparent: str = ""
    subject_traces: Mapping[str, str] = field(default_factory=dict)
    heard: HeardUpTo | None = None
    answers: int = 0
    heard_type: str = ""
    must_apply: bool = False
    begins_trace: bool = False


def timer_actor(log_id: str) -> str:
    return f"timer:{log_id}"


def timer_submission(log_id: str, timer: Timer) -> Submission:
    return Submission(timer_actor(log_id), timer.name, timer.command, must_apply=True, begins_trace=True)


def heard_submission(source: str, record: Record, command: object | None, traceparent: str = "") -> Submission:
    """What another log's record makes us do; no command where it is of no concern, but it is heard."""
    return Submission(
        actor=service_actor(source),
        request_id="",
        command=command,
        traceparent=traceparent,
        heard=HeardUpTo(source, record.position, record.digest),
        heard_type=record.type,
        must_apply=True,
    )


def answer_submission(log_id: str, position: int, command: object, traceparent: str = "") -> Submission:
    """What another service answered to our own order at a position."""
    return Submission(
        actor=service_actor(log_id),
        request_id=f"answer/{position}",
        command=command,
        traceparent=traceparent,
        answers=position,
        must_apply=True,
    )


def service_actor(log_id: str) -> str:
    return f"service:{log_id}"
