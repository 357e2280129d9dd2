"""What the registry and clearing must have by trading's log: the expected sides of the commitments."""

from collections.abc import Mapping

from support.auditor.commitments import Side
from support.auditor.custody import Trade


class Expected:
    def __init__(self, sides: Mapping[str, Side]) -> None:
        self._custody, self._units_due, self._money = sides["custody/1"], sides["units_due/1"], sides["money/1"]

    def units(self, position: int, account: str, instrument: str, tonnes: int) -> None:
        self._custody.add(position, (account, instrument), "custody_tonnes", tonnes)

    def money(self, position: int, account: str, fen: int) -> None:
        self._money.add(position, (account,), "balance_fen", fen)

    def due(self, position: int, trade: Trade, sign: int) -> None:
        """The trade awaits settlement, or no longer does."""
        tonnes = sign * trade.quantity_tonnes
        self._units_due.add(position, (trade.buyer, trade.instrument), "bought_tonnes", tonnes)
        self._units_due.add(position, (trade.seller, trade.instrument), "sold_tonnes", tonnes)
        self._money.add(position, (trade.buyer,), "payable_fen", sign * trade.buyer_pays_fen)
        self._money.add(position, (trade.seller,), "receivable_fen", sign * trade.seller_receives_fen)

    def settle(self, position: int, trade: Trade) -> None:
        self.due(position, trade, -1)
        self.units(position, trade.buyer, trade.instrument, trade.quantity_tonnes)
        self.units(position, trade.seller, trade.instrument, -trade.quantity_tonnes)
        self.money(position, trade.buyer, -trade.buyer_pays_fen)
        self.money(position, trade.seller, trade.seller_receives_fen)

    def block(self, position: int, trade: Trade, blocked_fen: int) -> None:
        """The trade is taken out of its run."""
        self.due(position, trade, -1)
        self._units_due.add(position, (trade.seller, trade.instrument), "blocked_tonnes", trade.quantity_tonnes)
        self._money.add(position, (trade.buyer,), "blocked_fen", blocked_fen)
