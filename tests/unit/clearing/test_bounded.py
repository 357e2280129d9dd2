"""What clearing remembers after many days: no more than after half as many; what is taken for ever, the shell keeps."""

import pickle
from dataclasses import fields
from datetime import date, timedelta

from clearing.domain.funds import RecordDeposit
from clearing.domain.payouts import InstructPayout, RecordPayoutPaid, RequestPayout
from clearing.domain.reconciliation import RecordReconciliation
from clearing.domain.state import State
from support.domains.clearing_books import (
    ANN,
    ICBC,
    OWN,
    POWER,
    STEEL,
    TRADING,
    Remembering,
    agree,
    delivered,
    open_books,
    play,
    play_day,
    trade,
)

DAYS = 300
GROWTH_MAX = 1.02
"""Numbers that grow have more digits."""


def play_days(state: State, count: int) -> None:
    """Each day money comes in, one trade settles, what was paid for it goes out, and the books agree."""
    for _ in range(count):
        number = state.runs.run_last + 1
        day = (date(2021, 7, 16) + timedelta(days=number)).isoformat()
        play(state, ICBC, RecordDeposit(f"in {number}", POWER, 100))
        play_day(state, trade(number, POWER, STEEL, 100, day=day), day=day)
        play(state, OWN, agree(number))
        play(state, OWN, delivered(number, registry_position=500 + number))
        play(state, TRADING, RequestPayout(STEEL, 100, number))
        play(state, ANN, InstructPayout(number, "icbc"))
        play(state, ICBC, RecordPayoutPaid(number, f"out {number}"))
        entry = state.funds.entry_last
        play(state, OWN, RecordReconciliation(day, 600, 900, 50, entry, 4, (), 0, (), 0, ""))


def remembered_bytes(state: State) -> int:
    return len(pickle.dumps({one.name: getattr(state, one.name) for one in fields(State)}))


def test_what_clearing_remembers_does_not_grow_with_the_days() -> None:
    state = open_books()
    assert isinstance(state, Remembering)
    play_days(state, DAYS)
    once = remembered_bytes(state)
    play_days(state, DAYS)
    assert remembered_bytes(state) < once * GROWTH_MAX
    assert len(state.taken) == 2 * 2 * DAYS, "the names that are taken are beside the state"
