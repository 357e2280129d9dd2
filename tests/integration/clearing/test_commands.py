"""Every rpc of the running clearing with every kind of bad input: the answer names the rule and changes nothing."""

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import grpc
import pytest
import pytest_asyncio

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as query
from carbonmarket.clearing.v1 import clearing_service_pb2 as pb
from carbonmarket.trading.v1 import trading_events_pb2 as trading
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from chassis.call import Refused
from support.clearing_days import (
    FRIDAY,
    ICBC,
    MONDAY,
    TUESDAY,
    close_day,
    executed,
    is_blocked_because,
    is_completed,
    reconciled,
    run_until,
)
from support.clearing_others import Exchange
from support.one_service import OneService

ANN, BOB, CCB = "clearing_operator:ann", "clearing_operator:bob", "settlement_bank:ccb"
POWER, STEEL, AUDITOR = "participant:power-0001", "participant:steel-0002", "auditor:eve"
EXCHANGE_OPERATOR, SERVICE = "exchange_operator:eva", "service:trading"
HUGE = 2**63 - 1

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
FORBIDDEN = grpc.StatusCode.PERMISSION_DENIED
REFUSED = grpc.StatusCode.FAILED_PRECONDITION

NUMBERS = count(1)


@pytest_asyncio.fixture(scope="module")
async def books(clearing: OneService, exchange: Exchange) -> AsyncIterator[OneService]:
    """Friday (run 1) is settled and its books are being compared; Monday (run 2) is blocked, cement lacks money for
    trade 2; Tuesday (run 3) waits for Monday. Payout 1 is requested, 2 instructed to icbc, 3 paid, 4 held-0005's.
    """
    close_day(exchange, FRIDAY, executed(1, "power-0001", "steel-0002", 1, day=FRIDAY))
    await run_until(clearing, 1, is_completed)
    for release_id, account in enumerate(("power-0001", "power-0001", "power-0001", "held-0005"), start=1):
        exchange.write(trading.FundsReleased(account=account, amount_fen=100, release_id=release_id))
    close_day(exchange, MONDAY, executed(2, "cement-0003", "steel-0002", 1, day=MONDAY))
    close_day(exchange, TUESDAY, executed(3, "power-0001", "steel-0002", 1, day=TUESDAY))
    await clearing.heard(exchange)
    await clearing.call(ANN, with_id(instruction(payout_id=2), new_id()))
    await clearing.call(ANN, with_id(instruction(payout_id=3), new_id()))
    await clearing.call(ICBC, with_id(payment(payout_id=3, bank_reference="out 3"), new_id()))
    await run_until(clearing, 2, is_blocked_because("FUNDS_LACKING"))
    await clearing.call(ANN, with_id(exclusion(trade_ids=[2]), new_id()))
    yield clearing


def deposit(**changes: Any) -> pb.RecordDepositRequest:
    right: dict[str, Any] = {"bank_reference": "in 1", "account": "power-0001", "amount_fen": 5}
    return pb.RecordDepositRequest(**(right | changes))


def instruction(**changes: Any) -> pb.InstructPayoutRequest:
    right: dict[str, Any] = {"payout_id": 1, "bank": "icbc"}
    return pb.InstructPayoutRequest(**(right | changes))


def payment(**changes: Any) -> pb.RecordPayoutPaidRequest:
    right: dict[str, Any] = {"payout_id": 2, "bank_reference": "out 2"}
    return pb.RecordPayoutPaidRequest(**(right | changes))


def giving_back(**changes: Any) -> pb.RecordPayoutReturnedRequest:
    right: dict[str, Any] = {"payout_id": 2, "ground": "account closed"}
    return pb.RecordPayoutReturnedRequest(**(right | changes))


def exclusion(**changes: Any) -> pb.ProposeExclusionRequest:
    right: dict[str, Any] = {"run_id": 2, "trade_ids": [2], "ground": "default"}
    return pb.ProposeExclusionRequest(**(right | changes))


