"""The life of one process of a service: a standby, then perhaps the leader.

Start-up and recovery are one path: prepare, restore a snapshot, fold the log's tail, serve. A replica that has caught
up is ready; until it leads it passes calls on and follows the log. When it gets the leadership it folds the rest,
appends LeadershipTaken, does what is overdue, and only then answers. If the outcome of an append is unknown the process
ends, and the next start re-reads the log. It also ends where its host's clock differs from its database's.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from chassis.core.call import Unavailable
from chassis.core.misconfigured import Misconfigured
from chassis.core.shell import OpenLog, TakeLeadership
from chassis.core.submission import AskedCommand, service_actor
from chassis.edges.protocols import Edges
from chassis.log.clocks import check_not_ahead, compare_clocks
from chassis.log.for_callers import cannot_answer
from chassis.log.protocol import LogUnavailable
from chassis.log.writer import catch_up
from chassis.process.composition import compose
from chassis.process.configuration import Settings
from chassis.process.gauges import Gauges
from chassis.process.service import Service
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from chassis.serving.trees import make_trees

STANDBY_POLL_SECONDS = 0.1
PROOF_SECONDS = 2.0
STOP_SECONDS_MAX = 2.0
COMMIT_SECONDS_MAX = 1.0
ABANDON_SECONDS_MAX = 0.5
SNAPSHOT_SECONDS_MAX = 5.0

logger = logging.getLogger(__name__)


class Replica:
    """`when_leading` is called once, when the state is whole and before anything is decided on it."""

    def __init__(
        self,
        service: Service[Any],
        settings: Settings,
        edges: Edges,
        tracing: Tracing,
        metrics: Metrics,
        when_leading: Callable[[], None] = lambda: None,
    ) -> None:
        self.service = service
        self.parts = compose(service, settings, edges, tracing, metrics)
        self._settings = settings
        self._edges = edges
        self._when_leading = when_leading
        edges.door.serve(self.parts.server.handlers, self.parts.server.names)
        self.parts.status.watch(Gauges(metrics, self.parts.role, self.parts.writer), service.gauges)

    async def run(self) -> None:
        """Returns never; raises what puts the process in doubt."""
        engine, log = self.parts.engine, self._edges.log
        await self._edges.prepare()
        await self.parts.snapshots.restore(engine)
        await catch_up(engine, log)
        self._check_clock()
        await self._edges.door.say_health(serves=False)
        await self._edges.door.start()
        logger.info("serves at %s, caught up at %d", self._settings.listen, engine.head.position)
        await self._follow_until_leading()
        await self._lead()

    async def _follow_until_leading(self) -> None:
        engine, log = self.parts.engine, self._edges.log
        while not await self._leads():
            await catch_up(engine, log)
            self.parts.role.leader_address = engine.shell.leader_address
            await self._edges.door.say_health(serves=True)
            await asyncio.sleep(STANDBY_POLL_SECONDS)
        await catch_up(engine, log)
        engine.hear_from(await log.heard())
        if not self._settings.rehearsal:
            now_ms = await compare_clocks(log, self._edges.clock.now_ms)
            await check_not_ahead(log, engine.head.position, engine.shell.now_ms, now_ms)

    async def _leads(self) -> bool:
        """A host whose clock is wrong does not ask: it would keep those out that are right."""
        if not self._settings.rehearsal:
            await compare_clocks(self._edges.log, self._edges.clock.now_ms)
        return await self._edges.log.lead()

    async def _lead(self) -> None:
        """When the writer ends, everything ends at once: nothing waits for parts that still use a broken connection."""
        self.parts.writer.tail.start_at(self.parts.engine.head.position)
        self._when_leading()
        writing = asyncio.create_task(self.parts.writer.run())
        leading = asyncio.create_task(self._do_what_leaders_do())
        # When both have ended, the writer's end says why; this one's is then looked at by nobody else.
        leading.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        try:
            await asyncio.wait({writing, leading}, return_when=asyncio.FIRST_COMPLETED)
            for part in (writing, leading):
                if part.done():
                    part.result()
        except asyncio.CancelledError:
            await self._commit_what_is_decided(leading)
            raise
        finally:
            leading.cancel()
            writing.cancel()
            # It ends when an append that is under way has ended.
            await asyncio.wait({writing})
            if not writing.cancelled():
                # Also where this is cancelled: what ended the writer says whether an append is in doubt.
                writing.result()

    async def _commit_what_is_decided(self, leading: "asyncio.Task[None]") -> None:
        """Of a leader that is stopped: nothing more is heard, due or answered, and the writer commits what it has, so
        that the state is one to make a snapshot of.
        """
        leading.cancel()
        try:
            async with asyncio.timeout(COMMIT_SECONDS_MAX):
                await asyncio.wait({leading})
                await self.parts.writer.read(lambda _: None)
        except (Unavailable, TimeoutError) as error:
            logger.info("the writer ends before it has committed everything: %r", error)

    async def _do_what_leaders_do(self) -> None:
        parts = self.parts
        await self._take_leadership()
        await parts.timers.run_overdue()
        await parts.projector.load()
        if self._edges.signer is not None:
            await self._edges.signer.load(self._edges.log)
        # Before anybody is let in: this log may have been restored older than what others heard of it.
        await asyncio.gather(*(hearing.recall_witness() for hearing in parts.hearings))
        await asyncio.gather(*(hearing.ask_witness() for hearing in parts.hearings))
        parts.role.leads = True
        await self._edges.door.say_health(serves=True)
        position = parts.engine.head.position
        logger.info("leads, head at position %d", position, extra={"position": position})
        async with asyncio.TaskGroup() as group:
            group.create_task(parts.projector.run())
            group.create_task(parts.publisher.run())
            group.create_task(parts.caller.run())
            group.create_task(parts.timers.run())
            group.create_task(parts.snapshot_schedule.run(parts.snapshots.restored_from))
            group.create_task(self._prove_leadership())
            group.create_task(make_trees(parts.writer.read, self.service.commitments))
            for consumer in parts.consumers.values():
                group.create_task(consumer.run())
            for hearing in parts.hearings:
                group.create_task(hearing.run())

    async def _take_leadership(self) -> None:
        actor, writer = service_actor(self._settings.log_id), self.parts.writer
        if self.parts.engine.head.position == 0:
            await writer.insist(AskedCommand(actor, "", OpenLog(self._settings.rehearsal)))
        self._check_clock()
        await writer.insist(AskedCommand(actor, "", TakeLeadership(self._settings.advertise)))

    def _check_clock(self) -> None:
        shell = self.parts.engine.shell
        if self.parts.engine.head.position > 0 and shell.rehearsal != self._settings.rehearsal:
            kind = "a rehearsal" if shell.rehearsal else "no rehearsal"
            raise Misconfigured([f"CARBONMARKET_CLOCK does not fit: this log was opened as {kind}, which stays so"])

    async def _prove_leadership(self) -> None:
        """An idle leader, too, finds out that it no longer leads, and ends."""
        while True:
            await asyncio.sleep(PROOF_SECONDS)
            await self.parts.writer.read(lambda _: None)

    # The end

    async def stop(self, serving: "asyncio.Task[None]") -> None:
        """Graceful stop, in an order in which nobody waits for what could come later:

        1. A leader finishes the unary calls in flight, and turns further ones away.
        2. The leadership is given up, so that another replica leads at once. A standby begins with this: it must not
           become the leader behind a closed door.
        3. A standby finishes the calls that it passed on.
        4. The connections end, with streams and long polls on them, so that their callers find another replica.
        5. What led takes a snapshot, so that the next start is quick.

        Each step has its bound, also where the database gives no answer. Raises where it is unknown whether records
        were appended, and what else `serving` ended with, but not that the database was away.
        """
        door, led = self._edges.door, self.parts.role.leads
        if led:
            await door.close(STOP_SECONDS_MAX, self.parts.server.places.polls)
        in_order = await self._give_up(serving)
        if not led:
            await door.close(STOP_SECONDS_MAX, self.parts.server.places.polls)
        await door.end_connections()
        if led and in_order:
            await self._save_last_snapshot()
        logger.info("stopped at %d", self.parts.engine.head.position)

    async def _give_up(self, serving: "asyncio.Task[None]") -> bool:
        """False: the database was away, and nothing is in doubt."""
        serving.cancel()
        await asyncio.wait({serving}, timeout=STOP_SECONDS_MAX)
        self.parts.role.leads = False
        await self._edges.log.close()
        error: BaseException | None = None
        if not serving.done():
            error = LogUnavailable(f"what was served has not ended after {STOP_SECONDS_MAX:g} s")
        elif not serving.cancelled():
            error = serving.exception()
        if self.parts.writer.in_doubt:
            raise error or LogUnavailable("the last append is in doubt")
        if error is None:
            return True
        if not isinstance(error, LogUnavailable) and not cannot_answer(error):
            raise error
        logger.warning("the database is away at the end, no append is in doubt: %r", error)
        return False

    async def _save_last_snapshot(self) -> None:
        """Of a state that is committed, and that nothing changes any more. It takes seconds; nobody waits for it."""
        engine, snapshots = self.parts.engine, self.parts.snapshots
        committed = self.parts.writer.tail.position

        async def save() -> None:
            if engine.head.position != committed:
                raise Unavailable(f"decided up to {engine.head.position}, committed up to {committed}")
            await snapshots.save(snapshots.take(engine))

        saving = asyncio.create_task(save())
        # Without a cancellation, which would wait for the database too.
        await asyncio.wait({saving}, timeout=SNAPSHOT_SECONDS_MAX)
        error = saving.exception() if saving.done() else TimeoutError(f"not kept after {SNAPSHOT_SECONDS_MAX:g} s")
        if error is not None:
            logger.warning("no snapshot at the end, the next start reads more of the log: %r", error)

    async def abandon(self) -> None:
        """The outcome of an append is unknown: another replica may lead at once, waiting calls get UNAVAILABLE."""
        self.parts.role.leads = False
        await self._edges.log.close()
        await self._edges.door.close(ABANDON_SECONDS_MAX, self.parts.server.places.polls)
        await self._edges.door.end_connections()
