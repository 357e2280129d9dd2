"""Rows, by name: what projections write from events, and what queries answer from rows and from the live state.

A column, a field of an event and a field of a message that mean the same have one name, so none of them is listed
twice. What a table cannot store as it is (facts, parts of an event) is stored as JSON, and becomes a message's parts
again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from google.protobuf.message import Message

from chassis.core.decider import Facts
from chassis.edges.protocols import Row, Statement

M = TypeVar("M", bound=Message)

ANY = ""
"""The table of a statement that does not name one."""


class Rows:
    """What a batch of events writes. Statements are sent in their order, equal ones together.

    One that only writes to a table that it names may pass those that write to others: nothing between them reads it. So
    a whole run, whose every trade writes to two tables, goes to the database in two pieces.
    """

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self._last: dict[str, Statement] = {}

    def insert(self, table: str, /, **values: Any) -> None:
        self._write(table, insertion(table, *values), tuple(values.values()))

    def update(self, table: str, where: Mapping[str, Any], /, **values: Any) -> None:
        self._write(table, change(table, tuple(where), *values), (*where.values(), *values.values()))

    def add(self, table: str, where: Mapping[str, Any], /, **amounts: int) -> None:
        """Adds to what a row has, and makes the row if it is not there."""
        self._write(table, addition(table, tuple(where), *amounts), (*where.values(), *amounts.values()))

    def execute(self, sql: str, *arguments: Any) -> None:
        """Any other statement: none that was said later passes it, nor does it pass one that was said before."""
        self._last = {ANY: self._last[ANY]} if ANY in self._last else {}
        self._write(ANY, sql, arguments)

    def _write(self, table: str, sql: str, arguments: tuple[Any, ...]) -> None:
        if table != ANY:
            self._last.pop(ANY, None)
        last = self._last.get(table)
        if last is None or last[0] != sql:
            last = self._last[table] = (sql, [])
            self.statements.append(last)
        last[1].append(arguments)


@cache
def insertion(table: str, *columns: str) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(numbered(columns))})"


@cache
def change(table: str, where: tuple[str, ...], *columns: str) -> str:
    sets = zip(columns, numbered(columns, len(where)), strict=True)
    keys = zip(where, numbered(where), strict=True)
    return f"UPDATE {table} SET {', '.join(map(' = '.join, sets))} WHERE {' AND '.join(map(' = '.join, keys))}"


@cache
def addition(table: str, where: tuple[str, ...], *columns: str) -> str:
    sums = ", ".join(f"{column} = {table}.{column} + excluded.{column}" for column in columns)
    return f"{insertion(table, *where, *columns)} ON CONFLICT ({', '.join(where)}) DO UPDATE SET {sums}"


def numbered(columns: tuple[str, ...], after: int = 0) -> list[str]:
    return [f"${after + number}" for number in range(1, len(columns) + 1)]


def values_of(event: object, *only: str, without: str = "") -> dict[str, Any]:
    """An event's fields by their names, as columns hold them: all, or only some, or all without one."""
    kind: Any = type(event)
    return {
        name: held(getattr(event, name)) if held else getattr(event, name)
        for name, held in columns_of(kind)
        if name != without and (not only or name in only)
    }


@cache
def columns_of(kind: Any) -> tuple[tuple[str, Callable[[Any], Any] | None], ...]:
    """The fields of an event, and what makes of each what a column holds, if it does not hold it as it is."""
    hints = get_type_hints(kind)
    return tuple((field.name, holding(hints[field.name])) for field in fields(kind))


def holding(hint: Any) -> Callable[[Any], Any] | None:
    if hint == Facts:
        return json_of_facts
    if get_origin(hint) is tuple:
        return json_of_parts if is_dataclass(get_args(hint)[0]) else list
    return None


def json_of_facts(facts: Facts) -> str:
    return json.dumps(dict(facts))


def json_of_parts(parts: Sequence[Any]) -> str:
    return json.dumps([asdict(each) for each in parts])


def from_row(kind: type[M], row: Row, **given: Any) -> M:
    """A message whose every field is a column of the row, or given. Raises KeyError where one is neither."""
    return filled(kind, row.__getitem__, given)


def from_value(kind: type[M], value: object, **given: Any) -> M:
    """A message whose every field is an attribute of the value, or given. Raises AttributeError likewise."""
    return filled(kind, lambda name: getattr(value, name), given)


def filled(kind: type[M], found: Callable[[str], Any], given: Mapping[str, Any]) -> M:
    message: Any = kind
    values = {name: part(found(name), whole) for name, whole in parts_of(message) if name not in given}
    return kind(**values, **given)


def part(value: Any, whole: bool) -> Any:
    return value if whole or not isinstance(value, str) else json.loads(value)


@cache
def parts_of(kind: type[Message]) -> tuple[tuple[str, bool], ...]:
    """The fields of a message, and whether each is one value, and no map or message."""
    return tuple((field.name, field.message_type is None) for field in kind.DESCRIPTOR.fields)
