"""Who calls, in the tests of the shell: a call as the server's frame makes it."""

from typing import Any

from chassis.core.call import Call
from chassis.core.decider import Actor
from chassis.core.submission import AskedCommand, timer_actor
from chassis.serving.heading import actor_called


def acting(actor: str) -> Actor:
    """An actor by `role:name`, a timer among them."""
    role, _, name = actor.partition(":")
    return timer_actor(name) if role == "timer" else actor_called(role, name)


def call_of(actor: str, request_id: str = "") -> Call:
    """A call by `role:name`."""
    return Call(acting(actor), request_id)


def call_for(actor: str, request: Any, traceparent: str = "") -> Call:
    """A call with a request, its own request id read."""
    return Call(acting(actor), getattr(request, "request_id", ""), traceparent)


def asked(actor: str, request_id: str, command: object, traceparent: str = "") -> AskedCommand:
    """What the engine is given for a command by `role:name`."""
    return AskedCommand(acting(actor), request_id, command, traceparent)
