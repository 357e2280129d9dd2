"""Screens read well in 100 columns and never lose a figure."""

import io
from collections.abc import Sequence

import pytest
from rich.console import Console, RenderableType

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as clearing
from carbonmarket.log.v1 import log_events_pb2 as log_events
from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.trading.v1 import trading_events_pb2 as trading_events
from carbonmarket_client.errors import Unavailable
from carbonmarket_client.feed import Record
from carbonmarket_client.screens import (
    accounts,
    blocks,
    book,
    days,
    funds,
    instruments,
    operations,
    orders,
    pending,
    reconciliations,
    runs,
)
from carbonmarket_client.screens.events import EventLines
from carbonmarket_client.screens.layout import WIDTH, Screen, card, fact, label, numbers, words
from carbonmarket_client.statement import Statement
from support.client import answers as answers
from support.client import settled_answers as settled

STANDINGS = [
    operations.Standing("registry", None, Unavailable("registry", "connection refused")),
    operations.Standing("trading", settled.STATUS, None),
]

# Each screen, and figures it must show whole.
SCREENS: dict[str, tuple[RenderableType | Sequence[RenderableType], Sequence[str]]] = {
    "accounts": (accounts.accounts_screen(answers.ACCOUNTS), ["power-0007", "key emitting entity", "--limit 0"]),
    "account": (accounts.account_card(answers.ACCOUNT), ["licence expired", "trading has stopped it  yes"]),
    "vintages": (accounts.vintages_screen(answers.VINTAGES), ["4,500,000,000", "4,270,321,157", "229,678,843"]),
    "holdings": (accounts.holdings_screen(answers.HOLDINGS), ["1,250,000", "1,349,999", "61,234"]),
    "movements": (accounts.movements_screen("power-0007", answers.MOVEMENTS), ["+1,250,000", "-99,999", "59700"]),
    "book": (book.book_screen(answers.PICTURE), ["51.20", "51.23", "99,999", "#59100", "and 4 more", "4,103,953 t"]),
    "orders": (orders.orders_screen("power-0007", answers.ORDERS), ["59001", "51.23", "40,000", "cancelled"]),
    "order": (orders.order_card(answers.ORDER), ["sell 99,999 t of CEA21", answers.TRACE_ID]),
    "trades": (orders.trades_screen("", "", answers.TRADES), ["59700", "9,125,285", "964,086,360.25", "cement-0113"]),
    "trades of a day": (orders.trades_screen("", answers.DAY, answers.TRADES), ["12:30:00", "964,086,360.25"]),
    "trade": (orders.trade_card(answers.TRADE), ["CNY 964,086,360.25", "fee CNY 482,043.18", "block 12"]),
    "blocks": (blocks.blocks_screen("", answers.BLOCKS), ["9,125,285", "105.65", "confirmed"]),
    "day": (
        days.day_card(answers.OPEN_DAY),
        ["09:30-11:30, 13:00-15:00", "CNY 817,218,117.95", "books agreed      no"],
    ),
    "day that waits": (days.day_card(answers.BLOCKED_DAY), ["EARLIER_DAY_NOT_SETTLED", "exchange_operator:ann"]),
    "days": (days.days_screen([answers.OPEN_DAY, answers.BLOCKED_DAY]), ["20,480,941", "announced"]),
    "bulletin": (days.bulletin_screens(answers.BULLETIN), ["+3.00 %", "-0.85 %", "10,475,234,717.27", "composite"]),
    "instruments": (
        instruments.instruments_screens(answers.INSTRUMENTS),
        ["38.64 - 47.22", "30.05 - 55.81", "not listed"],
    ),
    "rules": (instruments.rules_card(answers.INSTRUMENTS), ["within 10.00 %", "99,999 t at most", "0.0500 %"]),
    "funds": (funds.funds_screens(settled.FUNDS, answers.POSITION), ["124,098,400.00", "964,086,360.25", "restricted"]),
    "entries": (funds.entries_screen("power-0007", settled.ENTRIES), ["+120,000,000.00", "-964,568,403.43"]),
    "payouts": (funds.payouts_screen(settled.PAYOUTS), ["500,000.00", "returned", "bank-a"]),
    "statement": (
        funds.statement_screens(Statement(settled.STATEMENT, ())),
        ["1,083,104,274.07", "-482,043.18", "-9,125,285", "have agreed", "Provisional: 2021-12-16"],
    ),
    "statement of seven vintages": (
        funds.statement_screens(settled.SEVEN_VINTAGES),
        ["100,005.00", "61,234", "+1,250,000", "-9,125,285", "+9,125,280", "sellable on the next day", "CEA26"],
    ),
    "runs": (runs.runs_screen(settled.RUNS), ["CASH_LEG_UNPROVEN", "817,218,117.95", "completed"]),
    "run": (runs.run_screens(settled.ONE_RUN), ["CNY 964,568,403.43", "963,604,317.07", "clearing_operator:cao"]),
    "obligations": (runs.obligations_screen(answers.DAY, settled.OBLIGATIONS), ["964,086,360.25", "unsettled"]),
    "reconciliations": (
        reconciliations.reconciliations_screen(settled.RECONCILIATIONS),
        ["61,234", "61,229", "12,540", "a3f1a3 c4d2c4"],
    ),
    "reconciliation": (
        reconciliations.reconciliation_screens(settled.ONE_RECONCILIATION),
        [
            "THEY DO NOT AGREE",
            "as of position 61,229",
            "5,016",
            "9,125,285 t",
            "CNY 500,000.00",
            "7,532 / 7,531",
            "a3f1a3f1a3f1a3f1",
            "0b7c0b7c0b7c0b7c",
            "the same",
        ],
    ),
    "pending": (
        pending.pending_screens({"trading": settled.STATUS.proposals}, "auditor:kate"),
        ["trading/181235", "OverrideOpening", "exchange_operator:ann", "2021-12-17", "EARLIER_DAY_NOT_SETTLED"],
    ),
    "status": (
        operations.status_screens(STANDINGS),
        ["no answer", "does not chain", "people are kept away: registry heard record 9", "TRADE_UNKNOWN", "181,240"],
    ),
    "clock": (operations.clock_screen({"trading": settled.STATUS}), ["2021-12-16 12:30:00", "rehearsal"]),
}


