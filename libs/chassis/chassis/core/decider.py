"""What a domain is to the shell: decide, evolve, timers, refusals. Of the chassis a domain imports this module, and the
pure `core.shapes` (texts), `core.days` (China's days), `core.numbers_taken`, `core.sum_tree`, `core.commitment` and
`say.traceparent`, nothing else.

A domain is two tables of functions over one root state. `decide(state, command, context)` returns the events that the
command causes, or raises `Rejected`; `evolve(state, event)` applies one event in place and never refuses: it asserts.
Time, actor and ids come in with the context and the state, so the same history always folds to the same state.

Invariants: decide changes nothing; an accepted command causes at least one event (so that its repeat can be
recognised); a heard event or a timer may cause none.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

A = TypeVar("A")
S = TypeVar("S")
F = TypeVar("F")
C = TypeVar("C")
E = TypeVar("E")

Facts = tuple[tuple[str, str], ...]
"""A refusal's facts as an event keeps them: names and values, in the order of their names."""


def as_facts(**named: int | str) -> Facts:
    return tuple(sorted((name, str(value)) for name, value in named.items()))


NO_ITEMS = bytes(32)
"""The digest of an empty list."""


def digest_with(digest: bytes, *values: int | str) -> bytes:
    """The digest of a list with one item more: SHA-256 of the digest before it and the item's values, each followed by
    a zero byte. It is the same however the list is divided into pages, so both sides of an order compare long lists.
    """
    return hashlib.sha256(digest + "".join(f"{value}\0" for value in values).encode()).digest()


class Claim(NamedTuple):
    """A name that is taken once and for ever, by the event of a command: its kind, its owner, and the name itself."""

    kind: str
    scope: str
    name: str


Claimed = tuple[Claim, Facts]
"""What an event takes, and what a later request for it is answered with."""

NOTHING_TAKEN: Mapping[Claim, Facts] = {}


class Rejected(Exception):
    """The domain says no: the request is well formed, but the state of things does not allow it.

    `reason` is UPPER_SNAKE and states a fact; `facts` are what a person needs to correct the request.
    """

    def __init__(self, reason: str, /, **facts: int | str) -> None:
        super().__init__(reason, facts)
        self.reason = reason
        self.facts = facts

    def __str__(self) -> str:
        return " ".join((self.reason, *(f"{name}={value}" for name, value in self.facts.items())))


class Malformed(Rejected):
    """The request can be right at no time: a missing, negative, huge or ill-written value.

    `field` is where the request has it, as a path from the request down: `legs[3].seller`.
    """

    def __init__(self, reason: str, field: str, /, **facts: int | str) -> None:
        super().__init__(reason, **facts)
        self.field = field

    def within(self, path: str) -> "Malformed":
        """The same of a part of the request: `legs[3]`."""
        self.field = f"{path}.{self.field}"
        return self


class NotFound(Rejected):
    """The request names something that is not there."""


class BeyondEnd(Rejected):
    """The request names a place after the end of a log or a feed: there is nothing to wait for. Whoever was given that
    place was given it by another log, or this one came back older.
    """

    def __init__(self, reason: str, field: str, /, **facts: int | str) -> None:
        super().__init__(reason, **facts)
        self.field = field


class NotPermitted(Rejected):
    """The actor may not do this to that: somebody else's account, somebody else's order."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, in which role, and for which account.

    The subject is a person's name without any role: a person who acts in two roles is one. A service that heard or was
    answered is `service:LOG`, a timer `timer:LOG`; no person's name has a colon. The account is the participant,
    province or bank acted for; empty for those who act for the market itself. Whose an account is, is checked by the
    account; whether two people act, by the subject.
    """

    subject: str
    role: str
    account: str = ""

    def __str__(self) -> str:
        return self.subject if ":" in self.subject else f"{self.role}:{self.subject}"


