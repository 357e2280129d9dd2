"""`funds`, `payouts`, `statements`: an account's money, on its way in and out, and the statement of a day."""

from dataclasses import asdict

import click

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as query
from carbonmarket.clearing.v1 import clearing_types_pb2 as types
from carbonmarket_client.cli.app import (
    CNY,
    DAY,
    NUMBER,
    Noun,
    Session,
    cli,
    command,
    gathered,
    limit_option,
    request_id_option,
)
from carbonmarket_client.cli.days import last_closed_day
from carbonmarket_client.cli.plain import plain
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.screens.funds import (
    banks_screen,
    deposits_screen,
    entries_screen,
    funds_screens,
    payouts_screen,
    statement_screens,
)
from carbonmarket_client.screens.pending import another_approves
from carbonmarket_client.statement import read_statement
from carbonmarket_client.values import money
from carbonmarket_client.words import PayoutState, words_of

STATES = click.Choice(list(words_of(types.PayoutState.DESCRIPTOR)))


@cli.group(cls=Noun)
def funds() -> None:
    """Funds: an account's money, in clearing's books and by trading's view."""


@command(funds, "show", ["carbonmarket funds", "carbonmarket funds power-0007 --json"])
@click.argument("account", required=False)
async def show_funds(market: CarbonMarket, session: Session, account: str | None) -> None:
    """Show an account's money. Clearing's balance comes first, then trading's view of it and of allowances."""
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


@command(funds, "release", ["carbonmarket funds release 500,000"])
@click.argument("sum", type=CNY)
@click.option("--account", help="Whose; else the caller's own.")
@request_id_option
async def release(market: CarbonMarket, session: Session, sum: int, account: str | None, request_id: str) -> None:
    """Release money to be paid out, up to what may be withdrawn."""
    answer = await market.trading.release_funds(session.account(account), sum, request_id=request_id)
    session.done(answer, request_id, f"Release {answer.release_id}: {money(sum)} are on their way to be paid out.")


@cli.group(cls=Noun)
def deposits() -> None:
    """Deposits: money that arrived at a settlement bank for an account."""


@command(deposits, "list", ["carbonmarket deposits", "carbonmarket deposits list power-0007"])
@click.argument("account", required=False)
async def list_deposits(market: CarbonMarket, session: Session, account: str | None) -> None:
    """List an account's deposits, oldest first."""
    whose = session.account(account)
    answer = await gathered(
        lambda size, token: market.clearing.list_entries(whose, page_size=size, page_token=token), "entries", 0
    )
    kept = [entry for entry in answer.entries if entry.kind == types.ENTRY_KIND_DEPOSIT]
    found = query.ListEntriesResponse(entries=kept, position=answer.position)
    session.show(found, deposits_screen(whose, found))


@command(
    deposits,
    "record",
    ["carbonmarket --as settlement_bank:bank-a deposits record power-0007 2,000,000 --reference A-118"],
)
@click.argument("account")
@click.argument("sum", type=CNY)
@click.option("--reference", required=True, help="The bank's own name of the movement, used once for ever.")
@request_id_option
async def record_deposit(
    market: CarbonMarket, session: Session, account: str, sum: int, reference: str, request_id: str
) -> None:
    """Record money that arrived at the calling bank for an account."""
    answer = await market.clearing.record_deposit(reference, account, sum, request_id=request_id)
    session.done(answer, request_id, f"{money(sum)} are deposited for {account}, entry {answer.entry_number}.")


@cli.group(cls=Noun)
def payouts() -> None:
    """Payouts: money on its way out. It is requested, instructed, then paid or returned by the bank."""


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
@click.argument("payout_id", type=NUMBER)
@click.argument("bank")
@request_id_option
async def instruct(market: CarbonMarket, session: Session, payout_id: int, bank: str, request_id: str) -> None:
    """Instruct a bank to pay a requested payout."""
    answer = await market.clearing.instruct_payout(payout_id, bank, request_id=request_id)
    session.done(answer, request_id, f"{bank} is instructed to pay payout {payout_id}.")


