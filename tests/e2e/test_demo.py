"""`make demo` from the outside: it ends well, with what a person wants to look at, and the auditor finds nothing."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from support.source.repository import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

LESSONS = (
    "OUT_OF_SESSION",
    "PRICE_OUTSIDE_DAILY_LIMIT",
    "ACCOUNT_NOT_ELIGIBLE_TO_TRADE",
    "QUANTITY_ABOVE_LISTED_MAX",
    "QUANTITY_ABOVE_LISTING",
    "INSUFFICIENT_ALLOWANCES",
    "NOT_OWNER_OF_ACCOUNT",
    "QUANTITY_BELOW_BLOCK_MIN",
    "INSUFFICIENT_WITHDRAWABLE_FUNDS",
)
SERVICES = ("registry", "trading", "clearing")
AUDIT = f"cd {ROOT / 'tests'} && {sys.executable} -m support.auditor " + " ".join(
    f"--{service} $CARBONMARKET_{service.upper()}_ADDRESS" for service in SERVICES
)
TRADE_TO_TONNE = ("TakeListing", "TradeExecuted", "hear TradeExecuted", "AllowancesDelivered", "AllowancesReleased")


STROKES = "│├└─ "
MARGIN = 2


def steps_of(text: str) -> list[tuple[str, ...]]:
    """The steps of the first trace drawn in a text, each with its service and the steps that it came after. Which of
    two that came after the same one was first is not the same every time.
    """
    lines = iter(text.splitlines())
    for line in lines:
        if line.split() == ["step", "service", "record", "after", "took"]:
            break
    next(lines)
    found: list[tuple[str, ...]] = []
    above: list[str] = []
    for line in lines:
        if not line.strip() or line.startswith("```"):
            break
        step, service = re.split(r"\s{2,}", line.strip(STROKES))[:2]
        indent = len(line) - len(line.lstrip(STROKES))
        del above[(indent - MARGIN) // len("└─ ") :]
        above.append(step)
        found.append((*above, service))
    return sorted(found)


async def test_the_demo_plays_a_day_and_ends_with_its_bulletin_a_statement_the_books_and_a_trace(
    tmp_path: Path,
) -> None:
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rehearsal", "demo", "--folder", str(tmp_path / "demo"), "--then", AUDIT),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await demo.communicate()
    told = output.decode()
    assert demo.returncode == 0, told
    for lesson in LESSONS:
        assert f"✗ {lesson}" in told
    left = told[told.index("What the day left") :]
    assert "Bulletin of 2021-07-16" in left
    assert "Statement of power-0003 for 2021-07-16" in left
    assert "sellable on the next day   159,000" in left
    assert "The three books after 2021-07-16: they agree" in left
    assert "The tables below show the books now" in left
    sample = steps_of((ROOT / "README.md").read_text())
    assert len(sample) == 7
    assert steps_of(left) == sample, "README shows another trace than the demo prints"
    way = left[left.index("The way of trade") :]
    for step in TRADE_TO_TONNE:
        assert step in way
    for service in SERVICES:
        assert service in way
    assert "findings 0" in left
    assert "All books agree" in left
    assert not (tmp_path / "demo" / "postgres").exists(), "the data of a demo does not stay"
