"""A registry that runs, with trading's log as the test writes it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from carbonmarket.registry.v1 import registry_query_service_pb2, registry_service_pb2
from carbonmarket.registry.v1 import registry_service_pb2 as pb
from carbonmarket.registry.v1 import registry_types_pb2 as types
from carbonmarket.trading.v1 import trading_events_pb2 as trading_events
from rehearsal.postgres import Postgres
from support.processes.kafka import Kafka
from support.processes.one_service import OneService, WrittenLog, one_service
from support.processes.postgres import new_database

OPERATOR = "registry_operator:ann"


@pytest_asyncio.fixture(scope="module")
async def trading() -> AsyncIterator[WrittenLog]:
    """Trading's log."""
    log = WrittenLog("trading")
    await log.start()
    yield log
    await log.stop()


@pytest_asyncio.fixture(scope="module")
async def registry(
    postgres: Postgres, run_kafka: Kafka, trading: WrittenLog, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[OneService]:
    """One registry for all tests of a module, with these books:

    hubei and henan, provinces; power-0001 with 100 t of CEA in the registry and 500 t in trading; steel-0002, which has
    nothing; fund-0003, not admitted to trading; closed-0004; held-0005, restricted, with 50 t in the registry;
    leaving-0006, empty and wound up.
    """
    await run_kafka.clear()
    apis = (registry_service_pb2, registry_query_service_pb2)
    folder = tmp_path_factory.mktemp("registry")
    async with (
        new_database(postgres) as url,
        one_service("registry", apis, folder, url, run_kafka.address, {"trading": trading.address}) as service,
    ):
        await open_books(service)
        await wind_up(service, trading, "closed-0004", "leaving-0006")
        close = pb.CloseAccountRequest(request_id="close", account="closed-0004", ground="dissolved")
        await service.call(OPERATOR, close)
        yield service


async def open_books(service: OneService) -> None:
    """Open the accounts that every test of a module finds."""
    await open_account(service, "hubei", types.ACCOUNT_KIND_PROVINCE, province="", eligible=False)
    await open_account(service, "henan", types.ACCOUNT_KIND_PROVINCE, province="", eligible=False)
    await open_account(service, "fund-0003", types.ACCOUNT_KIND_INSTITUTION, province="", eligible=False)
    for account in ("power-0001", "steel-0002", "closed-0004", "held-0005", "leaving-0006"):
        await open_account(service, account, types.ACCOUNT_KIND_KEY_EMITTING_ENTITY, province="hubei", eligible=True)
    await service.call(OPERATOR, pb.CreateVintageRequest(request_id="vintage CEA", vintage="CEA", compliance_year=2020))
    await service.call(
        OPERATOR,
        pb.IssueAllowancesRequest(
            request_id="issue", vintage="CEA", account="hubei", quantity_tonnes=1_650, basis="plan 1"
        ),
    )
    for account, quantity_tonnes in (("power-0001", 600), ("held-0005", 50)):
        await service.call(
            "province:hubei",
            pb.AllocateAllowancesRequest(
                request_id=f"allocate {account}",
                vintage="CEA",
                from_account="hubei",
                account=account,
                quantity_tonnes=quantity_tonnes,
                basis="list 1",
            ),
        )
    await service.call(
        "participant:power-0001",
        pb.TransferToTradingRequest(request_id="transfer", account="power-0001", vintage="CEA", quantity_tonnes=500),
    )
    await service.call(
        OPERATOR, pb.RestrictAccountRequest(request_id="restrict", account="held-0005", ground="risk warning")
    )


async def wind_up(service: OneService, trading: WrittenLog, *accounts: str) -> None:
    """Restrict accounts of which trading says that nothing awaits settlement."""
    for account in accounts:
        await service.call(
            OPERATOR, pb.RestrictAccountRequest(request_id=f"restrict {account}", account=account, ground="dissolved")
        )
        trading.write(trading_events.TradingAccountWoundUp(account=account, restriction_number=1))
    await service.heard(trading)


async def open_account(
    service: OneService, account: str, kind: types.AccountKind.ValueType, *, province: str, eligible: bool
) -> None:
    """Open one account under its own name."""
    request = pb.OpenAccountRequest(
        request_id=f"open {account}",
        account=account,
        kind=kind,
        name=account,
        province=province,
        eligible_to_trade=eligible,
    )
    await service.call(OPERATOR, request)
