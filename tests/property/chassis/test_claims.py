"""Names that are taken for ever: looked up in the log and kept for a moment in memory, they answer as a set would."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from google.protobuf import wrappers_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from chassis.core.call import Bug
from chassis.core.claims import may_be_claimed
from chassis.core.decider import Claim, Context, Decider, Rejected, as_facts
from chassis.core.engine import Done, Engine
from chassis.core.shell import OpenLog
from chassis.core.submission import AskedCommand
from chassis.core.wire import EventKind, Wire
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.writer import catch_up
from chassis.say.tracing import Tracing
from support.shell.asking import acting

ADA = acting("participant:ada")
SUBMISSIONS_MAX = 8


@dataclass(frozen=True, slots=True)
class Name:
    name: str


@dataclass(frozen=True, slots=True)
class Named:
    value: str


@dataclass(slots=True)
class Nothing:
    count: int = 0


def claim_of(name: str) -> Claim:
    return Claim("name", "", name)


def give(state: Nothing, command: Name, context: Context) -> list[object]:
    before = context.taken.get(claim_of(command.name))
    if before is not None:
        raise Rejected("NAME_TAKEN", **dict(before))
    return [Named(command.name)]


def forget(state: Nothing, command: Name, context: Context) -> list[object]:
    return [Named(command.name)]


def on_named(state: Nothing, event: Named) -> None:
    state.count += 1


DOMAIN: Decider[Nothing] = Decider(
    initial=Nothing,
    decide={Name: give},
    evolve={Named: on_named},
    asks={Name: lambda command, actor: [claim_of(command.name)]},
    claims={Named: lambda state, event: [(claim_of(event.value), as_facts(number=state.count + 1))]},
)
WIRE = Wire(EventKind(Named, pb.StringValue))


@dataclass
class Service:
    """An engine whose appends are in flight while the next batch is decided, as the writer does it."""

    decider: Decider[Nothing] = DOMAIN
    store: MemoryStore = field(default_factory=lambda: MemoryStore("names"))
    in_flight: list[Callable[[], Any]] = field(default_factory=list)
    ids: int = 0

    def __post_init__(self) -> None:
        self.start()
        self.engine.decide(AskedCommand(ADA, "", OpenLog(True)), {}, 1)
        self.append()

    def start(self) -> None:
        """What was in flight is lost with the process."""
        self.in_flight = []
        self.log = MemoryLog(self.store)
        self.store.leader = self.log
        self.engine: Engine[Nothing] = Engine("names", self.decider, WIRE, Tracing())
        asyncio.run(catch_up(self.engine, self.log))

    def land(self) -> None:
        for append in self.in_flight:
            asyncio.run(append())
        self.in_flight = []

    def append(self) -> None:
        self.land()
        batch = self.engine.take_batch()
        self.in_flight = [lambda: self.log.append(batch.head, batch.records, batch.heard, None, batch.claims)]

    def batch(self, names: list[str]) -> list[object]:
        asked = []
        for name in names:
            self.ids += 1
            asked.append(AskedCommand(ADA, f"r{self.ids}", Name(name)))
        stored = asyncio.run(self.log.find_claims([claim for one in asked for claim in self.engine.claims_of(one)]))
        outcomes = [self.engine.decide(one, {}, 1, stored) for one in asked]
        self.append()
        return [reason_of(outcome) for outcome in outcomes]


def reason_of(outcome: object) -> object:
    if isinstance(outcome, Rejected):
        return outcome.reason, outcome.facts["number"]
    assert isinstance(outcome, Done), outcome
    return "named"


names = st.lists(st.sampled_from(["ann", "bob", "cat", "dan", "eve", "\0", "x" * 2_000]), max_size=SUBMISSIONS_MAX)


@given(st.lists(st.tuples(names, st.booleans()), max_size=12))
def test_names_looked_up_in_the_log_answer_as_a_set_in_memory_does(steps: list[tuple[list[str], bool]]) -> None:
    service, numbers = Service(), dict[str, int]()
    for asked, restarts in steps:
        if restarts:
            service.land()
            service.start()
        expected: list[object] = []
        storable = [name for name in asked if may_be_claimed(claim_of(name))]
        for name in storable:
            expected.append(("NAME_TAKEN", str(numbers[name])) if name in numbers else "named")
            numbers.setdefault(name, len(numbers) + 1)
        assert service.batch(storable) == expected
    service.land()
    assert service.store.claims == {claim_of(name): as_facts(number=number) for name, number in numbers.items()}


@given(names)
def test_a_rule_that_forgets_to_look_or_takes_what_it_did_not_ask_for_is_a_bug_and_changes_nothing(
    asked: list[str],
) -> None:
    forgetful = Service(replace(DOMAIN, decide={Name: forget}))
    unasked = Service(replace(DOMAIN, asks={}))
    seen: set[str] = set()
    for name in asked:
        command = AskedCommand(ADA, f"r{len(seen)}{name[:3]!r}", Name(name))
        outcome = forgetful.engine.decide(command, {}, 1)
        storable = may_be_claimed(claim_of(name))
        assert isinstance(outcome, Done if storable and name not in seen else Bug)
        seen |= {name} if storable else set()
        head = unasked.engine.head
        assert isinstance(unasked.engine.decide(command, {}, 1), Bug)
        assert unasked.engine.head == head
