"""The client over services that are killed and come back: nothing is lost, nothing is done twice."""

import asyncio
from contextlib import aclosing

import pytest

from carbonmarket.clearing.v1 import clearing_service_pb2 as clearing
from carbonmarket.log.v1 import log_events_pb2 as log_events
from carbonmarket_client import CarbonMarket, NotFound, Record, pages
from carbonmarket_client.settings import Settings
from support.processes.market import RunningMarket

pytestmark = [pytest.mark.e2e, pytest.mark.fault]

ACCOUNT = "power-0001"
DEPOSITS = 2_500
KILLED_AT = (400, 1_600)


def client_of(market: RunningMarket, actor: str) -> CarbonMarket:
    return CarbonMarket(Settings(**market.addresses, actor=actor))


async def open_account(market: RunningMarket) -> None:
    async with client_of(market, "registry_operator:ann") as client:
        await client.registry.open_account("hubei", "province", "Hubei", eligible_to_trade=False)
        await client.clearing.set_settlement_banks("2021-01-01", ["harbour"], "announcement 7")
        await client.registry.open_account(ACCOUNT, "key_emitting_entity", "Red Bluff Power", province="hubei")
        reader = client.acting_as("clearing_operator:li").clearing

        async def clearing_knows_it() -> bool:
            try:
                await reader.get_funds(ACCOUNT)
            except NotFound:
                return False
            return True

        await market.until(clearing_knows_it, "clearing to hear of the account")


async def test_bulk_entry_does_each_command_once_over_two_kills(market: RunningMarket) -> None:
    await open_account(market)
    deposits = [
        clearing.RecordDepositRequest(bank_reference=f"H-{number}", account=ACCOUNT, amount_fen=number)
        for number in range(1, DEPOSITS + 1)
    ]
    async with client_of(market, "settlement_bank:harbour") as bank:
        done = []
        async for outcome in bank.clearing.submit_many(deposits):
            assert outcome.refusal is None
            assert isinstance(outcome.command, clearing.RecordDepositRequest)
            done.append(outcome.command.amount_fen)
            if len(done) in KILLED_AT:
                await market.kill("clearing")
        assert done == list(range(1, DEPOSITS + 1)), "every outcome, once, in order"

        auditor = bank.acting_as("auditor:kate").clearing
        auditor.link.written_position = bank.clearing.link.written_position
        funds = await auditor.get_funds(ACCOUNT)
        entries = [
            entry
            async for page in pages(lambda token: auditor.list_entries(ACCOUNT, page_token=token))
            for entry in page.entries
        ]
    assert funds.balance_fen == sum(range(1, DEPOSITS + 1))
    assert sorted(entry.amount_fen for entry in entries) == list(range(1, DEPOSITS + 1))


async def test_a_log_that_is_followed_misses_and_repeats_nothing_over_kills(market: RunningMarket) -> None:
    seen: list[Record] = []

    async def listen(client: CarbonMarket) -> None:
        async with aclosing(client.registry.follow_log()) as log:
            async for record in log:
                seen.append(record)

    async def leaders_seen() -> bool:
        return sum(isinstance(record.event, log_events.LeadershipTaken) for record in seen) >= 3

    async with client_of(market, "auditor:kate") as client:
        listening = asyncio.create_task(listen(client))
        for number in range(2):
            await client.acting_as("registry_operator:ann").registry.open_account(
                f"province-{number}", "province", "A province", eligible_to_trade=False
            )
            await market.kill("registry")
        await market.until(leaders_seen, "the log to tell of every leader")
        listening.cancel()
        await asyncio.wait([listening])
    assert [record.position for record in seen] == list(range(1, len(seen) + 1))
