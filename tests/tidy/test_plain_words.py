"""Expressions that make an engineer who learned English as a foreign language guess, and what to write instead.

They are searched in all that people read beside tests: documents, comments, docstrings, log lines and refusals.
"""

import re

import pytest

from support.source.repository import texts

READ = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "Makefile",
    "bench/",
    "deploy/",
    "docs/",
    "libs/",
    "proto/",
    "scripts/",
    "services/",
)

INSTEAD = {
    r"\b(?:stands?|stood)\b(?! (?:for|by)\b)": "is, exists, is valid, has the phase",
    r"\b(?:made|makes?|making) (?:\w+ )?over\b": "transferred, credited",
    r"\bmend(?:s|ed|ing)?\b": "fix, correct, repair",
    r"\btold\b": "informed, reported, instructed",
    r"\b(?:is|are) said\b": "is stated, is reported, is documented",
    r"\bgoes by\b": "uses, follows, is named",
    r"\bvouch": "confirm, prove, check",
    r"\bbears?\b": "has, carries, contains",
    r"\ball the same\b": "nevertheless",
    r"\bheard of no\b": "does not know",
    r"\bwhat is true\b": "the facts, what the log contains",
    r"\bminutes \d+\"": "ticket 12: minutes are a time",
    r"\bthe eve\b": "the day before",
    r"\bthink again\b": "reconsider",
}


@pytest.mark.parametrize("expression", INSTEAD)
def test_what_people_read_is_in_plain_words(expression: str) -> None:
    found = [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()!r}, instead: {INSTEAD[expression]}"
        for path, text in texts().items()
        if path.startswith(READ)
        for match in re.finditer(expression, text, re.IGNORECASE)
    ]
    assert not found, "\n".join(found)
