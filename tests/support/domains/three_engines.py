"""The engines of the three services: each hears the others' records and carries out their orders, by the shipped
reactions, calls and api methods, with no database, broker or process between them. What a decision costs is measured.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.message import Message

from carbonmarket.registry.v1 import registry_query_service_pb2 as registry_queries
from carbonmarket.registry.v1 import registry_service_pb2 as registry_commands
from carbonmarket.trading.v1 import trading_service_pb2 as trading_commands
from chassis.core.call import Call
from chassis.core.engine import Batch, Done, Engine
from chassis.core.record import HeardUpTo, Record
from chassis.core.shell import OpenLog
from chassis.core.submission import AskedCommand, DueTimer, OrderAnswer, Submission, heard_record
from chassis.log.writer import Read
from chassis.process.service import Service
from chassis.say.tracing import Tracing
from chassis.serving.command_service import method_of
from chassis.serving.trees import KeptTrees, parts, up_to_date
from clearing.__main__ import CLEARING
from clearing.calls import CONFIRM, DELIVER, REGISTRY_PARTS, REGISTRY_ROOTS, STAGE, TRADING_PARTS, TRADING_ROOTS
from clearing.domain.run import ClearingRunLegsListed
from registry.__main__ import REGISTRY
from registry.api import RegistryService
from registry.domain.holdings import custody_now
from support.shell.asking import acting, asked
from support.shell.two_people import declared
from trading.__main__ import TRADING
from trading.api import TradingService
from trading.queries import TradingQueryService

T = TypeVar("T")

MEASURED_EACH = 1_000
REGISTRY_RPCS = registry_commands.DESCRIPTOR.services_by_name["RegistryService"].methods_by_name
TRADING_RPCS = trading_commands.DESCRIPTOR.services_by_name["TradingService"].methods_by_name


class EngineAlone:
    """A service's engine with what its api and its calls need of a writer. Each decision is a batch of its own."""

    def __init__(self, market: "ThreeEngines", service: Service[Any]) -> None:
        self.market = market
        self.service = service
        self.reactions = declared(reactions=service.reactions)
        self.engine: Engine[Any] = Engine(
            service.name,
            service.decider,
            service.wire,
            Tracing(),
            orders=frozenset(service.calls),
            declared=self.reactions,
        )
        self.longest_s = 0.0
        self.longest_of = ""
        self.decided: Counter[str] = Counter()
        self.events_max = 0
        self.data_bytes_max = 0
        self.pages: dict[int, ClearingRunLegsListed] = {}

    @property
    def state(self) -> Any:
        return self.engine.state

    def decide(self, submission: Submission) -> Done:
        done = self._measured(submission)
        assert isinstance(done, Done), done
        batch = self.engine.take_batch()
        self.market.keep(self, batch)
        records = batch.records
        self.events_max = max(self.events_max, len(records))
        self.market.sent.extend((self, record) for record in records)
        first = self.engine.head.position - len(done.events) + 1
        for position, event in enumerate(done.events, start=first):
            if isinstance(event, ClearingRunLegsListed):
                self.pages[position] = event
            if type(event) in self.service.calls:
                self.market.orders.append((self, position, event))
        return done

    def _measured(self, submission: Submission) -> object:
        """Its outcome. To look at the process's own time costs more than a small decision: of the many of a kind that
        come one by one only each thousandth is measured.
        """
        name = type(submission.command).__name__
        before = self.decided[name]
        self.decided[name] += 1
        if before % MEASURED_EACH and not isinstance(submission, DueTimer | OrderAnswer):
            return self.engine.decide(submission, {}, self.market.now_ms)
        started = time.process_time()
        outcome = self.engine.decide(submission, {}, self.market.now_ms)
        took_s = time.process_time() - started
        if took_s > self.longest_s:
            self.longest_s, self.longest_of = took_s, name
        return outcome

    def ask(self, actor: str, command: object) -> Done:
        return self.decide(asked(actor, "", command))

    def hear(self, source: str, record: Record) -> None:
        self.data_bytes_max = max(self.data_bytes_max, len(record.data))
        of_source = self.reactions.reactions.get(source)
        if of_source is None:
            return
        command = of_source.react(record.type, record.data, record.position) if record.type in of_source else None
        if command is None:
            # What nobody reacts to is most of all; to decide nothing on it costs as much as to decide on a trade.
            self.engine.heard[source] = HeardUpTo(source, record.position, record.digest)
            return
        self.decide(heard_record(source, record, command))

    # What an api method uses of a writer

    def queue_command(self, command: object, call: Call) -> "asyncio.Future[Done]":
        done: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        done.set_result(self.decide(AskedCommand(call.actor, call.request_id, command)))
        return done

    async def read(self, look: Callable[[Any], T]) -> Read[T]:
        heard = {source: upto.position for source, upto in self.engine.heard.items()}
        return Read(look(self.state), self.engine.head.position, heard)


