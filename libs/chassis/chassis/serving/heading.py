"""The metadata of a call: who calls, for which trace, and until when an answer is useful. Each may be sent once."""

import asyncio
import re
from dataclasses import dataclass
from typing import TypeAlias

import grpc.aio

from chassis.core.call import Call, Expired, Unauthenticated
from chassis.core.decider import Actor, Malformed, NotPermitted
from chassis.core.roles import ACTING_FOR_AN_ACCOUNT
from chassis.core.submission import service_actor
from chassis.edges.remote import ACTOR_HEADER, GIVEN_AGAIN_HEADER, TRACE_HEADER
from chassis.say.traceparent import well_formed

ACTOR_FORM = re.compile(r"([a-z_]{1,32}):([a-z0-9][a-z0-9._-]{0,63})")
SERVICE = "service"
PASSED_ON_HEADER = "carbonmarket-passed-on"
"""A call is passed on once: two replicas that each take the other for the leader must not send it to and fro."""
GIVEN_AGAIN = "yes"
METADATA_READ = frozenset({ACTOR_HEADER, TRACE_HEADER, PASSED_ON_HEADER, GIVEN_AGAIN_HEADER})
"""Each is refused where it comes twice; of two traceparents, gRPC itself hands on the last one only."""

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"


@dataclass(slots=True)
class Heading:
    """What a call says beside its request, each thing once: who calls, whose trace it is, whether it was passed on,
    whether it is given again, and until when an answer is of use. (That is up to a hundredth late, because gRPC rounds
    a timeout up on its way; the caller itself gives up in time, and with it what serves it.)
    """

    actor: str = ""
    traceparent: str = ""
    was_passed_on: bool = False
    given_again: str = ""
    ends_at: float | None = None

    def check_in_time(self) -> None:
        """Raises Expired."""
        if self.seconds_left() == 0:
            raise Expired

    def seconds_left(self) -> float | None:
        """Until the deadline; None without one."""
        return None if self.ends_at is None else max(self.ends_at - asyncio.get_running_loop().time(), 0.0)

    def passed_on(self) -> tuple[tuple[str, str], ...]:
        said = ((ACTOR_HEADER, self.actor), (TRACE_HEADER, self.traceparent), (GIVEN_AGAIN_HEADER, self.given_again))
        return (*((name, value) for name, value in said if value), (PASSED_ON_HEADER, "once"))


def heading_of(context: Context) -> Heading:
    """Raises Malformed for metadata sent twice (which one is meant?) and for a word other than `yes` for what is given
    again, and Expired if the deadline has passed.
    """
    said: dict[str, str] = {}
    for name, value in context.invocation_metadata() or ():
        if name in METADATA_READ:
            if name in said:
                raise Malformed("METADATA_REPEATED", "", name=name)
            said[name] = str(value)
    given_again = said.get(GIVEN_AGAIN_HEADER, GIVEN_AGAIN)
    if given_again != GIVEN_AGAIN:
        raise Malformed("GIVEN_AGAIN_MALFORMED", "", name=GIVEN_AGAIN_HEADER, value=given_again, must_be=GIVEN_AGAIN)
    left = context.time_remaining()
    heading = Heading(
        actor=said.get(ACTOR_HEADER, ""),
        traceparent=well_formed(said.get(TRACE_HEADER, "")),
        was_passed_on=PASSED_ON_HEADER in said,
        given_again=said.get(GIVEN_AGAIN_HEADER, ""),
        ends_at=None if left is None else asyncio.get_running_loop().time() + left,
    )
    heading.check_in_time()
    return heading


def authenticate(heading: Heading, roles: frozenset[str]) -> Call:
    """The caller, if its role may make this call. Raises Unauthenticated or NotPermitted."""
    form = ACTOR_FORM.fullmatch(heading.actor)
    if form is None:
        raise Unauthenticated(f"send metadata {ACTOR_HEADER}: role:name, got '{heading.actor}'")
    role, name = form.groups()
    if role not in roles:
        raise NotPermitted("ROLE_NOT_ALLOWED", role=role, roles=", ".join(sorted(roles)))
    return Call(
        actor_called(role, name),
        traceparent=heading.traceparent,
        given_again=heading.given_again == GIVEN_AGAIN,
        ends_at=heading.ends_at,
    )


def actor_called(role: str, name: str) -> Actor:
    """Who says of itself `role:name`. In a role that acts for an account, the account has the caller's name."""
    if role == SERVICE:
        return service_actor(name)
    return Actor(name, role, name if role in ACTING_FOR_AN_ACCOUNT else "")
