"""Every refusal says how to fix it."""

import re

import pytest

from carbonmarket_client.reasons import FIXES
from support.source.repository import ROOT

LISTED = re.compile(
    r"^\s*//\s{3,}(?P<reasons>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?:,\s*[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)*)", re.MULTILINE
)

# The client's Busy and Unavailable: no refusals, for the same is sent again.
SENT_AGAIN = {
    "CALL_EXPIRED",
    "LOG_CAME_BACK_OLDER",
    "TOO_MANY_CALLS",
    "TOO_MANY_CALLS_OF_ACTOR",
    "TOO_MANY_COMMANDS_WAITING",
    "TOO_MANY_STREAMS",
    "TOO_MANY_STREAMS_OF_ACTOR",
}


def listed() -> set[str]:
    """Return every reason that a comment of the protos lists: at an rpc, or for any rpc in refusal.proto."""
    protos = [*(ROOT / "proto").rglob("*_service.proto"), ROOT / "proto/carbonmarket/log/v1/refusal.proto"]
    found = [match["reasons"] for path in protos for match in LISTED.finditer(path.read_text())]
    return {reason for reasons in found for reason in re.split(r",\s*", reasons)} - SENT_AGAIN


def met_by_operators() -> set[str]:
    """Return the reasons that the services' READMEs name: why something waits for people."""
    return {
        reason
        for path in (ROOT / "services").glob("*/README.md")
        for reason in re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", path.read_text())
    }


def test_the_protos_list_reasons() -> None:
    assert {"PRICE_OUTSIDE_DAILY_LIMIT", "TEXT_MALFORMED", "FEED_OF_ANOTHER_ACCOUNT"} <= listed()


def test_every_listed_reason_says_how_to_fix_it() -> None:
    assert not sorted(listed() - FIXES.keys())


def test_no_reason_is_explained_that_nobody_gives() -> None:
    assert not sorted(FIXES.keys() - listed() - met_by_operators())


@pytest.mark.parametrize("reason", sorted(FIXES))
def test_a_mend_is_one_sentence(reason: str) -> None:
    assert re.fullmatch(r"[A-Z`].*[^.]\.", FIXES[reason])
