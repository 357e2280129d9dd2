"""`funds`, `payouts`, `statements`: an account's money, on its way in and out, and the statement of a day."""

import click
from rich.console import RenderableType

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as query
from carbonmarket.clearing.v1 import clearing_types_pb2 as types
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading
from carbonmarket_client.cli.accounts import change, more
from carbonmarket_client.cli.app import (
    CNY,
    DAY,
    Noun,
    Session,
    cli,
    command,
    gathered,
    limit_option,
    request_id_option,
)
from carbonmarket_client.cli.plain import plain
from carbonmarket_client.cli.screens import Screen, card, numbers, said, words
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.values import amount, clock, moment, money, tonnes
from carbonmarket_client.words import PayoutState, words_of

STATES = click.Choice(list(words_of(types.PayoutState.DESCRIPTOR)))


@cli.group(cls=Noun)
def funds() -> None:
    """Funds: an account's money in clearing's books, and what of it trading lets be used."""


@command(funds, "show", ["carbonmarket funds", "carbonmarket funds power-0007 --json"])
@click.argument("account", required=False)
async def show_funds(market: CarbonMarket, session: Session, account: str | None) -> None:
    """Show an account's money: clearing's balance first, then trading's view of it and of the allowances there."""
    whose = session.account(account)
    held = await market.clearing.get_funds(whose)
    usable = await market.trading.get_position(whose)
    session.show({"clearing": plain(held), "trading": plain(usable)}, *funds_screens(held, usable))


@command(funds, "entries", ["carbonmarket funds entries power-0007"])
@click.argument("account", required=False)
@limit_option
async def entries(market: CarbonMarket, session: Session, account: str | None, limit: int) -> None:
    """List the changes of an account's balance, oldest first."""
    whose = session.account(account)
    answer = await gathered(
        lambda size, token: market.clearing.list_entries(whose, page_size=size, page_token=token), "entries", limit
    )
    session.show(answer, entries_screen(whose, answer))


@command(
    funds, "deposit", ["carbonmarket --as settlement_bank:bank-a funds deposit power-0007 2,000,000 --reference A-118"]
)
@click.argument("account")
@click.argument("sum", type=CNY)
@click.option("--reference", required=True, help="The bank's own name of the movement, used once for ever.")
@request_id_option
async def deposit(
    market: CarbonMarket, session: Session, account: str, sum: int, reference: str, request_id: str
) -> None:
    """Record money that arrived at the calling bank for an account."""
    answer = await market.clearing.record_deposit(reference, account, sum, request_id=request_id)
    session.done(answer, request_id, f"{money(sum)} are deposited for {account}, entry {answer.entry}.")


@command(funds, "release", ["carbonmarket funds release 500,000"])
@click.argument("sum", type=CNY)
@click.option("--account", help="Whose; else the caller's own.")
@request_id_option
async def release(market: CarbonMarket, session: Session, sum: int, account: str | None, request_id: str) -> None:
    """Let money leave the market, up to what may be withdrawn; a payout comes of it."""
    answer = await market.trading.release_funds(session.account(account), sum, request_id=request_id)
    session.done(answer, request_id, f"Release {answer.release_id}: {money(sum)} are on their way to be paid out.")


@cli.group(cls=Noun)
def payouts() -> None:
    """Payouts: money on its way out, requested, instructed, then paid or returned by the bank."""


@command(payouts, "list", ["carbonmarket payouts", "carbonmarket payouts list --state requested"])
@click.option("--account", help="Whose; else a participant's own, for others everybody's.")
@click.option("--state", type=STATES, help="In this state only.")
@limit_option
async def list_payouts(
    market: CarbonMarket, session: Session, account: str | None, state: PayoutState | None, limit: int
) -> None:
    """List payouts, oldest first. A bank sees those it was instructed to pay."""
    whose = session.own_or_all(account)
    answer = await gathered(
        lambda size, token: market.clearing.list_payouts(account=whose, state=state, page_size=size, page_token=token),
        "payouts",
        limit,
    )
    session.show(answer, payouts_screen(answer))


