"""The book of one instrument: open listings by side, price and order id.

Nothing is matched automatically. A taker picks any listing within the best price levels of the other side, at the
listing's price; listings of one price have no priority among them (rulebook 3.3). So the book answers two questions, at
a cost that depends on the number of price levels and not of listings: which are the best levels, and is a price one of
them?

Invariants, asserted in `evolve` and compared with a naive book in tests/property:
- a level exists exactly while it has listings, and its quantity is their sum;
- the prices of a side are sorted, best first.
"""

from bisect import bisect_left
from dataclasses import dataclass, field

from trading.domain.values import Side


@dataclass(slots=True)
class Order:
    """An open listing."""

    order_id: int
    account: str
    instrument: str
    side: Side
    price_fen: int
    remaining_tonnes: int

    @property
    def bidding_fen(self) -> int:
        """What a buyer's listing may still trade, in fen; zero for a seller's, which locks its remaining tonnes."""
        return self.price_fen * self.remaining_tonnes if self.side is Side.BUY else 0


@dataclass(slots=True)
class Level:
    price_fen: int
    quantity_tonnes: int = 0
    listings: dict[int, Order] = field(default_factory=dict)


@dataclass(slots=True)
class BookSide:
    """One side. A price's rank is the price for asks and its negative for bids, so ascending ranks are best first."""

    sign: int
    ranks: list[int] = field(default_factory=list)
    levels: dict[int, Level] = field(default_factory=dict)

    def add(self, order: Order) -> None:
        level = self.levels.get(order.price_fen)
        if level is None:
            level = self.levels[order.price_fen] = Level(order.price_fen)
            rank = self.sign * order.price_fen
            self.ranks.insert(bisect_left(self.ranks, rank), rank)
        assert order.order_id not in level.listings
        level.listings[order.order_id] = order
        level.quantity_tonnes += order.remaining_tonnes

    def reduce(self, order: Order, quantity_tonnes: int) -> None:
        assert 0 < quantity_tonnes <= order.remaining_tonnes
        order.remaining_tonnes -= quantity_tonnes
        self.levels[order.price_fen].quantity_tonnes -= quantity_tonnes

    def remove(self, order: Order) -> None:
        level = self.levels[order.price_fen]
        del level.listings[order.order_id]
        level.quantity_tonnes -= order.remaining_tonnes
        assert level.quantity_tonnes >= 0
        if not level.listings:
            assert level.quantity_tonnes == 0
            rank = self.sign * order.price_fen
            index = bisect_left(self.ranks, rank)
            assert self.ranks[index] == rank
            del self.ranks[index]
            del self.levels[order.price_fen]

    def best(self, levels: int) -> list[Level]:
        """Return at most so many levels, best price first."""
        return [self.levels[self.sign * rank] for rank in self.ranks[:levels]]

    def is_among_best(self, price_fen: int, levels: int) -> bool:
        """Whether fewer than `levels` prices of this side are better."""
        return bisect_left(self.ranks, self.sign * price_fen) < levels


@dataclass(slots=True)
class Book:
    bids: BookSide = field(default_factory=lambda: BookSide(sign=-1))
    asks: BookSide = field(default_factory=lambda: BookSide(sign=1))

    def side(self, side: Side) -> BookSide:
        return self.bids if side is Side.BUY else self.asks
