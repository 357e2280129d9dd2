"""`supply`, `proof`: what the registry signed of a day, and the proof that a holder's allowances are counted in it."""

import json
import os
from pathlib import Path

import click
from rich.text import Text

from carbonmarket_client.bookmarks import readable
from carbonmarket_client.cli.app import DAY, Session, cli, command
from carbonmarket_client.errors import NotConfigured
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.proofs import (
    NotProved,
    Proof,
    Supply,
    check_proof,
    check_supply,
    plain_proof,
    plain_supply,
    proof_in,
    proof_of,
    published_of,
    same_supply,
    supply_in,
)
from carbonmarket_client.screens.proofs import proof_screen, supply_screen
from carbonmarket_client.settings import pinned_keys
from carbonmarket_client.strict_json import read_json

REGISTRY = "registry"
HELD_STATES = ("registry_available", "trading")
PRIVATE = 0o600

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@command(cli, "supply", ["carbonmarket supply", "carbonmarket supply --day 2021-07-16 --json > supply.json"])
@click.option("--day", type=DAY, help="Of this day; else of the last that is over.")
async def supply(market: CarbonMarket, session: Session, day: str | None) -> None:
    """Show how much of each vintage there was when a day ended, as the registry signed it.

    Anybody may ask. The signature is checked with the pinned public keys (CARBONMARKET_REGISTRY_PUBLIC_KEYS). Of one
    day the registry signs one supply: whoever is shown another one can prove it with both.
    """
    keys = pinned_keys(REGISTRY)
    answer = await market.registry.get_supply(day or "")
    found = supply_in(answer.supply, answer.seal)
    key_id = check_supply(found, keys)
    check_is_of_day(found, day)
    session.show(
        {**plain_supply(found), "digest": found.digest, "key_id": key_id},
        supply_screen(found),
        signed_text(found, key_id),
    )


@command(
    cli,
    "proof",
    [
        "carbonmarket proof",
        "carbonmarket proof power-0007 --day 2021-07-16 --out proof.json",
        "carbonmarket proof power-0007 --day 2021-07-16 --check proof.json",
        "carbonmarket proof --check proof.json --against supply.json",
    ],
)
@click.argument("account", required=False)
@click.option("--day", type=DAY, help="Of this day; else of the last that is over, or with --check of any.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write this file; else one named by account and day.",
)
@click.option(
    "--check", type=FILE, help="Check the proof in this file with the pinned public keys; no service is asked."
)
@click.option(
    "--against",
    type=FILE,
    help="With --check: a supply that somebody else was shown (`carbonmarket supply --json`), which must be the same.",
)
async def proof(
    market: CarbonMarket,
    session: Session,
    account: str | None,
    day: str | None,
    out: Path | None,
    check: Path | None,
    against: Path | None,
) -> None:
    """Prove that a holder's allowances are counted.

    Writes the proof of your account, or of the ACCOUNT named, as a file. The file is private: it says what the account
    had. With --check anybody who has the file and pins the registry's public keys (CARBONMARKET_REGISTRY_PUBLIC_KEYS)
    checks it, and trusts no service for it. Name with it the ACCOUNT and the --day that it must be of.
    """
    keys = pinned_keys(REGISTRY)
    if check is not None:
        if out:
            raise NotConfigured("--check writes no file: leave out --out")
        found = proof_file(check)
        key_id = check_proof(found, keys)
        check_is_of(found, account, day)
        if against is not None:
            other = supply_file(against)
            check_supply(other, keys)
            same_supply(found.supply, other)
        show_proved(session, found, key_id, f"Proved by {check.name}.")
        return
    if against is not None:
        raise NotConfigured("--against goes with --check")
    name = session.account(account)
    answer = await market.registry.get_holding_proof(name, day or "")
    found = proof_in(name, answer)
    key_id = check_proof(found, keys)
    check_is_of_day(found.supply, day)
    await check_all_is_there(market, found)
    file = out or Path(f"proof-{name}-{found.supply.day}.json")
    write_private(file, json.dumps(plain_proof(found), indent=1) + "\n")
    show_proved(session, found, key_id, f"Proved, and written to {file}.")


def check_is_of(found: Proof, account: str | None, day: str | None) -> None:
    """Raises NotProved where it is of another account or day than is asked for."""
    if account and found.account != account:
        raise NotProved(f"it is a proof of {found.account}, not of {account}")
    check_is_of_day(found.supply, day)


def check_is_of_day(found: Supply, day: str | None) -> None:
    """Raises NotProved where it is of another day than is asked for."""
    if day and found.day != day:
        raise NotProved(f"it is of {found.day}, not of {day}: what came in between is not in it")


async def check_all_is_there(market: CarbonMarket, found: Proof) -> None:
    """The registry's own statement of the account must say the same. Raises NotProved."""
    answer = await market.registry.get_statement(found.account, as_of_position=found.supply.position)
    stated = {
        (holding.vintage, state): getattr(holding, f"{state}_tonnes")
        for holding in answer.holdings
        for state in HELD_STATES
    }
    for vintage, state in sorted(stated.keys() | found.quantities.keys()):
        proved_tonnes, stated_tonnes = (all_.get((vintage, state), 0) for all_ in (found.quantities, stated))
        if proved_tonnes != stated_tonnes:
            raise NotProved(
                f"the registry proves {proved_tonnes} t of {vintage} in the state {state}, and states {stated_tonnes} t"
            )


def proof_file(file: Path) -> Proof:
    """Raises NotConfigured on a file without a proof."""
    with readable(file, "a proof: it must be what `carbonmarket proof` writes"):
        return proof_of(read_json(file))


def supply_file(file: Path) -> Supply:
    """Raises NotConfigured on a file without a supply."""
    with readable(file, "a supply: it must be what `carbonmarket supply --json` prints"):
        return published_of(read_json(file))


def write_private(file: Path, text: str) -> None:
    """Nobody else may read it. Raises NotConfigured."""
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE), "w") as opened:
            os.fchmod(opened.fileno(), PRIVATE)
            opened.write(text)
    except OSError as fault:
        raise NotConfigured(f"{file} cannot be written: {fault}") from fault


def show_proved(session: Session, found: Proof, key_id: str, done: str) -> None:
    known = {
        "account": found.account,
        "day": found.supply.day,
        "holdings": [
            {"vintage": vintage, "state": state, "quantity_tonnes": tonnes}
            for (vintage, state), tonnes in sorted(found.quantities.items())
        ],
        "supply": plain_supply(found.supply),
        "digest": found.supply.digest,
        "key_id": key_id,
    }
    session.show(known, Text(done), proof_screen(found), Text(ALL_OF_IT), signed_text(found.supply, key_id))


ALL_OF_IT = (
    "All of it is counted in what all accounts had, each tonne once, and what all had adds up to what was issued.\n"
    "Compare it with your own records: what you had beyond it is not counted.\n"
    "If the file is somebody else's, the account had at least so much: shares can be left out of a file."
)


def signed_text(found: Supply, key_id: str) -> Text:
    return Text(
        f"Signed by {found.log_id} with key {key_id}, as of position {found.position:,} of its log.\n"
        f"Whoever asks for {found.day} must be shown the same digest:\n  {found.digest}"
    )
