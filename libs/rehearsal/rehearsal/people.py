"""The people of a rehearsal, each with a client of the own, and the clock that all services share."""

import asyncio
from collections.abc import Mapping
from datetime import date, datetime, time
from types import TracebackType
from typing import Self

from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket_client import CarbonMarket
from carbonmarket_client.service import ServiceClient
from carbonmarket_client.settings import Settings
from carbonmarket_client.values import CHINA

REGISTRY_OPERATOR = "registry_operator:ann"
EXCHANGE_OPERATOR = "exchange_operator:chen"
CLEARING_OPERATOR = "clearing_operator:li"
BANK = "harbour"
SETTLEMENT_BANK = f"settlement_bank:{BANK}"
REGULATOR = "regulator:ministry"
AUDITOR = "auditor:zhou"

OPERATOR_OF = {"registry": REGISTRY_OPERATOR, "trading": EXCHANGE_OPERATOR, "clearing": CLEARING_OPERATOR}
"""Who moves each service's clock."""

CALL_S_MAX = 30.0
WAKE_MS_MAX = 100
"""A reader that waits for something is woken by the next record, or looks again after so long."""

HEARING_S_MAX = 60.0


class People:
    """Gives every actor a client, all over the same channels; `async with` closes them."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._first = CarbonMarket(Settings(**addresses, actor=AUDITOR), deadline_s=CALL_S_MAX)
        self._clients: dict[str, CarbonMarket] = {}

    def acting_as(self, actor: str) -> CarbonMarket:
        """The client of an actor, `role:name`."""
        client = self._clients.get(actor)
        if client is None:
            client = self._clients[actor] = self._first.acting_as(actor)
        return client

    def participant(self, account: str) -> CarbonMarket:
        """The client of an account's holder."""
        return self.acting_as(f"participant:{account}")

    def operated(self, service: str) -> ServiceClient:
        """A service in the hands of its own operator."""
        return self.acting_as(OPERATOR_OF[service]).service(service)

    async def head(self, service: str) -> int:
        """The last position of a service's log: whoever asks for as much sees what everybody wrote before."""
        return (await self.operated(service).status()).head_position

    async def move_clocks(self, to_ms: int) -> None:
        """Move the clocks of all three services, trading's last: what falls due there is cleared at the new time."""
        await asyncio.gather(*(self.operated(service).move_clock(to_ms) for service in ("registry", "clearing")))
        await self.operated("trading").move_clock(to_ms)

    async def close(self) -> None:
        await self._first.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def china_ms(day: date, at: time) -> int:
    """A time of a day in China, as milliseconds since 1970, UTC."""
    return int(datetime.combine(day, at, CHINA).timestamp()) * 1000


async def next_record(service: ServiceClient, after_position: int) -> None:
    """Return when a service's log has a record after a position, or after WAKE_MS_MAX."""
    request = log.ReadRequest(after_position=after_position, records_max=1, wait_ms=WAKE_MS_MAX)
    await service.link.call(request, log.ReadResponse)


async def wait_until_heard(people: People, hearer: str, source: str, position: int = 0) -> int:
    """Return when a service has heard another one up to a position (0: up to its head now), with the hearer's own head.

    Raises TimeoutError.
    """
    if not position:
        position = await people.head(source)
    hearing = people.operated(hearer)
    async with asyncio.timeout(HEARING_S_MAX):
        while True:
            status = await hearing.status()
            if any(heard.log_id == source and heard.heard_position >= position for heard in status.sources):
                # Asked once more, because a status is answered after all that came before it is committed.
                return (await hearing.status()).head_position
            await next_record(hearing, status.head_position)
