"""Fees and buyers' locks, recomputed: a day's fee of an account and side is the rate of all it traded, rounded down."""

from collections import Counter
from dataclasses import dataclass, field

from support.auditor.rules import fee_fen


@dataclass
class Fees:
    """Of the open day: rates, what every account has traded, and what it has open to buy, by value in fen."""

    buyer_ppm: int = 0
    seller_ppm: int = 0
    bought: Counter[str] = field(default_factory=Counter)
    sold: Counter[str] = field(default_factory=Counter)
    bidding: Counter[str] = field(default_factory=Counter)

    def open(self, buyer_ppm: int, seller_ppm: int) -> None:
        self.buyer_ppm, self.seller_ppm = buyer_ppm, seller_ppm
        self.bought, self.sold = Counter(), Counter()

    def bought_fee(self, account: str) -> int:
        return fee_fen(self.bought[account], self.buyer_ppm)

    def sold_fee(self, account: str) -> int:
        return fee_fen(self.sold[account], self.seller_ppm)

    def lock(self, account: str) -> int:
        """All that an account's open purchases need, if all are traded."""
        everything = self.bought[account] + self.bidding[account]
        return self.bidding[account] + fee_fen(everything, self.buyer_ppm) - self.bought_fee(account)

    def bid(self, account: str, value_fen: int) -> int:
        """By how much the lock changes when so much more, or less, is open."""
        before = self.lock(account)
        self.bidding[account] += value_fen
        return self.lock(account) - before

    def trade(self, buyer: str, seller: str, value_fen: int, was_locked: bool) -> tuple[int, int, int]:
        """The buyer's fee, the seller's, and by how much the lock of the buyer's other purchases changes."""
        fees, lock = (self.bought_fee(buyer), self.sold_fee(seller)), self.lock(buyer)
        self.bought[buyer] += value_fen
        self.sold[seller] += value_fen
        bought_fee = self.bought_fee(buyer) - fees[0]
        if was_locked:
            self.bidding[buyer] -= value_fen
            lock -= value_fen + bought_fee
        return bought_fee, self.sold_fee(seller) - fees[1], self.lock(buyer) - lock
