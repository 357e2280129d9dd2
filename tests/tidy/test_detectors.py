"""The tidy tests see what they look for: each detector finds a planted fault and passes a clean line."""

import ast

import pytest
from tidy.test_architecture import SQL_START, fractions
from tidy.test_contracts import reasons_in
from tidy.test_glossary import parts
from tidy.test_style import BANNED, matches

from support.source.refusals import code_of
from support.source.repository import Module, Rpc

# OpenDay raises what a helper made, CloseDay only looks whether there is any.
REFUSING = """
class OpenDay: ...
class CloseDay: ...
class DayService:
    def OpenDay(self, request):
        check(request)
        return self.submit(COMMANDS.read(request))
    def CloseDay(self, request):
        return self.submit(COMMANDS.read(request))
def check(request):
    raise Malformed("DAY_MALFORMED", day=request.day)
def open_day(days, command):
    if obstacles(days):
        raise obstacles(days)[0]
def obstacles(days):
    return [Rejected("DAY_OPEN", day=days.day, open_day=days.open_day)]
def close_day(days, command):
    if not obstacles(days):
        raise NotFound("DAY_UNKNOWN")
DECIDE: Decide[Days] = merged(handles(OpenDay, open_day), handles(CloseDay, close_day))
"""


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


@pytest.mark.parametrize(
    ("rpc", "refusals"), [("OpenDay", {"DAY_MALFORMED day", "DAY_OPEN day, open_day"}), ("CloseDay", {"DAY_UNKNOWN"})]
)
def test_a_planted_refusal_is_found_where_it_is_raised_on_the_way_from_the_rpc(rpc: str, refusals: set[str]) -> None:
    assert code_of([module(REFUSING)]).refusals_of(Rpc("", "DayService", rpc, (), "")) == refusals


def test_a_name_is_taken_apart_into_its_words() -> None:
    assert parts("TradeExecuted") == {"trade", "executed"}
    assert parts("value_fen") == {"value", "fen"}


def module(text: str) -> Module:
    """Return a module of that text."""
    return Module("planted.py", text, ast.parse(text))
