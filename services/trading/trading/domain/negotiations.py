"""Block negotiations: their events, and how the state follows them (rulebook 3.4).

A negotiation has current terms, which one side proposed and the other may answer; block.py decides what each side may
do. What the proposer needs is locked: a buyer's money with its fee, or a seller's units.

Invariants: an open negotiation has one proposer; a selling proposer's lock is exactly the quantity of the terms, a
buying one's is part of the lock of all its open purchases (fees.py).
"""

from dataclasses import dataclass
from enum import IntEnum

from chassis.core.decider import Evolve, applies, merged
from trading.domain.fees import Unlocking
from trading.domain.state import Block, Market
from trading.domain.values import Side

# Events


class WithdrawReason(IntEnum):
    """Numbered as in the proto."""

    BY_PROPOSER = 1
    ACCOUNT_STOPPED = 2


@dataclass(frozen=True, slots=True)
class BlockOffered:
    block_id: int
    day: str
    instrument: str
    account: str
    counterparty: str
    side: Side
    price_fen: int
    quantity_tonnes: int
    locked_fen: int
    offered_ms: int


@dataclass(frozen=True, slots=True)
class BlockQuoted:
    block_id: int
    account: str
    counterparty: str
    price_fen: int
    quantity_tonnes: int
    locked_fen: int
    unlocked_fen: int
    unlocked_tonnes: int
    quoted_ms: int


@dataclass(frozen=True, slots=True)
class BlockConfirmed:
    block_id: int
    account: str
    counterparty: str
    trade_id: int


@dataclass(frozen=True, slots=True)
class BlockDeclined:
    block_id: int
    account: str
    counterparty: str
    unlocked_fen: int
    unlocked_tonnes: int


@dataclass(frozen=True, slots=True)
class BlockWithdrawn:
    block_id: int
    account: str
    counterparty: str
    reason: WithdrawReason
    unlocked_fen: int
    unlocked_tonnes: int


@dataclass(frozen=True, slots=True)
class BlockExpired:
    block_id: int
    account: str
    counterparty: str
    unlocked_fen: int
    unlocked_tonnes: int


def withdrawn(block: Block, reason: WithdrawReason, unlocking: Unlocking) -> BlockWithdrawn:
    return BlockWithdrawn(
        block_id=block.block_id,
        account=block.proposer,
        counterparty=block.responder,
        reason=reason,
        unlocked_fen=unlocking.of(block.proposer, block.bidding_fen),
        unlocked_tonnes=block.locked_tonnes,
    )


def expired(block: Block, unlocking: Unlocking) -> BlockExpired:
    return BlockExpired(
        block_id=block.block_id,
        account=block.proposer,
        counterparty=block.responder,
        unlocked_fen=unlocking.of(block.proposer, block.bidding_fen),
        unlocked_tonnes=block.locked_tonnes,
    )


# Changes


def on_block_offered(market: Market, event: BlockOffered) -> None:
    assert event.block_id == market.block_id_last + 1
    assert not any(market.accounts[party].stopped_ground for party in (event.account, event.counterparty))
    market.block_id_last = event.block_id
    buys = event.side is Side.BUY
    block = Block(
        block_id=event.block_id,
        instrument=event.instrument,
        buyer=event.account if buys else event.counterparty,
        seller=event.counterparty if buys else event.account,
        proposer=event.account,
        responder=event.counterparty,
        price_fen=event.price_fen,
        quantity_tonnes=event.quantity_tonnes,
    )
    market.blocks[event.block_id] = block
    market.accounts[event.account].blocks[event.block_id] = None
    market.accounts[event.counterparty].blocks[event.block_id] = None
    lock(market, block, event.locked_fen)


def on_block_quoted(market: Market, event: BlockQuoted) -> None:
    block = market.blocks[event.block_id]
    assert (block.responder, block.proposer) == (event.account, event.counterparty)
    unlock(market, block, event.unlocked_fen, event.unlocked_tonnes)
    block.proposer, block.responder = event.account, event.counterparty
    block.price_fen, block.quantity_tonnes = event.price_fen, event.quantity_tonnes
    lock(market, block, event.locked_fen)


def on_block_confirmed(market: Market, event: BlockConfirmed) -> None:
    assert event.trade_id == market.trade_id_last
    end_block(market, event.block_id, unlocked_fen=0, unlocked_tonnes=0)


def on_block_ended(market: Market, event: BlockDeclined | BlockWithdrawn | BlockExpired) -> None:
    end_block(market, event.block_id, event.unlocked_fen, event.unlocked_tonnes)


def end_block(market: Market, block_id: int, unlocked_fen: int, unlocked_tonnes: int) -> None:
    block = market.blocks.pop(block_id)
    unlock(market, block, unlocked_fen, unlocked_tonnes)
    del market.accounts[block.buyer].blocks[block_id]
    del market.accounts[block.seller].blocks[block_id]


def lock(market: Market, block: Block, locked_fen: int) -> None:
    """Lock what the current terms need of their proposer."""
    proposer = market.accounts[block.proposer]
    if block.proposer_side is Side.BUY:
        proposer.open_purchase(block.bidding_fen, locked_fen=locked_fen)
    else:
        assert locked_fen == 0
        proposer.units_of(block.instrument).lock(block.locked_tonnes)


def unlock(market: Market, block: Block, unlocked_fen: int, unlocked_tonnes: int) -> None:
    assert block.locked_tonnes == unlocked_tonnes
    proposer = market.accounts[block.proposer]
    if block.proposer_side is Side.BUY:
        proposer.end_open_purchase(block.bidding_fen, unlocked_fen=unlocked_fen)
    else:
        assert unlocked_fen == 0
        proposer.units_of(block.instrument).unlock(unlocked_tonnes)


EVOLVE: Evolve[Market] = merged(
    applies(BlockOffered, on_block_offered),
    applies(BlockQuoted, on_block_quoted),
    applies(BlockConfirmed, on_block_confirmed),
    applies(BlockDeclined, on_block_ended),
    applies(BlockWithdrawn, on_block_ended),
    applies(BlockExpired, on_block_ended),
)
