"""The collection of garbage walks what is new, and still finds what waits in a cycle."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from chassis.process.garbage import COLLECT_AFTER, calm_garbage_collector, freeze_survivors

NEW, FORMER, LAST = COLLECT_AFTER
WALKED_MAX = 2 * NEW * FORMER * (LAST + 1)
GROWN = 5 * WALKED_MAX


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


def test_what_waits_in_a_cycle_is_freed_though_it_outlived_some_collections() -> None:
    linked = Linked()
    state: list[list[int]] = [[] for _ in range(NEW * FORMER)]
    alive = weakref.ref(linked)
    del linked
    assert alive() is not None
    state += [[] for _ in range(NEW * FORMER * (LAST + 2))]
    assert alive() is None
