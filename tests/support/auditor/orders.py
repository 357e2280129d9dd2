"""The life of every listing and of every block negotiation, with its lock to the fen and the tonne."""

from collections import Counter
from dataclasses import dataclass
from heapq import nlargest, nsmallest

from carbonmarket.trading.v1 import trading_events_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from support.auditor.custody import Custody
from support.auditor.fees import Fees
from support.auditor.findings import Findings


@dataclass(slots=True)
class OpenListing:
    account: str
    instrument: str
    side: int
    price_fen: int
    remaining_tonnes: int

    @property
    def bidding_fen(self) -> int:
        return self.price_fen * self.remaining_tonnes if self.side == types.SIDE_BUY else 0


@dataclass(slots=True)
class Block:
    instrument: str
    buyer: str
    seller: str
    proposer: str
    price_fen: int
    quantity_tonnes: int

    @property
    def responder(self) -> str:
        return self.seller if self.proposer == self.buyer else self.buyer


class Orders:
    """Open listings, and how many rest at each price."""

    def __init__(self, findings: Findings, custody: Custody, fees: Fees) -> None:
        self._findings = findings
        self._custody = custody
        self._fees = fees
        self.open: dict[int, OpenListing] = {}
        self.last_id = 0
        self.levels: dict[tuple[str, int], dict[int, int]] = {}
        self.ended: Counter[str] = Counter()

    def place(self, event: pb.OrderPlaced) -> None:
        self._findings.same("orders are numbered", "order", event.order_id, self.last_id + 1)
        self.last_id = event.order_id
        order = OpenListing(event.account, event.instrument, event.side, event.price_fen, event.quantity_tonnes)
        lock_fen = self._fees.bid(event.account, order.bidding_fen)
        self._findings.same("a buyer's lock is value and fee", f"order {event.order_id}", event.locked_fen, lock_fen)
        if event.side == types.SIDE_BUY:
            self._custody.spend_funds(event.account, lock_fen, event.day, to_lock=True)
        else:
            self._custody.spend_units(event.account, event.instrument, event.quantity_tonnes, to_lock=True)
        self.open[event.order_id] = order
        levels = self.levels.setdefault((event.instrument, event.side), {})
        levels[event.price_fen] = levels.get(event.price_fen, 0) + 1

    def best(self, instrument: str, side: int, count: int) -> list[int]:
        levels = self.levels.get((instrument, side), {})
        return nlargest(count, levels) if side == types.SIDE_BUY else nsmallest(count, levels)

    def take(self, event: pb.TradeExecuted, book_levels: int, pays_fen: int) -> None:
        """A taker picks a listing: at its price, within the best levels, of another account."""
        order = self.open.get(event.maker_order_id)
        if order is None:
            self._findings.say("only an open listing is taken", f"order {event.maker_order_id}")
            return
        maker_buys = order.side == types.SIDE_BUY
        stated = (event.maker_account, event.instrument, event.price_fen, event.buyer if maker_buys else event.seller)
        self._findings.same(
            "a listed trade is at its listing's terms",
            f"trade {event.trade_id}",
            stated,
            (order.account, order.instrument, order.price_fen, order.account),
        )
        if order.price_fen not in self.best(order.instrument, order.side, book_levels):
            self._findings.say("only the best levels are taken", f"trade {event.trade_id} at {order.price_fen}")
        order.remaining_tonnes -= event.quantity_tonnes
        if order.remaining_tonnes < 0:
            self._findings.say(
                "a listing is not overfilled", f"order {event.maker_order_id}: {order.remaining_tonnes} t"
            )
        if maker_buys:
            self._custody.unlock_funds(order.account, pays_fen, give_back=False)
            self._custody.spend_units(event.seller, event.instrument, event.quantity_tonnes, to_lock=False)
        else:
            self._custody.unlock_units(order.account, order.instrument, event.quantity_tonnes, give_back=False)
            self._custody.spend_funds(event.buyer, pays_fen, event.day, to_lock=False)

    def end(self, how: str, order_id: int, account: str, remaining_tonnes: int, unlocked_fen: int) -> None:
        """The listing is filled, cancelled or expired: all that is left of its lock is free again."""
        self.ended[how] += 1
        order = self.open.pop(order_id, None)
        if order is None:
            self._findings.say("an order ends once", f"order {order_id}")
            return
        lock_fen = -self._fees.bid(order.account, -order.bidding_fen)
        self._findings.same(
            "what is left of a lock is unlocked at the order's end",
            f"order {order_id}",
            (account, remaining_tonnes, unlocked_fen),
            (order.account, order.remaining_tonnes, lock_fen),
        )
        levels = self.levels[order.instrument, order.side]
        levels[order.price_fen] -= 1
        if not levels[order.price_fen]:
            del levels[order.price_fen]
        if order.side == types.SIDE_BUY:
            self._custody.unlock_funds(order.account, lock_fen, give_back=True)
        else:
            self._custody.unlock_units(order.account, order.instrument, order.remaining_tonnes, give_back=True)


