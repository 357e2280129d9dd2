"""The whole state of trading: calendar, rules, instruments, accounts, what is open, and trades until they are settled.

Its size is bounded by accounts, open listings and negotiations, trades of unfinished days and a year's calendar, not by
the length of the log. Ids count from 1 without gaps. The last id assigned is kept, so that an id never assigned
(NotFound) is distinguished from one that is no longer open (Rejected).

This module has data, and properties that need one object only. Each concept's module has its commands, events,
decisions and changes, and imports this one, which imports none of them. Two structures with invariants of their own
have their own modules: the order book (book.py), and an account with its units and money (balances.py).
"""

from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

from chassis.core.numbers_taken import NumbersTaken
from trading.domain.arithmetic import average_price_fen
from trading.domain.balances import Account
from trading.domain.book import Book, Order
from trading.domain.commitments import Commitments
from trading.domain.values import Method, Side

D = TypeVar("D")

# The calendar (calendar.py, opening.py, overriding.py, closing.py)


class DayPhase(IntEnum):
    """Numbered as in the proto."""

    ANNOUNCED = 1
    OPEN = 2
    CLOSED = 3


@dataclass(slots=True)
class Total:
    """What was traded on one day: altogether, or in one instrument by one method."""

    trades: int = 0
    quantity_tonnes: int = 0
    value_fen: int = 0


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that keeps a day from being opened (overriding.py): the refusal's reason, and what it is about."""

    reason: str
    subject: str


@dataclass(slots=True)
class Day:
    day: str
    phase: DayPhase = DayPhase.ANNOUNCED
    opened_ms: int = 0
    closed_ms: int = 0
    # The two people of the last override; empty where there was none.
    override_proposed_by: str = ""
    override_approved_by: str = ""
    first_trade_id: int = 0
    last_trade_id: int = 0
    whole: Total = field(default_factory=Total)
    totals: dict[tuple[str, Method], Total] = field(default_factory=dict)
    settled: bool = False
    books_agreed: bool = False


@dataclass(slots=True)
class Calendar:
    days: dict[str, Day] = field(default_factory=dict)
    last_announced: str = ""
    last_opened: str = ""
    # The last day removed from `days`: finished or never opened, and more than DAYS_KEPT days back (calendar.py).
    last_forgotten: str = ""
    # The last day that clearing reported as settled.
    last_settled: str = ""
    open_day: str = ""
    # The last day after which clearing compared the books, and clearing's name for the difference; empty for none.
    last_compared: str = ""
    disagreement: str = ""
    # Obstacles that two people overrode; one that is gone when a day opens is removed.
    covered: set[Obstacle] = field(default_factory=set)


# The rules, valid from a day on (rules.py)


@dataclass(frozen=True, slots=True)
class Session:
    """Minutes since midnight, China time; the close is not part of it."""

    open_minute: int
    close_minute: int

    def __str__(self) -> str:
        opens, closes = divmod(self.open_minute, 60), divmod(self.close_minute, 60)
        return f"{opens[0]:02}:{opens[1]:02}-{closes[0]:02}:{closes[1]:02}"


@dataclass(frozen=True, slots=True)
class TradingRules:
    valid_from_day: str
    source: str
    listed_band_bp: int
    block_band_bp: int
    price_tick_fen: int
    quantity_tick_tonnes: int
    listed_tonnes_max: int
    block_tonnes_min: int
    listed_sessions: tuple[Session, ...]
    block_sessions: tuple[Session, ...]
    book_levels: int
    # Trades of one day, of both methods; zero means as many as a day can be settled with.
    day_trades_max: int = 0


@dataclass(frozen=True, slots=True)
class Fees:
    """In parts per million of a day's value. None are due before any are set (rulebook 3.7)."""

    buyer_fee_ppm: int = 0
    seller_fee_ppm: int = 0


@dataclass(frozen=True, slots=True)
class Weight:
    """How much an instrument counts in the composite price."""

    instrument: str
    weight: int


@dataclass(slots=True)
class Dated(Generic[D]):
    """Values, each valid from its day until the day of the next, in the order of days."""

    days: list[str] = field(default_factory=list)
    sets: list[D] = field(default_factory=list)

    def put(self, day: str, dated: D) -> None:
        index = bisect_left(self.days, day)
        if index < len(self.days) and self.days[index] == day:
            self.sets[index] = dated
        else:
            self.days.insert(index, day)
            self.sets.insert(index, dated)

    def forget_before(self, day: str) -> None:
        """Remove values that were valid only on days before this one."""
        index = max(bisect_right(self.days, day) - 1, 0)
        del self.days[:index], self.sets[:index]

    def on(self, day: str) -> D | None:
        """Return the value that is valid on a day; None before the first."""
        index = bisect_right(self.days, day)
        return self.sets[index - 1] if index else None


@dataclass(slots=True)
class Rules:
    trading: Dated[TradingRules] = field(default_factory=Dated)
    fees: Dated[Fees] = field(default_factory=Dated)
    weights: Dated[tuple[Weight, ...]] = field(default_factory=Dated)


# Instruments and prices (instruments.py, prices.py)


