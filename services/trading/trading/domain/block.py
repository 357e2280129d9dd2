"""Block agreement: two sides negotiate one large trade (rulebook 3.4).

A directed offer proposes terms to one counterparty. The other side confirms them, declines, or quotes terms of its own,
which then are the current terms. The proposer of the current terms may withdraw them. What the proposer needs is
locked; the side that confirms must have what it needs at that moment. Negotiations open at the close expire.

Blocks have their own minimum size, price band and hours, and never change the day's prices (rulebook 3.2).
"""

from dataclasses import dataclass

from chassis.core.decider import (
    Context,
    Decide,
    Malformed,
    NotFound,
    NotPermitted,
    Rejected,
    check_owner,
    handles,
    known_account,
    merged,
)
from chassis.core.shapes import check_account
from trading.domain.accounts import check_funds_available, check_units_available
from trading.domain.admission import (
    check_day_not_full,
    check_may_trade,
    check_price_tick,
    check_quantity_tick,
    limits_today,
)
from trading.domain.balances import Account
from trading.domain.fees import Unlocking, buyer_needs_fen
from trading.domain.instruments import known_instrument
from trading.domain.negotiations import (
    BlockConfirmed,
    BlockDeclined,
    BlockOffered,
    BlockQuoted,
    WithdrawReason,
    withdrawn,
)
from trading.domain.state import Block, Instrument, Market, TradingRules
from trading.domain.trades import executed
from trading.domain.values import Method, Side, check_instrument, check_price, check_quantity, check_side, check_value

BLOCKS_OPEN_PER_ACCOUNT_MAX = 1_000
BLOCKS_OPEN_MAX = 20_000
"""All of them expire at the close, page by page (closing.py)."""


# Commands


@dataclass(frozen=True, slots=True)
class OfferBlock:
    account: str
    counterparty: str
    instrument: str
    side: Side
    price_fen: int
    quantity_tonnes: int


@dataclass(frozen=True, slots=True)
class QuoteBlock:
    block_id: int
    price_fen: int
    quantity_tonnes: int


@dataclass(frozen=True, slots=True)
class ConfirmBlock:
    block_id: int
    # The terms that the confirming side saw; refused if they have changed.
    price_fen: int
    quantity_tonnes: int


@dataclass(frozen=True, slots=True)
class DeclineBlock:
    block_id: int


@dataclass(frozen=True, slots=True)
class WithdrawBlock:
    block_id: int


# Decisions


def offer_block(market: Market, command: OfferBlock, context: Context) -> list[object]:
    check_account(command.account)
    check_account(command.counterparty, "counterparty")
    check_instrument(command.instrument)
    check_side(command.side)
    check_price(command.price_fen)
    check_quantity(command.quantity_tonnes)
    check_value(command.price_fen, command.quantity_tonnes)
    account = known_account(market.accounts, command.account)
    counterparty = market.accounts.get(command.counterparty)
    if counterparty is None:
        raise NotFound("COUNTERPARTY_UNKNOWN", counterparty=command.counterparty)
    instrument = known_instrument(market, command.instrument)
    check_owner(command.account, context)
    if command.counterparty == command.account:
        raise Rejected("OWN_COUNTERPARTY", account=command.account)
    rules = check_may_trade(market, account, instrument, Method.BLOCK, context)
    if not counterparty.eligible_to_trade or counterparty.stopped_ground or counterparty.closed:
        raise Rejected("COUNTERPARTY_MAY_NOT_TRADE", counterparty=command.counterparty)
    check_terms(rules, instrument, command.price_fen, command.quantity_tonnes)
    check_room_for_blocks(len(account.blocks), BLOCKS_OPEN_PER_ACCOUNT_MAX)
    check_room_for_blocks(len(counterparty.blocks), BLOCKS_OPEN_PER_ACCOUNT_MAX)
    check_room_for_blocks(len(market.blocks), BLOCKS_OPEN_MAX)
    locked_fen = check_funded(
        market, account, command.side, command.instrument, command.price_fen, command.quantity_tonnes
    )

    # From here on the offer is made.
    return [
        BlockOffered(
            block_id=market.block_id_last + 1,
            day=market.calendar.open_day,
            instrument=command.instrument,
            account=command.account,
            counterparty=command.counterparty,
            side=command.side,
            price_fen=command.price_fen,
            quantity_tonnes=command.quantity_tonnes,
            locked_fen=locked_fen,
            offered_ms=context.now_ms,
        )
    ]


def quote_block(market: Market, command: QuoteBlock, context: Context) -> list[object]:
    check_block_id(command.block_id)
    check_price(command.price_fen)
    check_quantity(command.quantity_tonnes)
    check_value(command.price_fen, command.quantity_tonnes)
    block = known_block(market, command.block_id, context)
    check_turn(block, context)
    account = market.accounts[block.responder]
    instrument = market.instruments[block.instrument]
    rules = check_may_trade(market, account, instrument, Method.BLOCK, context)
    check_terms(rules, instrument, command.price_fen, command.quantity_tonnes)
    side = block.proposer_side.other
    locked_fen = check_funded(market, account, side, block.instrument, command.price_fen, command.quantity_tonnes)

    # From here on the quote is made.
    return [
        BlockQuoted(
            block_id=block.block_id,
            account=block.responder,
            counterparty=block.proposer,
            price_fen=command.price_fen,
            quantity_tonnes=command.quantity_tonnes,
            locked_fen=locked_fen,
            unlocked_fen=Unlocking(market).of(block.proposer, block.bidding_fen),
            unlocked_tonnes=block.locked_tonnes,
            quoted_ms=context.now_ms,
        )
    ]


