"""What trading and the registry answer to a comparison that cannot be: no answer, and an alarm that says why."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from google.protobuf.message import Message

from carbonmarket.registry.v1 import registry_query_service_pb2 as registry_queries
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from chassis.core.call import AnswerContradictory
from chassis.followers.caller import Outgoing
from clearing import calls
from clearing.domain.reconciliation import IN_FLIGHT_LISTED_MAX, ReconciliationOrdered
from support.domains.clearing_books import (
    FRIDAY,
    OWN,
    POWER,
    STEEL,
    agree,
    delivered,
    open_books,
    play,
    play_day,
    trade,
)
from support.domains.row_by_row import Asking, FundPosition, HeldUnits, Others, StatedBook, UnitPosition

UNITS = (UnitPosition(POWER, "CEA", 300, 0, 0, 0, 0),)
STATED = StatedBook(1_000, 600, 1, FRIDAY, UNITS, (FundPosition(STEEL, 300, 0, 0, 0, 0),))
HELD = (HeldUnits(POWER, "CEA", 300),)
"""They agree."""


class Spoilt(Others):
    """The others, with an answer of one kind spoilt."""

    def __init__(self, kind: type[Message], spoil: Callable[[Any], None], trading: StatedBook = STATED) -> None:
        super().__init__(trading, HELD)
        self._kind = kind
        self._spoil = spoil

    def roots(self, request: Any) -> Message:
        answer = super().roots(request)
        if isinstance(answer, self._kind):
            self._spoil(answer)
        return answer


async def contradiction(others: Others) -> AnswerContradictory:
    """After a Friday on which power has bought 300 t from steel for all its money."""
    state = open_books(power_fen=300)
    play_day(state, trade(1, POWER, STEEL, 300))
    play(state, OWN, agree())
    play(state, OWN, delivered(registry_position=600))
    with pytest.raises(AnswerContradictory) as found:
        await calls.reconcile(ReconciliationOrdered(FRIDAY), cast(Outgoing, Asking(state, others, 500)))
    assert found.value.reason == "COMMITMENT_CONTRADICTORY"
    assert len(str(found.value)) < 500, "what is shown is bounded"
    return found.value


def a_fen_more(answer: trading_queries.GetCommitmentsResponse) -> None:
    """The root is the same."""
    answer.trees[2].sums[0] += 1


def a_root_of_nothing(answer: trading_queries.GetCommitmentsResponse) -> None:
    answer.trees[0].leaves = 0


def more_listed_than_there_is(answer: trading_queries.GetCommitmentsResponse) -> None:
    answer.releasing.add(account=STEEL, amount_fen=1)


def listed_without_end(answer: trading_queries.GetCommitmentsResponse) -> None:
    for _ in range(IN_FLIGHT_LISTED_MAX + 1):
        answer.releasing.add(account=STEEL, amount_fen=1)
    answer.releasing_count = len(answer.releasing)


def on_its_way_is_less_than_nothing(answer: trading_queries.GetCommitmentsResponse) -> None:
    answer.releasing.add(account=STEEL, amount_fen=-1)
    answer.releasing_count = 1


def on_its_way_of_nobody(answer: trading_queries.GetCommitmentsResponse) -> None:
    answer.returning.add(account="x" * 10_000_000, instrument="CEA", quantity_tonnes=1)
    answer.returning_count = 1


STATEMENTS = [
    a_fen_more,
    a_root_of_nothing,
    more_listed_than_there_is,
    listed_without_end,
    on_its_way_is_less_than_nothing,
    on_its_way_of_nobody,
]


@pytest.mark.parametrize("spoil", STATEMENTS, ids=lambda spoil: spoil.__name__)
async def test_what_trading_states_that_cannot_be_waits_for_people(
    spoil: Callable[[trading_queries.GetCommitmentsResponse], None],
) -> None:
    others = Spoilt(trading_queries.GetCommitmentsResponse, spoil)
    assert (await contradiction(others)).service == "trading"


async def test_a_leaf_of_trading_that_can_be_of_no_account_waits_for_people() -> None:
    """It is in the tree, so the tree is right; but no record of a day could name it."""
    units = (*UNITS, UnitPosition("Nobody, Ltd.", "CEA", 1, 0, 0, 0, 0))
    others = Others(StatedBook(1_000, 600, 1, FRIDAY, units, STATED.funds), HELD)
    found = await contradiction(others)
    assert found.service == "trading"
    assert "of no account" in found.facts["why"]


async def test_a_holding_at_the_registry_that_can_be_of_no_account_is_said_of_the_registry() -> None:
    found = await contradiction(Others(STATED, (*HELD, HeldUnits("Nobody, Ltd.", "CEA", 1))))
    assert found.service == "registry"
    assert "of no account" in found.facts["why"]


async def test_the_registry_that_answers_as_of_another_position_waits_for_people() -> None:
    def of_another_position(answer: registry_queries.GetCommitmentsResponse) -> None:
        answer.position += 1

    found = await contradiction(Spoilt(registry_queries.GetCommitmentsResponse, of_another_position))
    assert (found.service, found.facts["why"]) == ("registry", "asked as of 600, it answers as of 601")
