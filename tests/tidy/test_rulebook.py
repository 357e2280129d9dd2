"""docs/rulebook.md says what is cited from it, and names only modules and monthly figures that there are.

A citation is the word and what follows it: a section, an operation, a list or a range of them.
"""

import re
from collections.abc import Iterator, Mapping

import pytest

from rehearsal.plan.monthly import MONTHS
from support.source.repository import ROOT, texts

RULEBOOK = "docs/rulebook.md"
CITED_MIN = 50
"""There are more; fewer found means that the pattern no longer sees them."""

NUMBER = r"(?:\d(?:\.\d)?|R\d{1,2})(?![\d.]*\d)"
LIST = rf"(?:operations )?{NUMBER}(?:(?:, and |, operations |, | and | to |-)(?:{NUMBER}))*"
CITATION = re.compile(rf"\brulebook(?:'s)? (?:[\w', ]+[(])?(?:sections? )?(?P<numbers>{LIST})", re.IGNORECASE)
COMMENT_LINE_END = re.compile(r"\n[ \t]*(?://|#|\|)?[ \t]*")
HEADING = re.compile(r"^#{2,3} (\d(?:\.\d)?) ", re.MULTILINE)
OPERATION = re.compile(r"^\| (R\d+) \|", re.MULTILINE)
MODULE = re.compile(r"`(registry|trading|clearing)/(\w+\.py)`")
MONTH = re.compile(r"^\| (20\d\d-\d\d) \|(.*)\|$", re.MULTILINE)


def test_every_citation_of_the_rulebook_names_a_section_or_operation_of_it() -> None:
    cited = list(citations(texts()))
    assert len(cited) > CITED_MIN
    assert not [f"{path}: {number}" for path, number in cited if number not in numbered()]


def test_every_section_and_operation_has_a_number_of_its_own() -> None:
    numbers = [*HEADING.findall(rulebook()), *OPERATION.findall(rulebook())]
    assert len(numbers) == len(set(numbers))


def test_every_module_that_the_rulebook_names_exists() -> None:
    named = {f"services/{service}/{service}/domain/{file}" for service, file in MODULE.findall(rulebook())}
    assert named
    assert not sorted(path for path in named if not (ROOT / path).is_file())


def test_the_rulebooks_months_are_those_that_the_year_is_planned_by() -> None:
    written = {month: [cell.strip().replace(",", "") for cell in cells.split("|")] for month, cells in months()}
    assert {month: (int(cells[0]), int(cells[1]), int(cells[2])) for month, cells in written.items()} == {
        figures.month: (figures.days, figures.listed_tonnes, figures.block_tonnes) for figures in MONTHS
    }
    assert {month: (fen(cells[4]), fen(cells[6])) for month, cells in written.items()} == {
        figures.month: (figures.value_fen, figures.close_fen) for figures in MONTHS
    }


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("Source: {} 3.3.", ["3.3"]),
        ("({} 3.3: 90.25 gives 99.28)", ["3.3"]),
        ("{} 1.2 to 1.4, operations R1, R2, R5.", ["1.2", "1.4", "R1", "R2", "R5"]),
        ("({} 8.1, 8.3,\n// 8.4)", ["8.1", "8.3", "8.4"]),
        ("{} 3.6, Articles 11, 12 and 14", ["3.6"]),
        ("The {} leaves it open (3.7); we choose.", ["3.7"]),
        ("the {}'s arithmetic (sections 3.2 to 3.8)", ["3.2", "3.8"]),
        ("the {} of 356 days", []),
    ],
)
def test_a_citation_is_found_with_all_of_its_numbers(line: str, numbers: list[str]) -> None:
    assert [number for _, number in citations({"planted": line.format("rule" + "book")})] == numbers


def rulebook() -> str:
    """Return the page's text."""
    return (ROOT / RULEBOOK).read_text(encoding="utf-8")


def numbered() -> set[str]:
    """Return the numbers of its sections and operations."""
    return {*HEADING.findall(rulebook()), *OPERATION.findall(rulebook())}


def citations(files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the file and each number of every citation in `files` (path to text)."""
    for path, text in files.items():
        for citation in CITATION.finditer(COMMENT_LINE_END.sub(" ", text)):
            yield from ((path, number) for number in re.findall(NUMBER, citation["numbers"]))


def months() -> list[tuple[str, str]]:
    """Return month and the rest of its row, of the table of months."""
    return MONTH.findall(rulebook())


def fen(yuan: str) -> int:
    """Return the fen of an amount written with two decimals."""
    return int(yuan.replace(".", ""))
