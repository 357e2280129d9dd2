"""The book of one instrument: open listings by side, price and order id, and the best price levels that a taker may
pick from.

Listings rest; nothing matches by itself. A taker picks any listing within the best levels of its side, at the
listing's price; among equal prices there is no priority (rulebook 3.3). So the book answers two questions, at a cost
that does not grow with the number of listings: which are the best levels, and how far behind the best does a price
stand?

Invariants, asserted in `evolve` and compared with a naive book in tests/property:
- a level exists exactly while it has listings, and its quantity is their sum;
- prices of a side stand from best to worst.
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
        """What is open to be bought; a seller's lock is the remaining quantity."""
        return self.price_fen * self.remaining_tonnes if self.side is Side.BUY else 0


@dataclass(slots=True)
class Level:
    price_fen: int
    quantity_tonnes: int = 0
    listings: dict[int, Order] = field(default_factory=dict)


@dataclass(slots=True)
class BookSide:
    """One side, best price first: ranks ascend, for bids as the negative price and for asks as the price itself."""

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
