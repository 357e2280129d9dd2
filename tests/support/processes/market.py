"""A market for tests: the three services as processes, on a PostgreSQL and a broker that the test can kill.

A service that ends without having been asked to is started again, as an operator's platform would do it. Everything
goes through public calls; what breaks a market is a signal to a process or a database put back older.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path

from carbonmarket_client.settings import public_keys_variable
from rehearsal.keys import public_key, signing_key
from rehearsal.postgres import Postgres
from rehearsal.processes import Child, Program, Supervisor, free_port, healthy
from support.auditor import assert_clean, audit_services
from support.days.calls import ProcessPort, misplaced

SERVICES = ("registry", "trading", "clearing")
CLOCK = "rehearsal=2021-07-15T08:00:00+08:00"
POLL_S = 0.05
PROJECTIONS = "projections"
REST_S_MAX = 60.0
NUMBERS = count(1)


class RunningMarket:
    """Registry, trading and clearing; each may have a second replica, `registry-2` and so on."""

    def __init__(self, postgres: Postgres, kafka_address: str, folder: Path, clock: str = CLOCK) -> None:
        self.postgres = postgres
        self.clock = clock
        self.kafka_address = kafka_address
        self.folder = folder
        self.number = next(NUMBERS)
        self.supervisor = Supervisor(folder, restart=True)
        self.addresses = {name: f"127.0.0.1:{free_port()}" for name in SERVICES}
        self.replicas: dict[str, str] = {}
        self.port = ProcessPort(self.addresses)

    def database(self, service: str) -> str:
        return f"market_{self.number}_{service}"

    def child(self, name: str) -> Child:
        return self.supervisor.children[name]

    def program(self, service: str, replica: int = 1) -> Program:
        """How one replica is run. The second one listens elsewhere; others go on calling the first."""
        name = service if replica == 1 else f"{service}-{replica}"
        address = (
            self.addresses[service] if replica == 1 else self.replicas.setdefault(name, f"127.0.0.1:{free_port()}")
        )
        environment = {
            "CARBONMARKET_LISTEN": address,
            "CARBONMARKET_DATABASE_URL": self.postgres.url(self.database(service)),
            "CARBONMARKET_KAFKA": self.kafka_address,
            "CARBONMARKET_ACTOR_FROM": "metadata",
            "CARBONMARKET_CLOCK": self.clock,
            "CARBONMARKET_SPANS": str(self.folder / "spans"),
            "CARBONMARKET_SIGNING_KEY": str(signing_key(self.folder / "keys", service)),
            **{
                public_keys_variable(other): public_key(signing_key(self.folder / "keys", other))
                for other in SERVICES
                if other != service
            },
            **{
                f"CARBONMARKET_{other.upper()}_ADDRESS": self.addresses[other] for other in SERVICES if other != service
            },
        }
        return Program(name, (sys.executable, "-m", service), environment, ready=healthy(address))

    async def create_databases(self) -> None:
        for service in SERVICES:
            await self.postgres.create_database(self.database(service))

    async def start(self, services: Iterable[str] = SERVICES) -> None:
        """Starts services side by side; returns when all can be used."""
        await self.supervisor.start_all([self.program(service) for service in services])

    async def start_replica(self, service: str) -> str:
        """Starts a second replica; gives its address."""
        await self.supervisor.start(self.program(service, replica=2))
        return self.replicas[f"{service}-2"]

    async def stop_service(self, name: str) -> None:
        """Stops a service as an operator does; it stays away until `start`."""
        await self.supervisor.stop_child(name)

    async def kill(self, name: str) -> None:
        """kill -9, as soon as it runs. The service is started again by itself."""
        await self.until(partial(self.is_running, name), f"{name} to be killed")
        with contextlib.suppress(ProcessLookupError):  # it ended by itself in this very moment
            os.kill(self.child(name).pid, signal.SIGKILL)

    async def is_running(self, name: str) -> bool:
        return self.child(name).running

    async def ready(self, names: Iterable[str] = SERVICES) -> None:
        """Returns when each of them answers health checks again."""
        for name in names:
            await self.until(partial(self.is_ready, name), f"{name} to be ready")

    async def is_ready(self, name: str) -> bool:
        check = self.child(name).program.ready
        assert check is not None
        return await check(self.child(name))

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str, seconds: float = REST_S_MAX) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not await condition():
                    assert not self.supervisor.failed.is_set(), self.supervisor.failure
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            logs = "\n".join(child.tail() for child in self.supervisor.children.values())
            raise AssertionError(f"waited {seconds:g} s for {what}\n{logs}") from None

    async def rest(self) -> None:
        """Returns when every log is heard to its end, every order is answered, and queries show all of it."""
        await self.until(self.port.at_rest, "the market to come to rest")
        await self.until(self._shows_all, "queries to show the whole logs")

    async def _shows_all(self) -> bool:
        statuses = [await self.port.status(name) for name in set(SERVICES) & set(self.supervisor.children)]
        return all(
            follower.position >= status.head_position
            for status in statuses
            for follower in status.followers
            if follower.name == PROJECTIONS
        )

    async def audit(self, ask_supply: bool = True) -> dict[str, int]:
        """The market rests, and the auditor finds nothing; gives its figures."""
        await self.rest()
        return await assert_clean(self.addresses, ask_supply)

    async def audit_logs(self, services: Iterable[str]) -> dict[str, int]:
        """What the auditor finds in the logs of some services, by rule, where the others are away or the market cannot
        come to rest: what only one side says of another is among it.
        """
        addresses = {name: self.addresses[name] for name in services}
        report = await audit_services(addresses, ask_queries=False, at_rest=False)
        return dict(report.findings.counts)

    async def misplaced_answers(self) -> list[str]:
        """Answered commands that are not in the log exactly once, at the position of the answer."""
        found = []
        for service in set(SERVICES) & set(self.supervisor.children):
            answered = [each for each in self.port.answered if each.service == service]
            found += misplaced(answered, await self.port.whole_log(service))
        return found

    async def stop(self) -> None:
        await self.port.close()
        await self.supervisor.stop()


@asynccontextmanager
async def running_market(
    postgres: Postgres, kafka_address: str, folder: Path, services: Iterable[str] = SERVICES, clock: str = CLOCK
) -> AsyncIterator[RunningMarket]:
    """A market with new databases, stopped at the end."""
    market = RunningMarket(postgres, kafka_address, folder, clock)
    await market.create_databases()
    try:
        await market.start(services)
        yield market
    finally:
        await market.stop()
