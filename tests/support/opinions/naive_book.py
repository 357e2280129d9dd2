"""A book of listings written the slow way, from the rulebook's words: it shares no code with the service."""

from dataclasses import dataclass, field


@dataclass
class NaiveListing:
    order_id: int
    buys: bool
    price_fen: int
    tonnes: int


@dataclass
class NaiveBook:
    """A list of listings; every question walks through all of them."""

    listings: list[NaiveListing] = field(default_factory=list)

    def post(self, order_id: int, buys: bool, price_fen: int, tonnes: int) -> None:
        self.listings.append(NaiveListing(order_id, buys, price_fen, tonnes))

    def trade(self, order_id: int, tonnes: int) -> None:
        self.find(order_id).tonnes -= tonnes

    def take_out(self, order_id: int) -> None:
        self.listings.remove(self.find(order_id))

    def find(self, order_id: int) -> NaiveListing:
        (listing,) = [listing for listing in self.listings if listing.order_id == order_id]
        return listing

    def best_prices(self, buys: bool, levels: int) -> list[int]:
        """Best first: for bids the highest, for asks the lowest."""
        prices = {listing.price_fen for listing in self.listings if listing.buys is buys}
        return sorted(prices, reverse=buys)[:levels]

    def levels(self, buys: bool, levels: int) -> list[tuple[int, int, list[tuple[int, int]]]]:
        """Price, tonnes, and the listings at it as (id, tonnes) in the order they came."""
        shown = []
        for price_fen in self.best_prices(buys, levels):
            here = [one for one in self.listings if one.buys is buys and one.price_fen == price_fen]
            shown.append((price_fen, sum(one.tonnes for one in here), [(one.order_id, one.tonnes) for one in here]))
        return shown

    def may_pick(self, order_id: int, levels: int) -> bool:
        listing = self.find(order_id)
        return listing.price_fen in self.best_prices(listing.buys, levels)
