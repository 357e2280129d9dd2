"""Daily rows: one instrument's published day, read from a file of the exchange's columns.

A CNY decimal becomes fen digit by digit, never by way of a float; what is finer than one fen is refused, not rounded.
The composite (`COMCEA`) is a computed price and has no orders, so its rows are kept apart from the vintages'.
On a day without a listed trade the exchange publishes no high and no low (0.00), and now and then no open: such a price
is read as the close, which is then the close of the day before (rulebook 3.3).

Invariants of what `parse_rows` returns: days are Monday to Friday, within what a market's clock knows, and never go
back; no (day, instrument) appears twice; nothing is negative.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

COMPOSITE = "COMCEA"
ROWS_MAX = 100_000
DIGITS_MAX = 18
"""More digits than any amount of this market needs; a longer field is a broken file."""

DAY_COLUMN, INSTRUMENT_COLUMN = "trade_date", "instrument"
TRADED_PRICE_COLUMNS, CLOSE_COLUMN = ("open", "high", "low"), "close"
TONNES_COLUMNS = ("listed_volume_t", "block_volume_t")
VALUE_COLUMNS = ("listed_amount_cny", "block_amount_cny")
COLUMNS = (DAY_COLUMN, INSTRUMENT_COLUMN, *TRADED_PRICE_COLUMNS, CLOSE_COLUMN, *TONNES_COLUMNS, *VALUE_COLUMNS)
AUCTION_COLUMNS = ("auction_volume_t", "auction_amount_cny")

FIRST_DAY, LAST_DAY = date(1970, 1, 2), date(2099, 12, 31)
"""A market's clock counts from 1970, and it begins on the day before the first; it ends with 2099."""

