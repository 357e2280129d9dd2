"""Sum trees that a domain keeps, against the ones made afresh of its books."""

import pickle
from collections.abc import Callable, Mapping
from typing import TypeVar

from chassis.core.sum_tree import Key, Quantities, SumTree
from chassis.log.snapshots import unpickled

S = TypeVar("S")
T = TypeVar("T")

STEPS_MAX = 10_000
PACKAGES = ("registry", "trading", "clearing", "support")


def up_to_date(look: Callable[[], T | None]) -> T:
    """What a look sees as soon as it sees something."""
    for _ in range(STEPS_MAX):
        seen = look()
        if seen is not None:
            return seen
    raise AssertionError("the trees do not catch up")


def restored(state: S) -> S:
    """The state as a start finds it in a snapshot."""
    again: S = unpickled(pickle.dumps(state), PACKAGES)
    return again


def assert_commits_to(tree: SumTree, quantities: Mapping[Key, Quantities]) -> None:
    assert {leaf.key: leaf.sums for leaf in tree.all_leaves()} == {
        key: amounts for key, amounts in quantities.items() if any(amounts)
    }
    assert tree.digest == SumTree(tree.form).changed(quantities).digest
