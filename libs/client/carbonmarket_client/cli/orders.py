"""`orders` and `trades`: listed agreement as a participant uses it."""

import click

from carbonmarket_client.cli.app import (
    CNY,
    DAY,
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
from carbonmarket_client.screens.orders import order_card, orders_screen, trade_card, trades_screen
from carbonmarket_client.values import money, tonnes
from carbonmarket_client.words import Side


@cli.group(cls=Noun)
def orders() -> None:
    """Orders: listings in the book, and taking somebody else's."""


@command(
    orders, "list", ["carbonmarket orders", "carbonmarket orders list --open", "carbonmarket orders --day 2021-07-16"]
)
@click.option("--account", help="Whose; else a participant's own, for others everybody's.")
@click.option("--day", type=DAY, help="Of this day only.")
@click.option("--open", "open_only", is_flag=True, help="Only those still open in the book.")
@limit_option
async def list_orders(
    market: CarbonMarket, session: Session, account: str | None, day: str | None, open_only: bool, limit: int
) -> None:
    """List orders, newest first."""
    whose = session.own_or_all(account)
    answer = await gathered(
        lambda size, token: market.trading.list_orders(
            account=whose, day=day or "", open_only=open_only, page_size=size, page_token=token
        ),
        "orders",
        limit,
    )
    session.show(answer, orders_screen(whose, answer))


@command(orders, "show", ["carbonmarket orders show 12"])
@click.argument("order_id", type=NUMBER)
async def show_order(market: CarbonMarket, session: Session, order_id: int) -> None:
    """Show one order."""
    answer = await market.trading.get_order(order_id)
    session.show(answer, order_card(answer.order))


@command(
    orders,
    "place",
    [
        "carbonmarket orders place CEA sell 1,000 51.23",
        "carbonmarket orders place CEA buy 500 50.80 --request-id order-118",
    ],
)
@click.argument("instrument")
@click.argument("side", type=SIDE)
@click.argument("quantity", type=TONNES)
@click.argument("price", type=CNY)
@click.option("--account", help="Whose; else the caller's own.")
@request_id_option
async def place(
    market: CarbonMarket,
    session: Session,
    instrument: str,
    side: Side,
    quantity: int,
    price: int,
    account: str | None,
    request_id: str,
) -> None:
    """Put a listing into the book: QUANTITY tonnes at PRICE each, valid for the day. Others take it."""
    answer = await market.trading.place_order(
        session.account(account), instrument, side, price_fen=price, quantity_tonnes=quantity, request_id=request_id
    )
    terms = f"{side} {tonnes(quantity)} t of {instrument} at {money(price)}"
    session.done(answer, request_id, f"Order {answer.order_id} is in the book: {terms}.")


@command(orders, "cancel", ["carbonmarket orders cancel 12"])
@click.argument("order_id", type=NUMBER)
@request_id_option
async def cancel(market: CarbonMarket, session: Session, order_id: int, request_id: str) -> None:
    """Remove the rest of your own listing from the book."""
    answer = await market.trading.cancel_order(order_id, request_id=request_id)
    session.done(answer, request_id, f"Order {order_id} is cancelled; {tonnes(answer.quantity_tonnes)} t were left.")


@command(orders, "take", ["carbonmarket orders take 12 400 51.23"])
@click.argument("order_id", type=NUMBER)
@click.argument("quantity", type=TONNES)
@click.argument("price", type=CNY)
@click.option("--account", help="For whom; else the caller's own.")
@request_id_option
async def take(
    market: CarbonMarket,
    session: Session,
    order_id: int,
    quantity: int,
    price: int,
    account: str | None,
    request_id: str,
) -> None:
    """Take listing ORDER_ID from the book: QUANTITY tonnes at PRICE, the price you saw. This makes a trade."""
    answer = await market.trading.take_listing(
        session.account(account), order_id, quantity_tonnes=quantity, price_fen=price, request_id=request_id
    )
    session.done(
        answer,
        request_id,
        f"Trade {answer.trade_id}: {tonnes(answer.quantity_tonnes)} t at {money(answer.price_fen)} = "
        f"{money(answer.value_fen)}, fee {money(answer.fee_fen)}.",
    )


@cli.group(cls=Noun)
def trades() -> None:
    """Trades: who bought what from whom, at which price, and whether it has settled."""


@command(
    trades,
    "list",
    ["carbonmarket trades", "carbonmarket trades --day 2021-07-16", "carbonmarket trades --limit 0 --json"],
)
@click.option("--account", help="Whose; else a participant's own, for others everybody's.")
@click.option("--day", type=DAY, help="Of this day only.")
@limit_option
async def list_trades(market: CarbonMarket, session: Session, account: str | None, day: str | None, limit: int) -> None:
    """List trades, newest first."""
    whose = session.own_or_all(account)
    answer = await gathered(
        lambda size, token: market.trading.list_trades(account=whose, day=day or "", page_size=size, page_token=token),
        "trades",
        limit,
    )
    session.show(answer, trades_screen(whose, day or "", answer))


@command(trades, "show", ["carbonmarket trades show 17"])
@click.argument("trade_id", type=NUMBER)
async def show_trade(market: CarbonMarket, session: Session, trade_id: int) -> None:
    """Show one trade, with the id of its trace."""
    answer = await market.trading.get_trade(trade_id)
    session.show(answer, trade_card(answer.trade))
