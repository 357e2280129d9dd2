"""Sum trees that are kept up with the books that they commit to.

Whoever changes a quantity that the trees commit to touches its key, which costs next to nothing. Before the trees are
looked at, what was touched since the last time is put into them, a bounded number of keys in a step, so that no step
holds the writer for long and no cost grows with the books: only with what changed in them. A key that was touched and
has the quantities that it had before costs no digest.

What was touched is put in between two events, never within one: an event may touch a key before it changes it.

A snapshot keeps no trees (docs/decisions/0005-snapshots-are-caches.md). After a start all that there is counts as
touched, and comes in the same steps.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from chassis.core.sum_tree import Form, Key, Quantities, SumTree

KEYS_PER_STEP_MAX = 500
"""About 20 ms of 100,000 leaves."""

Owner = str | Key
"""What has keys: an account, by its name, or a key itself."""
Touched = dict[Key, None]
"""A set that remembers the order, so that two replays do the same."""


@dataclass(slots=True)
class Commitment:
    """Trees over the same keys, one for each form. `touched` is shared with whatever touches keys; `ahead` is what was
    there at the start and was not looked at yet.
    """

    forms: tuple[Form, ...]
    touched: Touched = field(default_factory=dict, compare=False, repr=False)
    trees: tuple[SumTree, ...] | None = field(default=None, compare=False, repr=False)
    ahead: list[Owner] = field(default_factory=list, compare=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return Commitment, (self.forms, self.touched)

    def catch_up(
        self,
        owners: Iterable[Owner],
        keys_of: Callable[[Any], Iterable[Key]],
        quantities: Callable[[Key], tuple[Quantities, ...]],
    ) -> tuple[SumTree, ...] | None:
        """Puts what was touched into the trees, as far as one step allows. `owners` are all that have keys, `keys_of`
        the few of one of them, `quantities` what a key has now, for each form. Returns the trees once they are up to
        date, else None.
        """
        if self.trees is None:
            self.trees, self.ahead = tuple([SumTree(form) for form in self.forms]), list(owners)
        while self.ahead and len(self.touched) < KEYS_PER_STEP_MAX:
            self.touched.update(dict.fromkeys(keys_of(self.ahead.pop())))
        some = list(islice(reversed(self.touched), KEYS_PER_STEP_MAX))
        if some:
            by_tree = zip(self.trees, zip(*map(quantities, some), strict=True), strict=True)
            self.trees = tuple([tree.changed(dict(zip(some, each, strict=True))) for tree, each in by_tree])
            # Only now: a quantity that no tree can have is an error at every look, and not forgotten at the first.
            for _ in some:
                self.touched.popitem()
        return None if self.touched or self.ahead else self.trees
