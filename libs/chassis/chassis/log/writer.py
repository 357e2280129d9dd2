"""The one writer of a log: takes everything that waits, has the engine decide it, appends it in one transaction, then
answers.

One append is in progress at a time, and the next batch is decided meanwhile. Nothing is answered or shown to followers
before its commit; a refusal, a repeat or a read waits too, until every state that it was decided on is committed. A
batch without events still makes an append on the leader's session, as durable as any. So a writer that no longer leads,
or whose primary lost its replica, answers nothing: one such proof serves everything in the batch.

At most COMMANDS_WAITING_MAX commands wait, and one actor never has more of them than places are free: one caller can
fill half of the queue, two a third each, and there is room for the next one. Heard records, timers and answers are not
counted; their senders bound them. A command or a read whose caller gave up, or whose deadline has passed, before its
turn is not decided; it keeps its place in the queue until then. A decided command keeps its effect, whether or not
anybody waits for the answer.

A submission whose events cannot be applied to the state is a bug that ends the process. It is noted, and the same
release does not decide it again, or a record that is heard or sent again would end every start.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from chassis.core.call import Bug, Call, Expired, HeldBack, Overloaded, Unavailable, in_words
from chassis.core.decider import Actor, Claim, Context, Facts
from chassis.core.engine import Batch, Done, Engine, Outcome, StateUnusable
from chassis.core.keys import Found, Key
from chassis.core.record import Head, Record
from chassis.core.shapes import check_request_id
from chassis.core.submission import AskedCommand, Submission, name_of, repeat_key
from chassis.log.clocks import Clock
from chassis.log.machine_clock import MachineClock
from chassis.log.protocol import READ_RECORDS_MAX, Log
from chassis.log.tail import ASK_AGAIN, Tail
from chassis.log.witnesses import Witnesses
from chassis.say.telemetry import Metrics

S = TypeVar("S")
T = TypeVar("T")

BATCH_SUBMISSIONS_MAX = 500
COMMANDS_WAITING_MAX = 10_000
GATHER_SECONDS = 0.002
"""Under load a short pause lets a batch grow; never made when idle."""
CULPRIT_SECONDS_MAX = 5.0
WHY_CHARACTERS_MAX = 1_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What a look at the state saw: its value, as of a committed position, and how far each source was heard then."""

    value: T
    position: int
    heard: Mapping[str, int]


@dataclass(slots=True)
class _Waiting:
    """`call` is whose command it is; a look, and what is heard, due or answered, has none."""

    work: Submission | Callable[[Any], object]
    answer: "asyncio.Future[Any]"
    call: Call | None = None

    def has_lapsed(self, now: float) -> bool:
        """Whether nobody waits any more for what need not be done."""
        if isinstance(self.work, Submission) and self.call is None:
            return False
        return self.answer.cancelled() or (self.call is not None and self.call.has_expired(now))


Answers = Sequence[tuple[_Waiting, Outcome | Read[object]]]


