"""Trading and the registry as far as clearing calls them: trading's log, and answers that the test chooses."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import grpc
import grpc.aio
from google.protobuf import message_factory
from google.protobuf.message import Message

from carbonmarket.registry.v1 import registry_events_pb2 as registry_events
from carbonmarket.registry.v1 import registry_query_service_pb2 as registry_queries
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from chassis.serving.trees import KeptTrees
from rehearsal.processes import free_port
from support.domains.row_by_row import FundPosition, HeldUnits, Others, StatedBook, UnitPosition
from support.processes.one_service import WrittenLog

Answers = dict[str, Callable[[Any], Message]]


def handlers(apis: Sequence[ModuleType], answers: Answers) -> list[grpc.GenericRpcHandler]:
    """Serve the named rpcs of some generated modules."""
    found = []
    for api in apis:
        for service in api.DESCRIPTOR.services_by_name.values():
            methods = {
                method.name: grpc.unary_unary_rpc_method_handler(
                    answering(answers[method.name]),
                    request_deserializer=message_factory.GetMessageClass(method.input_type).FromString,
                    response_serializer=message_factory.GetMessageClass(method.output_type).SerializeToString,
                )
                for method in service.methods
                if method.name in answers
            }
            found.append(grpc.method_handlers_generic_handler(service.full_name, methods))
    return found


class Away(Exception):
    """There is no answer."""


def answering(answer: Callable[[Any], Message]) -> Callable[[Any, Any], Any]:
    async def serve(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Message:
        try:
            return answer(request)
        except Away:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")

    return serve


class Exchange(WrittenLog):
    """Trading: confirms every run unless set to dispute, and states the book it was given."""

    def __init__(self) -> None:
        super().__init__("trading")
        self.asked: list[trading.ConfirmClearingRunRequest] = []
        self.dispute: trading.RunDisputed | None = None
        self.book = trading_queries.GetAllPositionsResponse()
        self._kept = KeptTrees()
        answers: Answers = {
            "ConfirmClearingRun": self._confirm,
            "GetCommitments": self._state,
            "GetTreeParts": lambda request: self._others.parts(request),
        }
        self._server.add_generic_rpc_handlers(tuple(handlers((trading, trading_queries), answers)))

    def _confirm(self, request: trading.ConfirmClearingRunRequest) -> trading.ConfirmClearingRunResponse:
        self.asked.append(request)
        if self.dispute is not None:
            return trading.ConfirmClearingRunResponse(disputed=self.dispute)
        return trading.ConfirmClearingRunResponse(confirmed=trading.RunConfirmed())

    def _state(self, request: trading_queries.GetCommitmentsRequest) -> Message:
        self.book.position = self.position
        return self._others.roots(request)

    @property
    def _others(self) -> Others:
        return Others(book_of(self.book), (), of_trading=self._kept)


class Depository:
    """The registry: delivers every run unless set to refuse, and lists the holdings it was given."""

    def __init__(self) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.asked: list[registry.DeliverAllowancesRequest] = []
        self.staged: list[registry.StageDeliveryLegsRequest] = []
        self.refusal: registry.DeliverAllowancesResponse | None = None
        self.away = False
        self.position = 100
        self.holdings: list[registry_queries.TradingHolding] = []
        self._kept = KeptTrees()
        self._server = grpc.aio.server()
        answers: Answers = {
            "StageDeliveryLegs": self._stage,
            "DeliverAllowances": self._deliver,
            "GetCommitments": lambda request: self._others.roots(request),
            "GetTreeParts": lambda request: self._others.parts(request),
        }
        self._server.add_generic_rpc_handlers(tuple(handlers((registry, registry_queries), answers)))

    async def start(self) -> None:
        self._server.add_insecure_port(self.address)
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)

    def _stage(self, request: registry.StageDeliveryLegsRequest) -> registry.StageDeliveryLegsResponse:
        self.staged.append(request)
        return registry.StageDeliveryLegsResponse(position=self.position)

    def _deliver(self, request: registry.DeliverAllowancesRequest) -> registry.DeliverAllowancesResponse:
        self.asked.append(request)
        if self.away:
            raise Away
        self.position += 1
        if self.refusal is not None:
            return self.refusal
        return registry.DeliverAllowancesResponse(
            completed=registry_events.DeliveryCompleted(run_id=request.run_id), position=self.position
        )

    @property
    def _others(self) -> Others:
        held = [HeldUnits(row.account, row.vintage, row.quantity_tonnes) for row in self.holdings]
        return Others(StatedBook(0, 0, 0, ""), held, of_registry=self._kept)


def book_of(book: trading_queries.GetAllPositionsResponse) -> StatedBook:
    units = (
        UnitPosition(
            row.account,
            row.instrument,
            row.total_tonnes,
            row.bought_unsettled_tonnes,
            row.sold_unsettled_tonnes,
            row.returns_unacknowledged_tonnes,
            row.blocked_tonnes,
        )
        for row in book.units
    )
    funds = (
        FundPosition(
            row.account,
            row.total_fen,
            row.paid_unsettled_fen,
            row.received_unsettled_fen,
            row.releases_unacknowledged_fen,
            row.blocked_fen,
        )
        for row in book.funds
    )
    return StatedBook(
        book.position,
        book.heard_registry_position,
        book.heard_clearing_entry_number,
        book.settled_day,
        tuple(units),
        tuple(funds),
    )
