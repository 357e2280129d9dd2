"""`accounts`, `vintages`, `holdings`: what the registry's books say, and the commands that change them."""

import click

from carbonmarket.registry.v1 import registry_query_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as types
from carbonmarket_client.cli.app import (
    COUNT,
    SMALL_NUMBER,
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
from carbonmarket_client.screens.accounts import (
    account_card,
    accounts_screen,
    holdings_screen,
    movements_screen,
    vintages_screen,
)
from carbonmarket_client.values import tonnes
from carbonmarket_client.words import AccountKind, words_of

KINDS = click.Choice(list(words_of(types.AccountKind.DESCRIPTOR)))


@cli.group(cls=Noun)
def accounts() -> None:
    """Registration accounts: who takes part, and whether the account may be used.

    All of them are for operators, auditors and the regulator; a holder sees its own.
    """


@command(accounts, "list", ["carbonmarket accounts", "carbonmarket accounts list --limit 0 --json"])
@limit_option
async def list_accounts(market: CarbonMarket, session: Session, limit: int) -> None:
    """List accounts by id. A holder sees only its own."""
    if own := session.own_or_all(None):
        known = await market.registry.get_account(own)
        alone = registry.ListAccountsResponse(accounts=[known.account], position=known.position)
        session.show(alone, account_card(known.account))
        return
    answer = await gathered(
        lambda size, token: market.registry.list_accounts(page_size=size, page_token=token), "accounts", limit
    )
    session.show(answer, accounts_screen(answer))


@command(accounts, "show", ["carbonmarket accounts show power-0007"])
@click.argument("account", required=False)
async def show_account(market: CarbonMarket, session: Session, account: str | None) -> None:
    """Show one account; without a name your own."""
    answer = await market.registry.get_account(session.account(account))
    session.show(answer, account_card(answer.account))


@command(
    accounts,
    "open",
    [
        'carbonmarket accounts open hubei province "Hubei Department of Ecology"',
        'carbonmarket accounts open power-0007 key_emitting_entity "Power Station Seven" --province hubei',
    ],
)
@click.argument("account")
@click.argument("kind", type=KINDS, metavar="KIND")
@click.argument("name")
@click.option("--province", default="", help="The account of the entity's province.")
@click.option("--may-trade/--may-not-trade", default=None, help="Whether it is eligible to trade; a province never is.")
@request_id_option
async def open_account(
    market: CarbonMarket,
    session: Session,
    account: str,
    kind: AccountKind,
    name: str,
    province: str,
    may_trade: bool | None,
    request_id: str,
) -> None:
    """Open the registration account of an entity.

    KIND is province, key_emitting_entity, institution or individual.
    """
    eligible = kind != "province" if may_trade is None else may_trade
    answer = await market.registry.open_account(
        account, kind, name, province=province, eligible_to_trade=eligible, request_id=request_id
    )
    session.done(answer, request_id, f"Account {account} is open.")


@command(accounts, "change", ['carbonmarket accounts change power-0007 "Power Seven Ltd" --basis "licence 2021-118"'])
@click.argument("account")
@click.argument("name")
@click.option("--basis", required=True, help="The document that proves the change.")
@request_id_option
async def change_account(
    market: CarbonMarket, session: Session, account: str, name: str, basis: str, request_id: str
) -> None:
    """Change an entity's registered name, on proof."""
    answer = await market.registry.change_account_data(account, name, basis, request_id=request_id)
    session.done(answer, request_id, f"Account {account} is registered for {name}.")


@command(accounts, "restrict", ['carbonmarket accounts restrict power-0007 --ground "licence expired"'])
@click.argument("account")
@click.option("--ground", required=True, help="Why.")
@request_id_option
async def restrict_account(market: CarbonMarket, session: Session, account: str, ground: str, request_id: str) -> None:
    """Restrict an account's use. It takes effect in trading as soon as trading has received it."""
    answer = await market.registry.restrict_account(account, ground, request_id=request_id)
    session.done(answer, request_id, f"Account {account} is restricted.")


@command(accounts, "lift", ["carbonmarket accounts lift power-0007"])
@click.argument("account")
@request_id_option
async def lift_restriction(market: CarbonMarket, session: Session, account: str, request_id: str) -> None:
    """Lift an account's restriction."""
    answer = await market.registry.lift_restriction(account, request_id=request_id)
    session.done(answer, request_id, f"Account {account} may be used again.")


@command(accounts, "close", ['carbonmarket accounts close power-0007 --ground "dissolved"'])
@click.argument("account")
@click.option("--ground", required=True, help="Why.")
@request_id_option
async def close_account(market: CarbonMarket, session: Session, account: str, ground: str, request_id: str) -> None:
    """Close an empty account for ever. It must be restricted, and its trades settled."""
    answer = await market.registry.close_account(account, ground, request_id=request_id)
    session.done(answer, request_id, f"Account {account} is closed.")


@cli.group(cls=Noun)
def vintages() -> None:
    """Vintages: a year's allowances, how many were issued and where they are."""


@command(vintages, "list", ["carbonmarket vintages"])
@limit_option
async def list_vintages(market: CarbonMarket, session: Session, limit: int) -> None:
    """List vintages, and where they are: issued = in the registry + in trading."""
    answer = await gathered(
        lambda size, token: market.registry.list_vintages(page_size=size, page_token=token), "vintages", limit
    )
    session.show(answer, vintages_screen(answer))


@command(vintages, "create", ["carbonmarket vintages create CEA21 2021"])
@click.argument("vintage")
@click.argument("compliance_year", type=SMALL_NUMBER)
@request_id_option
async def create_vintage(
    market: CarbonMarket, session: Session, vintage: str, compliance_year: int, request_id: str
) -> None:
    """Create the vintage of a compliance year."""
    answer = await market.registry.create_vintage(vintage, compliance_year, request_id=request_id)
    session.done(answer, request_id, f"Vintage {vintage} exists; nothing of it is issued yet.")


@command(vintages, "issue", ['carbonmarket vintages issue CEA hubei 5,000,000 --basis "allocation plan 2019-20"'])
@click.argument("vintage")
@click.argument("province")
@click.argument("quantity", type=TONNES)
@click.option("--basis", required=True, help="The document that orders the issue.")
@request_id_option
async def issue(
    market: CarbonMarket, session: Session, vintage: str, province: str, quantity: int, basis: str, request_id: str
) -> None:
    """Issue new allowances to a province's account."""
    answer = await market.registry.issue_allowances(vintage, province, quantity, basis, request_id=request_id)
    session.done(answer, request_id, f"{tonnes(quantity)} t of {vintage} are issued to {province}.")


@command(vintages, "allocate", ['carbonmarket vintages allocate CEA power-0007 120,000 --basis "list of 2021"'])
@click.argument("vintage")
@click.argument("account")
@click.argument("quantity", type=TONNES)
@click.option("--from", "from_account", help="The province's account; else the caller's own.")
@click.option("--basis", required=True, help="The document that orders the allocation.")
@request_id_option
async def allocate(
    market: CarbonMarket,
    session: Session,
    vintage: str,
    account: str,
    quantity: int,
    from_account: str | None,
    basis: str,
    request_id: str,
) -> None:
    """Give allowances from a province's own account to an entity of that province."""
    province = session.account(from_account)
    answer = await market.registry.allocate_allowances(
        vintage, province, account, quantity, basis, request_id=request_id
    )
    session.done(answer, request_id, f"{tonnes(quantity)} t of {vintage} are allocated to {account}.")


@cli.group(cls=Noun)
def holdings() -> None:
    """Holdings: an account's allowances, where they are, and how that came about."""


@command(
    holdings,
    "show",
    ["carbonmarket holdings power-0007", "carbonmarket holdings show power-0007 --as-of 1200"],
)
@click.argument("account", required=False)
@click.option("--as-of", "as_of_position", type=COUNT, default=0, help="After this position of the log.")
async def show_holdings(market: CarbonMarket, session: Session, account: str | None, as_of_position: int) -> None:
    """Show what an account holds, now or as of any past position of the registry's log."""
    answer = await market.registry.get_statement(session.account(account), as_of_position=as_of_position)
    session.show(answer, holdings_screen(answer))


@command(holdings, "movements", ["carbonmarket holdings movements power-0007"])
@click.argument("account", required=False)
@limit_option
async def movements(market: CarbonMarket, session: Session, account: str | None, limit: int) -> None:
    """List every change of an account's holdings, oldest first."""
    whose = session.account(account)
    answer = await gathered(
        lambda size, token: market.registry.list_movements(whose, page_size=size, page_token=token),
        "movements",
        limit,
    )
    session.show(answer, movements_screen(whose, answer))


@command(holdings, "transfer", ["carbonmarket holdings transfer CEA 50,000"])
@click.argument("vintage")
@click.argument("quantity", type=TONNES)
@click.option("--account", help="Whose; else the caller's own.")
@request_id_option
async def transfer(
    market: CarbonMarket, session: Session, vintage: str, quantity: int, account: str | None, request_id: str
) -> None:
    """Transfer allowances to trading, where they can be sold."""
    answer = await market.registry.transfer_to_trading(
        session.account(account), vintage, quantity, request_id=request_id
    )
    session.done(answer, request_id, f"{tonnes(quantity)} t of {vintage} are transferred to trading.")


@command(holdings, "return", ["carbonmarket holdings return CEA 20,000"])
@click.argument("instrument")
@click.argument("quantity", type=TONNES)
@click.option("--account", help="Whose; else the caller's own.")
@request_id_option
async def give_back(
    market: CarbonMarket, session: Session, instrument: str, quantity: int, account: str | None, request_id: str
) -> None:
    """Return allowances from trading to the registry."""
    answer = await market.trading.return_to_registry(
        session.account(account), instrument, quantity, request_id=request_id
    )
    session.done(
        answer, request_id, f"Return {answer.return_id}: {tonnes(quantity)} t of {instrument} go back to the registry."
    )
