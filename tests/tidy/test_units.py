"""An integer of the public language says in its name what it is: a unit, things counted, or what it numbers."""

import re

from support.source.repository import texts

INTEGER = re.compile(r"^ *(?:repeated )?(?:int|uint|sint|fixed|sfixed)(?:32|64) (?P<name>\w+) = ", re.MULTILINE)
FRACTION = re.compile(r"^ *(?:repeated )?(?:float|double) (?P<name>\w+) = ", re.MULTILINE)
LIMIT = re.compile(r"_(?:max|min|before)$")

UNITS = {"fen", "tonnes", "ms", "minute", "hours", "bp", "ppm", "year", "weight"}
OF_A_FORM = {"quantities", "sums"}
"""In the order of the states that a sum tree's form names, each with its unit."""
COUNTS = {"trades", "legs", "leaves", "pages", "events", "records", "levels", "count", "compared", "size"}
NUMBERS = {
    "id",
    "ids",
    "position",
    "positions",
    "number",
    "sequence",
    "attempt",
    "page",
    "level",
    "known",
    "format",
    "code",
}

KNOWN = UNITS | OF_A_FORM | COUNTS | NUMBERS


def test_an_integer_names_its_unit_or_what_it_counts_or_numbers() -> None:
    names = {match["name"] for text in protos() for match in INTEGER.finditer(text)}
    assert names
    assert not {name for name in names if LIMIT.sub("", name).rpartition("_")[2] not in KNOWN}


def test_nothing_is_a_fraction() -> None:
    assert not [match["name"] for text in protos() for match in FRACTION.finditer(text)]


def protos() -> list[str]:
    return [text for path, text in texts().items() if path.endswith(".proto")]
