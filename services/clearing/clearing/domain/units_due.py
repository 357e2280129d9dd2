"""Units due: what each account has bought and sold in trades that are not settled, and what excluded sales block of it.

The sums over obligations by account and instrument, kept so that clearing can commit to them. They change by the moves
below, each for one trade, and each touches the two keys that it changes.

Invariants: no quantity is negative; what is bought is sold; an account and instrument with nothing due is not kept.
"""

from dataclasses import dataclass, field

from chassis.core.commitment import Commitment
from chassis.core.sum_tree import Form, Key, Quantities
from clearing.domain.trades import ObligationRecorded

UNITS_DUE = Form("units_due", 1, ("bought_tonnes", "sold_tonnes", "blocked_tonnes"))
"""By account and instrument. The same form is in trading, whose view of it must be the same."""


@dataclass(slots=True)
class Due:
    bought_tonnes: int = 0
    sold_tonnes: int = 0
    blocked_tonnes: int = 0


NOTHING = Due()
"""For an account that has nothing due in the instrument; never changed."""


@dataclass(slots=True)
class UnitsDue:
    by_key: dict[tuple[str, str], Due] = field(default_factory=dict)
    commitment: Commitment = field(default_factory=lambda: Commitment((UNITS_DUE,)))

    def owe(self, leg: ObligationRecorded) -> None:
        """A trade awaits settlement."""
        self._add(leg.buyer, leg.instrument, bought_tonnes=leg.quantity_tonnes)
        self._add(leg.seller, leg.instrument, sold_tonnes=leg.quantity_tonnes)

    def settle(self, leg: ObligationRecorded) -> None:
        self._add(leg.buyer, leg.instrument, bought_tonnes=-leg.quantity_tonnes)
        self._add(leg.seller, leg.instrument, sold_tonnes=-leg.quantity_tonnes)

    def exclude(self, leg: ObligationRecorded) -> None:
        """The seller's units stay with it, and are blocked."""
        self._add(leg.buyer, leg.instrument, bought_tonnes=-leg.quantity_tonnes)
        self._add(leg.seller, leg.instrument, sold_tonnes=-leg.quantity_tonnes, blocked_tonnes=leg.quantity_tonnes)

    def committed(self, key: Key) -> Quantities:
        """In the order of UNITS_DUE."""
        account, instrument = key
        due = self.by_key.get((account, instrument), NOTHING)
        return due.bought_tonnes, due.sold_tonnes, due.blocked_tonnes

    def _add(
        self, account: str, instrument: str, *, bought_tonnes: int = 0, sold_tonnes: int = 0, blocked_tonnes: int = 0
    ) -> None:
        key = (account, instrument)
        self.commitment.touched[key] = None
        due = self.by_key.setdefault(key, Due())
        due.bought_tonnes += bought_tonnes
        due.sold_tonnes += sold_tonnes
        due.blocked_tonnes += blocked_tonnes
        assert due.bought_tonnes >= 0
        assert due.sold_tonnes >= 0
        assert due.blocked_tonnes >= 0
        if due == NOTHING:
            del self.by_key[key]
