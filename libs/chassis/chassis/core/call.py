"""One call: who makes it and whose trace it belongs to, on the way in; what it may end in, on the way out."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import grpc

from chassis.core.decider import Actor, NotPermitted

HOLDER_ROLES = ("participant", "province")
"""They see what is their own; the other roles that a query lets in see all."""


def always() -> AbstractContextManager[bool]:
    return nullcontext(True)


@dataclass(slots=True)
class Call:
    """An rpc as the api methods see it: authenticated and within its role, before any rule.

    request_id is the request's own, which the frame has read. given_again: the caller says that the log had recorded
    the command, and lost it (log/witnesses.py). ends_at is its deadline by the event loop's clock; None
    where it has none. Within `waiting()` it gives its place to others; what that yields says whether it may wait.
    """

    actor: Actor
    request_id: str = ""
    traceparent: str = ""
    given_again: bool = False
    ends_at: float | None = None
    waiting: Callable[[], AbstractContextManager[bool]] = field(default=always, repr=False)

    def has_expired(self, now: float) -> bool:
        return self.ends_at is not None and self.ends_at <= now

    @property
    def role(self) -> str:
        return self.actor.role

    @property
    def account(self) -> str:
        return self.actor.account


def check_may_see(account: str, call: Call) -> None:
    """What a query shows of an account is shown to its holder, and to who sees all."""
    if call.role in HOLDER_ROLES and call.account != account:
        raise NotPermitted("NOT_OWNER_OF_ACCOUNT", account=account, actor=str(call.actor))


class Refused(Exception):
    """Another service refused our call with a reason. To an order this is no answer: see caller.py."""

    def __init__(self, code: grpc.StatusCode, reason: str, facts: Mapping[str, str]) -> None:
        super().__init__(reason, facts)
        self.code = code
        self.reason = reason
        self.facts = dict(facts)


class NotYet(Exception):
    """The other side has not come so far; the order is sent again later."""


class WaitsForPeople(NotYet):
    """An order has no answer that counts, and will hardly get one before people have looked at it. Whether it was
    carried out is open; it is sent again like one that the other side has not come so far for.
    """

    def __init__(self, service: str, reason: str, facts: Mapping[str, str], what: str) -> None:
        stated = " ".join(f"{name}={value}" for name, value in sorted(facts.items()))
        super().__init__(f"{service} {what} {reason} {stated}, which is no answer")
        self.service = service
        self.reason = reason
        self.facts = facts


class OrderRefused(WaitsForPeople):
    """A gRPC refusal came instead of an answer to an order. Whether the order was carried out it does not say."""

    def __init__(self, service: str, refusal: Refused) -> None:
        super().__init__(service, refusal.reason, refusal.facts, "refuses the order with")


class AnswerContradictory(WaitsForPeople):
    """What another service answers to an order cannot be right."""

    def __init__(self, service: str, reason: str, **facts: str) -> None:
        super().__init__(service, reason, facts, "answers the order with what is")


class Unavailable(Exception):
    """No answer can be given now; the same call may be made again."""


class KeptAway(Unavailable):
    """Nobody of this role is let in now, as the facts say; nothing was done, and the same call may be made later."""

    def __init__(self, reason: str, **facts: int | str) -> None:
        super().__init__(reason, facts)
        self.reason = reason
        self.facts = facts


class Unauthenticated(Exception):
    """The caller does not say, in the form asked for, who it is."""


class Overloaded(Exception):
    """A bound is reached, as the facts say; nothing was done, and the same call may be made again after a pause."""

    def __init__(self, reason: str, **facts: int | str) -> None:
        super().__init__(reason, facts)
        self.reason = reason
        self.facts = facts


class Expired(Exception):
    """The caller gave up, or its deadline passed, before it was decided: nothing was done."""


class RequestIdReused(Exception):
    """The request id was used by this actor for another command."""


class Bug(Exception):
    """The code is wrong, not the request. The command changed nothing."""


class HeldBack(Bug):
    """Nothing is wrong: what is heard, due or answered has to wait for people. Like a bug it changed nothing, and what
    comes after it waits too; but it is no error of the code, and is not logged as one.
    """


class NoRoom(HeldBack):
    """It had to be set aside, and there is no room beside the `set_aside_bytes` that are."""

    def __init__(self, why: str, set_aside_bytes: int) -> None:
        super().__init__(why)
        self.set_aside_bytes = set_aside_bytes


def in_words(error: BaseException) -> str:
    """An error as a record or an answer states it: what Python itself would write is not part of the language."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def bug_in(command: object, error: Exception) -> Bug:
    """What failed a command's decision, with where it happened."""
    return Bug(f"{type(command).__name__} failed: {in_words(error)}").with_traceback(error.__traceback__)
