"""What participants do on a planned day, in the words of the market.

Actions of one wave do not depend on each other and may be sent at the same time; a wave is sent when all of the one
before it is answered. So a listing is taken or cancelled in a later wave than the one that posts it, and money or
tonnes received in a wave are spent in a later one. The waves of a day:

    wave                  session    what
    OPENING_POSTED        morning    one listing per instrument that trades
    OPENING_TAKEN         morning    the first listed trade of each instrument: it makes the open
    MORNING_POSTED        morning    listings
    MORNING_TAKEN         morning    listed trades
    AFTERNOON_POSTED      afternoon  listings, blocks, cancels of the morning's idle listings
    AFTERNOON_TAKEN       afternoon  listed trades

Ids are unique over the plan and rise in the order of the actions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum
from itertools import groupby

from rehearsal.plan.rows import DayRow


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def other(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class Session(StrEnum):
    MORNING = "morning"
    AFTERNOON = "afternoon"
    """Blocks are traded in the afternoon only (rulebook 3.2)."""


class Wave(IntEnum):
    OPENING_POSTED = 0
    OPENING_TAKEN = 1
    MORNING_POSTED = 2
    MORNING_TAKEN = 3
    AFTERNOON_POSTED = 4
    AFTERNOON_TAKEN = 5

    @property
    def session(self) -> Session:
        return Session.MORNING if self <= Wave.MORNING_TAKEN else Session.AFTERNOON


@dataclass(frozen=True, slots=True)
class PlaceListing:
    """Post a listing. What is not taken of it is cancelled by a CancelListing or expires at the close."""

    id: str
    wave: Wave
    instrument: str
    account: str
    side: Side
    price_fen: int
    quantity_tonnes: int


@dataclass(frozen=True, slots=True)
class TakeListing:
    """Take so many tonnes of a listing at its price: one listed trade. The taker is on the other side of the
    listing's."""

    id: str
    wave: Wave
    instrument: str
    listing_id: str
    account: str
    price_fen: int
    quantity_tonnes: int


@dataclass(frozen=True, slots=True)
class CancelListing:
    """The maker withdraws what is left of a listing."""

    id: str
    wave: Wave
    instrument: str
    listing_id: str
    account: str


@dataclass(frozen=True, slots=True)
class Block:
    """A block agreed between two accounts: one trade. `side` is the initiator's."""

    id: str
    wave: Wave
    instrument: str
    initiator: str
    counterparty: str
    side: Side
    price_fen: int
    quantity_tonnes: int


Action = PlaceListing | TakeListing | CancelListing | Block


@dataclass(frozen=True, slots=True)
class DayPlan:
    """One trading day. `rows` are as given or generated; `expected` is what the venue must compute, the same wherever a
    row is possible."""

    day: date
    rows: tuple[DayRow, ...]
    expected: tuple[DayRow, ...]
    actions: tuple[Action, ...]

    def waves(self) -> Iterator[tuple[Wave, tuple[Action, ...]]]:
        """The actions by wave, in the order to be sent; waves without actions are left out."""
        for wave, actions in groupby(self.actions, key=lambda action: action.wave):
            yield wave, tuple(actions)
