"""Sum trees that are kept up with the books that they commit to.

Whoever changes a quantity that the trees commit to touches its key, which costs next to nothing. Before the trees are
looked at, what was touched since the last time is put into them, a bounded number of keys in a step, so that no step
holds the writer for long and no cost grows with the books: only with what changed in them. A key that was touched and
has the quantities that it had before costs no digest.

What was touched is put in between two events, never within one: an event may touch a key before it changes it.

A snapshot keeps no trees (docs/decisions/0005-snapshots-are-caches.md). After a start all keys count as touched.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from chassis.core.sum_tree import Form, Key, Quantities, SumTree

KEYS_PER_STEP_MAX = 500
"""About 20 ms of 100,000 leaves."""

Touched = dict[Key, None]
"""A set that remembers the order, so that two replays do the same."""


@dataclass(slots=True)
class Commitment:
    """Trees over the same keys, one for each form. `touched` is shared with whatever touches keys."""

    forms: tuple[Form, ...]
    touched: Touched = field(default_factory=dict, compare=False, repr=False)
    trees: tuple[SumTree, ...] | None = field(default=None, compare=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return Commitment, (self.forms, self.touched)

    def catch_up(
        self, keys: Callable[[], Iterable[Key]], quantities: Callable[[Key], tuple[Quantities, ...]]
    ) -> tuple[SumTree, ...] | None:
        """Puts what was touched into the trees, as far as one step allows. `keys` are all that there are,
        `quantities` what a key has now, for each form. Returns the trees once they are up to date, else None.
        """
        if self.trees is None:
            self.trees = tuple([SumTree(form) for form in self.forms])
            self.touched.clear()
            self.touched.update(dict.fromkeys(keys()))
        some = [self.touched.popitem()[0] for _ in range(min(len(self.touched), KEYS_PER_STEP_MAX))]
        if some:
            having = [quantities(key) for key in some]
            self.trees = tuple(
                [
                    tree.changed(dict(zip(some, each, strict=True)))
                    for tree, each in zip(self.trees, zip(*having, strict=True), strict=True)
                ]
            )
        return None if self.touched else self.trees
