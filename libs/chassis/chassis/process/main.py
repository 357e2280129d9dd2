"""A service's process: its command line, its start, its end.

Start-up and recovery are one path. If the outcome of an append is unknown the process ends, and the next start
re-reads the log.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

from chassis.core.call import Unavailable
from chassis.core.misconfigured import Misconfigured
from chassis.core.record import LogBroken
from chassis.edges.broker import RecordConsumer, RecordProducer
from chassis.edges.postgres_tables import PostgresTables, clear_tables
from chassis.edges.protocols import Edges
from chassis.edges.remote import open_channel
from chassis.followers import projections
from chassis.log.clocks import ClockSkewed
from chassis.log.for_callers import LogForCallers
from chassis.log.machine_clock import MachineClock
from chassis.log.postgres_log import (
    MIGRATIONS,
    OUT_OF_REACH,
    POOL_CONNECTIONS_MAX,
    Pool,
    PostgresLog,
    check_holds,
    migrate,
    open_pool,
)
from chassis.log.protocol import LogUnavailable, Witness
from chassis.log.seals import Signer
from chassis.log.verify import contradictions, read_witness, verify
from chassis.log.writer import catch_up
from chassis.process.composition import fold_of, logs_heard
from chassis.process.configuration import Settings, read_settings
from chassis.process.garbage import calm_garbage_collector, collect_every_night
from chassis.process.holds import Holds
from chassis.process.replica import Replica
from chassis.process.service import Service
from chassis.say import telemetry
from chassis.say.tracing import Tracing
from chassis.serving.door import GrpcDoor

DATABASE_SECONDS_MAX = 30.0
DATABASE_RETRY_SECONDS = 1.0
SEAL_CONNECTIONS_MAX = 2
SERVING_POOLS = (POOL_CONNECTIONS_MAX, POOL_CONNECTIONS_MAX, SEAL_CONNECTIONS_MAX)
"""How many connections the shell, the queries and the seals have."""
SNAPSHOT_SECONDS_MAX = 600.0
SNAPSHOT_NICE = 10
"""The writer has the processor first."""
EXIT_MISCONFIGURED, EXIT_CLOCK_SKEWED, EXIT_IN_DOUBT, EXIT_BROKEN_LOG = 78, 75, 70, 65
EXIT_CODES = ((Misconfigured, EXIT_MISCONFIGURED), (ClockSkewed, EXIT_CLOCK_SKEWED), (LogBroken, EXIT_BROKEN_LOG))

logger = logging.getLogger(__name__)


def run(service: Service[Any], arguments: Sequence[str] | None = None) -> NoReturn:
    """The command line of every service: `serve` (the default), or an operator's task."""
    parser = argparse.ArgumentParser(prog=service.name, description=f"The {service.name} service.")
    parser.add_argument("what", nargs="?", choices=("serve", "verify", "rebuild-tables", "snapshot"), default="serve")
    parser.add_argument(
        "--heard-by",
        action="append",
        default=[],
        type=read_witness,
        metavar="SERVICE:POSITION:DIGEST",
        help="verify: a service, and the last record of this log that it heard",
    )
    chosen = parser.parse_args(arguments)
    try:
        settings = read_settings(os.environ, service.name, (*service.sources, *service.calls_to))
    except Misconfigured as error:
        print(f"{service.name}: {error}", file=sys.stderr)
        sys.exit(EXIT_MISCONFIGURED)
    telemetry.start_logging(settings.log_id, settings.log_level)
    match chosen.what:
        case "verify":
            job = verify_log(service, settings, chosen.heard_by)
        case "rebuild-tables":
            job = rebuild_tables(service, settings)
        case "snapshot":
            job = make_snapshot(service, settings)
        case _:
            job = serve(service, settings)
    # Not asyncio.run, which cancels whatever is left: an append is never cancelled, and nothing may hold up the end of
    # a process that is in doubt.
    code = asyncio.new_event_loop().run_until_complete(job)
    sys.stdout.flush()
    os._exit(code)


async def verify_log(service: Service[Any], settings: Settings, heard_by: Sequence[Witness]) -> int:
    try:
        (pool,) = await reach_database(settings.database_url)
        log = PostgresLog(settings.log_id, settings.database_url, pool)
        witnesses = [*await log.witnesses(), *heard_by]
        head, fault = await verify(log)
        contradicted = [] if fault else await contradictions(log, head, witnesses)
    except (LogUnavailable, *OUT_OF_REACH) as error:
        print(f"{settings.log_id}: the log cannot be read: {error}", file=sys.stderr)
        return EXIT_IN_DOUBT
    if fault is not None:
        print(f"{settings.log_id}: {fault.what}; good up to {head.position}")
        return EXIT_BROKEN_LOG
    for what in contradicted:
        print(f"{settings.log_id}: {what}")
    if contradicted:
        return EXIT_BROKEN_LOG
    agree, name = f"{len(witnesses)} witnesses agree", settings.log_id
    print(f"{name}: {head.position} records, each continues the one before; {agree}; digest {head.digest.hex()}")
    return 0


async def rebuild_tables(service: Service[Any], settings: Settings) -> int:
    """Empties the tables derived from the log; the leader rebuilds them, now or at its next start."""
    try:
        (pool,) = await reach_database(settings.database_url)
        head = await clear_tables(pool, projections.FOLLOWER, projections.REBUILT)
    except (LogUnavailable, *OUT_OF_REACH) as error:
        print(f"{settings.log_id}: the tables cannot be cleared: {error}", file=sys.stderr)
        return EXIT_IN_DOUBT
    print(f"{settings.log_id}: the tables are cleared; the leader rebuilds them, they are complete at position {head}")
    return 0