@dataclass(frozen=True, slots=True)
class Context:
    """What a decision may know besides state and command.

    now_ms is the market's time (milliseconds since 1970, UTC) and never goes back within a log. set_aside counts the
    heard events that could not be applied and wait for people, the last of them at position set_aside_last; halted
    names the sources that are not heard any further. approval is what the decision rests on (`LOG/POSITION`), where two
    people asked for it, and proposed_by the first of them (`role:name`). late: what is decided was set aside before,
    and what came after it was heard already. release_level is the one activated last: what a later one brings is not
    decided yet. taken holds those of the names that the command asks for which are taken already. next_position is the
    position in the log that the first event of the decision will have.
    """

    now_ms: int
    actor: Actor
    set_aside: int = 0
    halted: tuple[str, ...] = ()
    release_level: int = 0
    set_aside_last: int = 0
    approval: str = ""
    proposed_by: str = ""
    late: bool = False
    taken: Mapping[Claim, Facts] = field(default_factory=dict)
    next_position: int = 0

    @property
    def subject(self) -> str:
        return self.actor.subject

    @property
    def role(self) -> str:
        return self.actor.role

    @property
    def account(self) -> str:
        return self.actor.account


def person(actor: str) -> str:
    """Who acts in two roles is one person."""
    return actor.partition(":")[2]


def doubts(context: Context) -> list[Rejected]:
    """Why this service's books may lack what another one's say: what depends on both must wait until people have dealt
    with it.
    """
    found: list[Rejected] = [Rejected("HEARING_HALTED", source=source) for source in context.halted]
    if context.set_aside:
        found.append(Rejected("SET_ASIDE_PENDING", set_aside=context.set_aside))
    return found


def check_no_doubts(context: Context) -> None:
    """What moves money or units on another service's word does not happen while some of its word is missing here."""
    for doubt in doubts(context):
        raise doubt


def known_account(accounts: Mapping[str, A], account: str) -> A:
    known = accounts.get(account)
    if known is None:
        raise NotFound("ACCOUNT_UNKNOWN", account=account)
    return known


def check_owner(account: str, context: Context) -> None:
    """Only a caller that acts for an account may give commands for it. Raises NotPermitted."""
    if context.account != account:
        raise NotPermitted("NOT_OWNER_OF_ACCOUNT", account=account, actor=str(context.actor))


@dataclass(frozen=True, slots=True)
class Timer:
    """A command that becomes due: its name (`close-day/2026-12-31`) makes it happen once. It continues the trace of
    `subject`, where that is open. `traces` says which trace a subject of its events continues (`trade/17`), where the
    domain's state keeps that.
    """

    due_ms: int
    name: str
    command: object
    subject: str = ""
    traces: Mapping[str, str] = field(default_factory=dict)


Decided = list[Any]
"""The events that a command causes."""

# Tables by type. A function fits the type that it is looked up by, because an entry is made by one of the functions
# below: each takes a type together with a function of that type, and mypy refuses any other.

Decide = Mapping[type, Callable[[S, Any, Context], Decided]]
"""By command."""
Evolve = Mapping[type, Callable[[S, Any], None]]
"""By event."""
Asks = Mapping[type, Callable[[Any, Actor], Iterable[Claim]]]
"""By command: the names it asks for. Its state would grow without end if it remembered them; the shell keeps them."""
Claims = Mapping[type, Callable[[S, Any], Iterable[Claimed]]]
"""By event: the names it takes, of the state before it. Its command asked for them, and found them free."""


def handles(command: type[C], decide: Callable[[S, C, Context], Decided]) -> Decide[S]:
    return {command: decide}


def applies(event: type[E], evolve: Callable[[S, E], None]) -> Evolve[S]:
    return {event: evolve}


def asks_for(command: type[C], names: Callable[[C, Actor], Iterable[Claim]]) -> Asks:
    return {command: names}


def claims(event: type[E], names: Callable[[S, E], Iterable[Claimed]]) -> Claims[S]:
    return {event: names}


def merged(*tables: Mapping[type, F]) -> Mapping[type, F]:
    """One table out of several; a type belongs to one of them only."""
    whole: dict[type, F] = {}
    for table in tables:
        twice = sorted(kind.__name__ for kind in whole.keys() & table.keys())
        assert not twice, f"in two tables: {twice}"
        whole.update(table)
    return whole


def never(state: object) -> Timer | None:
    return None


@dataclass(frozen=True, slots=True)
class Decider(Generic[S]):
    """A domain, whole: its empty state, its two tables, the timer that is due first, the commands that always take two
    people (approvals.py), and the names it wants unique.
    """

    initial: Callable[[], S]
    decide: Decide[S]
    evolve: Evolve[S]
    due: Callable[[S], Timer | None] = never
    needs_two: frozenset[type] = frozenset()
    asks: Asks = field(default_factory=dict)
    claims: Claims[S] = field(default_factory=dict)