def retry(run_id: int) -> pb.RetryRunRequest:
    return pb.RetryRunRequest(run_id=run_id)


def approval(exclusion_id: int) -> pb.ApproveExclusionRequest:
    return pb.ApproveExclusionRequest(exclusion_id=exclusion_id)


def again(day: str) -> pb.ReconcileAgainRequest:
    return pb.ReconcileAgainRequest(day=day)


# Who asks for what, and how it is refused. The whole of each ladder is in tests/unit/clearing.
# fmt: off
REFUSALS: list[tuple[str, Any, grpc.StatusCode, str]] = [
    (ICBC,  pb.RecordDepositRequest(),                          INVALID,   "ACCOUNT_MALFORMED"),
    (ICBC,  deposit(account="x" * 10_000),                      INVALID,   "ACCOUNT_MALFORMED"),
    (ICBC,  deposit(account="a\0b"),                            INVALID,   "ACCOUNT_MALFORMED"),
    (ICBC,  deposit(bank_reference=""),                         INVALID,   "BANK_REFERENCE_MALFORMED"),
    (ICBC,  deposit(bank_reference="r" * 100_000),              INVALID,   "BANK_REFERENCE_MALFORMED"),
    (ICBC,  deposit(amount_fen=0),                              INVALID,   "AMOUNT_OUT_OF_RANGE"),
    (ICBC,  deposit(amount_fen=-5),                             INVALID,   "AMOUNT_OUT_OF_RANGE"),
    (ICBC,  deposit(amount_fen=HUGE),                           INVALID,   "AMOUNT_OUT_OF_RANGE"),
    (ICBC,  deposit(account="power-9999"),                      NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (ICBC,  deposit(account="closed-0004"),                     REFUSED,   "ACCOUNT_CLOSED"),
    (ICBC,  deposit(bank_reference="opening power-0001"),       REFUSED,   "BANK_REFERENCE_ALREADY_RECORDED"),
    (ICBC,  deposit(bank_reference="out 3"),                    REFUSED,   "BANK_REFERENCE_ALREADY_RECORDED"),
    (ANN,   deposit(),                                          FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (POWER, deposit(),                                          FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (ANN,   pb.InstructPayoutRequest(),                         INVALID,   "BANK_MALFORMED"),
    (ANN,   instruction(bank="b" * 10_000),                     INVALID,   "BANK_MALFORMED"),
    (ANN,   instruction(payout_id=0),                           NOT_FOUND, "PAYOUT_UNKNOWN"),
    (ANN,   instruction(payout_id=-1),                          NOT_FOUND, "PAYOUT_UNKNOWN"),
    (ANN,   instruction(payout_id=HUGE),                        NOT_FOUND, "PAYOUT_UNKNOWN"),
    (ANN,   instruction(payout_id=2),                           REFUSED,   "PAYOUT_ALREADY_INSTRUCTED"),
    (ANN,   instruction(payout_id=3),                           REFUSED,   "PAYOUT_CLOSED"),
    (ANN,   instruction(payout_id=4),                           REFUSED,   "ACCOUNT_RESTRICTED"),
    (ICBC,  instruction(),                                      FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (ICBC,  pb.RecordPayoutPaidRequest(),                       INVALID,   "BANK_REFERENCE_MALFORMED"),
    (ICBC,  payment(payout_id=HUGE),                            NOT_FOUND, "PAYOUT_UNKNOWN"),
    (ICBC,  payment(payout_id=1),                               REFUSED,   "PAYOUT_NOT_INSTRUCTED"),
    (ICBC,  payment(payout_id=3),                               REFUSED,   "PAYOUT_CLOSED"),
    (CCB,   payment(),                                          FORBIDDEN, "PAYOUT_OF_ANOTHER_BANK"),
    (ICBC,  payment(bank_reference="out 3"),                    REFUSED,   "BANK_REFERENCE_ALREADY_RECORDED"),
    (POWER, payment(),                                          FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (ICBC,  pb.RecordPayoutReturnedRequest(),                   INVALID,   "GROUND_MALFORMED"),
    (ICBC,  giving_back(ground="g" * 10_000),                   INVALID,   "GROUND_MALFORMED"),
    (ICBC,  giving_back(ground="a\0b"),                         INVALID,   "GROUND_MALFORMED"),
    (ICBC,  deposit(bank_reference="a\0b"),                     INVALID,   "BANK_REFERENCE_MALFORMED"),
    (ICBC,  giving_back(payout_id=-7),                          NOT_FOUND, "PAYOUT_UNKNOWN"),
    (ICBC,  giving_back(payout_id=1),                           REFUSED,   "PAYOUT_NOT_INSTRUCTED"),
    (ICBC,  giving_back(payout_id=3),                           REFUSED,   "PAYOUT_CLOSED"),
    (CCB,   giving_back(),                                      FORBIDDEN, "PAYOUT_OF_ANOTHER_BANK"),
    (ANN,   giving_back(),                                      FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (ANN,   pb.RetryRunRequest(),                               NOT_FOUND, "RUN_UNKNOWN"),
    (ANN,   retry(-1),                                          NOT_FOUND, "RUN_UNKNOWN"),
    (ANN,   retry(HUGE),                                        NOT_FOUND, "RUN_UNKNOWN"),
    (ANN,   retry(1),                                           REFUSED,   "RUN_COMPLETED"),
    (ANN,   retry(3),                                           REFUSED,   "EARLIER_DAY_NOT_SETTLED"),
    (EXCHANGE_OPERATOR, retry(2),                               FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (ANN,   pb.ProposeExclusionRequest(),                       INVALID,   "TRADES_MISSING"),
    (ANN,   exclusion(trade_ids=range(1, 502)),                 INVALID,   "TOO_MANY_TRADES"),
    (ANN,   exclusion(trade_ids=[2, 2]),                        INVALID,   "TRADE_NAMED_TWICE"),
    (ANN,   exclusion(ground=""),                               INVALID,   "GROUND_MALFORMED"),
    (ANN,   exclusion(run_id=9),                                NOT_FOUND, "RUN_UNKNOWN"),
    (ANN,   exclusion(run_id=1),                                REFUSED,   "RUN_COMPLETED"),
    (ANN,   exclusion(trade_ids=[1]),                           NOT_FOUND, "TRADE_NOT_IN_RUN"),
    (ANN,   exclusion(trade_ids=[-1]),                          NOT_FOUND, "TRADE_NOT_IN_RUN"),
    (ANN,   exclusion(run_id=3, trade_ids=[3]),                 REFUSED,   "RUN_NOT_BLOCKED_BY_A_TRADE"),
    (STEEL, exclusion(),                                        FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (BOB,   pb.ApproveExclusionRequest(),                       NOT_FOUND, "EXCLUSION_UNKNOWN"),
    (BOB,   approval(HUGE),                                     NOT_FOUND, "EXCLUSION_UNKNOWN"),
    (ANN,   approval(1),                                        REFUSED,   "SECOND_PERSON_REQUIRED"),
    (SERVICE, approval(1),                                      FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (ANN,   pb.ReconcileAgainRequest(),                         INVALID,   "DAY_MALFORMED"),
    (ANN,   again("16.07.2021"),                                INVALID,   "DAY_MALFORMED"),
    (ANN,   again("2" * 10_000),                                INVALID,   "DAY_MALFORMED"),
    (ANN,   again(MONDAY),                                      REFUSED,   "DAY_NOT_SETTLED_LAST"),
    (ANN,   again(FRIDAY),                                      REFUSED,   "RECONCILIATION_UNDER_WAY"),
    (ICBC,  again(FRIDAY),                                      FORBIDDEN, "ROLE_NOT_ALLOWED"),
]

QUESTIONS: list[tuple[str, Any, grpc.StatusCode, str]] = [
    (AUDITOR, query.GetFundsRequest(),                                      INVALID,   "ACCOUNT_MALFORMED"),
    (AUDITOR, query.GetFundsRequest(account="power-9999"),                  NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (POWER,   query.GetFundsRequest(account="steel-0002"),                  FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (ICBC,    query.GetFundsRequest(account="power-0001"),                  FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (AUDITOR, query.ListEntriesRequest(account="power-9999"),               NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (AUDITOR, query.ListEntriesRequest(account="power-0001", page_size=-1), INVALID,   "PAGE_SIZE_OUT_OF_RANGE"),
    (AUDITOR, query.ListEntriesRequest(account="power-0001", page_token="x"), INVALID, "PAGE_TOKEN_MALFORMED"),
    (POWER,   query.ListEntriesRequest(account="steel-0002"),               FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (POWER,   query.ListPayoutsRequest(account="steel-0002"),               FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (AUDITOR, query.ListPayoutsRequest(page_size=1_001),                    INVALID,   "PAGE_SIZE_OUT_OF_RANGE"),
    (AUDITOR, query.ListPayoutsRequest(page_token="-1"),                    INVALID,   "PAGE_TOKEN_MALFORMED"),
    (AUDITOR, query.ListObligationsRequest(),                               INVALID,   "DAY_MALFORMED"),
    (POWER,   query.ListObligationsRequest(day=FRIDAY),                     INVALID,   "ACCOUNT_MALFORMED"),
    (POWER,   query.ListObligationsRequest(day=FRIDAY, account="steel-0002"), FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (ANN,     query.ListRunsRequest(page_token="9" * 99),                   INVALID,   "PAGE_TOKEN_MALFORMED"),
    (POWER,   query.ListRunsRequest(),                                      FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (ANN,     query.GetRunRequest(),                                        NOT_FOUND, "RUN_UNKNOWN"),
    (ANN,     query.GetRunRequest(run_id=-1),                               NOT_FOUND, "RUN_UNKNOWN"),
    (ANN,     query.GetRunRequest(run_id=HUGE),                             NOT_FOUND, "RUN_UNKNOWN"),
    (POWER,   query.GetStatementRequest(account="power-0001"),              INVALID,   "DAY_MALFORMED"),
    (POWER,   query.GetStatementRequest(account="steel-0002", day=FRIDAY),  FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (AUDITOR, query.GetStatementRequest(account="power-9999", day=FRIDAY),  NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (ANN,     query.ListReconciliationsRequest(page_size=-5),               INVALID,   "PAGE_SIZE_OUT_OF_RANGE"),
    (ANN,     query.GetReconciliationRequest(),                             INVALID,   "DAY_MALFORMED"),
    (ANN,     query.GetReconciliationRequest(day=MONDAY),                   NOT_FOUND, "DAY_NOT_RECONCILED"),
]
# fmt: on

# A command that is accepted, and another body that its request id must then not stand for.
ACCEPTED: list[tuple[str, Any, Any]] = [
    (ICBC, deposit(bank_reference="in 7"), deposit(bank_reference="in 8")),
    (CCB, deposit(bank_reference="in 7"), deposit(bank_reference="in 7", amount_fen=6)),
    (ANN, instruction(), instruction(bank="ccb")),
    (ICBC, payment(payout_id=1, bank_reference="out 1"), payment(payout_id=2, bank_reference="out 1")),
    (ICBC, giving_back(), giving_back(ground="unknown")),
    (ANN, retry(2), retry(1)),
    (ANN, exclusion(), exclusion(ground="other")),
    (BOB, approval(2), approval(1)),
]


def named(value: Any) -> str:
    return type(value).__name__.removesuffix("Request") if hasattr(value, "DESCRIPTOR") else str(value)


def with_id(request: Any, request_id: str) -> Any:
    copied = type(request)()
    copied.CopyFrom(request)
    copied.request_id = request_id
    return copied


def new_id() -> str:
    return f"request {next(NUMBERS)}"


async def head(clearing: OneService) -> int:
    return (await clearing.records())[-1].position


@pytest.mark.parametrize(("actor", "request_", "code", "reason"), REFUSALS, ids=named)
async def test_a_bad_request_is_refused_by_its_rule_and_changes_nothing(
    books: OneService, actor: str, request_: Any, code: grpc.StatusCode, reason: str
) -> None:
    before = await head(books)
    with pytest.raises(Refused) as refused:
        await books.call(actor, with_id(request_, new_id()))
    assert (refused.value.code, refused.value.reason) == (code, reason)
    assert all(len(fact) <= 100 for fact in refused.value.facts.values())
    assert await head(books) == before


@pytest.mark.parametrize(("actor", "request_", "code", "reason"), QUESTIONS, ids=named)
async def test_a_bad_question_is_refused_by_its_rule(
    books: OneService, actor: str, request_: Any, code: grpc.StatusCode, reason: str
) -> None:
    with pytest.raises(Refused) as refused:
        await books.call(actor, request_)
    assert (refused.value.code, refused.value.reason) == (code, reason)


@pytest.mark.parametrize(("actor", "request_", "other"), ACCEPTED, ids=named)
async def test_a_repeat_gets_the_first_answer_and_its_id_stands_for_no_other_command(
    books: OneService, actor: str, request_: Any, other: Any
) -> None:
    if isinstance(request_, pb.ProposeExclusionRequest):
        await run_until(books, 2, is_blocked_because("FUNDS_LACKING"))
    request_id = new_id()
    for bad_id, reason in (("", "REQUEST_ID_MISSING"), ("i" * 101, "REQUEST_ID_MALFORMED")):
        with pytest.raises(Refused) as refused:
            await books.call(actor, with_id(request_, bad_id))
        assert (refused.value.code, refused.value.reason) == (INVALID, reason)
    first = await books.call(actor, with_id(request_, request_id))
    assert await books.call(actor, with_id(request_, request_id)) == first
    with pytest.raises(Refused) as refused:
        await books.call(actor, with_id(other, request_id))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


async def test_the_books_are_compared_again_only_when_no_comparison_is_under_way(
    books: OneService, exchange: Exchange
) -> None:
    await run_until(books, 3, is_completed)
    exchange.book = trading_queries.StatePositionsResponse(settled_day=TUESDAY, heard_registry_position=10**6)
    await reconciled(books, 3)
    request = with_id(again(TUESDAY), new_id())
    first = await books.call(ANN, request)
    await reconciled(books, 4)
    assert await books.call(ANN, request) == first


async def test_a_repeat_is_recognised_after_the_process_was_killed(books: OneService) -> None:
    request = with_id(deposit(bank_reference="in 9"), new_id())
    first = await books.call(ICBC, request)
    await books.restart()
    assert await books.call(ICBC, request) == first


async def test_a_caller_without_a_name_is_turned_away(books: OneService) -> None:
    for actor in ("", "icbc", "settlement_bank:"):
        with pytest.raises(Refused) as refused:
            await books.call(actor, with_id(deposit(bank_reference="in 10"), new_id()))
        assert refused.value.code is grpc.StatusCode.UNAUTHENTICATED


async def test_many_commands_in_one_message_are_each_answered_by_their_own_outcome(books: OneService) -> None:
    many = pb.SubmitManyRequest(
        commands=[
            pb.ManyCommand(record_deposit=with_id(deposit(bank_reference="many 1"), new_id())),
            pb.ManyCommand(record_deposit=with_id(deposit(bank_reference="many 1"), new_id())),
            pb.ManyCommand(retry_run=with_id(retry(2), new_id())),
            pb.ManyCommand(),
            pb.ManyCommand(record_deposit=with_id(deposit(bank_reference="many 2", amount_fen=-1), new_id())),
        ]
    )
    answer = await books.submit_many(ICBC, many)
    assert answer.outcomes[0].record_deposit.entry > 0
    assert [one.refusal.reason for one in answer.outcomes[1:]] == [
        "BANK_REFERENCE_ALREADY_RECORDED",
        "ROLE_NOT_ALLOWED",
        "COMMAND_MISSING",
        "AMOUNT_OUT_OF_RANGE",
    ]