def confirm_block(market: Market, command: ConfirmBlock, context: Context) -> list[object]:
    check_block_id(command.block_id)
    check_price(command.price_fen)
    check_quantity(command.quantity_tonnes)
    block = known_block(market, command.block_id, context)
    check_turn(block, context)
    account = market.accounts[block.responder]
    check_may_trade(market, account, market.instruments[block.instrument], Method.BLOCK, context)
    if (command.price_fen, command.quantity_tonnes) != (block.price_fen, block.quantity_tonnes):
        raise Rejected(
            "BLOCK_TERMS_CHANGED",
            block_id=block.block_id,
            price_fen=block.price_fen,
            quantity_tonnes=block.quantity_tonnes,
            seen_price_fen=command.price_fen,
            seen_quantity_tonnes=command.quantity_tonnes,
        )
    check_day_not_full(market, block.price_fen, block.quantity_tonnes)
    check_funded(market, account, block.proposer_side.other, block.instrument, block.price_fen, block.quantity_tonnes)

    # From here on the trade is made.
    trade = executed(
        market,
        context,
        instrument=block.instrument,
        method=Method.BLOCK,
        price_fen=block.price_fen,
        quantity_tonnes=block.quantity_tonnes,
        maker=block.proposer,
        maker_side=block.proposer_side,
        taker=block.responder,
        block_id=block.block_id,
    )
    return [trade, BlockConfirmed(block.block_id, block.responder, block.proposer, trade.trade_id)]


def decline_block(market: Market, command: DeclineBlock, context: Context) -> list[object]:
    check_block_id(command.block_id)
    block = known_block(market, command.block_id, context)
    check_turn(block, context)

    return [
        BlockDeclined(
            block_id=block.block_id,
            account=block.responder,
            counterparty=block.proposer,
            unlocked_fen=Unlocking(market).of(block.proposer, block.bidding_fen),
            unlocked_tonnes=block.locked_tonnes,
        )
    ]


def withdraw_block(market: Market, command: WithdrawBlock, context: Context) -> list[object]:
    check_block_id(command.block_id)
    block = known_block(market, command.block_id, context)
    if context.account != block.proposer:
        raise Rejected("NOT_YOUR_TERMS", block_id=block.block_id)

    return [withdrawn(block, WithdrawReason.BY_PROPOSER, Unlocking(market))]


def check_room_for_blocks(blocks: int, blocks_max: int) -> None:
    if blocks >= blocks_max:
        raise Rejected("TOO_MANY_OPEN_BLOCKS", blocks=blocks, blocks_max=blocks_max)


def check_block_id(block_id: int) -> None:
    if block_id < 1:
        raise Malformed("BLOCK_ID_OUT_OF_RANGE", "block_id", block_id=block_id)


def known_block(market: Market, block_id: int, context: Context) -> Block:
    """Return an open negotiation of which the actor is a side. Raises NotFound, Rejected or NotPermitted."""
    if block_id > market.block_id_last:
        raise NotFound("BLOCK_UNKNOWN", block_id=block_id)
    block = market.blocks.get(block_id)
    if block is None:
        raise Rejected("BLOCK_NOT_OPEN", block_id=block_id)
    if context.account not in (block.proposer, block.responder):
        raise NotPermitted("NOT_PARTY_TO_BLOCK", block_id=block_id, actor=str(context.actor))
    return block


def check_turn(block: Block, context: Context) -> None:
    """Only the side that did not propose the current terms may answer them. Raises Rejected."""
    if context.account != block.responder:
        raise Rejected("NOT_YOUR_TURN", block_id=block.block_id)


def check_terms(rules: TradingRules, instrument: Instrument, price_fen: int, quantity_tonnes: int) -> None:
    check_quantity_tick(rules, quantity_tonnes)
    if quantity_tonnes < rules.block_tonnes_min:
        raise Rejected(
            "QUANTITY_BELOW_BLOCK_MIN", quantity_tonnes=quantity_tonnes, quantity_tonnes_min=rules.block_tonnes_min
        )
    check_price_tick(rules, price_fen)
    limits = limits_today(instrument)
    if not limits.block_low_fen <= price_fen <= limits.block_high_fen:
        raise Rejected(
            "PRICE_OUTSIDE_BLOCK_LIMIT",
            price_fen=price_fen,
            low_fen=limits.block_low_fen,
            high_fen=limits.block_high_fen,
        )


def check_funded(
    market: Market, account: Account, side: Side, instrument: str, price_fen: int, quantity_tonnes: int
) -> int:
    """Return the fen that a buyer needs, zero for a seller. Raises Rejected if the account lacks money or units."""
    if side is Side.SELL:
        check_units_available(account, instrument, quantity_tonnes)
        return 0
    needed_fen = buyer_needs_fen(market, account, price_fen * quantity_tonnes)
    check_funds_available(account, needed_fen)
    return needed_fen


DECIDE: Decide[Market] = merged(
    handles(OfferBlock, offer_block),
    handles(QuoteBlock, quote_block),
    handles(ConfirmBlock, confirm_block),
    handles(DeclineBlock, decline_block),
    handles(WithdrawBlock, withdraw_block),
)
