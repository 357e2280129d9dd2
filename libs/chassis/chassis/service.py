"""A service, put together: the only place that knows which parts there are.

Start-up and recovery are one path: migrate, restore a snapshot, fold the log's tail, serve. A replica that has caught
up is ready; until it leads it passes calls on and follows the log. When it gets the leadership it folds the rest,
appends LeadershipTaken, does what is overdue, and only then answers. If anything is in doubt the process ends, and
the next start reads what is true.
"""

import asyncio
import gc
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection

from carbonmarket.log.v1 import log_service_pb2
from chassis import projections, publisher, telemetry
from chassis.broker import RecordConsumer, RecordProducer
from chassis.caller import Caller, Calls
from chassis.configuration import Misconfigured, Settings
from chassis.decider import Decider
from chassis.engine import Engine
from chassis.gauges import Figure, Gauges
from chassis.hearing import Hearing, Reactions
from chassis.log_service import LogService
from chassis.postgres_log import Pool, PostgresLog, migrate
from chassis.projections import Handlers, Projector, Tables
from chassis.publisher import Publisher
from chassis.remote import CHANNEL_OPTIONS, Remote
from chassis.server import REQUEST_BYTES_MAX, RPCS_UNDER_WAY_MAX, Api, Role, Server
from chassis.shell import OpenLog, TakeLeadership
from chassis.snapshots import Snapshots, fold_version
from chassis.submission import Submission, service_actor
from chassis.telemetry import Metrics
from chassis.timers import Timers
from chassis.tracing import Tracing
from chassis.wire import Wire
from chassis.writer import Writer, catch_up, machine_clock_ms

S = TypeVar("S")

STANDBY_POLL_SECONDS = 0.1
PROOF_SECONDS = 2.0
STOP_SECONDS_MAX = 2.0
ABANDON_SECONDS_MAX = 0.5
SNAPSHOT_SECONDS_MAX = 5.0
SERVER_OPTIONS = [
    *(option for option in CHANNEL_OPTIONS if option[0] != "grpc.max_receive_message_length"),
    ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
    ("grpc.so_reuseport", 0),  # two processes never share a port unawares
]
COLLECT_AFTER = (50_000, 20, 5)
HEALTH_SERVICE = "grpc.health.v1.Health"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts(Generic[S]):
    """What a service's apis are made of."""

    writer: Writer[S]
    tables: Tables


@dataclass(frozen=True, slots=True)
class Service(Generic[S]):
    """A service as its __main__ describes it.

    `sources` are the services it hears, `calls_to` those that it only calls. `gauges` are its own figures for
    operators, by metric name.
    """

    name: str
    decider: Decider[S]
    wire: Wire
    sources: Sequence[str]
    reactions: Reactions
    handlers: Handlers
    migrations: Path
    services: Callable[[Parts[S]], Api]
    calls: Calls = field(default_factory=dict)
    calls_to: Sequence[str] = ()
    gauges: Mapping[str, Figure[S]] = field(default_factory=dict)

    @property
    def fold_files(self) -> list[Path]:
        """The code that a snapshot depends on: the domain, the wire, and what of the shell folds them."""
        package = self.migrations.parent
        shell = Path(__file__).parent
        folded = [*package.glob("domain/**/*.py"), *package.glob("encoding/**/*.py")]
        own = [shell / f"{name}.py" for name in ("corrections", "decider", "engine", "record", "shell", "wire")]
        return [*folded, package / "wire.py", *own]