@dataclass(slots=True)
class DirectOrder:
    """An order on its way, as calls.py sees it: the receiver answers at once."""

    market: "ThreeEngines"
    sender: EngineAlone
    position: int

    @property
    def order_id(self) -> str:
        return f"{self.sender.service.name}/{self.position}"

    async def unary(self, service: str, rpc: str, request: Any, response: type[Message]) -> Any:
        actor = acting(f"service:{self.sender.service.name}")
        return await self.market.rpcs[rpc](request, Call(actor, getattr(request, "request_id", "")))

    async def own_event(self, position: int) -> object:
        return self.sender.pages[position]

    async def read(self, look: Callable[[Any], T]) -> Read[T]:
        return await self.sender.read(look)

    async def until_heard(self, source: str, position: int) -> None:
        assert self.sender.engine.heard[source].position >= position

    def trace(self, subject: str) -> str:
        return ""


class ThreeEngines:
    """A market at `now_ms`; `settle_down` does whatever is under way. `keep` is given every batch, as a log is."""

    def __init__(
        self,
        now_ms: int,
        rehearsal: bool = False,
        keep: "Callable[[EngineAlone, Batch], None]" = lambda one, batch: None,
    ) -> None:
        self.now_ms = now_ms
        self.keep = keep
        self.sent: deque[tuple[EngineAlone, Record]] = deque()
        self.orders: deque[tuple[EngineAlone, int, object]] = deque()
        self.registry = EngineAlone(self, REGISTRY)
        self.trading = EngineAlone(self, TRADING)
        self.clearing = EngineAlone(self, CLEARING)
        self.all = (self.registry, self.trading, self.clearing)
        registry, trading = RegistryService(_as_writer(self.registry)), TradingService(_as_writer(self.trading))
        self.registry_trees = KeptTrees()
        stating = TradingQueryService(_as_writer(None), _as_writer(self.trading))
        self.rpcs: dict[str, Callable[[Any, Call], Coroutine[Any, Any, Message]]] = {
            CONFIRM: method_of(trading, TRADING_RPCS["ConfirmClearingRun"]),
            STAGE: method_of(registry, REGISTRY_RPCS["StageDeliveryLegs"]),
            DELIVER: method_of(registry, REGISTRY_RPCS["DeliverAllowances"]),
            TRADING_ROOTS: stating.GetCommitments,
            TRADING_PARTS: stating.GetTreeParts,
            REGISTRY_ROOTS: self._registry_roots,
            REGISTRY_PARTS: self._registry_parts,
        }
        for one in self.all:
            one.ask(f"service:{one.service.name}", OpenLog(rehearsal))

    async def settle_down(self) -> None:
        """Everything is heard, due timers are decided and orders are answered, until nothing is left."""
        while True:
            while self.sent:
                source, record = self.sent.popleft()
                for hearer in self.all:
                    if hearer is not source:
                        hearer.hear(source.service.name, record)
            if self.orders:
                sender, position, order = self.orders.popleft()
                call: Any = sender.service.calls[type(order)]
                answer = await call(order, DirectOrder(self, sender, position))
                order_type = sender.service.wire.by_event[type(order)].type_name
                sender.decide(OrderAnswer(sender.service.name, position, order_type, answer))
            elif not any(self._do_due(one) for one in self.all):
                return

    def _do_due(self, one: EngineAlone) -> bool:
        timer = one.engine.due()
        if timer is None or timer.due_ms > self.now_ms:
            return False
        one.decide(DueTimer(one.service.name, timer))
        return True

    async def _registry_roots(
        self, request: registry_queries.GetCommitmentsRequest, call: Call
    ) -> registry_queries.GetCommitmentsResponse:
        """Of live state: nothing moves while it is asked."""
        seen = await up_to_date(self.registry.read, custody_now)
        position = request.as_of_position
        trees = self.registry_trees.keep(position, [seen.value])
        return registry_queries.GetCommitmentsResponse(trees=trees, position=position)

    async def _registry_parts(
        self, request: registry_queries.GetTreePartsRequest, call: Call
    ) -> registry_queries.GetTreePartsResponse:
        places = parts(self.registry_trees, request.position, request.tree, request.places)
        return registry_queries.GetTreePartsResponse(kept=places is not None, places=places)


def _as_writer(one: EngineAlone | None) -> Any:
    """Api methods use only `queue_command` and `read` of a writer, and the one query that is asked no tables."""
    return one