@command(payouts, "instruct", ["carbonmarket payouts instruct 4 bank-a"])
@click.argument("payout_id", type=int)
@click.argument("bank")
@request_id_option
async def instruct(market: CarbonMarket, session: Session, payout_id: int, bank: str, request_id: str) -> None:
    """Tell a bank to pay a requested payout."""
    answer = await market.clearing.instruct_payout(payout_id, bank, request_id=request_id)
    session.done(answer, request_id, f"{bank} is told to pay payout {payout_id}.")


@command(payouts, "paid", ["carbonmarket --as settlement_bank:bank-a payouts paid 4 --reference A-119"])
@click.argument("payout_id", type=int)
@click.option("--reference", required=True, help="The bank's own name of the movement, used once for ever.")
@request_id_option
async def paid(market: CarbonMarket, session: Session, payout_id: int, reference: str, request_id: str) -> None:
    """Record that the calling bank has paid a payout."""
    answer = await market.clearing.record_payout_paid(payout_id, reference, request_id=request_id)
    session.done(answer, request_id, f"Payout {payout_id} is paid.")


@command(payouts, "returned", ['carbonmarket --as settlement_bank:bank-a payouts returned 4 --ground "account closed"'])
@click.argument("payout_id", type=int)
@click.option("--ground", required=True, help="Why the bank could not pay.")
@request_id_option
async def returned(market: CarbonMarket, session: Session, payout_id: int, ground: str, request_id: str) -> None:
    """Record that the calling bank could not pay; the money is in the account's balance again."""
    answer = await market.clearing.record_payout_returned(payout_id, ground, request_id=request_id)
    session.done(answer, request_id, f"Payout {payout_id} is returned, entry {answer.entry}.")


@cli.group(cls=Noun)
def statements() -> None:
    """Statements: an account's day in clearing's books."""


@command(
    statements,
    "show",
    ["carbonmarket statements 2021-07-16", "carbonmarket statements show 2021-07-16 --account power-0007"],
)
@click.argument("day", type=DAY)
@click.option("--account", help="Whose; else the caller's own.")
async def show_statement(market: CarbonMarket, session: Session, day: str, account: str | None) -> None:
    """Show an account's statement of a day: cash, trades, fees, and until when it may be objected to."""
    answer = await market.clearing.get_statement(session.account(account), day)
    session.show(answer, *statement_screens(answer))


# Screens


def funds_screens(held: query.GetFundsResponse, usable: trading.GetPositionResponse) -> list[RenderableType]:
    state = "closed" if held.closed else "restricted" if held.restricted else ""
    balance = card(
        f"Clearing's book of {held.account}, CNY{f' ({state})' if state else ''}",
        [
            ("balance", amount(held.balance_fen)),
            ("to pay for unsettled trades", amount(held.unsettled_out_fen)),
            ("to receive for unsettled trades", amount(held.unsettled_in_fen)),
            ("payouts under way, no longer in the balance", amount(held.payouts_open_fen)),
        ],
        right=True,
    )
    money_now = usable.funds
    view = [
        ("available for orders", amount(money_now.buying_power_fen)),
        ("locked behind orders and blocks", amount(money_now.locked_fen)),
        ("of sales not yet settled, part of what is available", amount(money_now.unsettled_fen)),
        ("may be withdrawn", amount(money_now.withdrawable_fen)),
    ]
    if money_now.blocked_fen:
        view.append(("blocked by trades taken out of their run", amount(money_now.blocked_fen)))
    if money_now.owed_fen:
        view.append(("owed for a sale taken out of its run", amount(money_now.owed_fen)))
    stopped = f" (stopped: {usable.stopped_ground})" if usable.stopped_ground else ""
    units = Screen(
        "Allowances in trading, tonnes",
        [
            words("instrument"),
            numbers("available"),
            numbers("locked"),
            numbers("bought today"),
            numbers("blocked", spare=True),
        ],
        [
            (
                unit.instrument,
                tonnes(unit.available_tonnes),
                tonnes(unit.locked_tonnes),
                tonnes(unit.bought_today_tonnes),
                tonnes(unit.blocked_tonnes),
            )
            for unit in usable.units
        ],
        "None: `carbonmarket holdings transfer --help` shows how to make some over to trading.",
    )
    return [balance, card(f"Trading's view, CNY{stopped}", view, right=True), units]


