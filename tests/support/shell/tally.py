"""A domain small enough to test the shell with: a tally that grows, by somebody, up to a bound.

Its messages are declared here, so that the shell's tests need no contract of their own.
"""

from dataclasses import dataclass, field

from chassis.core.decider import Context, Decider, Rejected, Timer
from chassis.core.wire import EventKind, Wire
from support.shell.messages import messages

TALLY_MAX = 1_000

MESSAGES = messages(
    """
    package tally.v1;
    message Added { int64 amount = 1; }
    message Promised { int64 due_ms = 1; }
    message Ordered { string what = 1; }
    message Delivered { string what = 1; }
    """
)


@dataclass(frozen=True, slots=True)
class Add:
    amount: int


@dataclass(frozen=True, slots=True)
class AddLater:
    """Falls due at `due_ms`."""

    due_ms: int


@dataclass(frozen=True, slots=True)
class Ring:
    due_ms: int


@dataclass(frozen=True, slots=True)
class Order:
    what: str


@dataclass(frozen=True, slots=True)
class Answered:
    what: str


@dataclass(frozen=True, slots=True)
class Break:
    """A decision with a bug in it."""


@dataclass(frozen=True, slots=True)
class Added:
    amount: int


@dataclass(frozen=True, slots=True)
class Promised:
    due_ms: int


@dataclass(frozen=True, slots=True)
class Ordered:
    what: str


@dataclass(frozen=True, slots=True)
class Delivered:
    what: str


@dataclass(slots=True)
class Tally:
    total: int = 0
    due: list[int] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)


def add(state: Tally, command: Add, context: Context) -> list[object]:
    if state.total + command.amount > TALLY_MAX:
        raise Rejected("TALLY_FULL", total=state.total, tally_max=TALLY_MAX)
    return [Added(command.amount)]


def add_later(state: Tally, command: AddLater, context: Context) -> list[object]:
    return [Promised(command.due_ms)]


def ring(state: Tally, command: Ring, context: Context) -> list[object]:
    assert context.now_ms >= command.due_ms
    return [Added(1)]


def order(state: Tally, command: Order, context: Context) -> list[object]:
    return [Ordered(command.what)]


def answered(state: Tally, command: Answered, context: Context) -> list[object]:
    return [Delivered(command.what)]


def fail(state: Tally, command: Break, context: Context) -> list[object]:
    raise ZeroDivisionError("a bug")


def on_added(state: Tally, event: Added) -> None:
    state.total += event.amount
    assert state.total <= TALLY_MAX
    if event.amount == 1 and state.due:
        state.due.pop(0)


def on_promised(state: Tally, event: Promised) -> None:
    state.due.append(event.due_ms)


def on_ordered(state: Tally, event: Ordered) -> None:
    """An order changes nothing before its answer."""


def on_delivered(state: Tally, event: Delivered) -> None:
    state.delivered.append(event.what)


def due(state: Tally) -> Timer | None:
    return Timer(state.due[0], f"ring/{state.due[0]}", Ring(state.due[0])) if state.due else None


def decider() -> Decider[Tally]:
    return Decider(
        initial=Tally,
        decide={Add: add, AddLater: add_later, Ring: ring, Order: order, Answered: answered, Break: fail},
        evolve={Added: on_added, Promised: on_promised, Ordered: on_ordered, Delivered: on_delivered},
        due=due,
    )


def of(event: Ordered | Delivered) -> tuple[str]:
    return (event.what,)


def subject(event: Ordered | Delivered) -> str:
    return f"order/{event.what}"


WIRE = Wire(
    EventKind(Added, MESSAGES["Added"]),
    EventKind(Promised, MESSAGES["Promised"]),
    EventKind(Ordered, MESSAGES["Ordered"], accounts=of, subject=subject),
    EventKind(Delivered, MESSAGES["Delivered"], accounts=of, subject=subject, ends_subject=True),
)
