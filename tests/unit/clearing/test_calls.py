"""What clearing orders from others, and what it makes of every kind of answer."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import grpc
import pytest
from google.protobuf.message import Message

from carbonmarket.registry.v1 import registry_events_pb2 as registry_events
from carbonmarket.registry.v1 import registry_query_service_pb2 as registry_queries
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as trading_types
from chassis.core.call import NotYet, OrderRefused, Refused
from chassis.core.record import HeardUpTo
from chassis.core.shell import ShellState
from chassis.edges.remote import Remote
from chassis.followers import caller
from chassis.followers.caller import Outgoing
from chassis.log.writer import Read, Writer
from chassis.say.tracing import Branch
from chassis.serving.trees import KeptTrees
from clearing import calls
from clearing.domain.books import Figure
from clearing.domain.reconciliation import ReconciliationOrdered
from clearing.domain.run import ClearingRunLegsListed, ConfirmationOrdered
from clearing.domain.settlement import DeliveryOrdered, RecordConfirmation, RecordDelivery
from clearing.domain.state import State
from clearing.domain.trades import Method
from support.domains.clearing_books import (
    CEMENT,
    FRIDAY,
    NEXT_POSITION,
    OWN,
    POWER,
    STEEL,
    TRADING,
    agree,
    close,
    delivered,
    open_books,
    play,
    play_day,
    trade,
)
from support.domains.row_by_row import FundPosition, HeldUnits, Others, StatedBook, UnitPosition

RECONCILIATION = ReconciliationOrdered(FRIDAY)
REFUSAL = Refused(grpc.StatusCode.INVALID_ARGUMENT, "LEGS_OUT_OF_RANGE", {"legs": "7"})


@dataclass
class Port:
    """An order on its way: answers as the test chooses, by rpc, and remembers what was asked."""

    state: State
    answers: dict[str, Callable[[Any], Message]] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)
    heard_position: int = 10_000
    hearing: Callable[[int], int] = lambda position: position
    order_id: str = "clearing/77"
    engine: Any = None
    tail: Any = None

    async def unary(self, service: str, rpc: str, request: Message, response: type[Message]) -> Message:
        assert rpc.startswith(f"carbonmarket.{service}.v1.")
        self.asked.append(request)
        answer = self.answers[rpc.rpartition("/")[2]](request)
        assert isinstance(answer, response)
        return answer

    async def read_tail(self, after_position: int, records_max: int) -> list[tuple[None, object]]:
        return [(None, await self.own_event(after_position + 1))]

    async def own_event(self, position: int) -> object:
        assert position == NEXT_POSITION
        return PAGE

    async def read(self, look: Callable[[State], Any]) -> Read[Any]:
        return Read(look(self.state), 500, {"trading": self.heard_position})

    async def until_heard(self, source: str, position: int) -> None:
        writer = cast(Writer[Any], SimpleNamespace(engine=self))
        await Outgoing(1, self.order_id, cast(Branch, None), {}, writer).until_heard(source, position)

    @property
    def heard(self) -> dict[str, HeardUpTo]:
        """Whenever it is looked at, hearing has come further."""
        self.heard_position = self.hearing(self.heard_position)
        return {"trading": HeardUpTo("trading", self.heard_position, b"")}

    def trace(self, subject: str) -> str:
        return f"trace of {subject}"

    @property
    def outgoing(self) -> Outgoing:
        return cast(Outgoing, self)


def staged(_: Any) -> registry.StageDeliveryLegsResponse:
    return registry.StageDeliveryLegsResponse(position=1)


class Refusing:
    """A service that refuses every call by gRPC."""

    async def unary(self, *_: object) -> Message:
        raise REFUSAL


def closed_friday() -> State:
    """Power buys 300 t from steel, cement buys 100,000 t from steel as a block; nothing is confirmed yet."""
    state = open_books(power_fen=303, cement_fen=100_000)
    play_day(state, *TRADES)
    return state


TRADES = (trade(1, POWER, STEEL, 300, fee_fen=3), trade(2, CEMENT, STEEL, 100_000, method=Method.BLOCK))


def ordered() -> tuple[ConfirmationOrdered, DeliveryOrdered, ClearingRunLegsListed]:
    """Friday's orders, and the page that lists their legs."""
    state = open_books(power_fen=303, cement_fen=100_000)
    for one in TRADES:
        play(state, TRADING, one)
    closing = play(state, TRADING, close(*TRADES))
    confirmation, page = closing[-1], closing[2]
    delivery = play(state, OWN, agree())[-1]
    assert isinstance(confirmation, ConfirmationOrdered)
    assert isinstance(page, ClearingRunLegsListed)
    assert isinstance(delivery, DeliveryOrdered)
    return confirmation, delivery, page


