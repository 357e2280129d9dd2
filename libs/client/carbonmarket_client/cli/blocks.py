"""`blocks`: block agreement, a negotiation of two."""

import click

from carbonmarket_client.cli.app import (
    CNY,
    NUMBER,
    SIDE,
    TONNES,
    Noun,
    Session,
    cli,
    command,
    gathered,
    limit_option,
    request_id_option,
)
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.screens.blocks import blocks_screen
from carbonmarket_client.values import money, tonnes
from carbonmarket_client.words import Side


@cli.group(cls=Noun)
def blocks() -> None:
    """Blocks: large quantities, negotiated with one counterparty."""


@command(blocks, "list", ["carbonmarket blocks", "carbonmarket blocks list --open"])
@click.option("--account", help="Whose; else a participant's own, for others everybody's.")
@click.option("--open", "open_only", is_flag=True, help="Only those still negotiated.")
@limit_option
async def list_blocks(market: CarbonMarket, session: Session, account: str | None, open_only: bool, limit: int) -> None:
    """List block negotiations, newest first."""
    whose = session.own_or_all(account)
    answer = await gathered(
        lambda size, token: market.trading.list_blocks(
            account=whose, open_only=open_only, page_size=size, page_token=token
        ),
        "blocks",
        limit,
    )
    session.show(answer, blocks_screen(whose, answer))


@command(blocks, "offer", ["carbonmarket blocks offer steel-0002 CEA sell 150,000 48.50"])
@click.argument("counterparty")
@click.argument("instrument")
@click.argument("side", type=SIDE)
@click.argument("quantity", type=TONNES)
@click.argument("price", type=CNY)
@click.option("--account", help="Whose; else the caller's own.")
@request_id_option
async def offer(
    market: CarbonMarket,
    session: Session,
    counterparty: str,
    instrument: str,
    side: Side,
    quantity: int,
    price: int,
    account: str | None,
    request_id: str,
) -> None:
    """Offer a block to COUNTERPARTY, which you buy or sell: QUANTITY tonnes at PRICE each."""
    answer = await market.trading.offer_block(
        session.account(account),
        counterparty,
        instrument,
        side,
        price_fen=price,
        quantity_tonnes=quantity,
        request_id=request_id,
    )
    terms = f"{side} {tonnes(quantity)} t of {instrument} at {money(price)}"
    session.done(answer, request_id, f"Block {answer.block_id} is offered to {counterparty}: {terms}.")


@command(blocks, "quote", ["carbonmarket blocks quote 3 150,000 47.90"])
@click.argument("block_id", type=NUMBER)
@click.argument("quantity", type=TONNES)
@click.argument("price", type=CNY)
@request_id_option
async def quote(
    market: CarbonMarket, session: Session, block_id: int, quantity: int, price: int, request_id: str
) -> None:
    """Propose other terms than the current ones."""
    answer = await market.trading.quote_block(
        block_id, price_fen=price, quantity_tonnes=quantity, request_id=request_id
    )
    session.done(
        answer, request_id, f"Block {block_id}: your terms, {tonnes(quantity)} t at {money(price)}, are in force now."
    )


@command(blocks, "confirm", ["carbonmarket blocks confirm 3 150,000 47.90"])
@click.argument("block_id", type=NUMBER)
@click.argument("quantity", type=TONNES)
@click.argument("price", type=CNY)
@request_id_option
async def confirm(
    market: CarbonMarket, session: Session, block_id: int, quantity: int, price: int, request_id: str
) -> None:
    """Accept the current terms, which you repeat: QUANTITY tonnes at PRICE. This makes a trade."""
    answer = await market.trading.confirm_block(
        block_id, price_fen=price, quantity_tonnes=quantity, request_id=request_id
    )
    session.done(
        answer,
        request_id,
        f"Trade {answer.trade_id}: {tonnes(quantity)} t at {money(price)} = {money(answer.value_fen)}, "
        f"fee {money(answer.fee_fen)}.",
    )


@command(blocks, "decline", ["carbonmarket blocks decline 3"])
@click.argument("block_id", type=NUMBER)
@request_id_option
async def decline(market: CarbonMarket, session: Session, block_id: int, request_id: str) -> None:
    """Decline the other side's terms: the negotiation ends."""
    answer = await market.trading.decline_block(block_id, request_id=request_id)
    session.done(answer, request_id, f"Block {block_id} is declined.")


@command(blocks, "withdraw", ["carbonmarket blocks withdraw 3"])
@click.argument("block_id", type=NUMBER)
@request_id_option
async def withdraw(market: CarbonMarket, session: Session, block_id: int, request_id: str) -> None:
    """Withdraw your own terms: the negotiation ends."""
    answer = await market.trading.withdraw_block(block_id, request_id=request_id)
    session.done(answer, request_id, f"Block {block_id} is withdrawn.")
