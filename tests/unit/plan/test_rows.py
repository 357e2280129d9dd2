"""Reading daily rows: exact amounts, and every fault named with its line and column."""

from datetime import date
from pathlib import Path

import pytest

from rehearsal.plan import DayRow, RowError, parse_rows, read_rows

HEADER = "trade_date,instrument,open,high,low,close,listed_volume_t,listed_amount_cny,block_volume_t,block_amount_cny"
GOOD = "2030-01-02,CEA29,50.0,51.25,49.9,50.4,100,5040.00,100000,5000000.5"


def row(**changes: str) -> str:
    fields = dict(zip(HEADER.split(","), GOOD.split(","), strict=True)) | changes
    return ",".join(fields.values())


def test_a_row_is_read_to_the_fen_and_to_the_tonne() -> None:
    (read,) = parse_rows([HEADER, GOOD]).vintages
    assert read == DayRow(
        day=date(2030, 1, 2),
        instrument="CEA29",
        open_fen=50_00,
        high_fen=51_25,
        low_fen=49_90,
        close_fen=50_40,
        listed_tonnes=100,
        listed_value_fen=5_040_00,
        block_tonnes=100_000,
        block_value_fen=5_000_000_50,
    )


def test_a_day_without_a_listed_trade_has_its_close_for_every_price_that_is_not_published() -> None:
    quiet = row(open="0.00", high="0.00", low="0.00", listed_volume_t="0", listed_amount_cny="0.00")
    (read,) = parse_rows([HEADER, quiet]).vintages
    assert (read.open_fen, read.high_fen, read.low_fen, read.close_fen) == (50_40, 50_40, 50_40, 50_40)


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
def test_a_price_of_zero_is_refused_where_something_was_traded(column: str) -> None:
    with pytest.raises(RowError, match=f"column {column}: a price must be above zero"):
        parse_rows([HEADER, row(**{column: "0.00"})])


def test_a_day_without_a_listed_trade_still_has_a_close() -> None:
    with pytest.raises(RowError, match="column close: a price must be above zero"):
        parse_rows([HEADER, row(close="0.00", listed_volume_t="0", listed_amount_cny="0.00")])


def test_an_amount_beyond_what_a_float_can_hold_keeps_its_last_fen() -> None:
    (read,) = parse_rows([HEADER, row(block_amount_cny="123456789012345678.91")]).vintages
    assert read.block_value_fen == 12_345_678_901_234_567_891


def test_the_composite_is_kept_apart_from_the_vintages() -> None:
    rows = parse_rows([HEADER, row(instrument="COMCEA"), GOOD, row(instrument="CEA28")])
    assert [one.instrument for one in rows.vintages] == ["CEA29", "CEA28"]
    assert [one.instrument for one in rows.composites] == ["COMCEA"]


def test_columns_may_stand_in_any_order_and_others_beside_them() -> None:
    header = "cum_volume_t," + ",".join(reversed(HEADER.split(",")))
    line = "anything," + ",".join(reversed(GOOD.split(",")))
    assert parse_rows([header, line]) == parse_rows([HEADER, GOOD])


# what stands there          line  column               what is said of it
FAULTS = [
    ([],                        1, "trade_date",        "it names it 0 times"),
    ([HEADER + ",open"],        1, "open",              "it names it 2 times"),
    ([HEADER[:-17]],            1, "block_amount_cny",  "it names it 0 times"),
    ([HEADER, GOOD[:-10]],      2, "block_amount_cny",  "10 fields expected, 9 found"),
    ([HEADER, GOOD + ",1"],     2, "block_amount_cny",  "10 fields expected, 11 found"),
    ([HEADER, row(trade_date="02.01.2030")],            2, "trade_date", "not a day like"),
    ([HEADER, row(trade_date="2030-02-30")],            2, "trade_date", "not in the calendar"),
    ([HEADER, row(trade_date="")],                      2, "trade_date", "not a day like"),
    ([HEADER, row(trade_date="0001-01-01")],            2, "trade_date", "not between 1970-01-02 and 2099-12-31"),
    ([HEADER, row(trade_date="1970-01-01")],            2, "trade_date", "not between 1970-01-02 and 2099-12-31"),
    ([HEADER, GOOD, row(trade_date="2100-01-01")],      3, "trade_date", "not between 1970-01-02 and 2099-12-31"),
    ([HEADER, row(trade_date="2030-01-05")],            2, "trade_date", "2030-01-05 is at a weekend"),
    ([HEADER, row(trade_date="2030-01-06", instrument="COMCEA")], 2, "trade_date", "2030-01-06 is at a weekend"),
    ([HEADER, row(instrument="cea")],                   2, "instrument", "not an instrument"),
    ([HEADER, row(open="")],                            2, "open", "missing"),
    ([HEADER, row(low="-1.00")],                        2, "low", "-1.00 is negative"),
    ([HEADER, row(high="0.00")],                        2, "high", "above zero"),
    ([HEADER, row(close="5e1")],                        2, "close", "not an amount in CNY"),
    ([HEADER, row(close="nan")],                        2, "close", "not an amount in CNY"),
    ([HEADER, row(close=" 50.40")],                     2, "close", "not an amount in CNY"),
    ([HEADER, row(close="٥٠.٤٠")],                      2, "close", "not an amount in CNY"),
    ([HEADER, row(close="50.405")],                     2, "close", "finer than one fen"),
    ([HEADER, row(listed_volume_t="10.5")],             2, "listed_volume_t", "not a whole number of tonnes"),
    ([HEADER, row(listed_volume_t="-10")],              2, "listed_volume_t", "-10 is negative"),
    ([HEADER, row(listed_volume_t="9" * 19)],           2, "listed_volume_t", "not a whole number of tonnes"),
    ([HEADER, row(listed_amount_cny="-0.01")],          2, "listed_amount_cny", "-0.01 is negative"),
    ([HEADER, GOOD, GOOD],                              3, "instrument", "appears twice on 2030-01-02"),
    ([HEADER, GOOD, row(trade_date="2030-01-01")],      3, "trade_date", "days must not go back"),
    ([HEADER, "x"],                                     2, "instrument", "10 fields expected, 1 found"),
    ([HEADER, GOOD, '"open'],                           3, "trade_date", "the line is not CSV"),
    ([HEADER + ",auction_volume_t", GOOD + ",5"],       2, "auction_volume_t", "not played yet"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "line", "column", "problem"), FAULTS)
def test_a_fault_is_named_with_its_line_and_column(lines: list[str], line: int, column: str, problem: str) -> None:
    with pytest.raises(RowError) as refused:
        parse_rows(lines)
    assert (refused.value.line, refused.value.column) == (line, column)
    assert problem in refused.value.problem
    assert str(refused.value).startswith(f"line {line}, column {column}: ")


@pytest.mark.parametrize("day", ["1970-01-02", "2099-12-31"])
def test_the_first_and_the_last_day_that_a_clock_knows_are_read(day: str) -> None:
    (read,) = parse_rows([HEADER, row(trade_date=day)]).vintages
    assert read.day == date.fromisoformat(day)


def test_trailing_zeros_are_not_finer_than_a_fen() -> None:
    assert parse_rows([HEADER, row(close="50.4000")]) == parse_rows([HEADER, GOOD])


def test_a_file_that_is_not_text_is_refused_as_such(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RowError, match="not UTF-8 text"):
        read_rows(path)
