"""Rows by name: what is written for an event, in which order, and what a message is made of."""

from dataclasses import dataclass
from enum import IntEnum
from types import SimpleNamespace

import pytest

from chassis.core.decider import Facts
from chassis.followers.rows import Rows, from_row, from_value, values_of
from support.shell.messages import messages


class Side(IntEnum):
    BUY = 1


@dataclass(frozen=True, slots=True)
class Leg:
    trade_id: int
    side: Side


@dataclass(frozen=True, slots=True)
class Traded:
    trade_id: int
    side: Side
    facts: Facts
    legs: tuple[Leg, ...]
    trade_ids: tuple[int, ...]


TRADED = Traded(5, Side.BUY, (("b", "2"), ("a", "1")), (Leg(6, Side.BUY),), (6, 7))
MESSAGES = messages(
    """
    package rows.v1;
    message Leg { int64 trade_id = 1; int64 side = 2; }
    message Traded { int64 trade_id = 1; string note = 2; map<string, string> facts = 3; repeated Leg legs = 4; }
    """
)


def test_a_statement_names_its_columns_once_where_they_are_given() -> None:
    rows = Rows()
    rows.insert("trades", trade_id=5, state=1)
    rows.update("trades", {"trade_id": 5}, state=2, closed_ms=9)
    rows.add("holdings", {"account": "p-1", "vintage": "CEA"}, tonnes=-3)
    assert rows.statements == [
        ("INSERT INTO trades (trade_id, state) VALUES ($1, $2)", [(5, 1)]),
        ("UPDATE trades SET state = $2, closed_ms = $3 WHERE trade_id = $1", [(5, 2, 9)]),
        (
            "INSERT INTO holdings (account, vintage, tonnes) VALUES ($1, $2, $3) "
            "ON CONFLICT (account, vintage) DO UPDATE SET tonnes = holdings.tonnes + excluded.tonnes",
            [("p-1", "CEA", -3)],
        ),
    ]


def said(rows: Rows) -> list[tuple[str, int]]:
    return [(sql.split()[0] + " " + sql.split()[1 if sql[0] == "U" else 2], len(each)) for sql, each in rows.statements]


def test_equal_statements_go_together_past_those_to_other_tables() -> None:
    rows = Rows()
    for number in range(3):
        rows.update("trades", {"trade_id": number}, state=2)
        rows.insert("entries", trade_id=number)
    assert said(rows) == [("UPDATE trades", 3), ("INSERT entries", 3)]


def test_statements_to_one_table_stay_in_their_order() -> None:
    rows = Rows()
    for number in range(2):
        rows.insert("trades", trade_id=number)
        rows.update("trades", {"trade_id": number}, state=2)
    assert said(rows) == [("INSERT trades", 1), ("UPDATE trades", 1)] * 2


def test_nothing_passes_a_statement_that_does_not_name_its_table() -> None:
    rows = Rows()
    for _ in range(2):
        rows.insert("trades", trade_id=1)
        rows.execute("DELETE FROM trades")
        rows.execute("DELETE FROM trades")
    assert said(rows) == [("INSERT trades", 1), ("DELETE trades", 2)] * 2


def test_an_events_values_are_what_columns_hold() -> None:
    assert values_of(TRADED) == {
        "trade_id": 5,
        "side": Side.BUY,
        "facts": '{"b": "2", "a": "1"}',
        "legs": '[{"trade_id": 6, "side": 1}]',
        "trade_ids": [6, 7],
    }
    nothing = Traded(0, Side.BUY, (), (), ())
    assert (values_of(nothing)["facts"], values_of(nothing)["legs"]) == ("{}", "[]")
    assert values_of(TRADED, "trade_id", "side") == {"trade_id": 5, "side": Side.BUY}
    assert values_of(TRADED, without="facts").keys() == {"trade_id", "side", "legs", "trade_ids"}


def test_a_message_is_made_of_a_rows_columns_and_of_what_is_given() -> None:
    row = {"trade_id": 5, "facts": '{"a": "1"}', "legs": '[{"trade_id": 6, "side": 1}]', "state": 4}
    made = from_row(MESSAGES["Traded"], row, note="[1]")
    assert (
        str(made).split()
        == str(
            MESSAGES["Traded"](trade_id=5, note="[1]", facts={"a": "1"}, legs=[MESSAGES["Leg"](trade_id=6, side=1)])
        ).split()
    )


def test_a_field_of_a_message_that_nothing_fills_is_an_error_and_not_a_zero() -> None:
    with pytest.raises(KeyError, match="note"):
        from_row(MESSAGES["Traded"], {"trade_id": 5, "facts": "{}", "legs": "[]"})
    with pytest.raises(AttributeError, match="side"):
        from_value(MESSAGES["Leg"], SimpleNamespace(trade_id=5))
    assert from_value(MESSAGES["Leg"], SimpleNamespace(trade_id=5), side=1) == MESSAGES["Leg"](trade_id=5, side=1)
