"""A replica, put together: the only module that knows all its parts and how they are connected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import chassis
from carbonmarket.log.v1 import log_service_pb2
from chassis.core.engine import Engine
from chassis.edges.protocols import Consumer, Edges
from chassis.edges.remote import Remote
from chassis.followers.caller import Caller
from chassis.followers.hearing import Hearing
from chassis.followers.projections import Projector, Tables
from chassis.followers.publisher import Publisher
from chassis.followers.timers import Timers
from chassis.log.protocol import Log
from chassis.log.seals import Seals
from chassis.log.snapshots import Snapshots, SnapshotSchedule, fold_version
from chassis.log.writer import Writer
from chassis.process.configuration import Settings
from chassis.process.service import Parts, Service
from chassis.process.status import Status
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from chassis.serving.log_service import LogService
from chassis.serving.server import Role, Server


@dataclass(frozen=True, slots=True)
class Composition:
    """The parts of one replica, over its edges."""

    engine: Engine[Any]
    writer: Writer[Any]
    snapshots: Snapshots
    snapshot_schedule: SnapshotSchedule
    projector: Projector
    publisher: Publisher
    caller: Caller
    timers: Timers
    consumers: Mapping[str, Consumer]
    hearings: Sequence[Hearing]
    role: Role
    status: Status
    server: Server


@cache
def release_of(package: Path) -> str:
    """A digest of all code of a service, the shell's too: a release is another one where any of it is."""
    return fold_version([*package.rglob("*.py"), *Path(chassis.__file__).parent.rglob("*.py")])


def logs_heard(service: Service[Any], settings: Settings) -> dict[str, str]:
    """The logs of the services that it hears, and the service that each is of."""
    return {log_id: source for log_id, source in settings.services.items() if source in service.reactions}


def fold_of(
    service: Service[Any], log: Log, tracing: Tracing, heard: Mapping[str, str] | None = None
) -> tuple[Engine[Any], Snapshots]:
    """What every process needs that folds a service's log. `heard` are the logs that it hears, and the service that
    each is of: one of each source, if it is not said.
    """
    orders = frozenset(service.calls)
    declared = service.declared(heard if heard is not None else {source: source for source in service.sources})
    engine: Engine[Any] = Engine(log.log_id, service.decider, service.wire, tracing, orders, declared)
    return engine, Snapshots(log, fold_version(service.fold_files), [service.package])


def compose(service: Service[Any], settings: Settings, edges: Edges, tracing: Tracing, metrics: Metrics) -> Composition:
    engine, snapshots = fold_of(service, edges.log, tracing, logs_heard(service, settings))
    writer: Writer[Any] = Writer(engine, edges.log, metrics, edges.clock, release_of(service.migrations.parent))
    projector = Projector(settings.log_id, writer.tail, service.handlers, engine.wire, edges.tables)
    publisher = Publisher(writer.tail, edges.producer, edges.tables, edges.signer)
    remotes = {
        name: Remote(name, edges.open_channel(address), settings.log_id) for name, address in settings.remotes.items()
    }
    reactions = service.reactions
    hearings = [
        Hearing(
            log_id,
            reactions[settings.services[log_id]],
            writer,
            remotes[log_id],
            consumer,
            tracing,
            edges.clock,
            Seals(log_id, settings.public_keys.get(log_id, ())),
            edges.forks,
        )
        for log_id, consumer in edges.consumers.items()
    ]
    role = Role(own_address=settings.advertise)
    tables = Tables(edges.tables, projector)
    caller = Caller(service.calls, remotes, writer, tracing)
    status = Status(writer, projector, publisher, hearings, caller)
    api = [
        (
            log_service_pb2.DESCRIPTOR.services_by_name["LogService"],
            LogService(writer, tables, status.to_say, edges.forks, edges.signer, edges.log_for_callers),
        ),
        *service.services(Parts(writer, tables, edges.signer)),
    ]

    async def make_snapshot() -> None:
        await snapshots.save((await writer.read(lambda _: snapshots.take(engine))).value)

    return Composition(
        engine=engine,
        writer=writer,
        snapshots=snapshots,
        snapshot_schedule=SnapshotSchedule(writer.tail, edges.make_snapshot or make_snapshot),
        projector=projector,
        publisher=publisher,
        caller=caller,
        timers=Timers(writer),
        consumers=edges.consumers,
        hearings=hearings,
        role=role,
        status=status,
        server=Server(api, role, tracing, metrics, tables.wait_for, edges.open_channel),
    )
