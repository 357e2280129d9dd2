"""The three services in one process: no tasks, no database, no broker, and one moment for all of them.

Engines, reactions, calls and apis are the services' own, taken from their `__main__`. Left out is what carries a record
or a request from one to another: a writer decides at once and holds as written what it decided, what is published waits
in the hearers' queues until `rest`, and a call to another service is a call of its api. So a market of years is played
on one core in a minute, and every run of it is the same.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from google.protobuf.message import Message

from chassis.call import Call, NotYet, Refused
from chassis.caller import Outgoing
from chassis.decider import Rejected
from chassis.engine import Done, Engine
from chassis.errors import failure_of
from chassis.hearing import Heard
from chassis.machine_clock import MachineClock
from chassis.memory_log import MemoryLog, MemoryStore
from chassis.projections import Tables
from chassis.record import Record
from chassis.remote import Remote
from chassis.service import Parts, Service
from chassis.shell import MoveClock, OpenLog
from chassis.submission import AskedCommand, OrderAnswer, Submission, heard_record
from chassis.telemetry import Metrics
from chassis.tracing import Branch, Tracing
from chassis.writer import Read, Writer
from clearing.__main__ import CLEARING
from registry.__main__ import REGISTRY
from registry.queries import TRADING_HOLDINGS_AS_OF
from support.asking import asked, call_for
from support.calls import RPCS
from trading.__main__ import TRADING

R = TypeVar("R", bound=Message)
T = TypeVar("T")

Note = Callable[[object], None]
"""Is given every event, as it is decided."""


class Venue:
    """Registry, trading and clearing from the first record on, by a rehearsal's clock."""

    def __init__(self, start_ms: int, note: Note) -> None:
        self.commands = 0
        self.services = {service.name: OneService(service, note) for service in (REGISTRY, TRADING, CLEARING)}
        for one in self.services.values():
            one.join(self.services)
        for one in self.services.values():
            one.open(start_ms)

    async def ask(self, actor: str, request: Message, answer: type[R]) -> R:
        """Send a command in an actor's name. Raises Rejected."""
        self.commands += 1
        rpc = RPCS[request.DESCRIPTOR.full_name]
        given = await self.services[rpc.service].answer(rpc.path.removeprefix("/"), request, call_for(actor, request))
        assert isinstance(given, answer)
        return given

    def move_clocks(self, to_ms: int) -> None:
        """Trading's last: what falls due there is cleared at the new time."""
        for name in ("registry", "clearing", "trading"):
            self.services[name].writer.decide(asked("exchange_operator:clock", "", MoveClock(to_ms)))

    async def rest(self) -> None:
        """Everybody hears and answers until nothing is left to do; an order that stays unanswered is an error."""
        while True:
            moved = sum(one.hear() for one in self.services.values())
            moved += sum([await one.send() for one in self.services.values()])
            if not moved:
                break
        waiting = {name: [order for _, order in one.writer.orders] for name, one in self.services.items()}
        assert not any(waiting.values()), f"unanswered: {waiting}"


class OneService:
    """A service of the venue: who it hears, what it has to send, and how it answers."""

    def __init__(self, service: Service[Any], note: Note) -> None:
        self.service = service
        self.writer = InstantWriter(service, note)
        self.heard: dict[str, deque[Record]] = {source: deque() for source in service.sources}
        self.remotes: dict[str, Remote] = {}
        self._kinds = {kind.DESCRIPTOR.full_name: kind for kind in service.reactions}
        self._reactions = {kind.DESCRIPTOR.full_name: react for kind, react in service.reactions.items()}
        tables = TablesOfNow(self.writer)
        self._answers = {
            f"{descriptor.full_name}/{method}": getattr(api, method)
            for descriptor, api in service.services(Parts(self.writer, tables))
            for method in descriptor.methods_by_name
            if hasattr(api, method)  # SubmitMany is the shell's
        }

    def join(self, all_services: Mapping[str, "OneService"]) -> None:
        """Hear the others, and be able to call them."""
        for source, heard in self.heard.items():
            all_services[source].writer.hearers.append(heard)
        for name in (*self.service.sources, *self.service.calls_to):
            self.remotes[name] = Beside(all_services[name], f"service:{self.service.name}")

    def open(self, now_ms: int) -> None:
        """Write the first record."""
        self.writer.clock_ms = now_ms
        self.writer.decide(asked(f"service:{self.service.name}", "", OpenLog(rehearsal=True)))

    async def answer(self, rpc: str, request: Message, call: Call) -> Message:
        """What the api answers to `package.Service/Method`. Raises Rejected."""
        answer: Message = await self._answers[rpc](request, call)
        return answer

    def hear(self) -> int:
        """Take in all that waits; return how many records it was."""
        return sum(self._hear_from(source, records) for source, records in self.heard.items())

    def _hear_from(self, source: str, records: deque[Record]) -> int:
        count = len(records)
        for _ in range(count):
            record = records.popleft()
            self.writer.decide(heard_record(source, record, self._reaction(record)))
        return count

    def _reaction(self, record: Record) -> object | None:
        if record.type not in self._reactions:
            return None
        event = self._kinds[record.type].FromString(record.data)
        return self._reactions[record.type](event, Heard(record.position))

    async def send(self) -> int:
        """Send every order that waits once; return how many were answered."""
        orders = self.writer.orders
        count = 0
        for _ in range(len(orders)):
            position, order = orders.popleft()
            name = self.service.name
            outgoing = Outgoing(position, f"{name}/{position}", Branch(""), self.remotes, self.writer)
            try:
                command = await self.service.calls[type(order)](order, outgoing)
            except NotYet:
                orders.append((position, order))
                continue
            self.writer.decide(OrderAnswer(name, position, command))
            count += 1
        return count