@dataclass(frozen=True, slots=True)
class Limits:
    """An instrument's price limits for a day, in fen; the limits themselves are allowed (rulebook 3.3)."""

    instrument: str
    previous_close_fen: int
    listed_low_fen: int
    listed_high_fen: int
    block_low_fen: int
    block_high_fen: int


@dataclass(slots=True)
class DayPrices:
    """One instrument's prices and volumes of a day; prices are zero before the first listed trade."""

    last_fen: int = 0
    open_fen: int = 0
    high_fen: int = 0
    low_fen: int = 0
    listed_tonnes: int = 0
    listed_value_fen: int = 0
    block_tonnes: int = 0
    block_value_fen: int = 0
    trades: int = 0

    @property
    def average_fen(self) -> int:
        return average_price_fen(self.listed_value_fen, self.listed_tonnes) if self.listed_tonnes else 0


@dataclass(slots=True)
class Instrument:
    instrument: str
    # The first day it may be traded; empty until the exchange admits it.
    first_day: str = ""
    # Zero before its first day if it will start from the composite close.
    previous_close_fen: int = 0
    # For the last day opened; None if it was not admitted by then.
    limits: Limits | None = None
    prices: DayPrices = field(default_factory=DayPrices)
    # Volumes of closed days: of the year named, and since the beginning.
    year: str = ""
    year_tonnes: int = 0
    year_value_fen: int = 0
    total_tonnes: int = 0
    total_value_fen: int = 0
    suspended_ground: str = ""
    book: Book = field(default_factory=Book)

    def admitted_on(self, day: str) -> bool:
        return self.first_day != "" and self.first_day <= day


@dataclass(slots=True)
class Composite:
    """The composite price; open, high and low are zero before the day's first listed trade."""

    # The instruments that count on the open day, with their weights.
    weights: tuple[tuple[str, int], ...] = ()
    # Zero before the first composite price.
    previous_close_fen: int = 0
    close_fen: int = 0
    open_fen: int = 0
    high_fen: int = 0
    low_fen: int = 0


# Negotiations, trades, and what was given back (negotiations.py, trades.py, settlement.py, custody.py)


@dataclass(slots=True)
class Block:
    """An open negotiation."""

    block_id: int
    instrument: str
    buyer: str
    seller: str
    # The side that proposed the current terms, and the side that may answer them.
    proposer: str
    responder: str
    price_fen: int
    quantity_tonnes: int
    # The trade is made: the next event ends the negotiation.
    traded: bool = False

    @property
    def proposer_side(self) -> Side:
        return Side.BUY if self.proposer == self.buyer else Side.SELL

    @property
    def bidding_fen(self) -> int:
        """The value of the current terms if the proposer buys and nothing was traded yet; else zero."""
        return self.price_fen * self.quantity_tonnes if self.proposer_side is Side.BUY and not self.traded else 0

    @property
    def locked_tonnes(self) -> int:
        """The proposer's units that the current terms lock; zero if it buys, or once they were traded."""
        return self.quantity_tonnes if self.proposer_side is Side.SELL and not self.traded else 0


class Settlement(IntEnum):
    """How far the settlement of a trade has come. A released trade is removed from the state."""

    AWAITED = 1
    SETTLED = 2
    BLOCKED = 3


@dataclass(slots=True)
class Trade:
    trade_id: int
    day: str
    instrument: str
    method: Method
    quantity_tonnes: int
    value_fen: int
    buyer: str
    seller: str
    # Value and the buyer's fee.
    buyer_pays_fen: int
    # Value less the seller's fee.
    seller_receives_fen: int
    settlement: Settlement = Settlement.AWAITED


@dataclass(frozen=True, slots=True)
class Returning:
    """Units returned to the registry, until trading hears that the registry has booked them."""

    account: str
    instrument: str
    quantity_tonnes: int


@dataclass(frozen=True, slots=True)
class Releasing:
    """Money released to clearing, until trading hears that clearing has booked it."""

    account: str
    amount_fen: int


@dataclass(slots=True)
class Market:
    calendar: Calendar = field(default_factory=Calendar)
    rules: Rules = field(default_factory=Rules)
    instruments: dict[str, Instrument] = field(default_factory=dict)
    composite: Composite = field(default_factory=Composite)
    # Why trading is suspended in all instruments; empty while it is not.
    suspended_ground: str = ""
    accounts: dict[str, Account] = field(default_factory=dict)
    # By id: open listings, open negotiations, and trades that are not released yet or are blocked.
    orders: dict[int, Order] = field(default_factory=dict)
    blocks: dict[int, Block] = field(default_factory=dict)
    trades: dict[int, Trade] = field(default_factory=dict)
    # Trade ids, ascending, of settled purchases that the last opening still has to release for sale.
    releasing: deque[int] = field(default_factory=deque)
    # Not acknowledged yet, by return id and by release id.
    returns: dict[int, Returning] = field(default_factory=dict)
    releases: dict[int, Releasing] = field(default_factory=dict)
    order_id_last: int = 0
    block_id_last: int = 0
    trade_id_last: int = 0
    return_id_last: int = 0
    release_id_last: int = 0
    # Of clearing's fund entries, which were heard and applied.
    entries_counted: NumbersTaken = field(default_factory=NumbersTaken)
    commitments: Commitments = field(default_factory=Commitments)