def printed(screens: RenderableType | Sequence[RenderableType], width: int) -> str:
    """Return what a terminal of this width shows, as text."""
    console = Console(width=width, record=True, file=io.StringIO(), highlight=False)
    for screen in screens if isinstance(screens, list) else [screens]:
        console.print(screen)
    return console.export_text()


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_shows_its_figures_whole(name: str) -> None:
    screens, figures = SCREENS[name]
    text = printed(screens, WIDTH)
    assert [figure for figure in figures if figure not in text] == []


@pytest.mark.parametrize("name", SCREENS)
def test_a_wide_screen_has_all_that_a_narrow_one_has(name: str) -> None:
    screens, figures = SCREENS[name]
    text = printed(screens, 180)
    assert [figure for figure in figures if figure not in text] == []


@pytest.mark.parametrize("name", SCREENS)
def test_nothing_is_cut_off_on_the_screen(name: str) -> None:
    assert "…" not in printed(SCREENS[name][0], WIDTH)


def test_a_statement_leaves_out_what_most_accounts_never_have() -> None:
    text = printed(funds.statement_screens(settled.SEVEN_VINTAGES), WIDTH)
    assert "issued" not in text
    assert "blocked by" not in text
    assert "bought" in text


def test_a_statement_says_whether_it_is_final_and_only_then_until_when_it_may_be_objected_to() -> None:
    provisional = printed(funds.statement_screens(Statement(settled.STATEMENT, ())), WIDTH)
    assert "Provisional: 2021-12-16 is not settled" in provisional
    assert "silence" not in provisional
    final = clearing.GetStatementResponse()
    final.CopyFrom(settled.STATEMENT)
    final.registry_position = 61_234
    assert "Final. Objections are due before 2021-12-17 opens, if it was final by then" in funds.standing_of(final)


@pytest.mark.parametrize(
    ("actor", "told"), [("auditor:kate", pending.NOTHING), ("participant:power-0007", "participant:power-0007 sees no")]
)
def test_who_may_not_see_proposals_is_told_so(actor: str, told: str) -> None:
    assert told in printed(pending.pending_screens({"trading": []}, actor), WIDTH)


def test_orders_of_one_account_name_it_once() -> None:
    assert "account" not in printed(orders.orders_screen("power-0007", answers.ORDERS), 180)
    assert "account" in printed(orders.orders_screen("", answers.ORDERS), 180)