CONFIRMATION, DELIVERY, PAGE = ordered()


def settled_friday() -> State:
    state = closed_friday()
    play(state, OWN, agree())
    play(state, OWN, delivered(registry_position=600))
    return state


async def test_trading_is_asked_with_all_totals_of_the_run() -> None:
    port = Port(
        closed_friday(),
        {"ConfirmClearingRun": lambda _: trading.ConfirmClearingRunResponse(confirmed=trading.RunConfirmed())},
    )
    assert await calls.confirm(CONFIRMATION, port.outgoing) == RecordConfirmation(1, 1, agreed=True)
    (request,) = port.asked
    assert (request.request_id, request.run_id, request.attempt, request.day) == ("clearing/77", 1, 1, FRIDAY)
    assert (request.trades, request.quantity_tonnes, request.value_fen) == (2, 100_300, 100_300)
    assert [(total.method, total.trades, total.quantity_tonnes) for total in request.totals] == [
        (trading_types.TRADE_METHOD_LISTED, 1, 300),
        (trading_types.TRADE_METHOD_BLOCK, 1, 100_000),
    ]


async def test_a_dispute_is_an_answer() -> None:
    dispute = trading.RunDisputed(reason="TOTALS_DIFFER", facts={"trades": "3"})
    port = Port(closed_friday(), {"ConfirmClearingRun": lambda _: trading.ConfirmClearingRunResponse(disputed=dispute)})
    answer = await calls.confirm(CONFIRMATION, port.outgoing)
    assert answer == RecordConfirmation(1, 1, False, "TOTALS_DIFFER", (("trades", "3"),))


async def test_the_registry_gets_every_leg_with_its_trace_under_its_own_word_for_instrument() -> None:
    done = registry.DeliverAllowancesResponse(completed=registry_events.DeliveryCompleted(run_id=1), position=600)
    port = Port(closed_friday(), {"StageDeliveryLegs": staged, "DeliverAllowances": lambda _: done})
    assert await calls.deliver(DELIVERY, port.outgoing) == RecordDelivery(1, 1, True, registry_position=600)
    staging, request = port.asked
    assert (staging.request_id, staging.run_id, staging.attempt, staging.page) == ("clearing/77/legs/1", 1, 1, 1)
    assert (request.request_id, request.legs, request.quantity_tonnes) == ("clearing/77", 2, 100_300)
    assert request.legs_digest == DELIVERY.legs_digest
    assert list(staging.legs) == [
        registry_types.DeliveryLeg(
            trade_id=1, vintage="CEA", quantity_tonnes=300, seller=STEEL, buyer=POWER, traceparent="trace of trade/1"
        ),
        registry_types.DeliveryLeg(
            trade_id=2,
            vintage="CEA",
            quantity_tonnes=100_000,
            seller=STEEL,
            buyer=CEMENT,
            traceparent="trace of trade/2",
        ),
    ]


async def test_a_delivery_is_void_when_the_registry_recorded_its_refusal() -> None:
    void = registry_events.DeliveryRefused(run_id=1, attempt=1, reason="ACCOUNT_CLOSED", facts={"account": STEEL})
    port = Port(
        closed_friday(),
        {
            "StageDeliveryLegs": staged,
            "DeliverAllowances": lambda _: registry.DeliverAllowancesResponse(refused=void),
        },
    )
    answer = await calls.deliver(DELIVERY, port.outgoing)
    assert answer == RecordDelivery(1, 1, False, reason="ACCOUNT_CLOSED", facts=(("account", STEEL),))


