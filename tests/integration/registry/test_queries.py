"""The running registry's queries: pages, positions, and every kind of bad input."""

import asyncio
from collections.abc import Mapping
from itertools import count
from typing import Any, ClassVar

import grpc
import pytest
from google.protobuf.message import Message

from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.registry.v1 import registry_query_service_pb2 as query
from carbonmarket.registry.v1 import registry_service_pb2 as pb
from carbonmarket.registry.v1 import registry_types_pb2 as types
from chassis.core.call import Refused
from chassis.followers.projections import CATCH_UP_SECONDS_MAX
from support.processes.one_service import OneService
from support.suites.lists import Asked, ListSuite

OPERATOR, AUDITOR, BANK = "registry_operator:ann", "auditor:eve", "settlement_bank:icbc"
HUBEI, POWER, STEEL = "province:hubei", "participant:power-0001", "participant:steel-0002"

NUMBERS = count(1)
BEYOND = 10**12

INVALID, NOT_FOUND, FORBIDDEN = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
)

# fmt: off
BAD_QUERIES: list[tuple[str, Any, grpc.StatusCode, str]] = [
    (POWER,    query.GetAccountRequest(),                                          INVALID,   "ACCOUNT_MALFORMED"),
    (POWER,    query.GetAccountRequest(account="a\0b"),                            INVALID,   "TEXT_HAS_NUL"),
    (POWER,    query.GetAccountRequest(account="steel-0002"),                      FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (POWER,    query.GetAccountRequest(account="nobody"),                          FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (OPERATOR, query.GetAccountRequest(account="nobody"),                          NOT_FOUND, "ACCOUNT_UNKNOWN"),
    ("settlement_bank:icbc", query.GetAccountRequest(account="hubei"),             FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (OPERATOR, query.ListAccountsRequest(page_size=-1),                            INVALID,   "NUMBER_NEGATIVE"),
    (OPERATOR, query.ListAccountsRequest(page_token="'; DROP TABLE accounts"),     INVALID,   "PAGE_TOKEN_MALFORMED"),
    (POWER,    query.ListAccountsRequest(),                                        FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (POWER,    query.ListVintagesRequest(page_token="cea"),                        INVALID,   "PAGE_TOKEN_MALFORMED"),
    (POWER,    query.ListHoldingsRequest(),                                        INVALID,   "ACCOUNT_MALFORMED"),
    (POWER,    query.ListHoldingsRequest(account="power-0001", page_size=-5),      INVALID,   "NUMBER_NEGATIVE"),
    (POWER,    query.ListHoldingsRequest(account="power-0001", page_token="\0"),   INVALID,   "TEXT_HAS_NUL"),
    (POWER,    query.ListHoldingsRequest(account="hubei"),                         FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (HUBEI,    query.ListHoldingsRequest(account="power-0001"),                    FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (AUDITOR,  query.ListHoldingsRequest(account="nobody"),                        NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (POWER,    query.ListMovementsRequest(account="power-0001", page_token="x"),   INVALID,   "PAGE_TOKEN_MALFORMED"),
    (POWER,    query.ListMovementsRequest(account="power-0001", page_token="9" * 40), INVALID, "PAGE_TOKEN_MALFORMED"),
    (POWER,    query.ListMovementsRequest(account="steel-0002"),                   FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (AUDITOR,  query.ListMovementsRequest(account="nobody"),                       NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (AUDITOR,  query.GetStatementRequest(account="hubei", as_of_position=-1), INVALID, "NUMBER_NEGATIVE"),
    (POWER,    query.GetStatementRequest(account="steel-0002"),                    FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (AUDITOR,  query.GetStatementRequest(account="hubei", as_of_position=1),       NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (AUDITOR,  query.ListTradingHoldingsRequest(as_of_position=-1),           INVALID, "NUMBER_NEGATIVE"),
    (AUDITOR,  query.ListTradingHoldingsRequest(page_token="power-0001"),          INVALID,   "PAGE_TOKEN_MALFORMED"),
    (POWER,    query.ListTradingHoldingsRequest(),                                 FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (AUDITOR,  query.GetCommitmentsRequest(as_of_position=-1),                     INVALID,   "NUMBER_NEGATIVE"),
    (POWER,    query.GetCommitmentsRequest(),                                      FORBIDDEN, "ROLE_NOT_ALLOWED"),
    (AUDITOR,  query.GetTreePartsRequest(places=[b""] * 257),                      INVALID,   "TOO_MANY_PLACES"),
    (AUDITOR,  query.GetTreePartsRequest(places=[bytes([16])]),                    INVALID,   "PLACE_MALFORMED"),
    (AUDITOR,  query.GetTreePartsRequest(places=[bytes(64)]),                      INVALID,   "PLACE_MALFORMED"),
    (POWER,    query.GetTreePartsRequest(),                                        FORBIDDEN, "ROLE_NOT_ALLOWED"),
]
# fmt: on


def named(value: Any) -> str:
    return type(value).__name__.removesuffix("Request") if hasattr(value, "DESCRIPTOR") else str(value)


@pytest.mark.parametrize(("actor", "request_", "code", "reason"), BAD_QUERIES, ids=named)
async def test_a_bad_query_is_refused_by_its_rule(
    registry: OneService, actor: str, request_: Any, code: grpc.StatusCode, reason: str
) -> None:
    with pytest.raises(Refused) as refused:
        await registry.call(actor, request_)
    assert (refused.value.code, refused.value.reason) == (code, reason)


class TestLists(ListSuite):
    api = query.DESCRIPTOR
    lists: ClassVar[Mapping[str, Asked]] = {
        "ListAccounts": (AUDITOR, query.ListAccountsRequest()),
        "ListVintages": (AUDITOR, query.ListVintagesRequest()),
        "ListHoldings": (AUDITOR, query.ListHoldingsRequest(account="power-0001")),
        "ListMovements": (AUDITOR, query.ListMovementsRequest(account="power-0001")),
        "ListTradingHoldings": (AUDITOR, query.ListTradingHoldingsRequest()),
    }
    of_one = frozenset({"ListHoldings", "ListMovements"})

    @pytest.fixture
    def service(self, registry: OneService) -> OneService:
        return registry


async def test_who_wrote_reads_what_it_wrote(registry: OneService) -> None:
    for number in range(20):
        name = f"Steel {number}"
        changed = await registry.call(
            OPERATOR,
            pb.ChangeAccountDataRequest(
                request_id=f"change {next(NUMBERS)}", account="steel-0002", name=name, basis="licence"
            ),
        )
        answer = await registry.call(
            STEEL, query.GetAccountRequest(account="steel-0002", min_position=changed.position)
        )
        assert answer.account.name == name
        assert answer.position >= changed.position


# fmt: off
BEYOND_THE_LOG: list[Message] = [
    query.ListVintagesRequest(min_position=BEYOND),
    query.GetStatementRequest(account="hubei", min_position=BEYOND),
    query.GetStatementRequest(account="hubei", as_of_position=BEYOND),
    query.ListTradingHoldingsRequest(as_of_position=BEYOND),
    query.GetCommitmentsRequest(as_of_position=BEYOND),
    query.ListMovementsRequest(account="hubei", after_position=BEYOND),
    log.ReadRequest(after_position=BEYOND, wait_ms=30_000),
]
# fmt: on


@pytest.mark.parametrize("request_", BEYOND_THE_LOG, ids=named)
async def test_a_position_that_the_log_has_not_reached_is_refused_at_once_with_both_positions(
    registry: OneService, request_: Message
) -> None:
    head = len(await registry.records())
    async with asyncio.timeout(CATCH_UP_SECONDS_MAX / 2):
        with pytest.raises(Refused) as refused:
            await registry.call(AUDITOR, request_)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.OUT_OF_RANGE, "POSITION_BEYOND_END")
    assert refused.value.facts == {"position": str(BEYOND), "end_position": str(head)}


async def test_a_bookmark_beyond_the_end_of_a_feed_is_refused_with_its_end(registry: OneService) -> None:
    feed = await registry.call(POWER, log.ReadFeedRequest(account="power-0001"))
    end = feed.records[-1].sequence
    assert not (await registry.call(POWER, log.ReadFeedRequest(account="power-0001", after_sequence=end))).records
    with pytest.raises(Refused) as refused:
        await registry.call(POWER, log.ReadFeedRequest(account="power-0001", after_sequence=end + 1, wait_ms=30_000))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.OUT_OF_RANGE, "SEQUENCE_BEYOND_END")
    assert refused.value.facts == {"sequence": str(end + 1), "end_sequence": str(end)}


async def test_all_accounts_are_listed_page_by_page(registry: OneService) -> None:
    everything = (await registry.call(OPERATOR, query.ListAccountsRequest())).accounts
    paged: list[query.Account] = []
    token = ""
    while True:
        page = await registry.call(OPERATOR, query.ListAccountsRequest(page_size=2, page_token=token))
        assert len(page.accounts) <= 2
        paged += page.accounts
        token = page.next_page_token
        if not token:
            break
    assert paged == list(everything)
    assert [one.account for one in paged] == [
        "closed-0004",
        "fund-0003",
        "held-0005",
        "henan",
        "hubei",
        "leaving-0006",
        "power-0001",
        "steel-0002",
    ]
    assert paged[0].state == types.ACCOUNT_STATE_CLOSED


async def test_a_registry_without_a_key_states_no_supply(registry: OneService) -> None:
    with pytest.raises(Refused) as refused:
        await registry.call(BANK, query.GetSupplyRequest())
    assert (refused.value.code, refused.value.reason) == (NOT_FOUND, "SUPPLY_NOT_SIGNED")
