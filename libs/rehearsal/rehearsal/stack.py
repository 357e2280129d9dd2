"""A whole market on one machine: embedded PostgreSQL, embedded broker, and the three services, a process each.

Everything lies in one folder: `postgres/` the data, `log/` what each process prints, `spans/` the spans that
`carbonmarket trace` reads, `keys/` what the services sign their logs with. Every process listens on a
free loopback port. The clock is a rehearsal's: it does not run by itself, an operator moves it.

Invariant: when `Stack` is left, however it is left, no process of it runs.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from carbonmarket_client.settings import SPANS_VARIABLE, address_variable, public_keys_variable
from rehearsal.broker import broker_program
from rehearsal.folder import KEYS
from rehearsal.keys import public_key, signing_key
from rehearsal.postgres import Postgres
from rehearsal.processes import Program, Say, Supervisor, Usage, free_port, healthy, say_nothing

HOST = "127.0.0.1"
SERVICES = ("registry", "trading", "clearing")
SPAN_DELAY_MS = 300


@dataclass(frozen=True, slots=True)
class Start:
    """How a stack is run. `clock` is the market's time at the very first start, ISO with offset. `restart` starts
    processes that crash again. `spans` lets the services write spans. `kafka` is a broker's address, host:port, that
    is used in place of the embedded one.
    """

    clock: str
    restart: bool = False
    spans: bool = True
    kafka: str = ""


class ThenFailed(Exception):
    """The command to run after a play did not succeed."""


class Stack:
    """The market in a folder, run as an async context manager. Raises ChildFailed when a part does not start.

    `say` receives a sentence about every process that ends by itself and what becomes of it.
    """

    def __init__(self, folder: Path, start: Start, say: Say = say_nothing) -> None:
        self.folder = folder
        self.spans = folder / "spans"
        self.logs = folder / "log"
        self.keys = folder / KEYS
        self.postgres = Postgres(folder / "postgres")
        self.supervisor = Supervisor(self.logs, restart=start.restart, say=say)
        self.addresses = {service: f"{HOST}:{free_port()}" for service in SERVICES}
        self.kafka = start.kafka or f"{HOST}:{free_port()}"
        self._start = start

    @property
    def failed(self) -> asyncio.Event:
        """Set when a process does not come back, however often it is started again."""
        return self.supervisor.failed

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables by which a client finds the services, the keys that they sign with and the spans."""
        found = {address_variable(service): address for service, address in self.addresses.items()}
        for service in SERVICES:
            found[public_keys_variable(service)] = public_key(signing_key(self.keys, service))
        return found | {SPANS_VARIABLE: str(self.spans.resolve())}

    def usages(self) -> Mapping[str, Usage]:
        """What each service's process has used so far."""
        return {service: self.supervisor.children[service].usage() for service in SERVICES}

    async def then(self, command: str) -> None:
        """Run a shell command that finds the services in its environment. Raises ThenFailed."""
        child = await asyncio.create_subprocess_shell(command, env={**os.environ, **self.environment})
        if (code := await child.wait()) != 0:
            raise ThenFailed(f"`{command}` ended with {code}")

    async def __aenter__(self) -> Self:
        try:
            await self._run()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _run(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        brokers = [] if self._start.kafka else [broker_program(int(self.kafka.rpartition(":")[2]))]
        await asyncio.gather(self.postgres.start(), self.supervisor.start_all(brokers))
        self.supervisor.take_in(self.postgres.child)
        programs = [await self._program(service) for service in SERVICES]
        await self.supervisor.start_all(programs)

    async def _stop(self) -> None:
        await self.supervisor.stop()
        await self.postgres.stop()  # where it was not taken in before something went wrong

    async def _program(self, service: str) -> Program:
        address = self.addresses[service]
        environment = {
            "CARBONMARKET_LISTEN": address,
            "CARBONMARKET_DATABASE_URL": await self.postgres.create_database(service),
            "CARBONMARKET_KAFKA": self.kafka,
            "CARBONMARKET_ACTOR_FROM": "metadata",
            "CARBONMARKET_CLOCK": f"rehearsal={self._start.clock}",
            "CARBONMARKET_SIGNING_KEY": str(signing_key(self.keys, service)),
        }
        for other in SERVICES:
            if other != service:
                environment[address_variable(other)] = self.addresses[other]
                environment[public_keys_variable(other)] = public_key(signing_key(self.keys, other))
        if self._start.spans:
            environment |= {SPANS_VARIABLE: str(self.spans), "OTEL_BSP_SCHEDULE_DELAY": str(SPAN_DELAY_MS)}
        return Program(service, (sys.executable, "-m", service), environment, ready=healthy(address))
