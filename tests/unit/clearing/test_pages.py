"""Pages: each follows the last trade of the one before, in every release, under a name that none had before it."""

import pytest

from clearing.domain import run, settlement
from clearing.domain.decider import DECIDER
from clearing.domain.settlement import SettlementDayCompleted
from clearing.domain.state import State
from support.domains.clearing_books import (
    OWN_TIMER,
    POWER,
    STEEL,
    TRADING,
    agree,
    close,
    delivered,
    open_books,
    play_one,
    trade,
)

CLEARING = "service:clearing"
TRADES = [trade(trade_id, POWER, STEEL, 1) for trade_id in range(1, 12)]


def pages_of(monkeypatch: pytest.MonkeyPatch, legs: int) -> None:
    for module in (run, settlement):
        monkeypatch.setattr(module, "LEGS_PER_PAGE_MAX", legs)


def do_due(state: State, names: list[str], pages: int) -> list[object]:
    """So many pages, or all that there are."""
    events: list[object] = []
    while pages and (timer := DECIDER.due(state)) is not None:
        names.append(timer.name)
        events += play_one(state, OWN_TIMER, timer.command)
        pages -= 1
    return events


@pytest.mark.parametrize(("before", "after"), [(2, 5), (5, 2), (3, 1), (1, 4), (4, 4)])
def test_a_release_with_other_pages_goes_on_in_the_middle_of_a_run_and_gives_no_name_twice(
    monkeypatch: pytest.MonkeyPatch, before: int, after: int
) -> None:
    state, names = open_books(power_fen=1_000), list[str]()
    for one in TRADES:
        play_one(state, TRADING, one)
    events: list[object] = []
    for answer in (close(*TRADES), agree(), delivered()):
        play_one(state, TRADING if answer == close(*TRADES) else CLEARING, answer)
        pages_of(monkeypatch, before)
        do_due(state, names, pages=2)
        pages_of(monkeypatch, after)
        events = do_due(state, names, pages=-1)
    assert isinstance(events[-2], SettlementDayCompleted)
    assert len(set(names)) == len(names), names
