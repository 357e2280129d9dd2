"""A replica, put together: the only place that knows which parts there are, and how they hang together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from carbonmarket.log.v1 import log_service_pb2
from chassis.caller import Caller
from chassis.configuration import Settings
from chassis.edges import Consumer, Edges
from chassis.engine import Engine
from chassis.hearing import Hearing
from chassis.log_service import LogService
from chassis.projections import Projector, Tables
from chassis.publisher import Publisher
from chassis.remote import Remote
from chassis.server import Role, Server
from chassis.service import Parts, Service
from chassis.snapshots import Snapshots, fold_version
from chassis.status import Status
from chassis.telemetry import Metrics
from chassis.timers import Timers
from chassis.tracing import Tracing
from chassis.writer import Writer


@dataclass(frozen=True, slots=True)
class Composition:
    """The parts of one replica, over its edges."""

    engine: Engine[Any]
    writer: Writer[Any]
    snapshots: Snapshots
    projector: Projector
    publisher: Publisher
    caller: Caller
    timers: Timers
    consumers: Mapping[str, Consumer]
    hearings: Sequence[Hearing]
    role: Role
    status: Status
    server: Server


def compose(service: Service[Any], settings: Settings, edges: Edges, tracing: Tracing, metrics: Metrics) -> Composition:
    orders, sources = frozenset(service.calls), frozenset(service.sources)
    engine: Engine[Any] = Engine(
        service.name, service.decider, service.wire, tracing, orders, sources, service.release_level
    )
    package = service.migrations.parent.name
    snapshots = Snapshots(edges.log, fold_version(service.fold_files), [package])
    writer: Writer[Any] = Writer(engine, edges.log, metrics, edges.clock, snapshots)
    projector = Projector(writer.tail, service.handlers, engine.wire, edges.tables)
    publisher = Publisher(writer.tail, edges.producer, edges.tables)
    remotes = {
        name: Remote(name, edges.open_channel(address), service.name) for name, address in settings.remotes.items()
    }
    hearings = [
        Hearing(source, service.reactions_to(source), writer, remotes[source], consumer, tracing, edges.clock)
        for source, consumer in edges.consumers.items()
    ]
    role = Role(own_address=settings.advertise)
    tables = Tables(edges.tables, projector)
    caller = Caller(service.calls, remotes, writer, tracing)
    status = Status(writer, projector, publisher, hearings, caller)
    api = [
        (log_service_pb2.DESCRIPTOR.services_by_name["LogService"], LogService(writer, tables, status.to_say)),
        *service.services(Parts(writer, tables)),
    ]
    return Composition(
        engine=engine,
        writer=writer,
        snapshots=snapshots,
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
