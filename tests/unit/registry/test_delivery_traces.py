"""The traces of delivered trades: each leg's record continues its trade's, and none is kept beyond that."""

from dataclasses import replace

import pytest

from chassis.core.engine import Done, Engine
from chassis.core.shell import OpenLog
from chassis.core.submission import DueTimer
from chassis.say.tracing import Tracing
from registry.__main__ import REGISTRY
from registry.domain.accounts import OpenAccount
from registry.domain.delivery import AllowancesDelivered, DeliverAllowances, DeliveryRefused, DeliveryRepeated
from registry.domain.issuance import AllocateAllowances, IssueAllowances
from registry.domain.staging import DeliveryLegsStaged, StageDeliveryLegs
from registry.domain.state import AccountKind, Leg, Registry
from registry.domain.transfers import TransferToTrading
from registry.domain.vintages import CreateVintage
from support.domains.registry_books import digest_of
from support.shell.asking import asked

OPERATOR, CLEARING, DAY, NOW_MS = "registry_operator:ann", "service:clearing", "2021-07-16", 1_626_400_000_000


def trace(number: int) -> str:
    return f"00-{number:032x}-{number:016x}-01"


LEGS = tuple(Leg(trade_id, "CEA", 10, "power-0001", "steel-0002", trace(trade_id)) for trade_id in (7, 8))


class Books:
    """The registry's engine; power holds a hundred tonnes in trading."""

    def __init__(self) -> None:
        self.engine: Engine[Registry] = Engine("registry", REGISTRY.decider, REGISTRY.wire, Tracing())
        self.do("service:registry", OpenLog(False))
        self.do(OPERATOR, OpenAccount("hubei", AccountKind.PROVINCE, "Hubei", "", False))
        self.do(OPERATOR, CreateVintage("CEA", 2020))
        self.do(OPERATOR, IssueAllowances("CEA", "hubei", 100, "plan 1"))
        for account in ("power-0001", "steel-0002"):
            self.do(OPERATOR, OpenAccount(account, AccountKind.KEY_EMITTING_ENTITY, "Works", "hubei", True))
        self.do("province:hubei", AllocateAllowances("CEA", "hubei", "power-0001", 100, "list 1"))
        self.do("participant:power-0001", TransferToTrading("power-0001", "CEA", 100))

    def do(self, actor: str, command: object, request_id: str = "") -> Done:
        done = self.engine.decide(asked(actor, request_id, command), {}, NOW_MS)
        assert isinstance(done, Done), done
        return done

    def stage(self, attempt: int, legs: tuple[Leg, ...] = LEGS) -> None:
        self.do(CLEARING, StageDeliveryLegs(1, attempt, 1, legs))

    def deliver(self, attempt: int, legs: tuple[Leg, ...] = LEGS) -> object:
        tonnes = sum(leg.quantity_tonnes for leg in legs)
        return self.do(CLEARING, DeliverAllowances(1, attempt, DAY, len(legs), tonnes, digest_of(legs))).events[0]

    def do_due(self) -> None:
        while (timer := self.engine.due()) is not None:
            self.engine.decide(DueTimer("registry", timer), {}, NOW_MS)

    def legs_traces(self) -> list[str]:
        delivered = f"carbonmarket.registry.v1.{AllowancesDelivered.__name__}"
        return [record.traceparent for record in self.engine.take_batch().records if record.type == delivered]


def test_the_record_of_a_leg_continues_the_trace_of_its_trade_and_ends_it() -> None:
    books = Books()
    books.stage(1)
    books.deliver(1)
    books.do_due()
    assert books.legs_traces() == [trace(7), trace(8)]
    assert books.engine.shell.traces == {}


def test_no_trace_is_kept_of_a_run_that_is_ordered_again_nor_of_an_attempt_that_is_refused() -> None:
    books = Books()
    books.stage(1)
    assert isinstance(books.deliver(1, LEGS[:1]), DeliveryRefused), "a leg is then excluded, and never delivered"
    books.stage(2)
    books.stage(3, LEGS[1:])
    books.deliver(3, LEGS[1:])
    books.do_due()
    books.stage(4, LEGS[1:])
    assert isinstance(books.deliver(4, LEGS[1:]), DeliveryRepeated)
    books.stage(5, LEGS[1:])
    assert books.engine.due() is None
    assert books.engine.shell.traces == {}


@pytest.mark.parametrize("other", ["", trace(9)])
def test_a_page_that_is_sent_again_under_other_traces_is_the_same_page(other: str) -> None:
    books = Books()
    first = books.do(CLEARING, StageDeliveryLegs(1, 1, 1, LEGS), "clearing/9/1")
    again = StageDeliveryLegs(1, 1, 1, tuple(replace(leg, traceparent=other) for leg in LEGS))
    assert books.do(CLEARING, again, "clearing/9/1").position == first.position


@pytest.mark.parametrize("garbled", ["forged", trace(7).upper() + "A", trace(0), trace(7) + "\n", "00-7-7-01"])
def test_of_a_leg_only_a_well_formed_trace_is_recorded(garbled: str) -> None:
    books = Books()
    page = StageDeliveryLegs(1, 1, 1, (replace(LEGS[0], traceparent=garbled), LEGS[1]))
    (staged,) = books.do(CLEARING, page).events
    assert isinstance(staged, DeliveryLegsStaged)
    assert [leg.traceparent for leg in staged.legs] == ["", trace(8)]
