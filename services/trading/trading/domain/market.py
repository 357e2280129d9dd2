"""The state of trading, whole: what is open, who holds what, and what is remembered until it is settled.

It is bounded by accounts, open listings and negotiations, trades of unfinished days and a year's calendar, not by
history. Ids count from 1 without gaps; the last one given is kept, so that an id that was never given can be told
from one whose subject is gone.
"""

from dataclasses import dataclass, field

from trading.domain.accounts import Account
from trading.domain.book import Order
from trading.domain.calendar import Calendar
from trading.domain.custody import AllowancesReturned, FundsReleased
from trading.domain.instruments import Instrument
from trading.domain.negotiations import Block
from trading.domain.prices import Composite
from trading.domain.rules import Rules
from trading.domain.trades import Trade


@dataclass(slots=True)
class Market:
    calendar: Calendar = field(default_factory=Calendar)
    rules: Rules = field(default_factory=Rules)
    instruments: dict[str, Instrument] = field(default_factory=dict)
    composite: Composite = field(default_factory=Composite)
    # Why trading is suspended in all instruments; empty while it is not.
    suspended_ground: str = ""
    accounts: dict[str, Account] = field(default_factory=dict)
    # Open listings, open negotiations, and trades that are not released yet or are blocked.
    orders: dict[int, Order] = field(default_factory=dict)
    blocks: dict[int, Block] = field(default_factory=dict)
    trades: dict[int, Trade] = field(default_factory=dict)
    # Given back, and not yet booked by the other service as far as was heard.
    returns: dict[int, AllowancesReturned] = field(default_factory=dict)
    releases: dict[int, FundsReleased] = field(default_factory=dict)
    order_id_last: int = 0
    block_id_last: int = 0
    trade_id_last: int = 0
    return_id_last: int = 0
    release_id_last: int = 0
    # Clearing's number of the last fund entry heard.
    entry_last: int = 0
    # Those before it that were set aside, and not decided again yet.
    entries_missing: set[int] = field(default_factory=set)
