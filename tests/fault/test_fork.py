"""A source that came back older and went on differently: hearing halts, names both digests, and nothing is guessed."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from rehearsal.postgres import Postgres
from support.days.day import DAYS, EXCHANGE_OPERATOR, REGISTRY_OPERATOR
from support.processes.kafka import Kafka
from support.processes.market import RunningMarket, running_market

pytestmark = pytest.mark.fault


async def open_account(market: RunningMarket, account: str) -> None:
    kind = registry_types.ACCOUNT_KIND_PROVINCE
    request = registry.OpenAccountRequest(request_id=account, account=account, kind=kind, name=account)
    await market.port.call(REGISTRY_OPERATOR, request)


async def copy_database(postgres: Postgres, name: str, to: str) -> None:
    """Nobody may be in it meanwhile."""
    connection = await asyncpg.connect(postgres.url("postgres"))
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{to}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{to}" TEMPLATE "{name}"')
    finally:
        await connection.close()


async def test_a_forked_source_halts_hearing_and_both_digests_are_named(
    postgres: Postgres, kafka: Kafka, tmp_path: Path
) -> None:
    async with running_market(postgres, kafka.address, tmp_path, services=["registry", "trading"]) as market:
        await open_account(market, "hubei")
        announce = trading.AnnounceTradingDaysRequest(request_id="days", days=DAYS)
        await market.port.call(EXCHANGE_OPERATOR, announce)
        await market.stop_service("registry")
        await copy_database(postgres, market.database("registry"), "older_registry")
        await market.start(["registry"])
        await open_account(market, "hunan")
        heard = (await market.port.whole_log("registry"))[-1]

        async def heard_all() -> bool:
            sources = (await market.port.status("trading")).sources
            return any(source.heard_position == heard.position for source in sources if source.log_id == "registry")

        await market.until(heard_all, "trading to hear the registry")
        # It may have read the record from the log before Kafka brought its seal, without which nothing is proved.
        await market.until(lambda: keeps_head(market, heard.position), "trading to keep the head that it heard")
        # Trading must meet the fork, not an older copy that is shorter still.
        await market.stop_service("trading")
        await market.stop_service("registry")
        await copy_database(postgres, "older_registry", market.database("registry"))
        await market.start(["registry"])
        # A leadership and two accounts later the older copy is longer than what trading heard.
        for account in ("anhui", "fujian", "gansu"):
            await open_account(market, account)
        met = (await market.port.whole_log("registry"))[heard.position - 1]
        assert met.digest != heard.digest
        await market.start(["trading"])

        async def halted() -> bool:
            return bool(await halted_because(market))

        await market.until(halted, "trading to stop hearing the registry")
        why = await halted_because(market)
        assert heard.digest.hex() in why
        assert "forked" in why
        log = await asyncio.to_thread(market.child("trading").log_path.read_text)
        assert "hearing registry is halted" in log
        assert heard.digest.hex() in log
        await market.until(lambda: is_kept_away(market), "the registry to keep participants away")
        await market.until(lambda: is_proved(market, heard.digest), "trading to keep the proof of the fork")
        assert await obstacles(market) == [("HEARING_HALTED", {"source": "registry"})]
        await market.kill("trading")
        await market.ready(["trading"])
        assert await obstacles(market) == [("HEARING_HALTED", {"source": "registry"})], "over a restart as well"
        # The fork stays open: people would say from where on the registry is heard. The auditor names it, and by their
        # names the accounts that only one side knows; clearing is not there. Each log is whole in itself.
        assert await market.audit_logs(["registry", "trading"]) == {
            "every source is heard": 1,
            "trading knows every account": len(["anhui", "fujian", "gansu", "hunan"]),
            "clearing has a fund account for every account": len(["hubei", "hunan"]),
        }


async def is_kept_away(market: RunningMarket) -> bool:
    """Whether the registry has learnt that trading heard another history. Such a transfer is possible at no time."""
    transfer = registry.TransferToTradingRequest(request_id="new", account="hubei", vintage="CEA", quantity_tonnes=1)
    return await market.port.reason_of("participant:hubei", transfer) == "LOG_CAME_BACK_OLDER"


async def keeps_head(market: RunningMarket, position: int) -> bool:
    """Whether trading keeps a signed head of the registry's log at a position."""
    connection = await asyncpg.connect(market.postgres.url(market.database("trading")))
    try:
        kept = "SELECT EXISTS (SELECT FROM heard_heads WHERE log_id = 'registry' AND position = $1)"
        found: bool = await connection.fetchval(kept, position)
    finally:
        await connection.close()
    return found


async def is_proved(market: RunningMarket, heard: bytes) -> bool:
    """Whether trading keeps two heads of the registry's log for one position, of which one was heard, both signed."""
    return any(heard in (one.head.digest, one.other_head.digest) for one in await market.port.fork_proofs("trading"))


async def obstacles(market: RunningMarket) -> list[tuple[str, dict[str, str]]]:
    """What keeps the first day from being opened."""
    day = await market.port.call(EXCHANGE_OPERATOR, trading_queries.GetDayRequest(day=DAYS[0]))
    return [(obstacle.reason, dict(obstacle.facts)) for obstacle in day.obstacles]


async def halted_because(market: RunningMarket) -> str:
    sources = (await market.port.status("trading")).sources
    return next(source.halted_because for source in sources if source.log_id == "registry")
