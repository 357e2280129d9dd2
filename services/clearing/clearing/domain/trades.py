"""A trade as clearing records it: one event, which is the obligation itself. The state keeps the event, nothing else.

It obliges the buyer to pay value and fee, and the seller to deliver; obligations.py decides which trades are recorded.
"""

from dataclasses import dataclass
from enum import IntEnum


class Method(IntEnum):
    """How a trade came about. The numbers are the public language's."""

    LISTED = 1
    BLOCK = 2


@dataclass(frozen=True, slots=True)
class ObligationRecorded:
    """A trade's two legs: units from seller to buyer, money from buyer to seller."""

    trade_id: int
    day: str
    instrument: str
    method: Method
    price_fen: int
    quantity_tonnes: int
    value_fen: int
    buyer: str
    seller: str
    buyer_fee_fen: int
    seller_fee_fen: int
    trading_position: int
    executed_ms: int

    @property
    def buyer_pays_fen(self) -> int:
        return self.value_fen + self.buyer_fee_fen

    @property
    def seller_receives_fen(self) -> int:
        return self.value_fen - self.seller_fee_fen
