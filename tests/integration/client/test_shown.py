"""What each command shows, to people and to programs."""

import json
from typing import Any

import grpc
import pytest

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as clearing
from carbonmarket.registry.v1 import registry_query_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket.trading.v1 import trading_types_pb2 as types
from support.client import answers as answers
from support.client import settled_answers as settled
from support.client.fake_services import FakeMarket, Says
from support.client.run import as_json, ran, run

# Every command that shows something, and what its service answers.
SHOWS: list[tuple[tuple[str, ...], str, str, Any]] = [
    (("accounts",), "registry", "GetAccount", registry.GetAccountResponse(account=answers.ACCOUNT)),
    (("accounts", "show"), "registry", "GetAccount", registry.GetAccountResponse(account=answers.ACCOUNT)),
    (("vintages",), "registry", "ListVintages", answers.VINTAGES),
    (("holdings",), "registry", "GetStatement", answers.HOLDINGS),
    (("holdings", "movements"), "registry", "ListMovements", answers.MOVEMENTS),
    (("orders", "--day", answers.DAY), "trading", "ListOrders", answers.ORDERS),
    (("orders", "show", "59001"), "trading", "GetOrder", query.GetOrderResponse(order=answers.ORDER)),
    (("trades",), "trading", "ListTrades", answers.TRADES),
    (("trades", "show", "59700"), "trading", "GetTrade", query.GetTradeResponse(trade=answers.TRADE)),
    (("blocks",), "trading", "ListBlocks", answers.BLOCKS),
    (("days",), "trading", "GetDay", answers.OPEN_DAY),
    (("days", "list"), "trading", "GetDay", answers.OPEN_DAY),
    (("bulletins", answers.DAY), "trading", "GetBulletin", answers.BULLETIN),
    (("instruments",), "trading", "ListInstruments", answers.INSTRUMENTS),
    (("rules",), "trading", "ListInstruments", answers.INSTRUMENTS),
    (("funds", "entries"), "clearing", "ListEntries", settled.ENTRIES),
    (("deposits",), "clearing", "ListEntries", settled.ENTRIES),
    (("payouts", "--state", "returned"), "clearing", "ListPayouts", settled.PAYOUTS),
    (("statements", answers.DAY), "clearing", "GetStatement", settled.STATEMENT),
    (("runs",), "clearing", "ListRuns", settled.RUNS),
    (("runs", "show", "106"), "clearing", "GetRun", settled.ONE_RUN),
    (("obligations", answers.DAY), "clearing", "ListObligations", settled.OBLIGATIONS),
    (("reconciliations",), "clearing", "ListReconciliations", settled.RECONCILIATIONS),
    (("reconciliations", "show", answers.DAY), "clearing", "GetReconciliation", settled.ONE_RECONCILIATION),
]


@pytest.mark.parametrize(("arguments", "service", "rpc", "answer"), SHOWS, ids=lambda value: str(value)[:30])
def test_what_is_asked_for_is_shown_to_people_and_to_programs(
    fake_market: FakeMarket, arguments: tuple[str, ...], service: str, rpc: str, answer: Any
) -> None:
    getattr(fake_market, service).will(rpc, last_page(answer))
    text = ran(fake_market, *arguments)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    assert json.loads(ran(fake_market, *arguments, "--json"))


def test_accounts_alone_are_ones_own_or_for_others_all(fake_market: FakeMarket) -> None:
    fake_market.registry.will("GetAccount", registry.GetAccountResponse(account=answers.ACCOUNT, position=7))
    fake_market.registry.will("ListAccounts", last_page(answers.ACCOUNTS))
    assert "Account power-0007" in ran(fake_market, "accounts")
    own, everybodys = as_json(fake_market, "accounts"), as_json(fake_market, "accounts", actor="auditor:kate")
    assert own.keys() == everybodys.keys()
    assert [account["account"] for account in own["accounts"]] == ["power-0007"]
    assert len(everybodys["accounts"]) == len(answers.ACCOUNTS.accounts)
    assert "may trade" in ran(fake_market, "accounts", actor="auditor:kate")


def test_funds_are_shown_from_both_books(fake_market: FakeMarket) -> None:
    fake_market.clearing.will("GetFunds", settled.FUNDS)
    fake_market.trading.will("GetPosition", answers.POSITION)
    assert "may be withdrawn" in ran(fake_market, "funds")
    said = as_json(fake_market, "funds", "power-0007", actor="clearing_operator:bea")
    assert said["clearing"]["balance_fen"] == 12_409_840_000
    assert said["trading"]["units"][0]["instrument"] == "CEA"


