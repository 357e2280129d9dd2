"""Statements are of trading days: which days have one, and whose money that came on another day is."""

import pytest
from google.protobuf.message import Message

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as query
from carbonmarket.clearing.v1 import clearing_service_pb2 as pb
from carbonmarket.log.v1 import log_service_pb2
from chassis.core.call import Refused
from chassis.core.days import DAY_MS, day_start_ms
from support.processes.clearing_days import AUDITOR, FRIDAY, ICBC, MONDAY, TUESDAY, WEDNESDAY
from support.processes.clearing_others import Exchange
from support.processes.one_service import OneService

ANN, POWER = "clearing_operator:ann", "participant:power-0001"
SATURDAY, SUNDAY_BEFORE, IN_YEARS = "2021-07-17", "2021-07-11", "2035-01-02"


def statement(day: str) -> query.GetStatementRequest:
    return query.GetStatementRequest(account="power-0001", day=day)


async def refused(clearing: OneService, request: Message) -> tuple[str, dict[str, str]]:
    with pytest.raises(Refused) as error:
        await clearing.call(AUDITOR, request)
    return error.value.reason, dict(error.value.facts)


@pytest.mark.parametrize(
    ("day", "before", "after"),
    [(SATURDAY, FRIDAY, MONDAY), (SUNDAY_BEFORE, "", FRIDAY), (IN_YEARS, WEDNESDAY, "")],
)
async def test_a_day_that_was_not_announced_is_refused_with_the_trading_days_around_it(
    clearing: OneService, exchange: Exchange, day: str, before: str, after: str
) -> None:
    await clearing.heard(exchange)
    facts = {"day": day, "day_before": before, "day_after": after}
    for request in (statement(day), query.ListObligationsRequest(day=day), query.GetReconciliationRequest(day=day)):
        assert await refused(clearing, request) == ("DAY_UNKNOWN", facts), request


async def test_a_trading_day_that_has_not_begun_has_no_statement(clearing: OneService, exchange: Exchange) -> None:
    await clearing.heard(exchange)
    assert (await clearing.call(POWER, statement(FRIDAY))).objection_before_day == MONDAY
    assert await refused(clearing, statement(TUESDAY)) == ("DAY_NOT_BEGUN", {"day": TUESDAY, "today": FRIDAY})


async def test_money_of_a_weekend_is_on_the_next_trading_days_statement(
    clearing: OneService, exchange: Exchange
) -> None:
    await clearing.heard(exchange)
    friday = await clearing.call(POWER, statement(FRIDAY))
    for day, reference in ((SATURDAY, "in of Saturday"), (MONDAY, "in of Monday")):
        noon = day_start_ms(day) + DAY_MS // 2
        await clearing.ask(ANN, log_service_pb2.MoveClockRequest(to_ms=noon))
        deposit = pb.RecordDepositRequest(bank_reference=reference, account="power-0001", amount_fen=7)
        position = (await clearing.ask(ICBC, deposit)).position
    monday = query.GetStatementRequest(account="power-0001", day=MONDAY, min_position=position)
    later = await clearing.call(POWER, monday)
    assert (friday.opening_fen, friday.deposits_fen, friday.closing_fen) == (0, 1_000_000, 1_000_000)
    assert (later.opening_fen, later.deposits_fen, later.closing_fen) == (1_000_000, 14, 1_000_014)
    again = await clearing.call(POWER, statement(FRIDAY))
    assert (again.deposits_fen, again.closing_fen) == (1_000_000, 1_000_000), "a statement stays what it was"
