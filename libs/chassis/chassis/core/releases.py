"""The way from one release to the next, and back: two steps, with an activation event between them.

A release can read a type before any release writes it. A type that an earlier release cannot read has in the wire table
the level from which on it may be written (`since`); a service's `release_level` is the highest that its code knows, and
a log's level is the last one activated in it, 0 at first. So:

1. The release that knows level N is deployed. It can read the new types and writes none of them: a command whose events
   are of a level that is not active is refused, and what is heard waits. The release before can be put back.
2. When every replica runs it, two people activate level N (`ActivateRelease`). From that record on the new types are
   written, and a release that does not know the level refuses to start on the log, with a message. So the way back is
   closed before the first record that the old release could not read, never after it.
"""

from dataclasses import dataclass
from typing import Protocol

from carbonmarket.log.v1 import log_events_pb2 as pb
from chassis.core.decider import Context, Decide, Decided, Malformed, Rejected, handles
from chassis.core.misconfigured import Misconfigured
from chassis.core.shapes import check_text
from chassis.core.wire import EventKind


class ReleaseTooOld(Misconfigured):
    """The log was activated for a later release than this one, or holds what this one cannot read."""

    def __init__(self, why: str) -> None:
        super().__init__([f"{why}: start the release that the log was activated for, or a later one"])


@dataclass(frozen=True, slots=True)
class ActivateRelease:
    release_level: int
    ground: str


@dataclass(frozen=True, slots=True)
class ReleaseActivated:
    """From here on the types of a level may be written; releases that do not know it no longer start on this log."""

    release_level: int
    ground: str


class Levels(Protocol):
    """What the decision looks at: the highest level that this release knows. The active one is in the context."""

    release_level: int


def activate_release(look: Levels, command: ActivateRelease, context: Context) -> Decided:
    """Levels are activated one by one: each is a decision of its own."""
    check_text(command.ground, "ground")
    if not 1 <= command.release_level <= look.release_level:
        raise Malformed(
            "RELEASE_LEVEL_UNKNOWN",
            "release_level",
            release_level=command.release_level,
            release_level_known=look.release_level,
        )
    if command.release_level != context.release_level + 1:
        raise Rejected(
            "RELEASE_LEVEL_NOT_NEXT",
            release_level=command.release_level,
            release_level_active=context.release_level,
        )
    return [ReleaseActivated(command.release_level, command.ground)]


def check_may_write(since_level: int, active_level: int, type_name: str) -> None:
    if since_level > active_level:
        raise Rejected(
            "RELEASE_NOT_ACTIVE", type=type_name, release_level=since_level, release_level_active=active_level
        )


def check_may_fold(log_id: str, position: int, active_level: int, known_level: int) -> None:
    """Before a record that activates a level is folded, and after a snapshot is put in."""
    if active_level > known_level:
        raise ReleaseTooOld(
            f"the log of {log_id} has release level {active_level} activated by position {position}, and this release "
            f"knows levels up to {known_level}"
        )


DECIDE: Decide[Levels] = handles(ActivateRelease, activate_release)

RELEASE_KINDS = (EventKind(ReleaseActivated, pb.ReleaseActivated),)