def test_an_account_without_allowances_is_told_so() -> None:
    assert "holds none" in printed(funds.statement_screens(Statement(settled.RECONCILED_STATEMENT, ())), WIDTH)


def table(width: int) -> str:
    columns = [numbers("trade"), words("buyer"), words("state", spare=1), numbers("value CNY")]
    return printed(Screen("Trades", columns, [("17", "power-0007", "settled", "964,086,360.25")]), width)


def test_spare_columns_give_way_before_anything_is_folded() -> None:
    assert "settled" in table(60)
    assert "settled" not in table(38)
    assert "power-0007" in table(38)


def test_the_highest_rank_gives_way_first_and_the_table_says_what_it_left_out() -> None:
    columns = [numbers("trade"), words("method", spare=2), words("state", spare=1), numbers("value CNY", spare=2)]
    trades = Screen("Trades", columns, [("17", "listed", "settled", "964,086,360.25")])
    assert "left out" not in printed(trades, 40)
    assert "(left out: value CNY; --json has it)" in printed(trades, 37)
    narrow = printed(trades, 20)
    assert "settled" in narrow
    assert "left out: method," in narrow


@pytest.mark.parametrize("day", ["", answers.DAY])
def test_a_trade_in_100_columns_says_whether_it_has_settled(day: str) -> None:
    lines = printed(orders.trades_screen("", day, answers.TRADES), WIDTH).splitlines()
    assert "state" in lines[1]
    assert lines[3].endswith("executed")
    assert "left out: " in lines[4]


def test_a_service_is_behind_a_source_by_what_that_one_says_of_its_head() -> None:
    registry = operations.Standing("registry", log.GetStatusResponse(log_id="registry", head_position=61_240), None)
    text = printed(operations.status_screens([registry, STANDINGS[1]]), WIDTH)
    told = {line.split()[2]: line.split()[4] for line in text.splitlines() if " hears " in line}
    assert told == {"registry": "6", "clearing": "-"}


def test_what_was_dropped_is_shown_with_the_position_by_which_it_is_decided_again() -> None:
    text = printed(operations.status_screens(STANDINGS), WIDTH)
    _, dropped = text.split("Dropped after it was set aside")
    assert "180,400" in dropped and "clearing/4900" in dropped and "TRADE_DIFFERS trade_id=17" in dropped


def test_what_is_set_aside_for_one_cause_is_counted_with_the_positions_that_drop_it_together() -> None:
    text = printed(operations.status_screens(STANDINGS), WIDTH)
    _, by_cause = text.split("Set aside, by cause")
    (line,) = [line for line in by_cause.splitlines() if "2,345" in line]
    assert line.split() == ["trading", "2,345", "181,100", "183,999", "clearing", "TradeSettled", "TRADE_UNKNOWN"]
    (head,) = [line for line in text.splitlines() if line.startswith("trading ") and "answers" in line]
    assert head.split()[-1] == "2,345"


def test_what_a_proposal_drops_together_is_shown_from_the_first_to_the_last() -> None:
    dropped = [log_events.SetAsideDropped(set_aside_position=at, ground="settled by hand") for at in (5_017, 5_019)]
    settled_by_hand = [effect_of(event) for event in dropped]
    two = "SetAsideDropped (2 of them), set aside position 5017 to 5019, ground settled by hand"
    assert pending.effects_line(settled_by_hand) == two
    other = effect_of(log_events.SetAsideDropped(set_aside_position=5_020, ground="another"))
    alone = "SetAsideDropped, set aside position 5020, ground another"
    assert pending.effects_line([*settled_by_hand, other]) == f"{two}; {alone}"
    assert pending.effects_line([other, other]).startswith("SetAsideDropped (2 of them), set aside position 5020, ")
    named = log_events.Effect(type="carbonmarket.log.v1.LeadershipTaken")
    assert pending.effects_line([named, other]) == f"LeadershipTaken; {alone}"


def effect_of(event: log_events.SetAsideDropped) -> log_events.Effect:
    return log_events.Effect(type=event.DESCRIPTOR.full_name, data=event.SerializeToString())


