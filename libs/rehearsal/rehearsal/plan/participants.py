"""The cast: which account makes, takes and agrees each trade of a day, and in which order.

Listed trades are dealt to a morning and an afternoon. Trades below a price in the middle of the day's are made by buy
listings that are taken by sellers, those above by sell listings that are taken by buyers, so no side ever shows more
than five price levels and the book never crosses. Equal prices may share a listing, taken several times; some listings
are larger than what is taken of them, and a few are never taken at all: these rest at or behind the last level of their
side, so they never push a wanted listing out of the best five.

A few accounts are drawn often and most of them seldom, and one that already owns what it must give goes before one that
does not; every account is drawn at least once when there are trades enough. What an account still lacks, `purses`
writes down as needed beforehand.

Invariants: a taker is never the maker; the two accounts of a block differ; the same seed casts the same plan.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from rehearsal.plan.actions import Action, Block, CancelListing, PlaceListing, Side, TakeListing, Wave
from rehearsal.plan.purses import Purse, Purses
from rehearsal.plan.rows import DayRow
from rehearsal.plan.rules import Rules, limits_fen
from rehearsal.plan.trades import Method, Trade

ACCOUNTS_MAX = 9_999
CANDIDATES_MAX = 3
TAKES_PER_LISTING_MAX = 4
LARGER_LISTING_ODDS = 20
"""One listing in so many is larger than what is taken of it."""

TRADES_PER_IDLE_LISTING = 60
"""One never taken listing to so many listed trades of the day."""

IDLE_DISTANCE_FEN_MAX = 20


def account_names(count: int) -> tuple[str, ...]:
    """`power-0001` and on. The caller assures 2 <= count <= ACCOUNTS_MAX."""
    assert 2 <= count <= ACCOUNTS_MAX
    return tuple(f"power-{number:04d}" for number in range(1, count + 1))


class Deal:
    """One instrument's trades of a day, dealt to the opening, the morning and the afternoon, and the price between the
    two sides."""

    def __init__(self, row: DayRow, previous_fen: int, trades: Sequence[Trade], rules: Rules, random: Random) -> None:
        listed = [trade for trade in trades if trade.method is Method.LISTED]
        others = listed[1:]
        half = (len(others) + 1) // 2
        self.instrument = row.instrument
        self.limits_fen = limits_fen(previous_fen, rules.listed_band_percent)
        self.opening = listed[:1]
        self.morning = others[:half]
        self.afternoon = others[half:]
        self.blocks = [trade for trade in trades if trade.method is Method.BLOCK]
        self.prices = sorted({trade.price_fen for trade in others})
        self.idle_listings = len(listed) // TRADES_PER_IDLE_LISTING
        cut = (len(self.prices) + random.randrange(2)) // 2
        self.middle_fen = self.prices[cut - 1] if cut else min(self.prices, default=0) - 1
        """Listings up to this price buy, those above sell."""
        assert max(cut, len(self.prices) - cut) <= rules.levels_max

    def opening_middle_fen(self, random: Random) -> int:
        """For the opening alone, so that its listing buys or sells by chance."""
        return self.opening[0].price_fen - random.randrange(2) if self.opening else 0


@dataclass(slots=True)
class _Listing:
    id: str
    instrument: str
    maker: int
    side: Side
    price_fen: int
    left_tonnes: int


_Takes = list[tuple[_Listing, int]]
"""(listing, tonnes): what is to be taken in the next wave."""


class Cast:
    """Casts day after day, in order. `trades` is the number of trades of all days together; it paces first draws."""

    def __init__(self, names: tuple[str, ...], trades: int, seed: int, rules: Rules) -> None:
        self.purses = Purses(len(names))
        self._names = names
        self._rules = rules
        self._random = Random(f"{seed}/cast")
        self._order = list(range(len(names)))
        self._random.shuffle(self._order)
        self._new = list(reversed(self._order))
        self._seen: set[int] = set()
        self._draws = 0
        # With fewer trades than accounts every trade must bring two accounts, so no two trades may share a maker.
        self._takes_max = TAKES_PER_LISTING_MAX if trades >= len(names) else 1
        self._draws_min = max(1, trades if self._takes_max > 1 else 2 * trades)
        self._prefix = ""
        self._actions: list[Action] = []
        self._listings: list[_Listing] = []

    @property
    def accounts_trading(self) -> int:
        """How many accounts have had a trade so far."""
        return len(self._seen)

    def day(self, prefix: str, deals: Sequence[Deal]) -> tuple[Action, ...]:
        """The next day's actions in wave order, their ids beginning with `prefix`. The caller assures one deal per
        instrument."""
        self._prefix, self._actions, self._listings = prefix, [], []

        takes: _Takes = []
        for deal in deals:
            takes += self._post(
                Wave.OPENING_POSTED, deal, deal.opening, deal.opening_middle_fen(self._random), larger=False
            )
        self.purses.end_wave()
        self._take(Wave.OPENING_TAKEN, takes)
        self.purses.end_wave()

        takes, idle = [], []
        for deal in deals:
            takes += self._post(Wave.MORNING_POSTED, deal, deal.morning, deal.middle_fen, larger=True)
            idle += self._post_idle(Wave.MORNING_POSTED, deal)
        self.purses.end_wave()
        self._take(Wave.MORNING_TAKEN, takes)
        self.purses.end_wave()

        takes = []
        for deal in deals:
            takes += self._post(Wave.AFTERNOON_POSTED, deal, deal.afternoon, deal.middle_fen, larger=True)
            self._agree_blocks(Wave.AFTERNOON_POSTED, deal)
        self._cancel(Wave.AFTERNOON_POSTED, [listing for listing in idle if self._random.randrange(2)])
        self.purses.end_wave()
        self._take(Wave.AFTERNOON_TAKEN, takes)
        self.purses.end_wave()

        for listing in self._listings:
            self._unlock(listing)
        self.purses.end_day()
        return tuple(self._actions)

    def _post(self, wave: Wave, deal: Deal, trades: Sequence[Trade], middle_fen: int, *, larger: bool) -> _Takes:
        by_price: defaultdict[int, list[int]] = defaultdict(list)
        for trade in trades:
            by_price[trade.price_fen].append(trade.quantity_tonnes)
        shared = [(price, quantities) for price, all_ in by_price.items() for quantities in self._shared(all_)]
        self._random.shuffle(shared)

        takes: _Takes = []
        for price, quantities in shared:
            tonnes = sum(quantities)
            if larger and self._random.randrange(LARGER_LISTING_ODDS) == 0:
                tonnes = min(self._rules.listed_tonnes_max, tonnes + 1 + self._random.randrange(tonnes))
            side = Side.BUY if price <= middle_fen else Side.SELL
            maker = self._draw(self._giver(side, deal.instrument), self._gives(side, price, tonnes))
            listing = self._list(wave, deal.instrument, maker, side, price, tonnes)
            takes += [(listing, quantity) for quantity in quantities]
        self._random.shuffle(takes)
        return takes

    def _shared(self, quantities: list[int]) -> list[list[int]]:
        """Trades of one price, gathered to listings of at most the listed maximum and a few takes each."""
        listings: list[list[int]] = []
        room, tonnes_left = 0, 0
        for quantity in quantities:
            if room == 0 or quantity > tonnes_left:
                listings.append([])
                room, tonnes_left = 1 + self._random.randrange(self._takes_max), self._rules.listed_tonnes_max
            listings[-1].append(quantity)
            room, tonnes_left = room - 1, tonnes_left - quantity
        return listings

    def _post_idle(self, wave: Wave, deal: Deal) -> list[_Listing]:
        """Listings nobody takes, at or behind the last level of their side."""
        listings = []
        low_limit, high_limit = deal.limits_fen
        for _ in range(deal.idle_listings if deal.prices else 0):
            distance = self._random.randrange(IDLE_DISTANCE_FEN_MAX + 1)
            if self._random.randrange(2):
                side, last = Side.BUY, min(deal.prices[0], deal.middle_fen)
                price = max(low_limit, last - distance)
                behind = price <= last
            else:
                side, last = Side.SELL, max(deal.prices[-1], deal.middle_fen + 1)
                price = min(high_limit, last + distance)
                behind = price >= last
            if behind:
                tonnes = 1 + self._random.randrange(1_000)
                account = self._known(self._giver(side, deal.instrument), self._gives(side, price, tonnes), None)
                listings.append(self._list(wave, deal.instrument, account, side, price, tonnes))
        return listings

    def _list(self, wave: Wave, instrument: str, maker: int, side: Side, price_fen: int, tonnes: int) -> _Listing:
        listing = _Listing(self._id(), instrument, maker, side, price_fen, tonnes)
        self._giver(side, instrument)[maker].spend(self._gives(side, price_fen, tonnes))
        self._listings.append(listing)
        self._actions.append(PlaceListing(listing.id, wave, instrument, self._names[maker], side, price_fen, tonnes))
        return listing

    def _take(self, wave: Wave, takes: _Takes) -> None:
        for listing, tonnes in takes:
            price, instrument, side = listing.price_fen, listing.instrument, listing.side.other
            purses, gives = self._giver(side, instrument), self._gives(side, price, tonnes)
            taker = self._draw(purses, gives, listing.maker)
            purses[taker].spend(gives)
            listing.left_tonnes -= tonnes
            self._hand_over(side, taker, listing.maker, instrument, price, tonnes)
            name = self._names[taker]
            self._actions.append(TakeListing(self._id(), wave, instrument, listing.id, name, price, tonnes))

    def _agree_blocks(self, wave: Wave, deal: Deal) -> None:
        for trade in deal.blocks:
            side = Side.BUY if self._random.randrange(2) else Side.SELL
            price, tonnes, instrument = trade.price_fen, trade.quantity_tonnes, deal.instrument
            purses, gives = self._giver(side, instrument), self._gives(side, price, tonnes)
            initiator = self._draw(purses, gives)
            purses[initiator].spend(gives)
            purses, gives = self._giver(side.other, instrument), self._gives(side.other, price, tonnes)
            counterparty = self._draw(purses, gives, initiator)
            purses[counterparty].spend(gives)
            self._hand_over(side, initiator, counterparty, instrument, price, tonnes)
            names = self._names[initiator], self._names[counterparty]
            self._actions.append(Block(self._id(), wave, instrument, *names, side, price, tonnes))

    def _cancel(self, wave: Wave, listings: list[_Listing]) -> None:
        for listing in listings:
            self._unlock(listing)
            self._actions.append(
                CancelListing(self._id(), wave, listing.instrument, listing.id, self._names[listing.maker])
            )

    def _unlock(self, listing: _Listing) -> None:
        left, listing.left_tonnes = listing.left_tonnes, 0
        if listing.side is Side.BUY:
            self.purses.pay(listing.maker, left * listing.price_fen)
        else:
            self.purses.tonnes[listing.instrument][listing.maker].receive(left)

    def _hand_over(self, side: Side, account: int, other: int, instrument: str, price_fen: int, tonnes: int) -> None:
        """`account` is on `side`, `other` on the other; both have given already."""
        buyer, seller = (account, other) if side is Side.BUY else (other, account)
        self.purses.tonnes[instrument][buyer].receive(tonnes)
        self.purses.pay(seller, price_fen * tonnes)

    def _giver(self, side: Side, instrument: str) -> list[Purse]:
        """The purses out of which this side gives: a buyer's money, a seller's tonnes."""
        return self.purses.money if side is Side.BUY else self.purses.tonnes[instrument]

    def _gives(self, side: Side, price_fen: int, tonnes: int) -> int:
        return price_fen * tonnes if side is Side.BUY else tonnes

    def _draw(self, purses: list[Purse], amount: int, excluded: int | None = None) -> int:
        """An account for one side of a trade: a new one when the cast lags behind, else a known one."""
        self._draws += 1
        lags = len(self._seen) < min(len(self._names), len(self._names) * self._draws // self._draws_min)
        account = self._next_new() if lags else self._known(purses, amount, excluded)
        self._seen.add(account)
        return account

    def _next_new(self) -> int:
        while (account := self._new.pop()) in self._seen:
            pass
        return account

    def _known(self, purses: list[Purse], amount: int, excluded: int | None) -> int:
        """The first of a few candidates that has the amount, or the last of them."""
        count = len(self._order)
        for _ in range(CANDIDATES_MAX):
            place = self._random.randrange(count) * self._random.randrange(count) // count
            account = self._order[place]
            if account == excluded:
                account = self._order[(place + 1) % count]
            if purses[account].available >= amount:
                break
        return account

    def _id(self) -> str:
        return f"{self._prefix}-{len(self._actions) + 1:05d}"