def entries_screen(account: str, answer: query.ListEntriesResponse) -> Screen:
    return Screen(
        more(f"Entries of {account}", answer.next_page_token),
        [
            numbers("position"),
            words("day"),
            words("recorded", spare=True),
            words("what"),
            numbers("CNY"),
            numbers("trade"),
            numbers("payout"),
            words("bank"),
            words("reference"),
        ],
        [
            (
                f"{entry.log_position:,}",
                entry.day,
                moment(entry.recorded_ms),
                said(entry, "kind"),
                f"+{amount(entry.amount_fen)}" if entry.amount_fen > 0 else amount(entry.amount_fen),
                str(entry.trade_id or ""),
                str(entry.payout_id or ""),
                entry.bank,
                entry.bank_reference,
            )
            for entry in answer.entries
        ],
        "Nothing has changed the balance yet.",
    )


def payouts_screen(answer: query.ListPayoutsResponse) -> Screen:
    return Screen(
        more("Payouts", answer.next_page_token),
        [
            numbers("payout"),
            words("account"),
            numbers("CNY"),
            words("state"),
            words("requested"),
            words("bank"),
            words("reference", spare=True),
            words("ground", spare=True, wraps=True),
        ],
        [
            (
                str(payout.payout_id),
                payout.account,
                amount(payout.amount_fen),
                said(payout, "state"),
                moment(payout.requested_ms),
                payout.bank,
                payout.bank_reference,
                payout.ground,
            )
            for payout in answer.payouts
        ],
        "There are no such payouts: `carbonmarket funds release --help` shows how one begins.",
    )


def statement_screens(answer: query.GetStatementResponse) -> list[RenderableType]:
    until = f"Objections are due before {answer.objection_before_day} opens; silence is acceptance."
    cash = card(
        f"Statement of {answer.account} for {answer.day}, CNY",
        [
            ("opening balance", amount(answer.opening_fen)),
            ("deposits", f"+{amount(answer.deposits_fen)}"),
            ("payouts", amount(-answer.payouts_fen)),
            ("bought", amount(-answer.bought_fen)),
            ("sold", f"+{amount(answer.sold_fen)}"),
            ("fees", amount(-answer.fees_fen)),
            ("closing balance", amount(answer.closing_fen)),
            ("waiting for settlement", amount(answer.unsettled_fen)),
        ],
        right=True,
    )
    lines = Screen(
        "Trades",
        [
            numbers("trade"),
            words("time"),
            words("instrument"),
            words("method"),
            words("side"),
            numbers("CNY/t"),
            numbers("tonnes"),
            numbers("value CNY"),
            numbers("fee CNY", spare=True),
            words("with"),
            words("state", spare=True),
        ],
        [
            (
                str(line.trade_id),
                clock(line.recorded_ms),
                line.instrument,
                said(line, "method"),
                said(line, "side"),
                amount(line.price_fen),
                tonnes(line.quantity_tonnes),
                amount(line.value_fen),
                amount(line.fee_fen),
                line.counter_account,
                said(line, "state"),
            )
            for line in answer.lines
        ],
        "No trade on this day.",
    )
    screens: list[RenderableType] = [cash, lines]
    if answer.instruments:
        rows = [(unit.instrument, change(unit.bought_tonnes), change(-unit.sold_tonnes)) for unit in answer.instruments]
        screens.append(Screen("Allowances, tonnes", [words("instrument"), numbers("bought"), numbers("sold")], rows))
    if answer.objection_before_day:
        screens.append(until)
    return screens