@command(payouts, "revoke", ['carbonmarket payouts revoke 4 --ground "bank-a confirms that it will not pay"'])
@click.argument("payout_id", type=NUMBER)
@click.option("--ground", required=True, help="Why, and how it is known that the bank will not pay.")
@request_id_option
async def revoke(market: CarbonMarket, session: Session, payout_id: int, ground: str, request_id: str) -> None:
    """Propose to revoke the instruction of a payout. It takes two operators.

    Then it waits to be instructed again.
    """
    answer = await market.clearing.revoke_payout_instruction(payout_id, ground, request_id=request_id)
    session.done(answer, request_id, another_approves("clearing", answer))


@command(payouts, "paid", ["carbonmarket --as settlement_bank:bank-a payouts paid 4 --reference A-119"])
@click.argument("payout_id", type=NUMBER)
@click.option("--reference", required=True, help="The bank's own name of the movement, used once for ever.")
@request_id_option
async def paid(market: CarbonMarket, session: Session, payout_id: int, reference: str, request_id: str) -> None:
    """Record that the calling bank has paid a payout."""
    answer = await market.clearing.record_payout_paid(payout_id, reference, request_id=request_id)
    session.done(answer, request_id, f"Payout {payout_id} is paid.")


@command(payouts, "returned", ['carbonmarket --as settlement_bank:bank-a payouts returned 4 --ground "account closed"'])
@click.argument("payout_id", type=NUMBER)
@click.option("--ground", required=True, help="Why the bank could not pay.")
@request_id_option
async def returned(market: CarbonMarket, session: Session, payout_id: int, ground: str, request_id: str) -> None:
    """Record that the calling bank could not pay. The money is in the account's balance again."""
    answer = await market.clearing.record_payout_returned(payout_id, ground, request_id=request_id)
    session.done(answer, request_id, f"Payout {payout_id} is returned, entry {answer.entry_number}.")


@cli.group(cls=Noun)
def banks() -> None:
    """Settlement banks: who reports deposits and makes payouts, since when."""


@command(banks, "list", ["carbonmarket banks"])
async def list_banks(market: CarbonMarket, session: Session) -> None:
    """List the settlement banks by the day from which each list is valid."""
    answer = await market.clearing.get_settlement_banks()
    session.show(answer, banks_screen(answer))


@command(
    banks,
    "set",
    ['carbonmarket --as registry_operator:ann banks set 2021-07-16 bank-a bank-b --source "announcement 7 of 2021"'],
)
@click.argument("valid_from_day", type=DAY)
@click.argument("bank", nargs=-1, required=True)
@click.option("--source", required=True, help="Where it was announced.")
@request_id_option
async def set_banks(
    market: CarbonMarket, session: Session, valid_from_day: str, bank: tuple[str, ...], source: str, request_id: str
) -> None:
    """Set the complete list of settlement banks from a day on."""
    answer = await market.clearing.set_settlement_banks(valid_from_day, bank, source, request_id=request_id)
    session.done(answer, request_id, f"From {valid_from_day} on the settlement banks are {', '.join(bank)}.")


@cli.group(cls=Noun)
def statements() -> None:
    """Statements: an account's day, in money and in allowances."""


@command(
    statements,
    "show",
    ["carbonmarket statements", "carbonmarket statements show 2021-07-16 --account power-0007"],
)
@click.argument("day", type=DAY, required=False)
@click.option("--account", help="Whose; else the caller's own.")
async def show_statement(market: CarbonMarket, session: Session, day: str | None, account: str | None) -> None:
    """Show an account's statement of a trading day.

    It has cash, trades, fees, allowances, and until when it may be objected to. Without a day it is the last closed
    one's.
    """
    statement = await read_statement(market, session.account(account), day or await last_closed_day(market))
    lines = [asdict(line) for line in statement.vintages]
    session.show({**plain(statement.clearing), "vintages": lines}, *statement_screens(statement))