def test_what_is_longer_than_a_line_is_folded_below_its_event() -> None:
    event = trading_events.TradingSuspended(instrument="CEA", ground="by notice " * 20)
    record = Record("trading", 7, 0, event.DESCRIPTOR.full_name, event, answers.NOON_MS, "", "", "", "", "", "")
    head, first, *others = printed(EventLines(record), 60).rstrip().splitlines()
    assert head.endswith("TradingSuspended")
    assert first == "    instrument: CEA"
    assert {line[: len(line) - len(line.lstrip())] for line in others[1:]} == {"      "}
    assert max(map(len, others)) <= 60


def test_where_columns_have_no_room_beside_each_other_each_row_is_shown_by_itself_and_whole() -> None:
    assert table(30).splitlines() == [
        "Trades",
        "trade 17",
        "    buyer: power-0007",
        "    state: settled",
        "    value CNY: 964,086,360.25",
    ]


def test_a_tree_keeps_its_strokes_where_each_step_is_shown_by_itself() -> None:
    columns = [words("step", tree=True), numbers("record"), words("meets")]
    steps = [("TakeListing", "28", ""), ("└─ TradeExecuted", "27", "PlaceOrder"), ("   ├─ hear", "27", "")]
    assert printed(Screen("Trace", columns, steps), 32).splitlines() == [
        "Trace",
        "TakeListing",
        "    record: 28",
        "└─ TradeExecuted",
        "       record: 27",
        "       meets: PlaceOrder",
        "   ├─ hear",
        "   │      record: 27",
    ]


def test_the_figures_of_a_card_are_never_broken_but_its_labels_are() -> None:
    lines = printed(card("Funds", [("what may be withdrawn today", "12,345,678.90")], right=True), 30).splitlines()
    assert [line.split() for line in lines[1:]] == [["what", "may", "be", "12,345,678.90"], ["withdrawn", "today"]]


def test_an_empty_table_says_so_in_words() -> None:
    empty = Screen("Trades", [numbers("trade")], [], "There are no such trades.")
    assert "There are no such trades." in printed(empty, WIDTH)


FACTS = [
    ("price_fen", "5123", "CNY 51.23"),
    ("price_fen_max", "1000000", "CNY 10,000.00"),
    ("quantity_tonnes", "1000", "1,000 t"),
    ("closes_ms", "1626418800000", "2021-07-16 15:00:00"),
    ("trade_id", "17", "17"),
    ("account", "power-0007", "power-0007"),
    ("change_bp", "-7", "-0.07 %"),
]


@pytest.mark.parametrize(("name", "value", "text"), FACTS)
def test_a_fact_is_shown_in_the_unit_that_its_name_ends_in(name: str, value: str, text: str) -> None:
    assert fact(name, value) == text


def test_a_label_leaves_the_unit_out() -> None:
    assert label("low_fen") == "low"
    assert label("price_fen_max") == "price max"
    assert label("registry_available_tonnes") == "registry available"


@pytest.mark.parametrize("width", [60, 100])
def test_a_book_shows_every_number_whole_also_where_it_is_narrow(width: int) -> None:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(book.levels_screen(answers.BOOK))
    lines = out.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    figures = {
        f"{level.price_fen // 100}.{level.price_fen % 100:02d}" for level in (*answers.BOOK.bids, *answers.BOOK.asks)
    }
    figures |= {f"{level.quantity_tonnes:,}" for level in (*answers.BOOK.bids, *answers.BOOK.asks)}
    shown = set(out.getvalue().split())
    assert figures <= shown
    assert "…" not in out.getvalue()


def words_of(text: str) -> set[str]:
    """The words of a screen, without what says which columns were left out, and without colons after headings."""
    lines = [line for line in text.splitlines() if not line.startswith("(left out")]
    return {word.rstrip(":") for line in lines for word in line.split() if set(word) != {"─"}}


@pytest.mark.parametrize("width", [60, 80, WIDTH])
@pytest.mark.parametrize("name", SCREENS)
def test_no_word_and_no_date_is_broken_on_a_narrow_screen(name: str, width: int) -> None:
    narrow, wide = (words_of(printed(SCREENS[name][0], columns)) for columns in (width, 250))
    assert narrow - wide == set()


def test_headings_are_broken_between_words_before_a_column_is_left_out() -> None:
    columns = [numbers("unanswered orders"), numbers("set aside"), words("state", spare=1)]
    text = printed(Screen("Services", columns, [("1", "2", "answers")]), 30)
    assert "left out" not in text
    assert [line.split() for line in text.splitlines()[1:3]] == [["unanswered", "set"], ["orders", "aside", "state"]]
