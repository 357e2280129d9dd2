"""A market run by nothing but the command line: from an empty registry to the delivered tonne and the next morning."""

import asyncio
import json
import shlex
from typing import Any

import pytest
from click.testing import CliRunner, Result

from carbonmarket_client.__main__ import NOUNS
from carbonmarket_client.cli.app import cli
from support.processes.market import RunningMarket

assert NOUNS, "importing them declares the commands"

pytestmark = pytest.mark.e2e

PAUSE_S = 0.1
TRIES_MAX = 200

# Who does what, in order. A line that another service has to hear of first is repeated until it is accepted.
BEFORE_THE_DAY = """
registry_operator:ann    accounts open hubei province 'Hubei, ecology department'
registry_operator:ann    accounts open power-0001 key_emitting_entity 'Red Bluff Power' --province hubei
registry_operator:ann    accounts open power-0002 key_emitting_entity 'East Lake Power' --province hubei
registry_operator:ann    vintages create CEA 2020
registry_operator:ann    vintages issue CEA hubei 1,000,000 --basis 'plan of 2021'
province:hubei           vintages allocate CEA power-0001 400,000 --basis 'list of 2021'
participant:power-0001   holdings transfer CEA 300,000
exchange_operator:chen   days announce --from 2021-07-16 --to 2021-07-30 --yes
exchange_operator:chen   rules set 2021-07-16 --source 'notices of June 2021'
exchange_operator:chen   rules fees 2021-07-16 --buyer 100 --seller 100 --source 'notice of July 2021'
exchange_operator:chen   instruments admit CEA --from 2021-07-16 --reference 48.00
registry_operator:ann    banks set 2021-07-15 harbour --source 'announcement of June 2021'
settlement_bank:harbour  deposits record power-0002 20,000,000 --reference H-1
exchange_operator:chen   clock move '2021-07-16 09:30'
exchange_operator:chen   days open 2021-07-16
"""

THE_DAY = """
participant:power-0001   orders place CEA sell 5,000 48.50
participant:power-0001   orders place CEA sell 2,000 48.60
participant:power-0002   orders take 1 1,000 48.50
participant:power-0001   orders cancel 2
exchange_operator:chen   clock move '2021-07-16 13:00'
participant:power-0001   blocks offer power-0002 CEA sell 150,000 47.00
participant:power-0002   blocks quote 1 150,000 46.00
participant:power-0001   blocks confirm 1 150,000 46.00
exchange_operator:chen   clock move '2021-07-16 15:00'
"""

THE_NEXT_MORNING = """
exchange_operator:chen   clock move '2021-07-19 09:00'
exchange_operator:chen   days open 2021-07-19
"""

WAY_OF_A_TRADE = {
    ("trading", "TradeExecuted"),
    ("registry", "AllowancesDelivered"),
    ("clearing", "TradeSettled"),
    ("trading", "AllowancesReleased"),
}

NOT_HEARD_YET = {
    "ACCOUNT_UNKNOWN",
    "INSTRUMENT_UNKNOWN",
    "EARLIER_DAY_NOT_SETTLED",
    "BOOKS_NOT_COMPARED",
    "BOOKS_NOT_AGREED",
}


async def run(market: RunningMarket, actor: str, *arguments: str) -> Result:
    addresses = [f"--{service}={address}" for service, address in market.addresses.items()]
    command_line = [*addresses, f"--as={actor}", "--json", *arguments]
    return await asyncio.to_thread(CliRunner().invoke, cli, command_line, prog_name="carbonmarket")


async def said(market: RunningMarket, actor: str, *arguments: str) -> Any:
    """Run a command that works and return what it printed, repeating it while it only waits to be heard of."""
    for _ in range(TRIES_MAX):
        result = await run(market, actor, *arguments)
        assert result.stdout, result.output
        answer = json.loads(result.stdout)
        if result.exit_code == 0:
            return answer
        assert answer["error"]["reason"] in NOT_HEARD_YET, (actor, arguments, answer)
        await asyncio.sleep(PAUSE_S)
    raise AssertionError((actor, arguments, answer))


async def play(market: RunningMarket, lines: str) -> None:
    for line in lines.strip().splitlines():
        actor, command = line.split(maxsplit=1)
        await said(market, actor, *shlex.split(command))


async def test_a_market_can_be_run_by_the_command_line_alone(market: RunningMarket) -> None:
    await play(market, BEFORE_THE_DAY)
    await market.rest()
    await play(market, THE_DAY)
    await market.rest()

    bulletin = await said(market, "participant:power-0002", "bulletins", "2021-07-16")
    assert bulletin["lines"][0]["close_fen"] == 4850
    assert bulletin["value_fen"] == 1_000 * 4850 + 150_000 * 4600

    statement = await said(market, "participant:power-0002", "statements", "2021-07-16")
    value_fen = bulletin["value_fen"]
    assert statement["fees_fen"] == 1_000 * 4850 // 10_000 + 150_000 * 4600 // 10_000
    assert statement["closing_fen"] == 2_000_000_000 - value_fen - statement["fees_fen"]

    (line,) = statement["vintages"]
    assert (line["opening_tonnes"], line["bought_tonnes"], line["closing_tonnes"]) == (0, 151_000, 151_000)
    assert (line["trading_tonnes"], line["sellable_next_day_tonnes"]) == (151_000, 151_000)
    sellers = await said(market, "clearing_operator:li", "statements", "2021-07-16", "--account", "power-0001")
    (line,) = sellers["vintages"]
    assert (line["allocated_tonnes"], line["sold_tonnes"], line["closing_tonnes"]) == (400_000, 151_000, 249_000)
    assert (line["registry_available_tonnes"], line["trading_tonnes"]) == (100_000, 149_000)
    assert line["transferred_to_trading_tonnes"] == 300_000

    (book_day,) = (await said(market, "auditor:kate", "reconciliations"))["reconciliations"]
    assert book_day["agreed"]
    (holding,) = (await said(market, "participant:power-0002", "holdings"))["holdings"]
    assert holding["trading_tonnes"] == 151_000

    early = await run(market, "participant:power-0002", "orders", "place", "CEA", "sell", "1,000", "48.50")
    assert early.exit_code == 1
    assert json.loads(early.stdout)["error"]["reason"] == "DAY_NOT_OPEN"
    await play(market, THE_NEXT_MORNING)
    funds = await said(market, "participant:power-0002", "funds")
    assert funds["trading"]["units"][0]["available_tonnes"] == 151_000, "bought yesterday, to be sold today (T+1)"

    await check_trace(market)


async def check_trace(market: RunningMarket) -> None:
    """The trade's trace goes through all services to the release; spans are written a moment after the fact."""
    steps: set[tuple[str, str]] = set()
    for _ in range(TRIES_MAX):
        result = await run(market, "participant:power-0002", "trace", "1", "--spans", str(market.folder / "spans"))
        if result.exit_code == 0:
            trace = json.loads(result.stdout)
            steps = {(span["service"], span["name"]) for span in trace["spans"]}
            if steps >= WAY_OF_A_TRADE:
                assert trace["services"] == ["trading", "clearing", "registry"]
                return
        await asyncio.sleep(PAUSE_S)
    raise AssertionError(steps)