class Writer(Generic[S]):
    """See the module. `clock` is the machine's; a rehearsal has its own, in the log."""

    def __init__(
        self,
        engine: Engine[S],
        log: Log,
        metrics: Metrics,
        clock: Clock | None = None,
        release: str = "",
    ) -> None:
        self.engine = engine
        self.log = log
        self.tail = Tail(log, engine, lambda: self.read(lambda _: None))
        self.witnesses = Witnesses(self.tail)
        self._metrics = metrics
        self._clock_ms = (clock or MachineClock()).now_ms
        self._waiting: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._commands_waiting = 0
        self._commands_of: dict[Actor, int] = {}
        self._append: asyncio.Task[None] | None = None
        self._ended: BaseException | None = None
        self._release = release
        self._culprits: Mapping[str, str] = {}
        self._culprit: Submission | None = None
        self.in_doubt = False
        """Records were given to the log, which has not answered; for whoever stops the writer."""
        self.after_commit: list[Callable[[Batch], None]] = []

    # What others call

    async def submit(self, command: object, call: Call) -> Done:
        """A caller's command. Raises Rejected and its kinds, RequestIdReused, Overloaded, Expired, Unavailable and its
        kind, Bug. Who is cancelled before the command's turn has come takes it back.
        """
        return await self.queue_command(command, call)

    def queue_command(self, command: object, call: Call) -> "asyncio.Future[Done]":
        """As `submit`; the future is the answer. What is wrong with the call itself is raised at once."""
        check_request_id(call.request_id)
        self.witnesses.check_may_submit(call)
        waiting, free = self._commands_of.get(call.actor, 0), COMMANDS_WAITING_MAX - self._commands_waiting
        if waiting >= free:
            raise Overloaded("TOO_MANY_COMMANDS_WAITING", actor=str(call.actor), waiting=waiting, free=free)
        return self.enqueue(AskedCommand(call.actor, call.request_id, command, call.traceparent), call)

    async def insist(self, submission: Submission) -> Done:
        """What is heard, due or answered: never turned away."""
        done: Done = await self.enqueue(submission)
        return done

    def enqueue(self, work: Submission | Callable[[S], object], call: Call | None = None) -> "asyncio.Future[Any]":
        """Takes its place in the order of things at once; the future is the answer."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._ended is not None:
            answer.set_exception(Unavailable(ASK_AGAIN))
            return answer
        self._waiting.append(_Waiting(work, answer, call))
        if call is not None:
            self._commands_waiting += 1
            self._commands_of[call.actor] = self._commands_of.get(call.actor, 0) + 1
        self._arrived.set()
        return answer

    async def read(self, look: Callable[[S], T]) -> Read[T]:
        """Looks at the state, after every command that came before, once all of it is committed. `look` must copy
        what it keeps.
        """
        seen: Read[T] = await self.enqueue(look)
        return seen

    def now_ms(self) -> int:
        """The market's time; within a look, as of what the look sees."""
        return self.engine.now_ms(self._clock_ms())

    def context(self, actor: Actor) -> Context:
        """What a decision by `actor` would know now; within a look, as of what the look sees."""
        return self.engine.context(actor, self.now_ms())

    # The loop

    async def run(self) -> None:
        """Runs until something is in doubt; then every waiting call is answered UNAVAILABLE, and the process must
        end.
        """
        try:
            self._culprits = await self.log.culprits(self._release)
            while True:
                await self._one_batch()
        except BaseException as error:
            self._ended = error
            raise
        finally:
            if self._append is not None and not self._append.done():
                # An append is never cancelled: its outcome would be in doubt.
                await asyncio.wait([self._append])
            self._turn_away(self._waiting)
            if self._culprit is not None:
                await self._note_culprit(self._culprit)
            if isinstance(self._ended, asyncio.CancelledError) and self._append is not None:
                # Whoever stopped the writer learns that the append it stopped at is in doubt.
                self._append.result()

    async def _note_culprit(self, culprit: Submission) -> None:
        """So that the next start does not decide it again and end again: what cannot be applied is a bug, and goes away
        with another release. What depends on it waits, as after any bug; everything else goes on.
        """
        try:
            why = in_words(self._ended) if self._ended else ""
            async with asyncio.timeout(CULPRIT_SECONDS_MAX):
                await self.log.note_culprit(name_of(culprit), self._release, why[:WHY_CHARACTERS_MAX])
        except Exception as error:
            logger.error("the next start may end as this one did: %r", error)

    async def _one_batch(self) -> None:
        if not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        if self._append is not None and self._append.done():
            self._append.result()
        if self._append is not None and not self._append.done():
            await asyncio.sleep(GATHER_SECONDS)
        taken = [self._take() for _ in range(min(len(self._waiting), BATCH_SUBMISSIONS_MAX))]
        try:
            found = await self._find(taken)
            stored = await self._find_claims(taken)
            started = time.perf_counter()
            outcomes = [self._decide(waiting, found, stored) for waiting in taken]
            self._metrics.decided(time.perf_counter() - started, len(taken))
            batch = self.engine.take_batch()
            for asked, bug in batch.bugs:
                log_bug(f"{asked.command} was not carried out", asked, bug)
            if self._append is not None:
                # Whoever ends the writer here must not cancel the append with it.
                await asyncio.wait([self._append])
                self._append.result()
        except BaseException:
            self._turn_away(taken)
            raise
        self._append = asyncio.create_task(self._commit(batch, list(zip(taken, outcomes, strict=True))))
        # Where the writer ends otherwise, nobody looks at how the append ended: the process is in doubt anyway.
        self._append.add_done_callback(lambda ended: ended.cancelled() or ended.exception())

    def _take(self) -> _Waiting:
        first = self._waiting.popleft()
        if first.call is not None:
            self._commands_waiting -= 1
            left = self._commands_of.pop(first.call.actor) - 1
            if left:
                self._commands_of[first.call.actor] = left
        return first

    async def _find(self, taken: Sequence[_Waiting]) -> Mapping[Key, Found]:
        works = [waiting.work for waiting in taken if isinstance(waiting.work, Submission)]
        keys = [key for key in map(repeat_key, works) if key is not None]
        return await self.log.find(keys) if keys else {}

    async def _find_claims(self, taken: Sequence[_Waiting]) -> Mapping[Claim, Facts]:
        works = [waiting.work for waiting in taken if isinstance(waiting.work, Submission)]
        claims = [claim for work in works for claim in self.engine.claims_of(work)]
        return await self.log.find_claims(claims) if claims else {}

    def _decide(
        self, waiting: _Waiting, found: Mapping[Key, Found], stored: Mapping[Claim, Facts]
    ) -> Outcome | Read[object]:
        if waiting.has_lapsed(asyncio.get_running_loop().time()):
            return Expired()
        if isinstance(waiting.work, Submission):
            outcome = self._decide_submission(waiting.work, found, stored)
            if isinstance(outcome, Bug) and not isinstance(outcome, HeldBack):
                log_bug("a decision failed", waiting.work, outcome)
            return outcome
        try:
            heard = {upto.log_id: upto.position for upto in self.engine.heard.values()}
            return Read(waiting.work(self.engine.state), self.engine.head.position, heard)
        except Exception as error:
            return error

    def _decide_submission(
        self, work: Submission, found: Mapping[Key, Found], stored: Mapping[Claim, Facts]
    ) -> Outcome:
        why = self._culprits.get(name_of(work)) if self._culprits else None
        if why is not None:
            return Bug(f"it ended the process before, and is not decided again by this release: {why}")
        try:
            return self.engine.decide(work, found, self._clock_ms(), stored)
        except StateUnusable:
            self._culprit = work if name_of(work) else None
            raise

    async def _commit(self, batch: Batch, answers: Answers) -> None:
        try:
            await self._append_batch(batch, answers)
            for follow in self.after_commit:
                follow(batch)
            await self._answer(answers)
        except BaseException:
            # Nobody is left waiting, and the loop is woken to see how this ended.
            self._turn_away([waiting for waiting, _ in answers])
            self._arrived.set()
            raise

    async def _append_batch(self, batch: Batch, answers: Answers) -> None:
        caused = [w.work.traceparent for w, _ in answers if isinstance(w.work, Submission)] if batch.records else ()
        span = self.engine.tracing.gathering("append", [*caused, *(branch.traceparent for branch in batch.branches)])
        started = time.perf_counter()
        host_ms = None if self.engine.shell.rehearsal else self._clock_ms
        self.in_doubt = bool(batch.records)
        await self.log.append(batch.head, batch.records, batch.heard, host_ms, batch.claims)
        self.in_doubt = False
        if batch.records:
            self._metrics.appended(time.perf_counter() - started, len(batch.records), batch.records[-1].position)
        for branch in batch.branches:
            branch.end()
        span.note("records", len(batch.records))
        span.end()
        self._tell_concerns(batch)
        self.tail.extend(batch)

    def _tell_concerns(self, batch: Batch) -> None:
        for record, event in zip(batch.records, batch.events, strict=True):
            concern = self.engine.wire.by_event[type(event)].concern(event)
            if concern:
                where = {"position": record.position, "traceparent": record.traceparent, "reason": concern}
                if record.source_log_id:
                    where |= {"source": record.source_log_id, "source_position": record.source_position}
                logger.warning("%.1000r", event, extra=where)

    async def _answer(self, answers: Answers) -> None:
        repeats = []
        for waiting, outcome in answers:
            if isinstance(outcome, Found):
                repeats.append(self._repeat(waiting.answer, outcome))
            elif not waiting.answer.done():
                if isinstance(outcome, Exception):
                    waiting.answer.set_exception(outcome)
                else:
                    waiting.answer.set_result(outcome)
        await asyncio.gather(*repeats)

    async def _repeat(self, answer: "asyncio.Future[Any]", found: Found) -> None:
        done = await self._first_answer(found)
        if not answer.done():
            answer.set_result(done)

    async def _first_answer(self, found: Found) -> Done:
        records: list[Record] = []
        while len(records) < found.events:
            after = found.position - 1 + len(records)
            records += await self.log.read(after, found.events - len(records))
        events = tuple(self.engine.wire.decode(record.type, record.data) for record in records)
        return Done(events, records[-1].position)

    def _turn_away(self, waiting: Sequence[_Waiting] | deque[_Waiting]) -> None:
        for one in waiting:
            if not one.answer.done():
                one.answer.set_exception(Unavailable(ASK_AGAIN))
                # Nobody may be waiting any more; the exception is theirs, not the loop's.
                one.answer.exception()


def log_bug(what: str, work: Submission, bug: Bug) -> None:
    where = {"actor": str(work.actor), "traceparent": work.traceparent}
    logger.error("%s: %s", what, bug, exc_info=bug, extra=where)


async def catch_up(engine: Engine[Any], log: Log) -> Head:
    """Folds what the log has beyond the engine's head."""
    while True:
        records = await log.read(engine.head.position, READ_RECORDS_MAX)
        for record in records:
            engine.apply(record)
        if not records:
            return engine.head
