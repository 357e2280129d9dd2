"""One replica as a process: the shipped Replica over simulated edges. It can be killed between any two of its steps.

A killed process does nothing more: its tasks are cancelled, and its edges let nothing through that they would do on
their way out.
"""

import asyncio
import contextvars
import hashlib
from collections.abc import Collection, Sequence
from typing import Any

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.edges.protocols import Edges
from chassis.log.seals import Signer
from chassis.process.configuration import Settings
from chassis.process.replica import Replica
from chassis.process.service import Service
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from support.simulation.broker import Broker
from support.simulation.clocks import HostClock, RehearsalClock, Time
from support.simulation.database import Database, Session, Tables
from support.simulation.network import Network

running: contextvars.ContextVar["Process | None"] = contextvars.ContextVar("running", default=None)
"""The process that the current task belongs to."""


def note_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Has every process keep account of its tasks, in the order in which they began."""

    def make(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> "asyncio.Task[Any]":
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
        context = options.get("context")
        process = context.get(running) if context is not None else running.get()
        if process is not None:
            process.tasks[task] = None
            task.add_done_callback(lambda done: process.tasks.pop(done, None))
        return task

    loop.set_task_factory(make)


def key_of(service: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(service.encode()).digest())


class Door:
    """Keeps chassis.edges.protocols.Door: its process is found in the network until its connections end."""

    def __init__(self, process: "Process") -> None:
        self._process = process

    def serve(self, handlers: Sequence[grpc.GenericRpcHandler], names: Sequence[str]) -> None:
        self._process.handlers = handlers

    async def start(self) -> None:
        self._process.network.add(self._process, self._process.service.name, self._process.address)

    async def say_health(self, *, serves: bool) -> None:
        return

    async def close(self, seconds: float, polls: Collection[Any] = ()) -> None:
        """Lets nobody in any more, and waits for the calls at work."""
        self._process.closed = True
        at_work = [call for call in self._process.calls if call not in polls]
        if at_work:
            await asyncio.wait(at_work, timeout=seconds)

    async def end_connections(self) -> None:
        self._process.network.remove(self._process)


class Process:
    """Of a rehearsal, unless there is a time."""

    def __init__(
        self,
        service: Service[Any],
        number: int,
        life: int,
        database: Database,
        network: Network,
        broker: Broker,
        begins_ms: int,
        time: Time | None = None,
    ) -> None:
        self.service = service
        self.address = f"{service.name}:{number}"
        self.place = f"{self.address} life {life}"
        self.network = network
        self.alive = True
        self.closed = False
        self.calls: dict[asyncio.Task[Any], None] = {}
        self.handlers: Sequence[grpc.GenericRpcHandler] = ()
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.serving: asyncio.Task[None] | None = None
        self.context = contextvars.copy_context()
        self.context.run(running.set, self)
        self.session = Session(database, network.chance, self.place)
        tables = Tables(database, network.chance, self.place)
        edges = Edges(
            log=self.session,
            clock=HostClock(time, self.address) if time else RehearsalClock(begins_ms),
            open_channel=lambda address: network.channel(address, self, self.place),
            producer=broker.producer(service.name, self.place),
            consumers={source: broker.consumer(source, self) for source in service.sources},
            tables=tables,
            door=Door(self),
            forks=tables,
            signer=Signer(service.name, key_of(service.name), tables),
        )
        others = (*service.sources, *service.calls_to)
        settings = Settings(
            log_id=service.name,
            listen=self.address,
            advertise=self.address,
            database_url="",
            kafka="",
            remotes={name: name for name in others},
            services={name: name for name in others},
            rehearsal=time is None,
            rehearsal_start_ms=begins_ms,
            spans_folder=None,
            log_level="INFO",
            public_keys={name: [key_of(name).public_key().public_bytes_raw()] for name in others},
        )
        random_bytes = network.chance.stream(f"traces {self.place}").randbytes
        tracing = Tracing(random_bytes=random_bytes)
        self.replica = self.context.run(Replica, service, settings, edges, tracing, Metrics())

    @property
    def leads(self) -> bool:
        return self.alive and self.replica.parts.role.leads

    async def run(self) -> None:
        """Until it is killed, or raises what put it in doubt."""
        loop = asyncio.get_running_loop()
        self.serving = serving = loop.create_task(self.replica.run(), context=self.context)
        try:
            await asyncio.wait({serving})
        finally:
            self.kill()
        if not serving.cancelled():
            serving.result()

    def kill(self) -> None:
        self.alive = False
        self.replica.parts.role.leads = False
        self.session.end_session()
        self.network.remove(self)
        for task in list(self.tasks):
            task.cancel()