def calm_garbage_collector() -> None:
    """The state lives long and has no cycles: walking it again and again costs a third of the time, for nothing.

    The last generation has its turn all the same, after five million new objects and once a quarter is new: what waits
    in a cycle, such as an error with its frames, is not kept for ever.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


class Replica:
    """One process of a service: a standby, then perhaps the leader."""

    def __init__(
        self, service: Service[Any], settings: Settings, tracing: Tracing, metrics: Metrics, pool: Pool, queries: Pool
    ) -> None:
        self._service = service
        self._settings = settings
        self._metrics = metrics
        self._pool = pool
        self._log = PostgresLog(service.name, settings.database_url, pool)
        self._engine: Engine[Any] = Engine(
            service.name,
            service.decider,
            service.wire,
            tracing,
            frozenset(service.calls),
            frozenset(service.sources),
        )
        package = service.migrations.parent.name
        self._snapshots = Snapshots(self._log, fold_version(service.fold_files), [package])
        # A rehearsal's log has its own time from its first record on, which stands at the time it is told to begin at.
        start_ms = settings.rehearsal_start_ms
        clock_ms = machine_clock_ms if start_ms is None else lambda: start_ms
        self._writer: Writer[Any] = Writer(self._engine, self._log, metrics, clock_ms, self._snapshots)
        self._projector = Projector(self._writer.tail, service.handlers, self._engine.wire, pool)
        self._publisher = Publisher(self._writer.tail, RecordProducer(settings.kafka, service.name), pool)
        self._remotes = {name: Remote(name, address, service.name) for name, address in settings.remotes.items()}
        self._consumers = {source: RecordConsumer(settings.kafka, source) for source in service.sources}
        self._hearings = [
            Hearing(source, self._reactions_to(source), self._writer, self._remotes[source], consumer, tracing)
            for source, consumer in self._consumers.items()
        ]
        self._caller = Caller(service.calls, self._remotes, self._writer, tracing)
        self._role = Role(own_address=settings.advertise)
        self._timers = Timers(self._writer)
        self._tables = Tables(queries, self._projector)
        self._server = grpc.aio.server(options=SERVER_OPTIONS, maximum_concurrent_rpcs=RPCS_UNDER_WAY_MAX)
        self._health = health.HealthServicer()
        api = [
            (
                log_service_pb2.DESCRIPTOR.services_by_name["LogService"],
                LogService(self._writer, self._tables, self._status),
            ),
            *service.services(Parts(self._writer, self._tables)),
        ]
        Server(api, self._role, tracing, metrics).add_to(self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._names = [descriptor.full_name for descriptor, _ in api]
        reflection.enable_server_reflection([*self._names, HEALTH_SERVICE, reflection.SERVICE_NAME], self._server)
        self._watch()

    def _reactions_to(self, source: str) -> Reactions:
        mark = f".{source}."
        return {kind: react for kind, react in self._service.reactions.items() if mark in kind.DESCRIPTOR.full_name}

    async def run(self) -> None:
        """Returns never; raises what puts the process in doubt."""
        await migrate(self._pool, [Path(__file__).parent / "migrations", self._service.migrations])
        await self._snapshots.restore(self._engine)
        await catch_up(self._engine, self._log)
        self._check_clock()
        await self._say_health(serves=False)
        self._server.add_insecure_port(self._settings.listen)
        await self._server.start()
        logger.info("serves at %s, caught up at %d", self._settings.listen, self._engine.head.position)
        await self._follow_until_leading()
        await self._lead()

    async def _say_health(self, *, serves: bool) -> None:
        """Of the process, whose name is empty, and of every service that it serves: they are healthy together."""
        answers = health_pb2.HealthCheckResponse
        status = answers.SERVING if serves else answers.NOT_SERVING
        for name in ("", *self._names):
            await self._health.set(name, status)

    async def _follow_until_leading(self) -> None:
        while not await self._log.lead():
            await catch_up(self._engine, self._log)
            self._role.leader_address = self._engine.shell.leader_address
            await self._say_health(serves=True)
            await asyncio.sleep(STANDBY_POLL_SECONDS)
        await catch_up(self._engine, self._log)
        self._engine.hear_from(await self._log.heard())

    async def _lead(self) -> None:
        """The writer's end is the end of everything, at once: nobody waits for parts that cling to what is broken."""
        self._writer.tail.start_at(self._engine.head.position)
        calm_garbage_collector()
        writing = asyncio.create_task(self._writer.run())
        leading = asyncio.create_task(self._do_what_leaders_do())
        try:
            await asyncio.wait({writing, leading}, return_when=asyncio.FIRST_COMPLETED)
            for part in (writing, leading):
                if part.done():
                    part.result()
        finally:
            leading.cancel()
            writing.cancel()
            # It ends when an append that is under way has ended.
            await asyncio.wait({writing})

    async def _do_what_leaders_do(self) -> None:
        await self._take_leadership()
        await self._timers.run_overdue()
        await self._projector.load()
        self._role.leads = True
        await self._say_health(serves=True)
        logger.info("leads from %d", self._engine.head.position, extra={"position": self._engine.head.position})
        async with asyncio.TaskGroup() as group:
            group.create_task(self._projector.run())
            group.create_task(self._publisher.run())
            group.create_task(self._caller.run())
            group.create_task(self._timers.run())
            group.create_task(self._prove_leadership())
            for consumer in self._consumers.values():
                group.create_task(consumer.run())
            for hearing in self._hearings:
                group.create_task(hearing.run())

    async def _take_leadership(self) -> None:
        actor = service_actor(self._service.name)
        if self._engine.head.position == 0:
            await self._writer.insist(Submission(actor, "", OpenLog(self._settings.rehearsal)))
        self._check_clock()
        await self._writer.insist(Submission(actor, "", TakeLeadership(self._settings.advertise)))

    def _check_clock(self) -> None:
        shell = self._engine.shell
        if self._engine.head.position > 0 and shell.rehearsal != self._settings.rehearsal:
            kind = "a rehearsal" if shell.rehearsal else "no rehearsal"
            raise Misconfigured([f"CARBONMARKET_CLOCK says otherwise, but this log was opened as {kind}, for ever"])

    async def _prove_leadership(self) -> None:
        """A leader that nobody asks anything finds out as well that it leads no more, and ends."""
        while True:
            await asyncio.sleep(PROOF_SECONDS)
            await self._writer.read(lambda _: None)

    # What operators see

    def _followed(self) -> dict[str, int]:
        return {publisher.FOLLOWER: self._publisher.position, projections.FOLLOWER: self._projector.position}

    def _status(self) -> tuple[list[log_service_pb2.Follower], list[log_service_pb2.Source]]:
        followers = [
            log_service_pb2.Follower(name=name, position=position) for name, position in self._followed().items()
        ]
        sources = [
            log_service_pb2.Source(
                log_id=hearing.source, heard_position=hearing.upto.position, halted_because=hearing.halted_because
            )
            for hearing in self._hearings
        ]
        return followers, sources

    def _watch(self) -> None:
        def lag() -> dict[str, float]:
            head = self._writer.tail.position
            return {name: head - position for name, position in self._followed().items()}

        def of_sources(look: Callable[[Hearing], float]) -> Callable[[], dict[str, float]]:
            return lambda: {hearing.source: look(hearing) for hearing in self._hearings}

        engine = self._engine
        waiting = "Heard events that wait for people"
        set_aside: Figure[Any] = Figure("{event}", waiting, lambda state, now_ms: len(engine.shell.set_aside))
        unanswered: Figure[Any] = Figure(
            "{order}", "Orders without answer", lambda state, now_ms: len(engine.shell.unanswered)
        )
        gauges = Gauges(self._metrics, self._role, self._writer)
        watch = gauges.watch
        watch(telemetry.FOLLOWER_LAG_RECORDS, "{record}", "Records a follower has yet to see", lag, "follower")
        behind, since = "Records of another log yet to be heard", "Since when not all of another log is heard"
        watch(telemetry.HEARING_LAG_RECORDS, "{record}", behind, of_sources(lambda one: one.lag.records), "source")
        watch(telemetry.HEARING_LAG_SECONDS, "s", since, of_sources(lambda one: one.lag.seconds()), "source")
        halted = "1 while another log is not heard any further"
        watch(telemetry.HEARING_HALTED, "1", halted, of_sources(lambda one: bool(one.halted_because)), "source")
        gauges.watch_state(telemetry.SET_ASIDE, set_aside)
        gauges.watch_state(telemetry.ORDERS_UNANSWERED, unanswered)
        for name, figure in self._service.gauges.items():
            gauges.watch_state(name, figure)

    # The end

    async def stop(self, serving: "asyncio.Task[None]") -> None:
        """Told to: answers what is under way, takes a snapshot so that the next start is quick, gives up the leadership
        and goes. Streams and long polls end when STOP_SECONDS_MAX are over.
        """
        await self._say_health(serves=False)
        await self._server.stop(STOP_SECONDS_MAX)
        if self._role.leads:
            engine = self._engine
            try:
                taking = self._writer.read(lambda _: self._snapshots.take(engine))
                await self._snapshots.save((await asyncio.wait_for(taking, SNAPSHOT_SECONDS_MAX)).value)
            except Exception as error:
                logger.warning("no snapshot at the end, the next start reads more of the log: %r", error)
        serving.cancel()
        await asyncio.wait({serving}, timeout=STOP_SECONDS_MAX)
        await self._log.close()
        logger.info("stopped at %d", self._engine.head.position)

    async def abandon(self) -> None:
        """In doubt: another may lead at once, and those who wait hear UNAVAILABLE. Nothing else is done."""
        self._role.leads = False
        await self._log.close()
        await self._server.stop(ABANDON_SECONDS_MAX)