async def test_a_run_that_had_been_delivered_is_delivered() -> None:
    again = registry.DeliverAllowancesResponse(repeated=registry_events.DeliveryRepeated(run_id=1), position=700)
    port = Port(closed_friday(), {"StageDeliveryLegs": staged, "DeliverAllowances": lambda _: again})
    assert await calls.deliver(DELIVERY, port.outgoing) == RecordDelivery(1, 1, True, registry_position=700)


@pytest.mark.parametrize("order", [CONFIRMATION, DELIVERY, RECONCILIATION], ids=lambda order: type(order).__name__)
async def test_a_grpc_refusal_is_no_answer_to_any_order(order: object) -> None:
    port = Port(settled_friday() if order is RECONCILIATION else closed_friday())
    remote = cast(Remote, Refusing())
    outgoing = Outgoing(77, "clearing/77", Branch(""), {"registry": remote, "trading": remote}, cast(Any, port))
    port.engine = SimpleNamespace(shell=ShellState("clearing"))
    port.tail = SimpleNamespace(read=port.read_tail)
    with pytest.raises(OrderRefused) as refused:
        await calls.CALLS[type(order)](order, outgoing)
    assert (refused.value.reason, refused.value.facts) == (REFUSAL.reason, REFUSAL.facts)
    assert isinstance(refused.value, NotYet), "the order is sent again"


async def test_an_outcome_that_this_release_does_not_know_is_no_answer() -> None:
    port = Port(closed_friday(), {"ConfirmClearingRun": lambda _: trading.ConfirmClearingRunResponse()})
    with pytest.raises(NotYet):
        await calls.confirm(CONFIRMATION, port.outgoing)
    port.answers = {
        "StageDeliveryLegs": staged,
        "DeliverAllowances": lambda _: registry.DeliverAllowancesResponse(),
    }
    with pytest.raises(NotYet):
        await calls.deliver(DELIVERY, port.outgoing)


def stated(**changes: Any) -> StatedBook:
    """Trading's book after Friday, right unless changed."""
    units = (UnitPosition(POWER, "CEA", 300, 0, 0, 0, 0), UnitPosition(CEMENT, "CEA", 100_000, 0, 0, 0, 0))
    right = StatedBook(1_000, 600, 2, FRIDAY, units, (FundPosition(STEEL, 100_297, 0, 0, 0, 0),))
    return replace(right, **changes)


HELD = (HeldUnits(POWER, "CEA", 300), HeldUnits(CEMENT, "CEA", 100_000))


async def test_the_registry_is_asked_for_its_root_as_of_what_trading_had_heard_and_for_no_row() -> None:
    others = Others(stated(), HELD)
    found = await calls.reconcile(RECONCILIATION, Port(settled_friday(), others.answers).outgoing)
    assert (found.settled_day, found.differences, found.rows_compared) == (FRIDAY, (), 3)
    assert (found.registry_position, found.trading_position, found.clearing_position) == (600, 1_000, 500)
    assert others.asked == [
        trading_queries.GetCommitmentsRequest(),
        registry_queries.GetCommitmentsRequest(as_of_position=600),
    ]


# What trading states, how far clearing has heard trading, and what is waited for.
# fmt: off
TOO_EARLY = [
    (stated(settled_day=""),            10_000, "settlement"),
    (stated(registry_position=599),     10_000, "registry"),
    (stated(),                             999, "trading is not heard up to 1000"),
]
# fmt: on


