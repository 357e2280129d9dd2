"""The three services in one process, without a clock, a socket or a database: a deterministic simulation.

The deciders, the wire tables, the api methods, the reactions and the calls are the real ones; what they run on is this
module: logs in memory, and a scheduler that a seed drives. Between any two commands it lets records arrive late, twice
or in disorder, drops calls and answers, repeats calls that were answered, and ends a service before or after a commit,
so that it comes back from its log. The same seed does the same.

Checked on the way: a restarted service folds its log to the state it had; a repeated command gets the first answer; no
decision fails by a bug; nothing gets stuck.
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.message import Message

from carbonmarket.registry.v1 import registry_events_pb2 as registry_events
from carbonmarket.registry.v1 import registry_query_service_pb2 as registry_queries
from chassis.call import Bug, Call, NotYet, OrderRefused, RequestIdReused, Unavailable
from chassis.call import Refused as AnsweredNo
from chassis.decider import Actor, Context, Rejected
from chassis.engine import Done, Engine, Outcome
from chassis.errors import failure_of
from chassis.hearing import Heard, next_in_order
from chassis.log import Found, Key
from chassis.memory_log import MemoryLog, MemoryStore
from chassis.record import Record, genesis
from chassis.shell import MoveClock, OpenLog, TakeLeadership
from chassis.snapshots import Snapshots
from chassis.submission import AskedCommand, OrderAnswer, Submission, heard_record
from chassis.tracing import Tracing
from chassis.writer import Read
from clearing.__main__ import CLEARING
from registry.__main__ import REGISTRY
from support.asking import asked, call_for, call_of
from support.calls import RPCS, Answered, Refused
from trading.__main__ import TRADING

T = TypeVar("T")

BEGINS_MS = 1_626_307_200_000  # 2021-07-15, 08:00 in China
STEPS_MAX = 20_000
SNAPSHOT_SHARE = 0.01
SERVICES = {service.name: service for service in (REGISTRY, TRADING, CLEARING)}


class Crashed(Exception):
    """The service ended before it could answer."""


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs what has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise AssertionError("it waited for something")


@dataclass(frozen=True, slots=True)
class Weather:
    """How rough it is: chances, each from 0 to 1."""

    crash: float = 0.01
    lose: float = 0.1
    repeat: float = 0.1
    busy: float = 0.7

    @classmethod
    def of(cls, seed: int) -> "Weather":
        """From calm to stormy."""
        draw = random.Random(f"weather {seed}")
        return cls(
            draw.choice([0, 0.002, 0.01, 0.03]), draw.choice([0, 0.1, 0.4]), draw.choice([0, 0.1]), draw.random()
        )


class Node:
    """One service: a log that survives, and a process that does not."""

    def __init__(self, name: str, world: "World") -> None:
        self.service = SERVICES[name]
        self.world = world
        self.store = MemoryStore(name)
        self.up = False
        self.before_the_end: object = None
        self.starts = 0

    @property
    def name(self) -> str:
        return self.service.name

    # The process

    def start(self) -> None:
        """Folds the log; what was there before the end must be there again."""
        orders = frozenset(self.service.calls)
        self.engine: Engine[Any] = Engine(self.name, self.service.decider, self.service.wire, Tracing(), orders)
        self.snapshots = Snapshots(MemoryLog(self.store), "this code", [self.name])
        at_once(self.snapshots.restore(self.engine))
        for record in self.store.records[self.engine.head.position :]:
            self.engine.apply(record)
        self.engine.hear_from(self.store.heard.values())
        if self.before_the_end is not None:
            assert self.engine.state == self.before_the_end, f"{self.name}: the replayed state is another"
        parts: Any = self
        self.apis = {descriptor.full_name: api for descriptor, api in self.service.services(parts)}
        self.up = True
        self.starts += 1
        if not self.store.records:
            self._decide_and_commit([asked(f"service:{self.name}", "", OpenLog(True))])
        self._decide_and_commit([asked(f"service:{self.name}", "", TakeLeadership(f"{self.name}:{self.starts}"))])

    def crash(self, *, all_committed: bool = True) -> None:
        self.before_the_end = self.engine.state if all_committed else None
        self.up = False
        self.world.crashes += 1

    def decide(self, submissions: list[Submission]) -> list[Outcome]:
        """One batch. The process may end before its commit, or after it and before the answers."""
        assert self.up
        if self.world.chance(self.world.weather.crash):
            committed = self.world.chance(0.5)
            if committed:
                self._decide_and_commit(submissions)
            self.crash(all_committed=committed)
            raise Crashed(self.name)
        return self._decide_and_commit(submissions)

    def _decide_and_commit(self, submissions: list[Submission]) -> list[Outcome]:
        found = self.store.commands
        outcomes = [self._first_answer(self.engine.decide(each, found, BEGINS_MS)) for each in submissions]
        batch = self.engine.take_batch()
        assert batch.head == self.store.head(), "an append extends the head it knows"
        self.store.records.extend(batch.records)
        for record in batch.records:
            if record.command_digest:
                accepted = Found(record.command_digest, record.position, record.command_events)
                found[Key(record.subject, record.account, record.request_id)] = accepted
        if self.world.chance(SNAPSHOT_SHARE):
            at_once(self.snapshots.save(self.snapshots.take(self.engine)))
        self.store.heard |= {upto.log_id: upto for upto in batch.heard}
        for outcome in outcomes:
            if isinstance(outcome, Bug):
                raise AssertionError(f"{self.name}: {outcome}") from outcome
        return outcomes

    def _first_answer(self, outcome: Outcome) -> Outcome:
        """The answer of a command that an earlier process had accepted."""
        if not isinstance(outcome, Found):
            return outcome
        records = self.store.records[outcome.position - 1 : outcome.position - 1 + outcome.events]
        events = tuple(self.engine.wire.decode(record.type, record.data) for record in records)
        return Done(events, records[-1].position)

    # What the service's own code calls: the writer and the tables

    @property
    def writer(self) -> Any:
        return self

    @property
    def tables(self) -> None:
        return None

    async def submit(self, command: object, call: Call) -> Done:
        (outcome,) = self.decide([AskedCommand(call.actor, call.request_id, command, "", call.subject_traces)])
        if isinstance(outcome, Exception):
            raise outcome
        assert isinstance(outcome, Done)
        return outcome

    async def read(self, look: Callable[[Any], T]) -> Read[T]:
        heard = {upto.log_id: upto.position for upto in self.engine.heard.values()}
        return Read(look(self.engine.state), self.engine.head.position, heard)

    def context(self, actor: Actor) -> Context:
        return self.engine.context(actor, self.engine.shell.clock_ms)

    # Hearing

    def heard_upto(self, source: str) -> int:
        upto = self.engine.heard.get(source)
        return upto.position if upto else genesis(source).position

    def hear(self, source: "Node", arrived: list[Record]) -> None:
        """What arrived, in whatever order; what is missing before it is read from the log first."""
        ready, gap = next_in_order(self.heard_upto(source.name), arrived)
        if gap:
            ready = source.store.records[self.heard_upto(source.name) : max(record.position for record in arrived)]
        if ready:
            self.decide([self._submission(source.name, record) for record in ready])

    def _submission(self, source: str, record: Record) -> Submission:
        reactions = {kind.DESCRIPTOR.full_name: (kind, react) for kind, react in self.service.reactions.items()}
        command = None
        if record.type in reactions:
            kind, react = reactions[record.type]
            command = react(kind.FromString(record.data), Heard(record.position))
        return heard_record(source, record, command)

    # Orders to other services

    def send(self, position: int) -> None:
        """Sends an order, perhaps one that was answered long ago, and takes the answer."""
        record = self.store.records[position - 1]
        order = self.engine.wire.decode(record.type, record.data)
        outgoing = OutgoingHere(self, position)
        try:
            call: Any = self.service.calls[type(order)]
            answer = at_once(call(order, outgoing))
        except NotYet:
            return
        if self.up:
            self.decide([OrderAnswer(self.name, position, answer)])

    def answer(self, rpc: str, actor: str, request: Message) -> Any:
        """An api method's answer. Raises what it raises, and Crashed."""
        if not self.up:
            raise Unavailable(f"{self.name} is away")
        if isinstance(request, registry_queries.ListTradingHoldingsRequest):
            return trading_holdings(self.store.records, request.as_of_position)
        service, _, method = rpc.removeprefix("/").rpartition("/")
        return at_once(getattr(self.apis[service], method)(request, call_for(actor, request)))


