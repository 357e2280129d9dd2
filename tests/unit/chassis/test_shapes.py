"""What a text may contain: what is taken, and which character of what is refused, and why."""

from collections.abc import Callable

import pytest

from chassis.core import shapes
from chassis.core.decider import Malformed
from chassis.core.shapes import CODE, NAME, REFERENCE, REQUEST_ID, Fault, fault_of_text

# fmt: off
WELCOME = [
    "a",
    "Huaneng Power International, Inc.",
    "华能国际电力股份有限公司",
    "国家电投集团（上海）电力有限公司",
    "环办气候〔2021〕9号：关于……的通知",
    "上海环境能源交易所“碳排放配额”《公告》",
    "سىنجاڭ ئېلېكتر",                      # another script of the country, written from the right
    "བོད་ལྗོངས་གློག",                          # whose vowels are marks with no letter of their own
    "5,000 t CO₂ ③ 0.5 m³ 20 ℃",
    "Électricité de França",
    "β-test, Москва",
    "x" * 200,
    "𠮷" * 200,
]

REFUSED: list[tuple[str, int, str]] = [
    ("",                       0,   "it is empty"),
    (" ",                      1,   "a space at the beginning"),
    (" a",                     1,   "a space at the beginning"),
    ("a ",                     2,   "a space at the end"),
    ("a  b",                   3,   "a space after a space"),
    ("x" * 201,                201, "at most 200 characters"),
    ("a\tb",                   2,   "U+0009 is no character to be read"),
    ("a\nb",                   2,   "U+000A is no character to be read"),
    ("a\0b",                   2,   "U+0000 is no character to be read"),
    ("a\u00a0b",               2,   "U+00A0 NO-BREAK SPACE is another space than U+0020"),
    ("华\u3000能",              2,   "U+3000 IDEOGRAPHIC SPACE is another space than U+0020"),
    ("a\u200bb",               2,   "U+200B ZERO WIDTH SPACE cannot be seen"),
    ("a\u202egnp.exe",         2,   "U+202E RIGHT-TO-LEFT OVERRIDE cannot be seen"),
    ("\ufeffa",                1,   "U+FEFF ZERO WIDTH NO-BREAK SPACE cannot be seen"),
    ("a\u00adb",               2,   "U+00AD SOFT HYPHEN cannot be seen"),
    ("能\ufe00",               2,   "U+FE00 VARIATION SELECTOR-1 cannot be seen"),
    ("\u3164",                 1,   "U+3164 HANGUL FILLER cannot be seen"),
    ("\U000e0041",             1,   "U+E0041 TAG LATIN CAPITAL LETTER A cannot be seen"),
    ("\ue000",                 1,   "U+E000 is no character to be read"),
    ("\U0010ffff",             1,   "U+10FFFF is no character to be read"),
    ("Ａ1",                    1,   "U+FF21 FULLWIDTH LATIN CAPITAL LETTER A looks like another character: write A"),
    ("1２",                    2,   "U+FF12 FULLWIDTH DIGIT TWO looks like another character: write 2"),
    ("ﬁrm",                    1,   "U+FB01 LATIN SMALL LIGATURE FI looks like another character: write fi"),
    ("Ⅱ",                      1,   "U+2161 ROMAN NUMERAL TWO looks like another character: write II"),
    ("\u2f83",                 1,   "U+2F83 KANGXI RADICAL SELF looks like another character: write 自"),
    ("𝐚",                      1,   "U+1D41A MATHEMATICAL BOLD SMALL A looks like another character: write a"),
    ("p\u043ewer",             2,   "U+043E CYRILLIC SMALL LETTER O is in a word of LATIN letters"),
    ("p1\u0430",               3,   "U+0430 CYRILLIC SMALL LETTER A is in a word of LATIN letters"),
    ("A\u0331\u0430",          3,   "U+0430 CYRILLIC SMALL LETTER A is in a word of LATIN letters"),
    ("p华\u0430",              3,   "U+0430 CYRILLIC SMALL LETTER A is in a word of LATIN letters"),
    ("p+\u0430",               3,   "U+0430 CYRILLIC SMALL LETTER A is in a word of LATIN letters"),
    ("a\u0489",                2,   "U+0489 COMBINING CYRILLIC MILLIONS SIGN is drawn around another character"),
    ("1\u20dd",                2,   "U+20DD COMBINING ENCLOSING CIRCLE is drawn around another character"),
    ("\u0391BC",               2,   "U+0042 LATIN CAPITAL LETTER B is in a word of GREEK letters"),
    ("cafe\u0301",             4,   "written in parts that compose to one character (NFC): write é"),
    ("\uf900",                 1,   "U+F900 CJK COMPATIBILITY IDEOGRAPH-F900 looks like another character: write 豈"),
]
# fmt: on


