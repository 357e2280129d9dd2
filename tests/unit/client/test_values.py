"""Money, tonnes and times in and out, exactly."""

from datetime import datetime

import pytest
from hypothesis import example, given
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
    ("9999999999999.99", 999999999999999),
]

MISREAD = [
    "",
    " 5",
    "5 ",
    "+5",
    "5_42",
    "1e3",
    "５",
    "٣",
    "0x1f",
    "007",
    "1,00",
    "10,51",
    "1,0000",
    "1 000",
    "５,000",
    "5\n",
    "--5",
]
"""Python's int() takes most of them, and people do not mean what it makes of them."""

NO_AMOUNTS = [
    *MISREAD,
    "-1",
    "51.234",
    "51.",
    ".5",
    "1,05",
    "10,51.23",
    "51,23",
    "NaN",
    "inf",
    "CNY51",
    "CNY  51",
    "51.2３",
]


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


@given(st.integers(values.NUMBER_MIN, values.NUMBER_MAX))
def test_every_number_reads_back_as_it_was_written(number: int) -> None:
    assert values.number_of(str(number)) == values.number_of(f"{number:,}") == number


@given(st.datetimes(datetime(1970, 1, 2), datetime(2099, 12, 31)))
def test_every_time_and_day_reads_back_as_it_was_written(at: datetime) -> None:
    written = at.replace(microsecond=0).isoformat(" ")
    assert values.moment(values.ms_of(written)) == written
    assert values.day_of(written[:10]) == written[:10]
    assert values.minutes(values.minute_of(written[11:16])) == written[11:16]


TYPED = st.text("0123456789,.-+_ eE:TtCNY٣５", max_size=12)


@given(TYPED | st.from_regex(r"-?[0-9][0-9,._]{0,8}", fullmatch=True))
@example("-0")
def test_a_number_that_is_taken_is_one_of_the_two_ways_of_writing_it(text: str) -> None:
    try:
        number = values.number_of(text)
    except values.NotANumber:
        return
    assert text in (str(number), f"{number:,}")


@given(TYPED | st.from_regex(r"(CNY )?[0-9][0-9,]{0,7}(\.[0-9]{1,3})?", fullmatch=True))
def test_an_amount_that_is_taken_is_one_of_the_ways_of_writing_it(text: str) -> None:
    try:
        fen = values.fen_of(text)
    except values.NotANumber:
        return
    written = {f"{fen // 100}.{fen % 100:02d}", values.amount(fen)}
    written |= {each.removesuffix("0") for each in written if fen % 10 == 0}
    written |= {each.removesuffix(".0") for each in written if fen % 100 == 0}
    assert text.removeprefix("CNY ") in written


@given(TYPED | st.from_regex(r"20[0-9]{2}-?[01]?[0-9]-?[0-3]?[0-9]", fullmatch=True))
def test_a_day_that_is_taken_is_the_one_way_of_writing_it(text: str) -> None:
    try:
        assert values.day_of(text) == text
    except values.NotATime:
        return


@pytest.mark.parametrize("text", MISREAD)
def test_a_number_has_its_digits_and_nothing_else(text: str) -> None:
    with pytest.raises(values.NotANumber, match="write 1000"):
        values.number_of(text)


@pytest.mark.parametrize("text", [*MISREAD, "1.5", "-1", "1000 kg", "1000  t"])
def test_tonnes_are_whole(text: str) -> None:
    with pytest.raises(values.NotANumber, match="whole tonnes"):
        values.tonnes_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2021-07-16",
        "2021-7-16 9:30",
        "2021-07-16 9:30",
        "2021-07-16 09:30:1",
        "2021-07-16 24:00",
        "２０２１-07-16 09:30",
    ],
)
def test_a_time_has_all_its_digits(text: str) -> None:
    with pytest.raises(values.NotATime, match="2021-07-16 09:30"):
        values.ms_of(text)


@pytest.mark.parametrize("text", ["9:30", "09:5", "0930", "09:60", "24:01", "+9:30", "09:30:00", "٠9:30"])
def test_a_time_of_day_has_all_its_digits(text: str) -> None:
    assert values.minute_of("24:00") == 1440
    with pytest.raises(values.NotATime, match="09:30"):
        values.minute_of(text)


def test_the_markets_time_is_china_time() -> None:
    opening_ms = values.ms_of("2021-07-16 09:30")
    assert opening_ms == 1_626_399_000_000
    assert values.moment(opening_ms) == "2021-07-16 09:30:00"
    assert values.clock(opening_ms) == "09:30:00"
    assert values.day_at(values.ms_of("2021-07-16 00:00")) == "2021-07-16"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2021-7-16",
        "16.07.2021",
        "2021-02-30",
        "20210716",
        "2021-W28-5",
        " 2021-07-16",
        "２０２１-07-16",
        "2021-07-16\n",
    ],
)
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
