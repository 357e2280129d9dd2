"""Every rpc of the running clearing with each kind of bad input: the answer names the rule and changes nothing."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

import grpc
import pytest
import pytest_asyncio

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as query
from carbonmarket.clearing.v1 import clearing_service_pb2 as pb
from carbonmarket.trading.v1 import trading_events_pb2 as trading
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from chassis.core.call import Refused
from support.processes.clearing_days import (
    FRIDAY,
    ICBC,
    MONDAY,
    REGISTRAR,
    TUESDAY,
    close_day,
    executed,
    is_blocked_because,
    is_completed,
    reconciled,
    run_until,
)
from support.processes.clearing_others import Exchange
from support.processes.one_service import OneService, with_id
from support.suites.commands import FORBIDDEN, INVALID, NOT_FOUND, REFUSED, Acceptance, CommandSuite, Refusal, named
from support.suites.lists import Asked, ListSuite

ANN, BOB, CCB = "clearing_operator:ann", "clearing_operator:bob", "settlement_bank:ccb"
POWER, STEEL, AUDITOR = "participant:power-0001", "participant:steel-0002", "auditor:eve"
EXCHANGE_OPERATOR, SERVICE = "exchange_operator:eva", "service:trading"
HUGE = 2**63 - 1


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
    await clearing.ask(ANN, instruction(payout_id=2))
    await clearing.ask(ANN, instruction(payout_id=3))
    await clearing.ask(ICBC, payment(payout_id=3, bank_reference="out 3"))
    await run_until(clearing, 2, is_blocked_because("FUNDS_LACKING"))
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


def bank_list(**changes: Any) -> pb.SetSettlementBanksRequest:
    right: dict[str, Any] = {"valid_from_day": FRIDAY, "banks": ["icbc", "ccb"], "source": "announcement 8"}
    return pb.SetSettlementBanksRequest(**(right | changes))


def revocation(**changes: Any) -> pb.RevokePayoutInstructionRequest:
    right: dict[str, Any] = {"payout_id": 2, "ground": "a slip of the hand"}
    return pb.RevokePayoutInstructionRequest(**(right | changes))


def exclusion(**changes: Any) -> pb.ExcludeTradesRequest:
    right: dict[str, Any] = {"run_id": 2, "trade_ids": [2], "ground": "default"}
    return pb.ExcludeTradesRequest(**(right | changes))


def retry(run_id: int) -> pb.RetryRunRequest:
    return pb.RetryRunRequest(run_id=run_id)


def again(day: str) -> pb.ReconcileAgainRequest:
    return pb.ReconcileAgainRequest(day=day)


# Who asks for what, and how it is refused: of each command one line for each status code and for each check of who may,
# and what only the wire can get wrong. The whole of each ladder, with the field that each refusal names, is in
# tests/unit/clearing.
# fmt: off
REFUSALS: list[Refusal] = [
    (ICBC,  pb.RecordDepositRequest(),                          INVALID,   "ACCOUNT_MALFORMED"),
    (ICBC,  deposit(account="a\0b"),                            INVALID,   "TEXT_HAS_NUL"),
    (ICBC,  deposit(amount_fen=HUGE),                           INVALID,   "AMOUNT_OUT_OF_RANGE"),
    (ICBC,  deposit(account="power-9999"),                      NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (ICBC,  deposit(account="closed-0004"),                     REFUSED,   "ACCOUNT_CLOSED"),
    (ICBC,  deposit(bank_reference="opening power-0001"),       REFUSED,   "BANK_REFERENCE_ALREADY_RECORDED"),
    (ANN,   pb.InstructPayoutRequest(),                         INVALID,   "BANK_MALFORMED"),
    (ANN,   instruction(payout_id=0),                           NOT_FOUND, "PAYOUT_UNKNOWN"),
    (ANN,   instruction(payout_id=2),                           REFUSED,   "PAYOUT_ALREADY_INSTRUCTED"),
    (REGISTRAR, pb.SetSettlementBanksRequest(),                 INVALID,   "DAY_MALFORMED"),
    (ANN,   pb.RevokePayoutInstructionRequest(),                      INVALID,   "TEXT_MALFORMED"),
    (ANN,   revocation(payout_id=HUGE),                         NOT_FOUND, "PAYOUT_UNKNOWN"),
    (ANN,   revocation(payout_id=1),                            REFUSED,   "PAYOUT_NOT_INSTRUCTED"),
    (ICBC,  pb.RecordPayoutPaidRequest(),                       INVALID,   "BANK_REFERENCE_MALFORMED"),
    (ICBC,  payment(payout_id=HUGE),                            NOT_FOUND, "PAYOUT_UNKNOWN"),
    (ICBC,  payment(payout_id=1),                               REFUSED,   "PAYOUT_NOT_INSTRUCTED"),
    (CCB,   payment(),                                          FORBIDDEN, "PAYOUT_OF_ANOTHER_BANK"),
    (ICBC,  pb.RecordPayoutReturnedRequest(),                   INVALID,   "TEXT_MALFORMED"),
    (ICBC,  giving_back(ground="a\0b"),                         INVALID,   "TEXT_HAS_NUL"),
    (ICBC,  giving_back(payout_id=-7),                          NOT_FOUND, "PAYOUT_UNKNOWN"),
    (ICBC,  giving_back(payout_id=1),                           REFUSED,   "PAYOUT_NOT_INSTRUCTED"),
    (CCB,   giving_back(),                                      FORBIDDEN, "PAYOUT_OF_ANOTHER_BANK"),
    (ANN,   pb.RetryRunRequest(),                               NOT_FOUND, "RUN_UNKNOWN"),
    (ANN,   retry(1),                                           REFUSED,   "RUN_COMPLETED"),
    (ANN,   pb.ExcludeTradesRequest(),                          INVALID,   "TRADES_MISSING"),
    (ANN,   exclusion(run_id=9),                                NOT_FOUND, "RUN_UNKNOWN"),
    (ANN,   exclusion(run_id=1),                                REFUSED,   "RUN_COMPLETED"),
    (ANN,   pb.ReconcileAgainRequest(),                         INVALID,   "DAY_MALFORMED"),
    (ANN,   again(MONDAY),                                      REFUSED,   "DAY_NOT_SETTLED_LAST"),
]

QUESTIONS: list[Refusal] = [
    (AUDITOR, query.GetFundsRequest(),                                      INVALID,   "ACCOUNT_MALFORMED"),
    (AUDITOR, query.GetFundsRequest(account="power-9999"),                  NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (POWER,   query.GetFundsRequest(account="steel-0002"),                  FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (AUDITOR, query.ListEntriesRequest(account="power-9999"),               NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (AUDITOR, query.ListEntriesRequest(account="power-0001", page_size=-1), INVALID,   "NUMBER_NEGATIVE"),
    (AUDITOR, query.ListEntriesRequest(account="power-0001", page_token="x"), INVALID, "PAGE_TOKEN_MALFORMED"),
    (POWER,   query.ListEntriesRequest(account="steel-0002"),               FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (POWER,   query.ListPayoutsRequest(account="steel-0002"),               FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (AUDITOR, query.ListPayoutsRequest(page_token="-1"),                    INVALID,   "PAGE_TOKEN_MALFORMED"),
    (AUDITOR, query.ListObligationsRequest(day="Friday"),                   INVALID,   "DAY_MALFORMED"),
    (POWER,   query.ListObligationsRequest(day=FRIDAY, account="steel-0002"), FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (ANN,     query.ListRunsRequest(page_token="9" * 99),                   INVALID,   "PAGE_TOKEN_MALFORMED"),
    (ANN,     query.GetRunRequest(),                                        NOT_FOUND, "RUN_UNKNOWN"),
    (ANN,     query.GetRunRequest(run_id=-1),                               NOT_FOUND, "RUN_UNKNOWN"),
    (ANN,     query.GetRunRequest(run_id=HUGE),                             NOT_FOUND, "RUN_UNKNOWN"),
    (POWER,   query.GetStatementRequest(account="power-0001"),              INVALID,   "DAY_MALFORMED"),
    (POWER,   query.GetStatementRequest(account="steel-0002", day=FRIDAY),  FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (AUDITOR, query.GetStatementRequest(account="power-9999", day=FRIDAY),  NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (ANN,     query.ListReconciliationsRequest(page_size=-5),               INVALID,   "NUMBER_NEGATIVE"),
    (ANN,     query.GetReconciliationRequest(),                             INVALID,   "DAY_MALFORMED"),
    (ANN,     query.GetReconciliationRequest(day=MONDAY),                   NOT_FOUND, "DAY_NOT_RECONCILED"),
]
# fmt: on

# A command that is accepted, and another body, which must be refused under the same request id.
ACCEPTED: list[Acceptance] = [
    (ICBC, deposit(bank_reference="in 7"), deposit(bank_reference="in 8")),
    (CCB, deposit(bank_reference="in 7"), deposit(bank_reference="in 7", amount_fen=6)),
    (REGISTRAR, bank_list(), bank_list(source="announcement 9")),
    (ANN, instruction(), instruction(bank="ccb")),
    (ICBC, payment(payout_id=1, bank_reference="out 1"), payment(payout_id=2, bank_reference="out 1")),
    (ICBC, giving_back(), giving_back(ground="unknown")),
    (ANN, retry(2), retry(1)),
    (ANN, again(TUESDAY), again(MONDAY)),
]


@pytest.fixture
def service(books: OneService) -> OneService:
    return books


@pytest.mark.parametrize(("actor", "request_", "code", "reason"), QUESTIONS, ids=named)
async def test_a_bad_question_is_refused_by_its_rule(
    books: OneService, actor: str, request_: Any, code: grpc.StatusCode, reason: str
) -> None:
    with pytest.raises(Refused) as refused:
        await books.call(actor, request_)
    assert (refused.value.code, refused.value.reason) == (code, reason)


class TestLists(ListSuite):
    api = query.DESCRIPTOR
    lists: ClassVar[Mapping[str, Asked]] = {
        "ListEntries": (AUDITOR, query.ListEntriesRequest(account="power-0001")),
        "ListPayouts": (AUDITOR, query.ListPayoutsRequest()),
        "ListObligations": (AUDITOR, query.ListObligationsRequest()),
        "ListRuns": (AUDITOR, query.ListRunsRequest()),
        "GetRun": (AUDITOR, query.GetRunRequest(run_id=1)),
        "ListReconciliations": (AUDITOR, query.ListReconciliationsRequest()),
    }
    of_one = frozenset({"ListEntries", "GetRun"})
    rows_in: ClassVar[Mapping[str, str]] = {"GetRun": "legs"}


async def test_a_holder_that_names_no_account_sees_its_own(books: OneService) -> None:
    for kind in (query.ListPayoutsRequest, query.ListObligationsRequest):
        unnamed = await books.call(POWER, kind())
        named_ = await books.call(POWER, kind(account="power-0001"))
        assert unnamed.position <= named_.position
        assert str(unnamed).partition("position")[0] == str(named_).partition("position")[0]


async def test_two_operators_revoke_an_instruction_and_it_is_given_again(books: OneService) -> None:
    with pytest.raises(Refused, match="APPROVAL_REQUIRED"):
        await books.ask(ANN, revocation())
    answer = await books.ask_by_two(ANN, BOB, revocation())
    assert list(answer.events) == ["carbonmarket.clearing.v1.PayoutInstructionRevoked"]
    await books.ask(ANN, instruction(payout_id=2))


class TestCommands(CommandSuite):
    api = pb.DESCRIPTOR
    refusals = REFUSALS
    accepted = ACCEPTED
    never_accepted = frozenset({"ExcludeTrades", "RevokePayoutInstruction"})  # of one person
    one_more = ICBC, deposit(bank_reference="in 9")
    many_by = ICBC
    many = (
        (deposit(bank_reference="many 1"), ""),
        (deposit(bank_reference="many 1"), "BANK_REFERENCE_ALREADY_RECORDED"),
        (retry(2), "ROLE_NOT_ALLOWED"),
        (deposit(bank_reference="many 2", amount_fen=-1), "AMOUNT_OUT_OF_RANGE"),
    )

    @pytest.fixture
    async def due(self, books: OneService, exchange: Exchange, request_: Any) -> None:
        """The run that was retried is blocked again, two people let it go on, and no comparison is under way."""
        match request_:
            case pb.ReconcileAgainRequest():
                await run_until(books, 2, is_blocked_because("FUNDS_LACKING"))
                await books.ask_by_two(ANN, BOB, exclusion())
                await run_until(books, 3, is_completed)
                exchange.book = trading_queries.GetAllPositionsResponse(
                    settled_day=TUESDAY, heard_registry_position=10**6
                )
                await reconciled(books, 3)

    async def end(self, service: OneService, actor: str) -> int:
        return max(record.position for record in await service.records() if f"{record.role}:{record.subject}" == actor)


async def test_the_books_are_compared_again_only_when_no_comparison_is_under_way(books: OneService) -> None:
    await reconciled(books, 4)
    request = with_id(again(TUESDAY), books.new_id())
    first = await books.call(ANN, request)
    await reconciled(books, 5)
    assert await books.call(ANN, request) == first
