"""Money, tonnes and times in and out, exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonmarket_client import values

AMOUNTS = [
    ("51.23", 5123),
    ("51.2", 5120),
    ("51", 5100),
    ("0.01", 1),
    ("0", 0),
    ("1,051.23", 105123),
    ("CNY 210,230,053.25", 21023005325),
    (" 51.23 ", 5123),
    ("9999999999999.99", 999999999999999),
]

NO_AMOUNTS = ["", "-1", "51.234", "51.", ".5", "1,05", "10,51.23", "1e3", "51,23", "０１", "NaN", "5_000", "+1"]


@pytest.mark.parametrize(("text", "fen"), AMOUNTS)
def test_an_amount_is_read_to_the_fen(text: str, fen: int) -> None:
    assert values.fen_of(text) == fen


@pytest.mark.parametrize("text", NO_AMOUNTS)
def test_what_is_no_amount_is_not_guessed_at(text: str) -> None:
    with pytest.raises(values.NotANumber, match="write 51"):
        values.fen_of(text)


@given(st.integers(0, 10**15))
def test_every_amount_reads_back_as_it_was_written(fen: int) -> None:
    assert values.fen_of(values.amount(fen)) == fen
    assert values.fen_of(values.money(fen)) == fen


@given(st.integers(0, 10**12))
def test_every_quantity_reads_back_as_it_was_written(quantity_tonnes: int) -> None:
    assert values.tonnes_of(values.tonnes(quantity_tonnes)) == quantity_tonnes


@pytest.mark.parametrize("text", ["", "1.5", "-1", "1,00", "1 000", "1e3", "1000 kg"])
def test_tonnes_are_whole(text: str) -> None:
    with pytest.raises(values.NotANumber, match="whole tonnes"):
        values.tonnes_of(text)


def test_the_markets_time_is_china_time() -> None:
    opening_ms = values.ms_of("2021-07-16 09:30")
    assert opening_ms == 1_626_399_000_000
    assert values.moment(opening_ms) == "2021-07-16 09:30:00"
    assert values.clock(opening_ms) == "09:30:00"
    assert values.day_at(values.ms_of("2021-07-16 00:00")) == "2021-07-16"


@pytest.mark.parametrize("text", ["", "tomorrow", "2021-7-16", "16.07.2021", "2021-02-30", "20210716", "2021-W28-5"])
def test_a_day_is_written_one_way(text: str) -> None:
    with pytest.raises(values.NotATime, match="2021-07-16"):
        values.day_of(text)


SHOWN = [
    (values.amount(-105123), "-1,051.23"),
    (values.amount(-1), "-0.01"),
    (values.money(5), "CNY 0.05"),
    (values.percent(673), "+6.73 %"),
    (values.percent(-7), "-0.07 %"),
    (values.percent(0), "0.00 %"),
    (values.share(500), "0.0500 %"),
    (values.minutes(570), "09:30"),
    (values.span(420_000), "0.42 ms"),
    (values.span(9_999_999), "9.99 ms"),
    (values.span(123_456_789), "123.4 ms"),
    (values.span(3_149_000_000), "3.1 s"),
    (values.span(125 * 10**9), "2 m 05 s"),
    (values.span((18 * 3600 + 31 * 60) * 10**9), "18 h 31 m"),
]


@pytest.mark.parametrize(("shown", "text"), SHOWN)
def test_numbers_are_shown_as_people_read_them(shown: str, text: str) -> None:
    assert shown == text