@dataclass(slots=True)
class OutgoingHere:
    """An order on its way through the simulation: what a function in calls.py may use."""

    node: Node
    position: int

    @property
    def order_id(self) -> str:
        return f"{self.node.name}/{self.position}"

    async def unary(self, service: str, rpc: str, request: Message, response: type[Message]) -> Message:
        world = self.node.world
        if world.chance(world.weather.lose):
            raise NotYet("the call was lost")
        request = world.change_request(service, request)
        try:
            answered: Message = world.nodes[service].answer(rpc, f"service:{self.node.name}", request)
        except (Crashed, Unavailable) as error:
            raise NotYet("no answer") from error
        except (Rejected, RequestIdReused) as error:
            failure = failure_of(error)
            raise OrderRefused(service, AnsweredNo(failure.code, failure.reason, failure.facts)) from error
        if world.chance(world.weather.lose):
            raise NotYet("the answer was lost")
        return world.change_answer(service, request, answered)

    async def read(self, look: Callable[[Any], T]) -> Read[T]:
        return await self.node.read(look)

    def trace(self, subject: str) -> str:
        return ""


class World:
    """The market, and the port through which a day is played on it."""

    def __init__(self, seed: int, weather: Weather | None = None) -> None:
        self.random = random.Random(f"world {seed}")
        self.weather = weather if weather is not None else Weather.of(seed)
        self.answered: list[Answered] = []
        self.refusals: Counter[str] = Counter()
        self.crashes = 0
        self.away: set[str] = set()
        self.change_request: Callable[[str, Message], Message] = lambda service, request: request
        self.change_answer: Callable[[str, Message, Message], Message] = lambda service, request, answer: answer
        self.nodes = {name: Node(name, self) for name in SERVICES}
        for node in self.nodes.values():
            node.start()

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    # The port

    async def call(self, actor: str, request: Message) -> Any:
        rpc = RPCS[request.DESCRIPTOR.full_name]
        request_id = getattr(request, "request_id", "")
        answered = self._insist(rpc.service, lambda node: node.answer(rpc.path, actor, request))
        if not request_id:
            return answered
        self.answered.append(Answered(rpc.service, actor, request_id, answered.position))
        if self.chance(self.weather.repeat):
            again = self._insist(rpc.service, lambda node: node.answer(rpc.path, actor, request))
            assert again == answered, f"a repeat got another answer: {request}: {answered}, then {again}"
        return answered

    async def move_clock(self, service: str, to_ms: int) -> None:
        command = MoveClock(to_ms)
        call = call_of("exchange_operator:clock", f"clock/{to_ms}")
        self._insist(service, lambda node: at_once(node.submit(command, call)))

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        for _ in range(STEPS_MAX):
            if await condition():
                return
            self.step()
        raise AssertionError(f"{STEPS_MAX} steps did not bring {what}: {self.standing()}")

    async def at_rest(self) -> bool:
        return all(
            node.up
            and not node.engine.shell.unanswered
            and all(node.heard_upto(source) == len(self.nodes[source].store.records) for source in node.service.sources)
            for node in self.nodes.values()
        )

    def _insist(self, service: str, ask: Callable[[Node], T]) -> T:
        """Asks under the same request id until there is an answer. Raises Refused."""
        node = self.nodes[service]
        for _ in range(STEPS_MAX):
            while self.chance(self.weather.busy):
                self.step()
            try:
                if not node.up:
                    raise Unavailable(service)
                return ask(node)
            except (Crashed, Unavailable):
                self.step()
            except (Rejected, RequestIdReused) as error:
                failure = failure_of(error)
                self.refusals[failure.reason] += 1
                raise Refused(failure.code.name, failure.reason, failure.facts) from error
        raise AssertionError(f"{service} did not answer in {STEPS_MAX} steps: {self.standing()}")

    # The scheduler

    def step(self) -> None:
        """One thing happens somewhere: a start, an arrival, an order sent."""
        node = self.random.choice(list(self.nodes.values()))
        if not node.up:
            if node.name not in self.away:
                node.start()
            return
        try:
            if node.engine.shell.unanswered and self.chance(0.3):
                self._send_something(node)
            elif node.service.sources:
                self._deliver_something(node)
        except Crashed:
            return

    def _send_something(self, node: Node) -> None:
        position = self.random.choice(sorted(node.engine.shell.unanswered))
        node.send(position)
        if self.chance(self.weather.repeat) and node.up:
            node.send(position)

    def _deliver_something(self, node: Node) -> None:
        source = self.nodes[self.random.choice(list(node.service.sources))]
        records, upto = source.store.records, node.heard_upto(source.name)
        first = upto
        if self.chance(self.weather.repeat):
            first = max(0, upto - 3)
        elif self.chance(self.weather.lose):
            first = upto + self.random.randint(1, 5)
        arrived = records[first : first + self.random.randint(1, 20)]
        self.random.shuffle(arrived)
        if arrived:
            node.hear(source, arrived)

    def standing(self) -> dict[str, object]:
        return {
            name: (node.up, len(node.store.records), sorted(node.engine.shell.unanswered), dict(node.engine.heard))
            for name, node in self.nodes.items()
        }


def trading_holdings(records: list[Record], as_of: int) -> registry_queries.ListTradingHoldingsResponse:
    """The registry's query, from its log: its tables are PostgreSQL's business."""
    held: Counter[tuple[str, str]] = Counter()
    for record in records[:as_of]:
        kind = record.type.rpartition(".")[2]
        if kind == "TransferredToTrading":
            to = registry_events.TransferredToTrading.FromString(record.data)
            held[to.account, to.vintage] += to.quantity_tonnes
        elif kind == "ReturnedFromTrading":
            back = registry_events.ReturnedFromTrading.FromString(record.data)
            held[back.account, back.vintage] -= back.quantity_tonnes
        elif kind == "AllowancesDelivered":
            leg = registry_events.AllowancesDelivered.FromString(record.data)
            held[leg.seller, leg.vintage] -= leg.quantity_tonnes
            held[leg.buyer, leg.vintage] += leg.quantity_tonnes
    rows = [
        registry_queries.TradingHolding(account=account, vintage=vintage, quantity_tonnes=tonnes)
        for (account, vintage), tonnes in sorted(held.items())
        if tonnes
    ]
    return registry_queries.ListTradingHoldingsResponse(holdings=rows, position=as_of)