SATURDAY = 5

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTRUMENT = re.compile(r"[A-Z][A-Z0-9]{0,15}")
_WHOLE = re.compile(rf"[0-9]{{1,{DIGITS_MAX}}}")
_DECIMAL = re.compile(rf"([0-9]{{1,{DIGITS_MAX}}})(?:\.([0-9]{{1,{DIGITS_MAX}}}))?")
_NEGATIVE = re.compile(r"-[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class DayRow:
    """One instrument's day. Open, high, low and close are those of listed trades alone (rulebook 3.2)."""

    day: date
    instrument: str
    open_fen: int
    high_fen: int
    low_fen: int
    close_fen: int
    listed_tonnes: int
    listed_value_fen: int
    block_tonnes: int
    block_value_fen: int


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file in its order: those of vintages, which are played, and those of the composite."""

    vintages: tuple[DayRow, ...]
    composites: tuple[DayRow, ...]


class RowError(ValueError):
    """A file that cannot be read as daily rows: where (line from 1, column by name) and why."""

    def __init__(self, line: int, column: str, problem: str) -> None:
        super().__init__(f"line {line}, column {column}: {problem}")
        self.line = line
        self.column = column
        self.problem = problem


def read_rows(path: Path) -> Rows:
    """The rows of a UTF-8 file. Raises RowError, and OSError when it cannot be opened."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        try:
            return parse_rows(lines)
        except UnicodeDecodeError as error:
            raise RowError(1, DAY_COLUMN, f"the file is not UTF-8 text ({error.reason})") from error


def parse_rows(lines: Iterable[str]) -> Rows:
    """The rows of CSV lines, the first naming the columns. Columns not known here (running totals) are not read. Raises
    RowError."""
    numbered = _numbered(lines)
    header_line, header = next(numbered, (1, []))
    for column in COLUMNS:
        if header.count(column) != 1:
            raise RowError(
                header_line,
                column,
                f"the first line must name this column once, it names it {header.count(column)} times",
            )

    vintages: list[DayRow] = []
    composites: list[DayRow] = []
    day_last = date.min
    instruments_of_day: set[str] = set()
    for line, fields in numbered:
        if len(fields) != len(header):
            column = header[min(len(fields), len(header) - 1)]
            raise RowError(line, column, f"{len(header)} fields expected, {len(fields)} found")
        row = _row(line, dict(zip(header, fields, strict=True)))
        if row.day < day_last:
            raise RowError(line, DAY_COLUMN, f"{row.day} after {day_last}: days must not go back")
        if row.day > day_last:
            day_last = row.day
            instruments_of_day.clear()
        if row.instrument in instruments_of_day:
            raise RowError(line, INSTRUMENT_COLUMN, f"{row.instrument} appears twice on {row.day}")
        instruments_of_day.add(row.instrument)
        (composites if row.instrument == COMPOSITE else vintages).append(row)
        if len(vintages) + len(composites) > ROWS_MAX:
            raise RowError(line, DAY_COLUMN, f"more than {ROWS_MAX} rows")
    return Rows(tuple(vintages), tuple(composites))


def _numbered(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """The fields of the lines that are not empty, with the lines' numbers."""
    reader = csv.reader(lines, strict=True)
    try:
        for fields in reader:
            if fields:
                yield reader.line_num, fields
    except csv.Error as error:
        raise RowError(reader.line_num, DAY_COLUMN, f"the line is not CSV ({error})") from error


def _row(line: int, fields: dict[str, str]) -> DayRow:
    for column in AUCTION_COLUMNS:
        if _fen(line, column, fields.get(column, "0")) != 0:
            raise RowError(line, column, "auctions are not played yet")
    listed_tonnes, block_tonnes = (_tonnes(line, column, fields[column]) for column in TONNES_COLUMNS)
    close_fen = _price_fen(line, CLOSE_COLUMN, fields[CLOSE_COLUMN])
    unpublished_fen = None if listed_tonnes else close_fen
    open_fen, high_fen, low_fen = (
        _price_fen(line, column, fields[column], unpublished_fen) for column in TRADED_PRICE_COLUMNS
    )
    listed_value_fen, block_value_fen = (_fen(line, column, fields[column]) for column in VALUE_COLUMNS)
    return DayRow(
        day=_day(line, fields[DAY_COLUMN]),
        instrument=_instrument(line, fields[INSTRUMENT_COLUMN]),
        open_fen=open_fen,
        high_fen=high_fen,
        low_fen=low_fen,
        close_fen=close_fen,
        listed_tonnes=listed_tonnes,
        listed_value_fen=listed_value_fen,
        block_tonnes=block_tonnes,
        block_value_fen=block_value_fen,
    )


def _day(line: int, text: str) -> date:
    if not _DAY.fullmatch(text):
        raise RowError(line, DAY_COLUMN, f"{text!r} is not a day like 2021-07-16")
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise RowError(line, DAY_COLUMN, f"{text!r} is not in the calendar") from error
    if not FIRST_DAY <= day <= LAST_DAY:
        raise RowError(line, DAY_COLUMN, f"{day} is not between {FIRST_DAY} and {LAST_DAY}")
    if day.weekday() >= SATURDAY:
        raise RowError(line, DAY_COLUMN, f"{day} is at a weekend: trading days are Monday to Friday (rulebook 8.7)")
    return day


def _instrument(line: int, text: str) -> str:
    if not _INSTRUMENT.fullmatch(text):
        raise RowError(line, INSTRUMENT_COLUMN, f"{text!r} is not an instrument like CEA or CEA21")
    return text


def _tonnes(line: int, column: str, text: str) -> int:
    _refuse_missing_and_negative(line, column, text)
    if not _WHOLE.fullmatch(text):
        raise RowError(line, column, f"{text!r} is not a whole number of tonnes")
    return int(text)


def _price_fen(line: int, column: str, text: str, unpublished_fen: int | None = None) -> int:
    """A price; a zero is `unpublished_fen`, where the exchange may leave a price out."""
    price_fen = _fen(line, column, text) or unpublished_fen
    if not price_fen:
        raise RowError(line, column, "a price must be above zero where there was a listed trade")
    return price_fen


def _fen(line: int, column: str, text: str) -> int:
    _refuse_missing_and_negative(line, column, text)
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise RowError(line, column, f"{text!r} is not an amount in CNY like 48.00")
    decimals = (match[2] or "").ljust(2, "0")
    if decimals[2:].strip("0"):
        raise RowError(line, column, f"{text!r} is finer than one fen")
    return int(match[1]) * 100 + int(decimals[:2])


def _refuse_missing_and_negative(line: int, column: str, text: str) -> None:
    if not text:
        raise RowError(line, column, "missing")
    if _NEGATIVE.fullmatch(text):
        raise RowError(line, column, f"{text} is negative")
