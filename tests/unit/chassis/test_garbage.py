"""The collection of garbage walks what is new, and still finds what waits in a cycle."""

import gc
import weakref
from collections import deque
from collections.abc import Iterator
from datetime import datetime

import pytest

from chassis.process.garbage import (
    COLLECT_AFTER,
    calm_garbage_collector,
    collect_everything,
    freeze_survivors,
    seconds_until_night,
)

NEW, FORMER, LAST = COLLECT_AFTER
WALKED_MAX = 2 * NEW * FORMER * (LAST + 1)
GROWN = 5 * WALKED_MAX
UNDER_WAY = 500
CALLS = 50_000
HOUR_S = 3_600.0


class Linked:
    """Names itself, so that only a collection frees it."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def calm() -> Iterator[None]:
    """As it is once a large state was recovered."""
    recovered: list[list[int]] = [[] for _ in range(GROWN)]
    before = gc.get_threshold()
    calm_garbage_collector()
    yield
    assert len(recovered) == GROWN
    gc.callbacks.remove(freeze_survivors)
    gc.set_threshold(*before)
    gc.unfreeze()


def test_a_collection_walks_no_more_however_much_the_state_has_grown() -> None:
    walked: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            walked.append(sum(len(gc.get_objects(number)) for number in range(info["generation"] + 1)))

    gc.callbacks.append(note)
    state: list[list[int]] = [[] for _ in range(GROWN)]
    gc.callbacks.remove(note)
    assert len(state) == GROWN
    assert max(walked) < WALKED_MAX
    assert gc.get_freeze_count() > 2 * GROWN - WALKED_MAX


def test_of_calls_that_end_in_cycles_only_those_that_were_under_way_at_a_collection_are_kept_until_the_night() -> None:
    collections = 0

    def count(phase: str, info: dict[str, int]) -> None:
        nonlocal collections
        collections += phase == "start" and info["generation"] == 2

    gc.callbacks.append(count)
    under_way: deque[Linked] = deque(maxlen=UNDER_WAY)
    calls: list[weakref.ref[Linked]] = []
    state: list[list[int]] = []
    for _ in range(CALLS):
        under_way.append(Linked())
        calls.append(weakref.ref(under_way[-1]))
        state += [[] for _ in range(10)]
    gc.callbacks.remove(count)
    gc.collect()
    kept = sum(call() is not None for call in calls)
    assert collections > 2
    assert UNDER_WAY < kept <= UNDER_WAY * (collections + 1)
    collect_everything()
    assert sum(call() is not None for call in calls) == UNDER_WAY
    assert gc.get_freeze_count() > GROWN + len(state), "and what lives is out of the way of the next collections"


@pytest.mark.parametrize(
    ("now", "hours"),
    [("2026-11-27T02:00+08:00", 1), ("2026-11-27T03:00+08:00", 24), ("2026-11-27T15:00+08:00", 12)],
)
def test_the_night_is_at_three_by_chinas_time(now: str, hours: int) -> None:
    assert seconds_until_night(int(datetime.fromisoformat(now).timestamp() * 1_000)) == hours * HOUR_S


def test_what_waits_in_a_cycle_is_freed_though_it_outlived_some_collections() -> None:
    linked = Linked()
    state: list[list[int]] = [[] for _ in range(NEW * FORMER)]
    alive = weakref.ref(linked)
    del linked
    assert alive() is not None
    state += [[] for _ in range(NEW * FORMER * (LAST + 2))]
    assert alive() is None
