"""The command line against services that answer what a test tells them to."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import grpc
import pytest
from click.testing import CliRunner, Result

from carbonmarket.clearing.v1 import clearing_service_pb2 as clearing_commands
from carbonmarket.log.v1 import log_events_pb2 as log_events
from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as types
from carbonmarket_client.cli.app import cli
from support.client import answers as answers
from support.client import settled_answers as settled
from support.client.fake_services import FakeMarket, Says
from support.client.run import as_json, ran, run


def every_command(group: click.Group = cli, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += every_command(command, (*path, name))
    return found


def takes(path: tuple[str, ...], option: str) -> bool:
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    return any(option in parameter.opts for parameter in command.params)


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_every_command_explains_itself_with_examples(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, [*path, "--help"], prog_name="carbonmarket")
    assert result.exit_code == 0
    assert f"carbonmarket {' '.join(path)}" in result.stdout
    assert "Examples:\n  $ carbonmarket" in result.stdout
    assert max(len(line) for line in result.stdout.splitlines() if "$ " not in line) <= 100


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_no_word_of_a_help_is_broken_on_a_narrow_screen(path: tuple[str, ...], width: int) -> None:
    command_line = [*path, "--help"]
    narrow, wide = (
        CliRunner().invoke(cli, command_line, prog_name="carbonmarket", terminal_width=one).stdout
        for one in (width, 250)
    )
    assert set(narrow.split()) <= set(wide.split())


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("path", [(), *((name,) for name in cli.commands)], ids=" ".join)
def test_every_list_of_commands_has_whole_sentences(path: tuple[str, ...], width: int) -> None:
    listed = CliRunner().invoke(cli, [*path, "--help"], terminal_width=width).stdout
    assert not [line for line in listed.splitlines() if line.endswith("...") and not line.startswith("Usage")]


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (("orders", "cancel", "12", "--request-id", ""), "'--request-id'"),
        (("orders", "place", "CEA", "buy", "100", "51.23", "--account", ""), "'--account'"),
        (("holdings", "show", ""), "'[ACCOUNT]'"),
        (("banks", "set", "2021-07-16", "bank-a", "", "--source", "announcement 7"), "'BANK...'"),
        (("--as", "", "orders"), "'--as'"),
    ],
    ids=str,
)
def test_what_is_given_and_empty_is_refused_and_not_taken_as_left_out(
    fake_market: FakeMarket, given: tuple[str, ...], what: str
) -> None:
    result = CliRunner().invoke(cli, fake_market.arguments(*given))
    assert (result.exit_code, result.stdout) == (2, "")
    assert what in result.stderr and "it is empty" in result.stderr
    assert not fake_market.trading.calls


def test_the_help_lists_the_exit_codes() -> None:
    help_text = CliRunner().invoke(cli, ["--help"]).stdout
    for meaning in ("0  done", "1  refused", "3  no answer", "5  refused: this actor may not do it"):
        assert meaning in help_text


def test_an_order_is_placed_with_exact_numbers(fake_market: FakeMarket) -> None:
    fake_market.trading.will("PlaceOrder", trading.PlaceOrderResponse(order_id=12, position=40))
    said = ran(fake_market, "orders", "place", "CEA", "sell", "1,000", "51.23", "--request-id", "order-118")
    assert said == "Order 12 is in the book: sell 1,000 t of CEA at CNY 51.23.\n"
    asked = fake_market.trading.only_call("PlaceOrder").request
    assert asked == trading.PlaceOrderRequest(
        request_id="order-118",
        account="power-0007",
        instrument="CEA",
        side=types.SIDE_SELL,
        price_fen=5123,
        quantity_tonnes=1_000,
    )


def test_a_program_gets_the_same_keys_and_whole_numbers(fake_market: FakeMarket) -> None:
    fake_market.trading.will("PlaceOrder", trading.PlaceOrderResponse(order_id=12, position=40))
    said = as_json(fake_market, "orders", "place", "CEA", "buy", "1", "51.23", "--request-id", "a")
    assert said == {"request_id": "a", "order_id": 12, "position": 40}


def test_a_list_as_json_has_every_field_even_when_it_is_empty(fake_market: FakeMarket) -> None:
    fake_market.trading.will("ListOrders", answers.ORDERS)
    (order,) = as_json(fake_market, "orders")["orders"]
    assert order["price_fen"] == 5123
    assert order["side"] == "sell"
    assert order["state"] == "cancelled"
    assert set(order) == {field.name for field in query.Order.DESCRIPTOR.fields}
    fake_market.trading.will("ListOrders", query.ListOrdersResponse())
    assert as_json(fake_market, "orders") == {"orders": [], "next_page_token": "", "position": 0}


def test_the_global_json_option_means_the_same(fake_market: FakeMarket) -> None:
    fake_market.trading.will("ListOrders", answers.ORDERS)
    before = CliRunner().invoke(cli, ["--json", *fake_market.arguments("orders")]).stdout
    assert json.loads(before) == as_json(fake_market, "orders")


def test_a_participant_sees_its_own_and_an_operator_everybodys(fake_market: FakeMarket) -> None:
    fake_market.trading.will("ListTrades", answers.TRADES)
    ran(fake_market, "trades")
    ran(fake_market, "trades", actor="exchange_operator:ann")
    assert [call.request.account for call in fake_market.trading.calls] == ["power-0007", ""]


def test_as_many_rows_as_wanted_are_put_together_from_pages(fake_market: FakeMarket) -> None:
    def page(request: query.ListTradesRequest) -> query.ListTradesResponse:
        first = int(request.page_token or 1)
        rows = [query.Trade(trade_id=number) for number in range(first, first + min(request.page_size, 1_000))]
        return query.ListTradesResponse(trades=rows, next_page_token=str(first + len(rows)))

    fake_market.trading.will("ListTrades", page)
    said = as_json(fake_market, "trades", "--limit", "2100")
    assert [trade["trade_id"] for trade in said["trades"]] == list(range(1, 2_101))
    assert [call.request.page_size for call in fake_market.trading.calls] == [1_000, 1_000, 100]


REFUSALS = [
    (grpc.StatusCode.FAILED_PRECONDITION, 1),
    (grpc.StatusCode.INVALID_ARGUMENT, 1),
    (grpc.StatusCode.NOT_FOUND, 4),
    (grpc.StatusCode.PERMISSION_DENIED, 5),
    (grpc.StatusCode.INTERNAL, 6),
    (grpc.StatusCode.RESOURCE_EXHAUSTED, 3),
]


@pytest.mark.parametrize(("code", "exit_code"), REFUSALS)
def test_the_exit_code_says_what_kind_of_no_it_was(
    fake_market: FakeMarket, code: grpc.StatusCode, exit_code: int
) -> None:
    fake_market.trading.will("CancelOrder", Says(code, "ORDER_UNKNOWN", order_id=12))
    result = run(fake_market, "orders", "cancel", "12")
    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert "How to fix it: " in result.stderr


def test_a_refusal_reads_as_a_fact_and_a_way_out(fake_market: FakeMarket) -> None:
    refusal = Says(
        grpc.StatusCode.FAILED_PRECONDITION, "PRICE_OUTSIDE_DAILY_LIMIT", price_fen=6000, low_fen=4611, high_fen=5635
    )
    fake_market.trading.will("PlaceOrder", refusal)
    result = run(fake_market, "orders", "place", "CEA", "buy", "1", "60")
    facts, fix = result.stderr.split("How to fix it: ")
    assert facts.splitlines() == [
        "Refused: PRICE_OUTSIDE_DAILY_LIMIT",
        "  high   CNY 56.35",
        "  low    CNY 46.11",
        "  price  CNY 60.00",
    ]
    assert " ".join(fix.split()).startswith("Give a price between the day's limits")


def test_a_refusal_as_json_has_its_facts_as_numbers(fake_market: FakeMarket) -> None:
    fake_market.trading.will(
        "CancelOrder", Says(grpc.StatusCode.NOT_FOUND, "ORDER_UNKNOWN", order_id=12, account="1234")
    )
    result = run(fake_market, "--json", "orders", "cancel", "12")
    error = json.loads(result.stdout)["error"]
    assert error["kind"] == "NotFound"
    assert error["reason"] == "ORDER_UNKNOWN"
    assert error["facts"] == {"account": "1234", "order_id": 12}
    assert error["fix"] == "Check the order's number."


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("orders", "place", "CEA", "sell", "1.5", "51.23"), "whole tonnes only"),
        (("orders", "place", "CEA", "sell", "1", "51.234"), "two decimals at most"),
        (("orders", "place", "CEA", "lend", "1", "51.23"), "'buy', 'sell'"),
        (("bulletins", "16.07.2021"), "write it as 2021-07-16"),
        (("clock", "move", "soon"), "2021-07-16 09:30"),
        (("trace", "xyz", "--spans", "."), "32 hexadecimal digits"),
        (("events", "--after", "7"), "--service"),
        (("rules", "weights", "2026-01-05", "CEA25", "--source", "x"), "INSTRUMENT=WEIGHT"),
        (("rules", "set", "2021-07-16", "--source", "x", "--listed-sessions", "9-11"), "09:30-11:30"),
        (("days", "announce"), "--from"),
        (("instruments", "sell"), "No such"),
    ],
)
def test_a_wrong_command_line_says_what_would_be_right(
    fake_market: FakeMarket, arguments: tuple[str, ...], told: str
) -> None:
    result = run(fake_market, *arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.replace("│", "").split())
    assert not fake_market.trading.calls


def test_who_is_told_no_address_is_told_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CARBONMARKET_TRADING_ADDRESS", raising=False)
    result = CliRunner().invoke(cli, ["--as", "auditor:kate", "days"])
    assert result.exit_code == 2
    assert "--trading HOST:PORT" in result.stderr
    assert "CARBONMARKET_TRADING_ADDRESS" in result.stderr


def test_a_service_that_is_away_leaves_the_request_id_to_repeat_under() -> None:
    away = ["--trading=127.0.0.1:1", "--as=participant:power-0007", "--deadline=1"]
    result = CliRunner().invoke(cli, [*away, "orders", "cancel", "12", "--request-id", "cancel-12"])
    assert result.exit_code == 3
    told = " ".join(result.stderr.split())
    assert "nothing listens at 127.0.0.1:1" in told
    assert "--request-id cancel-12" in told
    assert "`source var/env` again" in told


def test_the_book_is_shown_once_or_as_long_as_wanted(fake_market: FakeMarket) -> None:
    fake_market.trading.will("StreamMarketData", lambda _request: iter([answers.PICTURE] * 5))
    assert "SELL at CNY" in ran(fake_market, "book", "CEA")
    lines = ran(fake_market, "book", "CEA", "--updates", "3", "--json").splitlines()
    assert [json.loads(line)["book"]["asks"][0]["price_fen"] for line in lines] == [5123] * 3
    assert "SELL at CNY" in ran(fake_market, "book", "CEA", "--watch")


def test_status_shows_who_answers_and_fails_for_who_does_not(fake_market: FakeMarket) -> None:
    fake_market.registry.will("GetStatus", log.GetStatusResponse(log_id="registry", head_position=61_234))
    fake_market.trading.will("GetStatus", settled.STATUS)
    fake_market.clearing.will("GetStatus", Says(grpc.StatusCode.UNAVAILABLE))
    result = run(fake_market, "--deadline", "1", "status")
    assert result.exit_code == 3
    assert "61,234" in result.stdout
    assert "no answer" in result.stdout
    programs = run(fake_market, "--deadline", "1", "status", "--json")
    assert programs.exit_code == 3
    assert "gave no answer" in json.loads(programs.stdout)["clearing"]["error"]


def test_the_clock_is_moved_in_all_three_services(fake_market: FakeMarket) -> None:
    for fake in (fake_market.registry, fake_market.trading, fake_market.clearing):
        fake.will("MoveClock", log.MoveClockResponse(now_ms=1_626_399_000_000))
    ran(fake_market, "clock", "move", "2021-07-16 09:30", actor="exchange_operator:ann")
    for fake in (fake_market.registry, fake_market.trading, fake_market.clearing):
        assert fake.only_call("MoveClock").request.to_ms == 1_626_399_000_000


def test_a_trade_is_traced_by_its_number(fake_market: FakeMarket, tmp_path: Path) -> None:
    span = {"name": "TakeListing", "service": "trading", "trace_id": answers.TRACE_ID, "span_id": "a" * 16}
    times = {"start_unix_nanos": 1_626_399_000 * 10**9, "end_unix_nanos": 1_626_399_001 * 10**9}
    (tmp_path / "trading.jsonl").write_text(json.dumps({**span, **times}) + "\n")
    fake_market.trading.will("GetTrade", query.GetTradeResponse(trade=answers.TRADE))
    assert "TakeListing" in ran(fake_market, "trace", "59700", "--spans", str(tmp_path))
    assert as_json(fake_market, "trace", answers.TRACE_ID, "--spans", str(tmp_path))["services"] == ["trading"]
    assert run(fake_market, "trace", "0" * 32, "--spans", str(tmp_path)).exit_code == 4


def test_money_comes_in_and_goes_out_by_the_banks_own_reference(fake_market: FakeMarket) -> None:
    fake_market.clearing.will("RecordDeposit", clearing_commands.RecordDepositResponse(entry_number=7))
    said = ran(
        fake_market, "deposits", "record", "power-0007", "2,000,000", "--reference", "A-118", actor="settlement_bank:a"
    )
    assert said == "CNY 2,000,000.00 are deposited for power-0007, entry 7.\n"
    asked = fake_market.clearing.only_call("RecordDeposit").request
    assert (asked.bank_reference, asked.amount_fen) == ("A-118", 200_000_000)


def test_a_command_that_is_interrupted_is_not_called_done(fake_market: FakeMarket) -> None:
    fake_market.trading.will("CancelOrder", Says(grpc.StatusCode.UNAVAILABLE))
    command = [sys.executable, "-m", "carbonmarket_client", *fake_market.arguments("orders", "cancel", "12")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as cancelling:
        while not fake_market.trading.calls:
            time.sleep(0.01)
        cancelling.send_signal(signal.SIGINT)
        assert cancelling.wait(timeout=60) == 130
        assert cancelling.stderr is not None
        assert fake_market.trading.calls[0].request.request_id in cancelling.stderr.read()


@pytest.mark.parametrize("with_json", [(), ("--json",)])
@pytest.mark.parametrize("what", [("trades",), ("--help",)])
def test_output_that_its_reader_closes_is_no_error_to_be_traced(
    fake_market: FakeMarket, what: tuple[str, ...], with_json: tuple[str, ...]
) -> None:
    fake_market.trading.will("ListTrades", answers.TRADES)
    command = [sys.executable, "-m", "carbonmarket_client", *fake_market.arguments(*with_json, *what)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()
        told = running.stderr.read()
        assert running.wait(timeout=60) in (1, 141)
    assert told == ""


def with_clearing_away(fake_market: FakeMarket, *arguments: str) -> Result:
    """What the command line says where two services answer and one is not reached."""
    fake_market.registry.will("GetStatus", log.GetStatusResponse(log_id="registry", now_ms=settled.STATUS.now_ms))
    fake_market.trading.will("GetStatus", settled.STATUS)
    fake_market.clearing.will("GetStatus", Says(grpc.StatusCode.RESOURCE_EXHAUSTED))
    return run(fake_market, *arguments, actor="exchange_operator:bob")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("status",), "trading"),
        (("clock",), "2021-12-16 12:30:00"),
        (("pending",), "OverrideOpening"),
        (("pending", "rules"), "always"),
    ],
)
def test_what_answers_is_shown_where_one_service_is_away_and_that_one_is_named(
    fake_market: FakeMarket, arguments: tuple[str, ...], shown: str
) -> None:
    result = with_clearing_away(fake_market, *arguments)
    assert (result.exit_code, shown in result.stdout) == (3, True), result.output
    assert "clearing takes no more at the moment" in result.stderr
    assert "registry" not in result.stderr
    known = json.loads(with_clearing_away(fake_market, *arguments, "--json").stdout)
    assert list(known["clearing"]) == ["error"]
    assert "error" not in known["trading"]


def test_a_command_is_proposed_instead_of_given_when_that_is_asked_for(fake_market: FakeMarket) -> None:
    fees = trading.SetFeesRequest(request_id="fees-7", valid_from_day="2021-07-16", source="notice 9")
    fees.buyer_fee_ppm = fees.seller_fee_ppm = 500
    effect = log_events.Effect(type="carbonmarket.trading.v1.FeesSet")
    fake_market.trading.will(
        "ProposeCommand", log.ProposeCommandResponse(proposal_id=61, effects=[effect], position=61)
    )
    given = ("rules", "fees", "2021-07-16", "--buyer", "500", "--seller", "500", "--source", "notice 9")
    said = ran(fake_market, *given, "--request-id", "fees-7", "--propose", actor="exchange_operator:ann")
    assert " ".join(said.split()) == (
        "Proposed as trading/61. It would cause: FeesSet. "
        "Another person approves it: carbonmarket pending approve trading/61"
    )
    (call,) = fake_market.trading.calls
    assert (call.rpc, call.request.request_id, call.request.type) == (
        "ProposeCommand",
        "fees-7",
        fees.DESCRIPTOR.full_name,
    )
    assert trading.SetFeesRequest.FromString(call.request.data) == fees


def test_what_is_a_proposal_already_is_not_proposed_twice(fake_market: FakeMarket) -> None:
    fake_market.trading.will("ProposeCommand", log.ProposeCommandResponse(proposal_id=61, position=61))
    ran(
        fake_market, *("status", "drop", "trading", "7", "--ground", "void", "--propose"), actor="exchange_operator:ann"
    )
    assert fake_market.trading.only_call("ProposeCommand").request.type == log.DropSetAsideRequest.DESCRIPTOR.full_name


@pytest.mark.parametrize("path", [path for path in every_command() if takes(path, "--request-id")], ids=" ".join)
def test_every_command_can_be_proposed(path: tuple[str, ...]) -> None:
    assert takes(path, "--propose")


@pytest.mark.parametrize("held", ["[1]", "{}", '{"heads": 1}', '{"proofs": []}', '{"proofs": [1]}', "7", "no json"])
def test_a_file_without_proofs_is_a_wrong_command_line_that_says_what_the_file_must_be(
    fake_market: FakeMarket, tmp_path: Path, held: str
) -> None:
    file = tmp_path / "proofs.json"
    file.write_text(held)
    result = run(fake_market, "forks", "--check", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "what `carbonmarket forks --json` prints" in " ".join(result.stderr.split())


def test_what_is_piped_has_no_blanks_at_the_ends_of_lines(fake_market: FakeMarket) -> None:
    fake_market.trading.will("ListTrades", answers.TRADES)
    assert [line for line in ran(fake_market, "trades").splitlines() if line.endswith(" ")] == []
