"""Screens of the registry's books: accounts, vintages, holdings and movements."""

from rich.console import RenderableType

from carbonmarket.registry.v1 import registry_query_service_pb2 as registry
from carbonmarket_client.screens.layout import (
    Screen,
    card,
    change,
    more,
    numbers,
    said,
    words,
    yes,
)
from carbonmarket_client.values import day_at, moment, tonnes


def accounts_screen(answer: registry.ListAccountsResponse) -> Screen:
    return Screen(
        more("Accounts", answer.next_page_token),
        [
            words("account"),
            words("kind"),
            words("state"),
            words("may trade"),
            words("province", spare=1),
            words("name", wraps=True),
        ],
        [
            (
                account.account,
                said(account, "kind"),
                said(account, "state"),
                yes(account.eligible_to_trade),
                account.province,
                account.name,
            )
            for account in answer.accounts
        ],
        "There are no accounts yet: `carbonmarket accounts open --help`.",
    )


def account_card(account: registry.Account) -> RenderableType:
    rows = [
        ("name", account.name),
        ("kind", said(account, "kind")),
        ("province", account.province or "-"),
        ("eligible to trade", yes(account.eligible_to_trade)),
        ("opened", moment(account.opened_ms)),
        ("state", f"{said(account, 'state')} since {moment(account.state_since_ms)}"),
    ]
    if account.ground:
        rows.append(("ground", account.ground))
    if said(account, "state") == "restricted":
        rows.append(("trading has stopped it", yes(account.restriction_in_effect)))
        rows.append(("its trades are settled", yes(account.wound_up)))
    return card(f"Account {account.account}", rows)


def vintages_screen(answer: registry.ListVintagesResponse) -> Screen:
    return Screen(
        more("Vintages: issued = in the registry + in trading, in tonnes", answer.next_page_token),
        [
            words("vintage"),
            numbers("year"),
            numbers("issued"),
            numbers("in the registry"),
            numbers("in trading"),
        ],
        [
            (
                vintage.vintage,
                str(vintage.compliance_year),
                tonnes(vintage.issued_tonnes),
                tonnes(vintage.registry_available_tonnes),
                tonnes(vintage.trading_tonnes),
            )
            for vintage in answer.vintages
        ],
        "There are no vintages yet: `carbonmarket vintages create --help`.",
    )


def holdings_screen(answer: registry.GetStatementResponse) -> Screen:
    return Screen(
        f"Holdings of {answer.account.account} in tonnes, as of registry position {answer.position:,}",
        [words("vintage"), numbers("in the registry"), numbers("in trading"), numbers("together")],
        [
            (
                holding.vintage,
                tonnes(holding.registry_available_tonnes),
                tonnes(holding.trading_tonnes),
                tonnes(holding.registry_available_tonnes + holding.trading_tonnes),
            )
            for holding in answer.holdings
        ],
        "The account holds no allowances.",
    )


def movements_screen(account: str, answer: registry.ListMovementsResponse) -> Screen:
    return Screen(
        more(f"Movements of {account}, change in tonnes", answer.next_page_token),
        [
            numbers("position", spare=2),
            words("day"),
            words("vintage"),
            words("what", wraps=True),
            numbers("in the registry"),
            numbers("in trading"),
            words("with"),
            numbers("trade", spare=1),
            words("basis", spare=3, wraps=True),
        ],
        [
            (
                f"{movement.position:,}",
                day_at(movement.recorded_ms),
                movement.vintage,
                said(movement, "kind"),
                change(movement.registry_available_change_tonnes),
                change(movement.trading_change_tonnes),
                movement.counterparty,
                str(movement.trade_id or ""),
                movement.basis,
            )
            for movement in answer.movements
        ],
        "Nothing has changed the account's holdings yet.",
    )