class InstantWriter(Writer[Any]):
    """Decides what it is given at once, and calls it written."""

    def __init__(self, service: Service[Any], note: Note) -> None:
        orders = frozenset(service.calls)
        engine = Engine(service.name, service.decider, service.wire, Tracing(), orders, frozenset(service.sources))
        self.clock_ms = 0
        super().__init__(engine, MemoryLog(MemoryStore(service.name)), Metrics(), MachineClock(0))
        self.hearers: list[deque[Record]] = []
        self.orders: deque[tuple[int, object]] = deque()
        self._note = note

    async def submit(self, command: object, call: Call) -> Done:
        return self.decide(AskedCommand(call.actor, call.request_id, command, call.traceparent, call.subject_traces))

    async def read(self, look: Callable[[Any], T]) -> Read[T]:
        heard = {upto.log_id: upto.position for upto in self.engine.heard.values()}
        return Read(look(self.engine.state), self.engine.head.position, heard)

    def decide(self, submission: Submission) -> Done:
        """Decide, publish, and put orders where `send` finds them. Raises Rejected, RequestIdReused and Bug."""
        outcome = self.engine.decide(submission, {}, self.clock_ms)
        batch = self.engine.take_batch()
        for hearer in self.hearers:
            hearer.extend(batch.records)
        for record, event in zip(batch.records, batch.events, strict=True):
            if type(event) in self.engine.orders:
                self.orders.append((record.position, event))
            self._note(event)
        if isinstance(outcome, Exception):
            raise outcome
        assert isinstance(outcome, Done), "nothing is read from a log"
        return outcome


class Beside(Remote):
    """A service of the same process, as another one calls it."""

    def __init__(self, service: OneService, actor: str) -> None:
        self._service = service
        self._actor = actor

    async def unary(self, rpc: str, request: Message, response: type[R], traceparent: str = "") -> R:
        try:
            answer = await self._service.answer(rpc, request, call_for(self._actor, request, traceparent))
        except Rejected as refusal:
            failure = failure_of(refusal)
            raise Refused(failure.code, failure.reason, failure.facts) from refusal
        assert isinstance(answer, response)
        return answer


class TablesOfNow(Tables):
    """The one table that a service asks another for, read from the registry's state: what was a moment ago is not
    kept, and in a venue at rest is not asked for.
    """

    def __init__(self, writer: Writer[Any]) -> None:
        self._writer = writer
        self._rows: list[dict[str, Any]] = []
        self._rows_position = 0

    @property
    def position(self) -> int:
        return self._writer.engine.head.position

    async def wait_for(self, position: int) -> None:
        assert position <= self.position, "whoever wrote reads what it wrote"

    async def fetch(self, sql: str, *arguments: Any) -> list[Any]:
        assert sql == TRADING_HOLDINGS_AS_OF
        as_of_position, account, vintage, rows_max = arguments
        assert as_of_position == self.position, "asked for what was, or is to be"
        if self._rows_position != as_of_position:
            self._rows, self._rows_position = self._trading_holdings(), as_of_position
        first = bisect_right(self._rows, (account, vintage), key=lambda row: (row["account"], row["vintage"]))
        return self._rows[first : first + rows_max]

    def _trading_holdings(self) -> list[dict[str, Any]]:
        return [
            {"account": account, "vintage": vintage, "quantity_tonnes": holding.trading_tonnes}
            for account, held in sorted(self._writer.engine.state.holdings.items())
            for vintage, holding in sorted(held.items())
            if holding.trading_tonnes
        ]
