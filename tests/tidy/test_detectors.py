"""The tidy tests see what they look for: each detector finds a planted fault and passes a clean line."""

import ast

import pytest
from tidy.test_architecture import SQL_START, fractions
from tidy.test_contracts import reasons_in
from tidy.test_glossary import parts
from tidy.test_style import BANNED, matches

from support.repository import Module


@pytest.mark.parametrize(
    "line", ["fee = 0.5", "fee = value / 2", "fee /= 2", "fee = float(value)", "fee = round(value)"]
)
def test_a_planted_fraction_is_found(line: str) -> None:
    assert list(fractions(module(line)))


def test_whole_division_is_no_fraction() -> None:
    assert not list(fractions(module("fee = value * 2 // 3")))


@pytest.mark.parametrize(
    ("line", "what"), [("see /" + "home/me/x", "a path of one machine"), ("# TO" + "DO", "a leftover")]
)
def test_a_planted_text_is_found(line: str, what: str) -> None:
    assert list(matches(BANNED[what], {"file": line}))


def test_a_planted_statement_is_found() -> None:
    assert SQL_START.match("SELECT quantity_tonnes FROM holding")
    assert not SQL_START.match("Select a listing from the book.")


def test_a_planted_reason_is_found_and_must_be_spelled_out() -> None:
    assert reasons_in(module("raise Rejected('DAY_CLOSED', day=day)")) == {"DAY_CLOSED"}
    with pytest.raises(AssertionError, match="not spelled out"):
        reasons_in(module("raise Rejected(reason)"))


def test_a_name_is_taken_apart_into_its_words() -> None:
    assert parts("TradeExecuted") == {"trade", "executed"}
    assert parts("value_fen") == {"value", "fen"}


def module(text: str) -> Module:
    """Return a module of that text."""
    return Module("planted.py", text, ast.parse(text))