async def make_snapshot(service: Service[Any], settings: Settings) -> int:
    """Fold the log as a start does, and store the state as a snapshot. A leader starts it as a separate process."""
    os.nice(SNAPSHOT_NICE)
    try:
        (pool,) = await reach_database(settings.database_url)
        log = PostgresLog(settings.log_id, settings.database_url, pool)
        engine, snapshots = fold_of(service, log, Tracing(), logs_heard(service, settings))
        await snapshots.restore(engine)
        await catch_up(engine, log)
        await log.save_snapshot(snapshots.take(engine))
    except (LogUnavailable, *OUT_OF_REACH) as error:
        logger.warning("no snapshot: %r", error)
        return EXIT_IN_DOUBT
    return 0


async def have_snapshot_made(service: Service[Any]) -> None:
    """By a process of its own: it shares nothing with the leader but the database. Raises SnapshotFailed."""
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", service.package, "snapshot")
    try:
        code = await asyncio.wait_for(child.wait(), SNAPSHOT_SECONDS_MAX)
    finally:
        if child.returncode is None:
            child.kill()
    if code != 0:
        raise SnapshotFailed(f"its process ended with {code}")


class SnapshotFailed(Exception):
    """A snapshot was not made; the next one may be."""


async def serve(service: Service[Any], settings: Settings) -> int:
    """Serves until asked to stop (exit code 0), or until an outcome is unknown or a setting is wrong (other codes)."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    logger.warning("callers state their identity in metadata without proof: only for a rehearsal on one machine")
    tracing, flush_spans = telemetry.start_tracing(service.name, settings.log_id, settings.spans_folder)
    metrics, flush_metrics = telemetry.start_metrics(service.name, settings.log_id)
    stop_asked = asyncio.create_task(stopping.wait())
    holds = Holds(metrics)
    nights: list[asyncio.Task[None]] = []

    def begin_to_lead() -> None:
        calm_garbage_collector()
        nights.append(asyncio.create_task(collect_every_night()))
        holds.begin()

    replica = None
    try:
        reaching = asyncio.create_task(reach_database(settings.database_url, SERVING_POOLS))
        await asyncio.wait({reaching, stop_asked}, return_when=asyncio.FIRST_COMPLETED)
        if stop_asked.done():
            return 0
        edges = real_edges(service, settings, *reaching.result())
        replica = Replica(service, settings, edges, tracing, metrics, begin_to_lead)
        serving = asyncio.create_task(replica.run())
        await asyncio.wait({serving, stop_asked}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        await replica.stop(serving)
        return 0
    except Exception as error:
        cause = root_cause(error)
        if isinstance(cause, LogBroken):
            logger.critical("the process ends: %s", cause)
        else:
            logger.critical("the process ends, its next start re-reads the log: %s", cause, exc_info=error)
        if replica is not None:
            await replica.abandon()
        return next((code for kind, code in EXIT_CODES if isinstance(cause, kind)), EXIT_IN_DOUBT)
    finally:
        holds.end()
        for task in nights:
            task.cancel()
        # In a thread, because the last export reads gauges in this loop.
        await asyncio.to_thread(flush_metrics)
        await asyncio.to_thread(flush_spans)


def real_edges(service: Service[Any], settings: Settings, pool: Pool, queries: Pool, seals: Pool) -> Edges:
    """PostgreSQL, Kafka, gRPC and the machine's clock."""

    async def prepare() -> None:
        await migrate(pool, {"shell": MIGRATIONS, service.package: service.migrations})
        await check_holds(pool, settings.log_id)

    tables = PostgresTables(pool, queries, seals)
    key = settings.signing_key
    return Edges(
        log=PostgresLog(settings.log_id, settings.database_url, pool),
        log_for_callers=LogForCallers(PostgresLog(settings.log_id, settings.database_url, queries)),
        clock=MachineClock(settings.rehearsal_start_ms),
        open_channel=open_channel,
        producer=RecordProducer(settings.kafka, settings.log_id),
        consumers={log_id: RecordConsumer(settings.kafka, log_id) for log_id in logs_heard(service, settings)},
        tables=tables,
        door=GrpcDoor(settings.listen),
        forks=tables,
        prepare=prepare,
        signer=Signer(settings.log_id, key, tables) if key is not None else None,
        make_snapshot=partial(have_snapshot_made, service),
    )


def root_cause(error: BaseException) -> BaseException:
    """The first failure, of all that a group of tasks ended with, that is not merely what the writer's end caused."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [root_cause(one) for one in error.exceptions]
    return next((cause for cause in causes if not isinstance(cause, Unavailable)), causes[0])


async def reach_database(database_url: str, connections_max: Sequence[int] = (POOL_CONNECTIONS_MAX,)) -> list[Pool]:
    """A pool for each of these numbers of connections. Raises LogUnavailable when the database does not answer in
    time.
    """
    ends = asyncio.get_running_loop().time() + DATABASE_SECONDS_MAX
    while True:
        pools: list[Pool] = []
        try:
            for connections in connections_max:
                pools.append(await open_pool(database_url, connections))
            return pools
        except OUT_OF_REACH as error:
            for pool in pools:
                pool.terminate()
            if asyncio.get_running_loop().time() > ends:
                raise LogUnavailable(f"the database cannot be reached: {error}") from error
            logger.warning("the database cannot be reached yet: %s", error)
            await asyncio.sleep(DATABASE_RETRY_SECONDS)
