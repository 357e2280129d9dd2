"""The registry's whole state, on one page.

It is bounded by accounts times vintages and by the run that is delivered, not by history: movements, statements and
delivered trades are read from the projections.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from chassis.core.commitment import Commitment
from chassis.core.decider import NO_ITEMS
from chassis.core.numbers_taken import NumbersTaken
from chassis.core.sum_tree import Form

CUSTODY = Form("custody", 1, ("custody_tonnes",))
"""What the registry commits to: what it holds for trading, by account and vintage. The same form is in trading."""


class AccountKind(IntEnum):
    """What an account's entity is. Source: rulebook 1.2 and 1.3. The numbers are the stored ones."""

    PROVINCE = 1
    KEY_EMITTING_ENTITY = 2
    INSTITUTION = 3
    INDIVIDUAL = 4


class AccountState(IntEnum):
    """What an account may be used for. Source: rulebook 1.4."""

    OPEN = 1
    RESTRICTED = 2
    CLOSED = 3


@dataclass(slots=True)
class Account:
    """A registration account. `restrictions` counts those ever made; `restrictions_in_trading` is the last of
    them that trading has recorded: the present one is in effect when the two are equal. `restrictions_wound_up` is the
    last under which trading said that nothing more will be delivered: all business is wound up when it is the present
    one."""

    kind: AccountKind
    name: str
    province: str
    eligible_to_trade: bool
    state: AccountState = AccountState.OPEN
    ground: str = ""
    restrictions: int = 0
    restrictions_in_trading: int = 0
    restrictions_wound_up: int = 0


@dataclass(slots=True)
class Vintage:
    """A year's allowances: what was issued, and what all accounts together hold in each state. The sums change by these
    moves only, of which each asserts that issued = registry available + trading."""

    compliance_year: int
    issued_tonnes: int = 0
    registry_available_tonnes: int = 0
    trading_tonnes: int = 0

    def issue(self, quantity_tonnes: int) -> None:
        self.issued_tonnes += quantity_tonnes
        self.registry_available_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def transfer_to_trading(self, quantity_tonnes: int) -> None:
        self.registry_available_tonnes -= quantity_tonnes
        self.trading_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def return_from_trading(self, quantity_tonnes: int) -> None:
        self.trading_tonnes -= quantity_tonnes
        self.registry_available_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def check(self, moved_tonnes: int = 0) -> None:
        assert moved_tonnes >= 0
        assert self.registry_available_tonnes >= 0
        assert self.trading_tonnes >= 0
        assert self.issued_tonnes == self.registry_available_tonnes + self.trading_tonnes, "units came from nowhere"


@dataclass(slots=True)
class Holding:
    """What one account holds of one vintage. Source: rulebook 1.5. Not yet: frozen (judicial, carry-over,
    surrender-pending, cancel-pending, auction). How trading divides what it has in custody is trading's book. A
    holding changes by these moves only, together with another holding or its vintage's sums (holdings.py)."""

    registry_available_tonnes: int = 0
    trading_tonnes: int = 0

    def receive(self, quantity_tonnes: int) -> None:
        """Issued or allocated to this account."""
        self.registry_available_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def allocate(self, quantity_tonnes: int) -> None:
        """Allocated from this account to another."""
        self.registry_available_tonnes -= quantity_tonnes
        self.check(quantity_tonnes)

    def transfer_to_trading(self, quantity_tonnes: int) -> None:
        self.registry_available_tonnes -= quantity_tonnes
        self.trading_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def return_from_trading(self, quantity_tonnes: int) -> None:
        self.trading_tonnes -= quantity_tonnes
        self.registry_available_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def deliver(self, sold_tonnes: int, bought_tonnes: int) -> None:
        """What a run takes from the account and gives to it. What is sold was held before the run (T+1)."""
        self.trading_tonnes -= sold_tonnes
        self.check(sold_tonnes)
        self.trading_tonnes += bought_tonnes
        self.check(bought_tonnes)

    def check(self, moved_tonnes: int = 0) -> None:
        assert moved_tonnes >= 0
        assert self.registry_available_tonnes >= 0
        assert self.trading_tonnes >= 0


@dataclass(slots=True)
class LastDelivery:
    """The last completed delivery: its attempt, its last trade, which is the last ever delivered, and what it moved."""

    run_id: int = 0
    attempt: int = 0
    trade_id: int = 0
    legs: int = 0
    quantity_tonnes: int = 0
    legs_digest: bytes = b""


@dataclass(frozen=True, slots=True)
class Leg:
    """One trade's allowances to deliver. `traceparent` is its trade's trace, which the leg's own record continues; no
    rule looks at it, and a leg that comes again under another trace is the same leg.
    """

    trade_id: int
    vintage: str
    quantity_tonnes: int
    seller: str
    buyer: str
    traceparent: str = field(default="", compare=False)


@dataclass(slots=True)
class Moves:
    """What an account gives and receives of a vintage when what is staged is delivered."""

    sold_tonnes: int = 0
    bought_tonnes: int = 0


@dataclass(slots=True)
class Staged:
    """The legs of an attempt as far as their pages came, and what they amount to by account and vintage."""

    run_id: int = 0
    attempt: int = 0
    pages: int = 0
    legs: list[Leg] = field(default_factory=list)
    quantity_tonnes: int = 0
    legs_digest: bytes = NO_ITEMS
    moves: dict[tuple[str, str], Moves] = field(default_factory=dict)

    def add(self, leg: Leg) -> None:
        self.legs.append(leg)
        self.quantity_tonnes += leg.quantity_tonnes
        self.moves.setdefault((leg.seller, leg.vintage), Moves()).sold_tonnes += leg.quantity_tonnes
        self.moves.setdefault((leg.buyer, leg.vintage), Moves()).bought_tonnes += leg.quantity_tonnes


@dataclass(slots=True)
class Delivered:
    """A delivered run's legs, and how many of them are recorded one by one, for their accounts' feeds."""

    run_id: int
    attempt: int
    day: str
    legs: list[Leg]
    reported: int = 0


@dataclass(slots=True)
class Registry:
    """accounts and vintages by their id; holdings by account, then vintage. Of trading's returns, which are booked."""

    accounts: dict[str, Account] = field(default_factory=dict)
    vintages: dict[str, Vintage] = field(default_factory=dict)
    holdings: dict[str, dict[str, Holding]] = field(default_factory=dict)
    last_delivery: LastDelivery = field(default_factory=LastDelivery)
    # (run_id, attempt) of the refused attempts at runs after the last delivered, ascending; at most VOID_ATTEMPTS_MAX.
    void_attempts: list[tuple[int, int]] = field(default_factory=list)
    returns_booked: NumbersTaken = field(default_factory=NumbersTaken)
    # What clearing is about to order.
    staged: Staged = field(default_factory=Staged)
    # The delivered runs whose legs are not all recorded one by one yet, oldest first.
    unreported: list[Delivered] = field(default_factory=list)
    custody: Commitment = field(default_factory=lambda: Commitment((CUSTODY,)))
