"""What trading commits to: what each account must have in the registry's and in clearing's books, by trading's view.

The same forms are in the registry (custody) and in clearing (units_due, money); a test compares them. The quantities
are those of balances.py, which touches a key before it hands out units or money that the caller changes.
"""

from dataclasses import dataclass, field

from chassis.core.commitment import Commitment
from chassis.core.sum_tree import Form

CUSTODY = Form("custody", 1, ("custody_tonnes",))
UNITS_DUE = Form("units_due", 1, ("bought_tonnes", "sold_tonnes", "blocked_tonnes"))
MONEY = Form("money", 1, ("balance_fen", "payable_fen", "receivable_fen", "blocked_fen"))


@dataclass(slots=True)
class Commitments:
    """By account and instrument, and by account."""

    units: Commitment = field(default_factory=lambda: Commitment((CUSTODY, UNITS_DUE)))
    money: Commitment = field(default_factory=lambda: Commitment((MONEY,)))
