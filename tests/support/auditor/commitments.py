"""The roots that a reconciliation states, made again from the three logs. Decision 0023 says how a root is made.

Each side of each tree is kept as changes of quantities with the position at which its log made them. A reconciliation
names the positions; when all three logs are read that far its roots are made of the changes up to them, which are then
forgotten: memory is bounded by what came since the last reconciliation that can be checked.
"""

from bisect import bisect_left, insort
from collections import deque
from hashlib import sha256

from carbonmarket.clearing.v1 import clearing_events_pb2 as clearing
from support.auditor.findings import Findings

DIGITS = "0123456789abcdef"
AMOUNT_BYTES = 12
STATES = {
    "custody/1": ("custody_tonnes",),
    "units_due/1": ("bought_tonnes", "sold_tonnes", "blocked_tonnes"),
    "money/1": ("balance_fen", "payable_fen", "receivable_fen", "blocked_fen"),
}
ALWAYS = (0, 0)

Stated = tuple[bytes, int, tuple[int, ...]]
"""Of a place: its digest, its number of leaves, its sums."""
HeardUpTo = tuple[int, int]
"""The fund entry and the position of trading's log that a change waits for until trading is known to have it."""


class Tree:
    """A sum tree as the decision writes it down: places are texts of hexadecimal digits."""

    def __init__(self, name: str) -> None:
        self._states = STATES[name]
        self._form = f"{name}: {', '.join(self._states)}\n".encode()
        self._absent = bytes(40 + AMOUNT_BYTES * len(self._states))
        self._amounts: dict[str, tuple[tuple[str, ...], list[int]]] = {}
        self._places: list[str] = []
        self._made: dict[str, Stated | None] = {}
        self._deepest = 0

    def add(self, key: tuple[str, ...], state: str, amount: int) -> None:
        place = sha256("\n".join(("carbonmarket sum tree place", *key)).encode()).hexdigest()
        if place not in self._amounts:
            self._amounts[place] = (key, [0] * len(self._states))
            insort(self._places, place)
        self._amounts[place][1][self._states.index(state)] += amount
        for digits in range(self._deepest + 1):
            self._made.pop(place[:digits], None)

    def root(self) -> Stated:
        empty = sha256(b"carbonmarket sum tree without leaves\n" + self._form).digest()
        return self._at("") or (empty, 0, (0,) * len(self._states))

    def _at(self, place: str) -> Stated | None:
        if place not in self._made:
            self._made[place] = self._make(place)
            self._deepest = max(self._deepest, len(place))
        return self._made[place]

    def _make(self, place: str) -> Stated | None:
        found = [one for one in self._below(place) if any(self._amounts[one][1])]
        if not found:
            return None
        if len(found) == 1:
            key, amounts = self._amounts[found[0]]
            text = "\n".join(key).encode()
            covered = [b"carbonmarket sum tree leaf\n", self._form, b"%d\n" % len(text), text, written(amounts)]
            return sha256(b"".join(covered)).digest(), 1, tuple(amounts)
        parts = [self._at(place + digit) for digit in DIGITS]
        stated = [self._absent if each is None else each[0] + each[1].to_bytes(8) + written(each[2]) for each in parts]
        digest = sha256(b"carbonmarket sum tree branch\n" + self._form + b"".join(stated)).digest()
        there = [each for each in parts if each is not None]
        return digest, sum(each[1] for each in there), tuple(map(sum, zip(*(each[2] for each in there), strict=True)))

    def _below(self, place: str) -> list[str]:
        return self._places[bisect_left(self._places, place) : bisect_left(self._places, place + "g")]


def written(amounts: tuple[int, ...] | list[int]) -> bytes:
    return b"".join(amount.to_bytes(AMOUNT_BYTES) for amount in amounts)


class Side:
    """One side of a tree: what its log changed, and the tree as of the last reconciliation that was checked."""

    def __init__(self, name: str) -> None:
        self._tree = Tree(name)
        self._ahead: list[tuple[int, HeardUpTo, tuple[str, ...], str, int]] = []

    def add(
        self, position: int, key: tuple[str, ...], state: str, amount: int, *, waits_for: HeardUpTo = ALWAYS
    ) -> None:
        if amount:
            self._ahead.append((position, waits_for, key, state, amount))

    def root_at(self, position: int, heard: HeardUpTo) -> Stated:
        """Of the changes up to a position that trading is known to have heard; they are forgotten."""
        ahead = []
        for change in self._ahead:
            at, (entry, trading_position), key, state, amount = change
            if at <= position and entry <= heard[0] and trading_position <= heard[1]:
                self._tree.add(key, state, amount)
            else:
                ahead.append(change)
        self._ahead = ahead
        return self._tree.root()


class Commitments:
    """Both sides of the three trees, and the reconciliations whose roots are still to be made again."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.held = {name: Side(name) for name in STATES}
        self.expected = {name: Side(name) for name in STATES}
        self._waiting: deque[tuple[clearing.BooksReconciled, int]] = deque()

    def reconciled(self, event: clearing.BooksReconciled, position: int) -> None:
        """What did not agree is a finding of its own; what release 1 compared has no roots."""
        if event.agreed and event.trees:
            self._waiting.append((event, position))

    def check(self, registry_position: int, trading_position: int) -> None:
        """Those whose positions are reached."""
        while self._waiting:
            event, position = self._waiting[0]
            if event.registry_position > registry_position or event.trading_position > trading_position:
                return
            self._waiting.popleft()
            self._findings.at = f"clearing record {position} BooksReconciled"
            try:
                self._check(event)
            except OverflowError:
                self._findings.say("no quantity that is committed to is negative", event.day)

    def _check(self, event: clearing.BooksReconciled) -> None:
        heard = (event.clearing_entry_number, event.trading_position)
        stated = {tree.tree: tree for tree in event.trees}
        self._findings.same("a reconciliation compares three trees", event.day, sorted(stated), sorted(STATES))
        for name in STATES.keys() & stated.keys():
            at = event.registry_position if name == "custody/1" else event.clearing_position
            held = self.held[name].root_at(at, heard)
            expected = self.expected[name].root_at(event.trading_position, heard)
            tree = stated[name]
            rule, where = "a stated root is that of the log", f"{event.day} {name}"
            self._findings.same(
                rule, f"{where}, held", (tree.held_root, tree.held_leaves, tuple(tree.held_sums)), shown(held)
            )
            self._findings.same(
                rule,
                f"{where}, expected",
                (tree.expected_root, tree.expected_leaves, tuple(tree.expected_sums)),
                shown(expected),
            )

    def conclude(self, registry_position: int, trading_position: int) -> None:
        self.check(registry_position, trading_position)
        if self._waiting:
            self._findings.say("a reconciliation names positions that there are", f"{len(self._waiting)}")


def shown(root: Stated) -> tuple[str, int, tuple[int, ...]]:
    return root[0].hex(), *root[1:]