class Blocks:
    """Open negotiations."""

    def __init__(self, findings: Findings, custody: Custody, fees: Fees) -> None:
        self._findings = findings
        self._custody = custody
        self._fees = fees
        self.open: dict[int, Block] = {}
        self.last_id = 0

    def offer(self, event: pb.BlockOffered) -> None:
        self._findings.same("blocks are numbered", "block", event.block_id, self.last_id + 1)
        self.last_id = event.block_id
        if event.account == event.counterparty:
            self._findings.say("a block has two sides", f"block {event.block_id}")
        buyer, seller = event.account, event.counterparty
        if event.side == types.SIDE_SELL:
            buyer, seller = seller, buyer
        block = Block(event.instrument, buyer, seller, event.account, event.price_fen, event.quantity_tonnes)
        self.open[event.block_id] = block
        self._lock(event.block_id, block, event.day, event.locked_fen)

    def quote(self, event: pb.BlockQuoted, day: str) -> None:
        block = self.open[event.block_id]
        self._findings.same(
            "quotes alternate",
            f"block {event.block_id}",
            (event.account, event.counterparty),
            (block.responder, block.proposer),
        )
        self._unlock(event.block_id, block, event.unlocked_fen, event.unlocked_tonnes)
        block.proposer = event.account
        block.price_fen, block.quantity_tonnes = event.price_fen, event.quantity_tonnes
        self._lock(event.block_id, block, day, event.locked_fen)

    def confirm(self, event: pb.TradeExecuted, pays_fen: int) -> None:
        """The trade takes the proposer's lock and what the confirming side has."""
        block = self.open.get(event.block_id)
        if block is None:
            self._findings.say("only an open block is confirmed", f"block {event.block_id}")
            return
        stated = (
            event.buyer,
            event.seller,
            event.maker_account,
            event.instrument,
            event.price_fen,
            event.quantity_tonnes,
        )
        terms = (block.buyer, block.seller, block.proposer, block.instrument, block.price_fen, block.quantity_tonnes)
        self._findings.same("a block trade is at the terms on the table", f"trade {event.trade_id}", stated, terms)
        if block.proposer == block.buyer:
            self._custody.unlock_funds(event.buyer, pays_fen, give_back=False)
            self._custody.spend_units(event.seller, event.instrument, event.quantity_tonnes, to_lock=False)
        else:
            self._custody.unlock_units(event.seller, event.instrument, event.quantity_tonnes, give_back=False)
            self._custody.spend_funds(event.buyer, pays_fen, event.day, to_lock=False)

    def confirmed(self, block_id: int) -> None:
        self.open.pop(block_id, None)

    def end(self, block_id: int, unlocked_fen: int, unlocked_tonnes: int) -> None:
        block = self.open.pop(block_id, None)
        if block is None:
            self._findings.say("a block ends once", f"block {block_id}")
            return
        self._unlock(block_id, block, unlocked_fen, unlocked_tonnes)

    def _lock(self, block_id: int, block: Block, day: str, stated_fen: int) -> None:
        if block.proposer == block.buyer:
            lock_fen = self._fees.bid(block.buyer, block.price_fen * block.quantity_tonnes)
            self._findings.same("a buyer's lock is value and fee", f"block {block_id}", stated_fen, lock_fen)
            self._custody.spend_funds(block.buyer, lock_fen, day, to_lock=True)
        else:
            self._custody.spend_units(block.seller, block.instrument, block.quantity_tonnes, to_lock=True)

    def _unlock(self, block_id: int, block: Block, stated_fen: int, stated_tonnes: int) -> None:
        buys = block.proposer == block.buyer
        locked_fen = -self._fees.bid(block.buyer, -block.price_fen * block.quantity_tonnes) if buys else 0
        tonnes = 0 if buys else block.quantity_tonnes
        self._findings.same(
            "what is left of a lock is unlocked at the block's end",
            f"block {block_id}",
            (stated_fen, stated_tonnes),
            (locked_fen, tonnes),
        )
        if buys:
            self._custody.unlock_funds(block.buyer, locked_fen, give_back=True)
        else:
            self._custody.unlock_units(block.seller, block.instrument, tonnes, give_back=True)