def test_a_statement_joins_the_books_of_clearing_and_the_registry(fake_market: FakeMarket) -> None:
    later = registry.Movement(
        position=61_235, vintage="CEA", kind=registry_types.MOVEMENT_KIND_DELIVERED_IN, trading_change_tonnes=5
    )
    fake_market.clearing.will("GetStatement", settled.RECONCILED_STATEMENT)
    fake_market.registry.will("GetStatement", answers.HOLDINGS)
    fake_market.registry.will(
        "ListMovements",
        registry.ListMovementsResponse(movements=answers.MOVEMENTS.movements, next_page_token="61231"),
        registry.ListMovementsResponse(movements=[later], next_page_token="61235"),
    )
    told = as_json(fake_market, "statements", answers.DAY)
    assert told["blocked_fen"] == 10_000_500
    cea, cea21 = told["vintages"]
    assert (cea["opening_tonnes"], cea["allocated_tonnes"], cea["sold_tonnes"]) == (199_998, 1_250_000, 99_999)
    assert (cea["bought_tonnes"], cea["closing_tonnes"]) == (0, 1_349_999), "what came later is the next day's"
    assert (cea["trading_tonnes"], cea["blocked_tonnes"]) == (99_999, 1_000)
    assert (cea21["vintage"], cea21["opening_tonnes"], cea21["closing_tonnes"]) == ("CEA21", 7, 7)
    assert fake_market.registry.only_call("GetStatement").request.as_of_position == 61_234
    asked = [call.request for call in fake_market.registry.calls if call.rpc == "ListMovements"]
    assert [(page.after_position, page.page_token) for page in asked] == [(117, ""), (117, "61231")]


def test_a_statement_of_a_day_before_the_account_was_opened_is_of_money_alone(fake_market: FakeMarket) -> None:
    fake_market.clearing.will("GetStatement", settled.RECONCILED_STATEMENT)
    fake_market.registry.will("GetStatement", Says(grpc.StatusCode.NOT_FOUND, "ACCOUNT_UNKNOWN", account="power-0007"))
    assert "holds none" in ran(fake_market, "statements", answers.DAY)


def last_page(answer: Any) -> Any:
    """The same answer as the list's only page."""
    whole = type(answer)()
    whole.CopyFrom(answer)
    if "next_page_token" in answer.DESCRIPTOR.fields_by_name:
        whole.next_page_token = ""
    return whole


def test_without_a_day_the_last_closed_one_is_meant(fake_market: FakeMarket) -> None:
    def day(request: query.GetDayRequest) -> query.GetDayResponse:
        if request.day in ("", "2021-12-20"):
            return query.GetDayResponse(day="2021-12-20", phase=types.DAY_PHASE_ANNOUNCED)
        if request.day == answers.DAY:
            return answers.OPEN_DAY
        raise Says(grpc.StatusCode.NOT_FOUND, "DAY_UNKNOWN", day=request.day)

    fake_market.trading.will("GetDay", day)
    fake_market.trading.will("GetBulletin", answers.BULLETIN)
    fake_market.clearing.will("GetStatement", settled.STATEMENT)
    assert answers.DAY in ran(fake_market, "bulletins")
    assert answers.DAY in ran(fake_market, "statements")
    assert fake_market.trading.only_call("GetBulletin").request.day == answers.DAY
    assert fake_market.clearing.only_call("GetStatement").request.day == answers.DAY


def test_where_no_day_is_closed_one_has_to_be_named(fake_market: FakeMarket) -> None:
    fake_market.trading.will("GetDay", query.GetDayResponse(day="2021-12-20", phase=types.DAY_PHASE_ANNOUNCED))
    result = run(fake_market, "bulletins")
    assert result.exit_code == 2
    assert "name the DAY" in " ".join(result.stderr.split())


def test_a_long_run_without_a_limit_reads_every_leg(fake_market: FakeMarket) -> None:
    first = clearing.GetRunResponse(run=settled.RUN, legs=settled.ONE_RUN.legs, next_page_token="more")
    fake_market.clearing.will("GetRun", first, last_page(settled.ONE_RUN))
    assert len(as_json(fake_market, "runs", "show", "106", "--limit", "0")["legs"]) == 2