@pytest.mark.parametrize(("book", "heard_position", "why"), TOO_EARLY)
async def test_books_that_do_not_belong_together_yet_are_asked_for_again(
    book: StatedBook, heard_position: int, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller, "HEARING_SECONDS_MAX", 0.1)
    others = Others(book, HELD)
    with pytest.raises(NotYet, match=why):
        await calls.reconcile(
            RECONCILIATION, Port(settled_friday(), others.answers, heard_position=heard_position).outgoing
        )
    assert len(others.asked) == 1, "the registry is not asked in vain"


async def test_a_comparison_ends_although_trading_records_faster_than_it_is_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It waits for the position that trading stated, not for one that moves on."""
    monkeypatch.setattr(caller, "HEARING_POLL_SECONDS", 0)
    others = Others(stated(), HELD)
    port = Port(settled_friday(), others.answers, heard_position=0, hearing=lambda position: position + 100)
    found = await calls.reconcile(RECONCILIATION, port.outgoing)
    assert (len(others.asked), found.trading_position, found.differences) == (2, 1_000, ())


async def test_before_the_registrys_first_record_nothing_was_held() -> None:
    state = open_books()
    play_day(state)
    play(state, OWN, agree())
    others = Others(StatedBook(1_000, 0, 0, FRIDAY), ())
    assert (await calls.reconcile(RECONCILIATION, Port(state, others.answers).outgoing)).difference_count == 0
    assert len(others.asked) == 1


async def test_a_missing_holding_is_a_difference_that_is_found_below_the_roots() -> None:
    others = Others(stated(), HELD[:1])
    (difference,) = (await calls.reconcile(RECONCILIATION, Port(settled_friday(), others.answers).outgoing)).differences
    assert (difference.figure, difference.account, difference.held_tonnes, difference.expected_tonnes) == (
        Figure.UNITS,
        CEMENT,
        0,
        100_000,
    )


@pytest.mark.parametrize("forgetful", ["trading", "registry"])
async def test_a_side_that_keeps_its_trees_no_longer_is_asked_for_its_roots_again(forgetful: str) -> None:
    others = Others(stated(), HELD[:1])

    def forgotten(request: Any) -> Message:
        if request.DESCRIPTOR.full_name.startswith(f"carbonmarket.{forgetful}"):
            setattr(others, f"of_{forgetful}", KeptTrees())
        return others.parts(request)

    port = Port(settled_friday(), {"GetCommitments": others.roots, "GetTreeParts": forgotten})
    with pytest.raises(NotYet, match=f"{forgetful} keeps its tree"):
        await calls.reconcile(RECONCILIATION, port.outgoing)


async def test_a_side_that_states_no_such_tree_is_not_compared_with() -> None:
    port = Port(settled_friday(), {"GetCommitments": lambda _: trading_queries.GetCommitmentsResponse(position=1_000)})
    with pytest.raises(NotYet, match="states no tree custody/1"):
        await calls.reconcile(RECONCILIATION, port.outgoing)


async def test_an_order_of_a_day_with_exclusions_names_them_to_trading() -> None:
    port = Port(
        State(),
        {"ConfirmClearingRun": lambda _: trading.ConfirmClearingRunResponse(confirmed=trading.RunConfirmed())},
    )
    await calls.confirm(replace(CONFIRMATION, excluded_trade_ids=(2, 7)), port.outgoing)
    assert list(port.asked[0].excluded_trade_ids) == [2, 7]


async def test_an_order_is_sent_as_it_was_made_whatever_came_since() -> None:
    """The order contains what is ordered: live state is not read again."""
    port = Port(
        State(),
        {
            "ConfirmClearingRun": lambda _: trading.ConfirmClearingRunResponse(confirmed=trading.RunConfirmed()),
            "StageDeliveryLegs": staged,
            "DeliverAllowances": lambda _: registry.DeliverAllowancesResponse(
                completed=registry_events.DeliveryCompleted(run_id=1)
            ),
        },
    )
    await calls.confirm(CONFIRMATION, port.outgoing)
    await calls.deliver(DELIVERY, port.outgoing)
    confirm, _, deliver = port.asked
    assert (confirm.trades, confirm.value_fen, deliver.legs) == (2, 100_300, 2)
