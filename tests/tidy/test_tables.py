"""A table's entry pairs a type with a function of that type: mypy refuses any other, and no table is made otherwise."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.source.repository import ROOT, modules

PLANTED = """
from collections.abc import Iterable

from carbonmarket.trading.v1 import trading_events_pb2 as pb
from chassis.core.decider import Asks, Claim, Claimed, Claims, Context, Decide, Evolve
from chassis.core.decider import applies, asks_for, claims, handles, merged
from chassis.core.reaction import Heard, Reactions, hears
from chassis.core.record import Record
from chassis.followers.caller import Calls, Outgoing, sends
from chassis.followers.projections import Handlers, writes
from chassis.followers.rows import Rows

class Days: ...
class Other: ...
class OpenDay: ...
class CloseDay: ...
def open_day(days: Days, command: OpenDay, context: Context) -> list[object]: return []
def close_day(days: Days, command: CloseDay, context: Context) -> list[object]: return []
def of_other(other: Other, command: OpenDay, context: Context) -> list[object]: return []
def on_open(days: Days, event: OpenDay) -> None: ...
def names(command: OpenDay, context: Context) -> Iterable[Claim]: return ()
def taken(days: Days, event: OpenDay) -> Iterable[Claimed]: return ()
def on_opened(event: pb.DayOpened, heard: Heard) -> object | None: return None
async def send(order: OpenDay, outgoing: Outgoing) -> object: return None
def write(rows: Rows, event: OpenDay, record: Record) -> None: ...

SOUND: Decide[Days] = merged(handles(OpenDay, open_day), handles(CloseDay, close_day))
SOUND_EVOLVE: Evolve[Days] = applies(OpenDay, on_open)
"""
WRONG = [
    "T: Decide[Days] = handles(CloseDay, open_day)",
    "T: Decide[Days] = merged(handles(OpenDay, open_day), handles(CloseDay, open_day))",
    "T: Decide[Days] = handles(OpenDay, of_other)",
    "T: Evolve[Days] = applies(CloseDay, on_open)",
    "T: Evolve[Days] = merged(applies(OpenDay, on_open), applies(CloseDay, on_open))",
    "T: Asks = asks_for(CloseDay, names)",
    "T: Claims[Days] = claims(CloseDay, taken)",
    "T: Reactions = hears(pb.TradingDayClosed, on_opened)",
    "T: Calls = sends(CloseDay, send)",
    "T: Handlers = writes(CloseDay, write)",
]
TABLES = {
    "Decide": "handles",
    "Evolve": "applies",
    "Asks": "asks_for",
    "Claims": "claims",
    "Reactions": "hears",
    "Calls": "sends",
    "Handlers": "writes",
}


def test_mypy_refuses_a_function_under_another_type_than_its_own(tmp_path: Path) -> None:
    """All in one run: each wrong line, and no other, is an error."""
    planted = tmp_path / "planted.py"
    numbered = [line.replace("T:", f"T{number}:", 1) for number, line in enumerate(WRONG)]
    planted.write_text(PLANTED + "\n".join(numbered) + "\n")
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--cache-dir", str(tmp_path / "cache"), str(planted)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    first = PLANTED.count("\n") + 1
    lines = {int(line.split(":")[1]) for line in found.splitlines() if ": error:" in line}
    assert lines == set(range(first, first + len(WRONG))), found


@pytest.mark.parametrize(("kind", "by"), TABLES.items())
def test_every_table_is_made_of_entries_that_mypy_has_looked_at(kind: str, by: str) -> None:
    """Or of other tables, merged."""
    tables = [
        (module.path, node.value)
        for module in modules()
        if module.path.startswith(("services/", "libs/"))
        for node in ast.walk(module.tree)
        if isinstance(node, ast.AnnAssign) and node.value is not None and kind in names_in(node.annotation)
    ]
    assert tables
    for path, value in tables:
        written = [each for each in ast.walk(value) if isinstance(each, ast.Dict) and not by_service(each)]
        assert not written, f"{path}: {by}(type, function), merged"


def by_service(table: ast.Dict) -> bool:
    """Reactions are kept by the service that is heard."""
    return all(isinstance(key, ast.Constant) for key in table.keys)


def names_in(annotation: ast.expr) -> set[str]:
    return {name.id for name in ast.walk(annotation) if isinstance(name, ast.Name)}


def readings_in(module: ast.AST) -> dict[str, int]:
    """How many readings each method begins."""
    return {
        method.name: sum(isinstance(node, ast.Attribute) and node.attr == "reading" for node in ast.walk(method))
        for method in ast.walk(module)
        if isinstance(method, ast.AsyncFunctionDef)
    }


def test_everything_that_one_answer_shows_of_the_tables_is_fetched_in_one_reading() -> None:
    queries = [module for module in modules() if re.fullmatch(r"services/\w+/\w+/queries\.py", module.path)]
    found = [(module.path, *each) for module in queries for each in readings_in(module.tree).items()]
    assert sum(readings for _, _, readings in found) > 15
    assert [f"{path} {name}" for path, name, readings in found if readings > 1] == []
    planted = ast.parse("async def torn(self):\n  async with self.tables.reading(): ...\n  self.tables.reading()")
    assert readings_in(planted) == {"torn": 2}
