"""The three books side by side, as anybody with an auditor's eyes can read them through the public API.

Allowances are in the registry's books and money in clearing's; trading has a view of both. Trading says as of which
position of the others its view is. What has not settled yet is in its view already and in theirs not yet.
"""

from dataclasses import dataclass

from rich.console import RenderableType
from rich.text import Text

from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket_client import pages
from carbonmarket_client.screens.layout import Screen, numbers, words, yes
from carbonmarket_client.values import amount, tonnes
from rehearsal.people import AUDITOR, People, wait_until_heard

LISTENERS = (("trading", "registry"), ("clearing", "trading"), ("trading", "clearing"), ("registry", "trading"))
"""(who hears, whom), in the order in which what one says reaches the next."""


@dataclass(frozen=True, slots=True)
class Line:
    """An account's tonnes of an instrument (or its fen, where none is named) in the books and by trading's view."""

    account: str
    instrument: str
    held: int
    expected: int


@dataclass(frozen=True, slots=True)
class Books:
    """The books at the positions named; `conserved` is whether each vintage has in all accounts what was issued."""

    registry_position: int
    trading_position: int
    units: tuple[Line, ...]
    funds: tuple[Line, ...]
    conserved: bool

    @property
    def agree(self) -> bool:
        """Whether every book says the same."""
        return self.conserved and all(line.held == line.expected for line in (*self.units, *self.funds))


async def compare_books(people: People) -> Books:
    """Read all three books once everybody has heard everybody; nobody may trade meanwhile."""
    for hearer, source in LISTENERS:
        await wait_until_heard(people, hearer, source)
    auditor = people.acting_as(AUDITOR)
    stated = await auditor.trading.get_all_positions()
    expected = {
        (row.account, row.instrument): row.total_tonnes
        - row.bought_unsettled_tonnes
        + row.sold_unsettled_tonnes
        + row.returns_unacknowledged_tonnes
        for row in stated.units
    }
    at = stated.heard_registry_position
    held: dict[tuple[str, str], int] = {}
    async for page in pages(lambda token: auditor.registry.list_trading_holdings(as_of_position=at, page_token=token)):
        held |= {(row.account, row.vintage): row.quantity_tonnes for row in page.holdings}
    units = [Line(*key, held.get(key, 0), expected.get(key, 0)) for key in sorted(held.keys() | expected.keys())]
    registry_head = await people.head("registry")
    vintages = (await auditor.registry.list_vintages(min_position=registry_head)).vintages
    return Books(
        registry_position=at,
        trading_position=stated.position,
        units=tuple(units),
        funds=await _funds(people, stated),
        conserved=all(row.issued_tonnes == row.registry_available_tonnes + row.trading_tonnes for row in vintages),
    )


async def _funds(people: People, stated: query.GetAllPositionsResponse) -> tuple[Line, ...]:
    auditor = people.acting_as(AUDITOR)
    expected = {
        row.account: row.total_fen
        + row.paid_unsettled_fen
        - row.received_unsettled_fen
        + row.releases_unacknowledged_fen
        for row in stated.funds
    }
    clearing_head = await people.head("clearing")
    lines = []
    async for page in pages(lambda token: auditor.registry.list_accounts(page_token=token)):
        for account in page.accounts:
            balance_fen = (await auditor.clearing.get_funds(account.account, min_position=clearing_head)).balance_fen
            if balance_fen or expected.get(account.account, 0):
                lines.append(Line(account.account, "", balance_fen, expected.get(account.account, 0)))
    return tuple(lines)


def books_screens(books: Books) -> list[RenderableType]:
    """When they were read, for they may have gone on since a reconciliation; then two tables: tonnes, then money."""
    at = f"registry position {books.registry_position:,} and trading position {books.trading_position:,}"
    return [
        Text(f"The tables below show the books now, at {at}."),
        Screen(
            "Allowances in trading, t",
            [words("account"), words("instrument"), numbers("registry"), numbers("trading"), words("equal")],
            [
                (
                    line.account,
                    line.instrument,
                    tonnes(line.held),
                    tonnes(line.expected),
                    yes(line.held == line.expected),
                )
                for line in books.units
            ],
        ),
        Screen(
            "Money, CNY",
            [words("account"), numbers("clearing"), numbers("trading"), words("equal")],
            [
                (line.account, amount(line.held), amount(line.expected), yes(line.held == line.expected))
                for line in books.funds
            ],
        ),
    ]