@pytest.mark.parametrize("text", WELCOME)
def test_what_people_write_in_any_language_is_taken(text: str) -> None:
    assert fault_of_text(text) is None


@pytest.mark.parametrize(("text", "at", "why"), REFUSED, ids=ascii)
def test_a_text_that_a_reader_could_mistake_is_refused_at_its_character(text: str, at: int, why: str) -> None:
    assert fault_of_text(text) == Fault(at, why)


def test_a_refusal_names_the_field_and_the_character() -> None:
    with pytest.raises(Malformed) as refusal:
        shapes.check_text("a\u200bb", "ground")
    assert (refusal.value.reason, refusal.value.field) == ("TEXT_MALFORMED", "ground")
    assert refusal.value.facts == {"at": 2, "why": "U+200B ZERO WIDTH SPACE cannot be seen"}


@pytest.mark.parametrize("reference", ["r", "r 1", "A-2021/000118", "R:1?(2).,'+", "x" * 64, "!~"])
def test_a_reference_is_visible_ascii_with_single_spaces(reference: str) -> None:
    assert REFERENCE.fault(reference) is None
    assert REQUEST_ID.fault(reference) is None


@pytest.mark.parametrize(
    ("reference", "at"),
    [("", 0), ("r1 ", 3), (" r1", 1), ("r  1", 3), ("r\t1", 2), ("r1\n", 3), ("r１", 2), ("р1", 1), ("号1", 1)],
    ids=ascii,
)
def test_a_reference_is_written_in_one_way_only(reference: str, at: int) -> None:
    fault = REFERENCE.fault(reference)
    assert fault is not None
    assert fault.at == at
    assert REQUEST_ID.fault(reference) == fault


def test_references_and_request_ids_are_bounded() -> None:
    assert REFERENCE.fault("r" * 65) == Fault(65, "at most 64 characters")
    assert REQUEST_ID.fault("r" * 100) is None
    assert REQUEST_ID.fault("r" * 101) == Fault(101, "at most 100 characters")


@pytest.mark.parametrize(
    ("text", "at"),
    [("Power", 1), ("power_1", 6), ("-power", 1), ("p", 1), ("power\n", 6), ("ｐower", 1), ("p" * 33, 33)],
)
def test_an_account_is_small_letters_digits_and_dashes(text: str, at: int) -> None:
    fault = NAME.fault(text)
    assert fault is not None
    assert fault.at == at


@pytest.mark.parametrize("text", ["cea", "CEA 21", "CEA２１", "C", "", "CEA\n"])
def test_a_code_is_large_letters_and_digits(text: str) -> None:
    assert CODE.fault("CEA21") is None
    assert CODE.fault(text) is not None


@pytest.mark.parametrize(
    "day",
    [
        "",
        "2021-7-1",
        "20210701",
        "2021-W29-5",
        "2021-02-30",
        "２０２１-07-16",
        "2021-07-16 ",
        "2021-07-16\n",
        "٢٠٢١-07-16",
    ],
)
def test_a_day_has_one_form(day: str) -> None:
    assert shapes.check_day("2021-07-16").isoformat() == "2021-07-16"
    with pytest.raises(Malformed) as refusal:
        shapes.check_day(day)
    assert refusal.value.reason == "DAY_MALFORMED"


@pytest.mark.parametrize("check", [shapes.check_account, shapes.check_day, shapes.check_text])
def test_a_check_names_the_field_that_it_was_given(check: Callable[[str, str], object]) -> None:
    with pytest.raises(Malformed) as refusal:
        check("\0", "legs[3].seller")
    assert refusal.value.field == "legs[3].seller"
    assert refusal.value.within("commands[7]").field == "commands[7].legs[3].seller"
