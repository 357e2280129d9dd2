"""Hearing another service's log, exactly once in effect.

The position and digest last heard are stored in the transaction of the events that they caused. A record at or below
that position is skipped, the next one is processed if it chains, and a later one shows a gap, which is read from the
other service's log. Most records cause nothing here: how far those were heard is stored with the next append, of
whatever it is, and within seconds, because an idle leader appends too. After a crash they are heard again.

That log is also read at start, after a short silence and at regular intervals, because a lost last message leaves no
gap; and when Kafka brought only records that were heard before, because then Kafka is behind the log. Each such read
begins with the record heard last, so that it detects a fork, and measures how far behind hearing is. It runs
concurrently with what Kafka brings, also at the start: a source that does not answer delays nothing that it has signed.

Anybody may have written what arrives on Kafka, even if it chains. It is accepted up to the last record that has the
source's seal (seals.py), without a call to the source; what comes after that is read from the source's log. So records
that a source sealed are heard while it is away. A record of the log that does not chain means that the source forked
(it was restored older, for example): hearing is halted until two people have dealt with it. A bug in a reaction or a
decision pauses the source in the same way; what came before is heard, and nothing is skipped.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import descriptor_pool

from chassis.core.call import Bug, NoRoom, NotYet, Refused, in_words
from chassis.core.engine import Done
from chassis.core.reaction import Reactions, ReactionTable
from chassis.core.record import CHAINS, Head, HeardUpTo, Record, genesis, sequel
from chassis.core.shell import NoteHearing
from chassis.core.submission import AskedCommand, HeardRecord, heard_record, service_actor
from chassis.core.wire import DATA_BYTES_MAX
from chassis.edges.protocols import Consumer
from chassis.edges.remote import Remote
from chassis.followers.forgeries import NO_SEQUEL, VOID_SEAL, Forgeries
from chassis.followers.lag import Lag
from chassis.log.clocks import Clock
from chassis.log.forks import ForkStore, SignedHeads
from chassis.log.protocol import READ_RECORDS_MAX
from chassis.log.retry import retried
from chassis.log.seals import Seals
from chassis.log.writer import Writer
from chassis.say.tracing import Branch, Tracing, is_sampled

SILENCE_SECONDS = 1.0
"""After so long without a message, and at least so often, the source's log is looked at."""
RETRY_SECONDS = 0.5
WITNESS_SECONDS_MAX = 1.0
"""So long at most a new leader waits for a source's word: one that is away keeps nobody waiting. To check that word in
our own log takes as long as our database takes; without that nobody is answered anyway.
"""
WITNESS_RETRY_SECONDS = 0.1
IN_FLIGHT_MAX = 500

logger = logging.getLogger(__name__)


class Halted(Exception):
    """This source is not heard any further, and why. `at` is the record that it stopped at, if it is one. Where that
    one waits for room to be set aside, `aside_bytes` is how much was set aside when there was none.
    """

    def __init__(self, why: str, at: Record | None = None, aside_bytes: int | None = None) -> None:
        super().__init__(why)
        self.at = at
        self.aside_bytes = aside_bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """What the source's log answered: from the record `heard` on, that one included, and where the log ended; and what
    Kafka had claimed of it before (forgeries.py).
    """

    heard: HeardUpTo
    records: Sequence[Record]
    head_position: int
    claimed: Mapping[int, bytes]


class Hearing:
    """One source, heard by the leader."""

    def __init__(
        self,
        source: str,
        reactions: Reactions,
        writer: Writer[Any],
        remote: Remote,
        consumer: Consumer,
        tracing: Tracing,
        clock: Clock,
        seals: Seals,
        forks: ForkStore,
    ) -> None:
        self.source = source
        self.lag = Lag(clock)
        self._reactions = ReactionTable(reactions)
        self._writer = writer
        self._remote = remote
        self._consumer = consumer
        self._tracing = tracing
        self._signed_heads = SignedHeads(source, seals, forks)
        self._forks = forks
        # What the source heard of our own log that this one lacks, as it is kept over a restart.
        self._lost: HeardUpTo | None = None
        self._forgeries = Forgeries(source, clock)

    @property
    def upto(self) -> HeardUpTo:
        start = genesis(self.source)
        return self._writer.engine.heard.get(self.source, HeardUpTo(self.source, start.position, start.digest))

    @property
    def forged_records(self) -> int:
        """Records and other messages that came on the source's topic and are not the source's."""
        return self._forgeries.records + self._consumer.unreadable

    @property
    def halted_because(self) -> str:
        return self._writer.engine.shell.halted.get(self.source, "")

    @property
    def _waits(self) -> bool:
        """While our own log is older than what others heard of it, nothing is heard: what we would record of it could
        take the number of what was lost and is to be given again.
        """
        return bool(self._writer.witnesses.knowing_more)

    async def run(self) -> None:
        """Hears until cancelled. A halt is written down, so that what depends on the source waits over restarts too; it
        ends when two people say where to go on, when a corrected release gets past it, when the release that it waited
        for is activated, or when there is room again to set its record aside.
        """
        await self._signed_heads.load()
        heard, shell = self._writer.engine.heard, self._writer.engine.shell
        while True:
            release_level = shell.release_level
            try:
                await self._hear()
            except Halted as halt:
                self._log_halt(halt)
                # Before the halt is committed: two people may say where hearing goes on as soon as it is.
                halted_at = heard.get(self.source)
                await self._note(str(halt), halt.at.position if halt.at else self.upto.position)
                await self._signed_heads.ask(self._remote.signed_head)
                # Two people may also choose the position that it has: then it is recorded again. A record that waited
                # until a release is activated is tried again once one is, and one without room once less is set aside.
                aside_bytes = halt.aside_bytes
                while (
                    heard.get(self.source) is halted_at
                    and shell.release_level == release_level
                    and (aside_bytes is None or shell.set_aside.bytes >= aside_bytes)
                ):
                    if aside_bytes is not None:
                        aside_bytes = shell.set_aside.bytes
                    await asyncio.sleep(RETRY_SECONDS)
                    await self.ask_witness()
            logger.warning("hearing %s resumes at %d", self.source, self.upto.position, extra={"source": self.source})

    async def recall_witness(self) -> None:
        """What the source said in an earlier life holds until it says otherwise: it may be away now."""
        kept = await retried(f"asking what {self.source} heard", lambda: self._forks.lost_head(self.source))
        if kept is not None:
            self._lost = HeardUpTo(self._writer.log.log_id, kept.position, kept.digest)
            await self._take_word(self._lost)

    async def _take_word(self, heard_of_us: HeardUpTo | None) -> None:
        witnesses = self._writer.witnesses
        await witnesses.note(self.source, heard_of_us)
        lost = witnesses.knowing_more.get(self.source)
        if lost != self._lost:
            head = Head(lost.position, lost.digest) if lost else None
            what = f"keeping what {self.source} heard"
            await retried(what, lambda: self._forks.keep_lost_head(self.source, head))
            self._lost = lost

    async def ask_witness(self) -> None:
        """Asks the source how far it has heard our own log: before anybody is let in, and while nothing is read. One
        that is just starting is asked again until the time is over.
        """
        try:
            async with asyncio.timeout(WITNESS_SECONDS_MAX):
                heard_of_us = await self._heard_of_us()
        except (Refused, TimeoutError) as error:
            logger.debug("%s", error, extra={"source": self.source})
            return
        await self._take_word(heard_of_us)

    async def _heard_of_us(self) -> HeardUpTo | None:
        while True:
            try:
                return (await self._remote.read_log(0, 1)).heard_of_us
            except NotYet as error:
                logger.debug("%s", error, extra={"source": self.source})
                await asyncio.sleep(WITNESS_RETRY_SECONDS)

    async def _note(self, halted_because: str, position: int) -> None:
        command = NoteHearing(self.source, position, halted_because)
        await self._writer.insist(AskedCommand(service_actor(self._writer.log.log_id), "", command))

    def _log_halt(self, halt: Halted) -> None:
        where: dict[str, object] = {"source": self.source, "source_position": self.upto.position}
        if halt.at is not None:
            where |= {"source_position": halt.at.position, "traceparent": halt.at.traceparent}
        logger.critical("hearing %s is halted: %s", self.source, halt, extra=where)

    async def _hear(self) -> None:
        """Process what Kafka brings, and concurrently read the source's log, first at once."""
        arriving = self._next_batch()
        looking: asyncio.Task[Reading | None] | None = asyncio.create_task(self._look(self.upto))
        must_look = False
        try:
            while True:
                under_way = (arriving, looking) if looking is not None else (arriving,)
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                if looking is not None and looking.done():
                    reading, looking = looking.result(), None
                    must_look |= reading is not None and await self._take_reading(reading)
                if arriving.done():
                    arrived, arriving = arriving.result(), self._next_batch()
                    must_look |= await self._take_arrived(arrived)
                if must_look and looking is None:
                    looking, must_look = asyncio.create_task(self._look(self.upto)), False
        finally:
            under_way = (arriving, looking) if looking is not None else (arriving,)
            for task in under_way:
                task.cancel()
            # A poll that is being cancelled may still take from its queue: the next one begins after it has ended.
            await asyncio.gather(*under_way, return_exceptions=True)

    def _next_batch(self) -> "asyncio.Task[list[Record]]":
        return asyncio.create_task(self._consumer.next_batch(SILENCE_SECONDS))

    async def _take_arrived(self, arrived: Sequence[Record]) -> bool:
        """Takes what is signed of what Kafka brought. Returns whether the source's log must be read: because records
        are missing, forged or unsigned, because nothing came but what was heard already (Kafka is slower than the log,
        or repeats itself), because it was not read for some time, or because a key of the source has signed a fork.
        """
        sealed = await self._sift(arrived)
        if self._signed_heads.forked or self._waits:
            return True
        await self._take(sealed)
        is_more = any(record.position > self.upto.position for record in arrived)
        return is_more or not sealed or self.lag.seconds() > SILENCE_SECONDS

    async def _sift(self, arrived: Sequence[Record]) -> Sequence[Record]:
        """What of it continues what was heard, up to the last record whose seal is verified: the newest are verified
        first. What shows that it is not the source's is counted.
        """
        found = sequel(self.upto, arrived)
        ready = {id(record) for record in found.ready}
        of_ready = await self._signed_heads.verify(found.ready[::-1])
        of_rest = await self._signed_heads.verify([record for record in arrived if id(record) not in ready])
        void = [*of_ready.void, *of_rest.void]
        # By identity: to compare each record with each would hold up the leader when a thousand are void.
        counted = {id(record) for record in void}
        stranger = found.stranger
        if stranger is not None and stranger.format in CHAINS and id(stranger) not in counted:
            self._forgeries.note(NO_SEQUEL, [stranger])
            counted.add(id(stranger))
        self._forgeries.note(VOID_SEAL, void)
        self._forgeries.claim(self.upto.position, [record for record in arrived if id(record) not in counted])
        sealed_count = of_ready.signed[0].position - found.ready[0].position + 1 if of_ready.signed else 0
        return found.ready[:sealed_count]

    async def _look(self, heard: HeardUpTo) -> Reading | None:
        """Reads the source's log from the record heard last, that one included. None where the source does not answer
        now.
        """
        claimed = self._forgeries.claimed()
        try:
            found = await self._remote.read_log(max(heard.position - 1, 0), READ_RECORDS_MAX)
        except (NotYet, Refused) as error:
            logger.debug("%s", error, extra={"source": self.source})
            self._forgeries.not_read(claimed)
            return None
        await self._take_word(found.heard_of_us)
        return Reading(heard, found.records, found.head_position, claimed)

    async def _take_reading(self, reading: Reading) -> bool:
        """Takes what was read. Records may have come from Kafka since it began. Returns whether it brought some,
        and more are left to read. All of the log heard ends a halt. Raises Halted where the log is not the one that was
        heard.
        """
        heard = reading.heard
        if heard.position > 0:
            if not reading.records:
                raise Halted(
                    f"the source ends at {reading.head_position}, but {heard.position} was heard: it came back older"
                )
            if reading.records[0].digest != heard.digest:
                raise Halted(forked(heard, reading.records[0]), reading.records[0])
        found = sequel(self.upto, reading.records)
        if found.stranger is None:
            # Of a log that forked it is not known what was claimed truly.
            self._forgeries.judge(reading.claimed, reading.records, reading.head_position)
        self.lag.records = max(reading.head_position - self.upto.position, 0)
        if not self._waits:
            await self._take(found.ready)
        elif found.ready:
            # They wait, and so does what comes after them.
            return False
        if found.stranger is not None:
            raise Halted(forked(self.upto, found.stranger), found.stranger)
        if self.upto.position >= reading.head_position:
            self.lag.note_in_step()
            if self.halted_because:
                await self._note("", self.upto.position)
            return False
        return bool(found.ready)

    async def _take(self, records: Sequence[Record]) -> None:
        """Takes in what continues what was heard."""
        for start in range(0, len(records), IN_FLIGHT_MAX):
            await self._submit(records[start : start + IN_FLIGHT_MAX])
        self.lag.records = max(self.lag.records - len(records), 0)

    async def _submit(self, records: Sequence[Record]) -> None:
        causes: list[Record] = []
        submissions: list[HeardRecord] = []
        spans: list[Branch] = []
        halt: Halted | None = None
        passed: list[Record] = []
        for record in records:
            try:
                command = self._react(record)
            except Halted as error:
                halt = error
                break
            if command is None:
                passed.append(record)
                continue
            traceparent = record.traceparent
            if is_sampled(traceparent):
                span = self._tracing.branch(
                    f"hear {record.type.rpartition('.')[2]}",
                    traceparent,
                    attributes={"source": self.source, "source_position": record.position},
                )
                spans.append(span)
                traceparent = span.traceparent
            causes.append(record)
            submissions.append(heard_record(self.source, record, command, traceparent, len(passed)))
            passed = []
        answers = [self._writer.enqueue(submission) for submission in submissions]
        outcomes = await asyncio.gather(*answers, return_exceptions=True)
        for span in spans:
            span.end()
        for record, outcome in zip(causes, outcomes, strict=True):
            self._check_taken_in(record, outcome)
        if passed:
            last = heard_record(self.source, passed[-1], None, passed=len(passed) - 1)
            self._check_taken_in(passed[-1], self._writer.engine.pass_over(last))
        if halt is not None:
            raise halt

    def _check_taken_in(self, record: Record, outcome: object) -> None:
        if isinstance(outcome, Bug):
            aside_bytes = outcome.set_aside_bytes if isinstance(outcome, NoRoom) else None
            raise Halted(f"record {record.position} ({record.type}): {outcome}", record, aside_bytes)
        if isinstance(outcome, BaseException):
            raise outcome
        assert isinstance(outcome, Done)

    def _react(self, record: Record) -> object | None:
        if record.type not in self._reactions:
            self._must_be_known(record)
            return None
        if len(record.data) > DATA_BYTES_MAX:
            # Where it were set aside, its record could be more than we can append.
            size = f"{len(record.data)} bytes, and this release takes at most {DATA_BYTES_MAX}"
            raise Halted(f"record {record.position} ({record.type}) has {size}", record)
        try:
            return self._reactions.react(record.type, record.data, record.position)
        except Exception as error:
            why = f"the reaction to record {record.position} ({record.type}) failed: {in_words(error)}"
            raise Halted(why, record) from error

    def _must_be_known(self, record: Record) -> None:
        try:
            descriptor_pool.Default().FindMessageTypeByName(record.type)
        except KeyError as error:
            why = f"record {record.position} is of a type this release does not know: {record.type}"
            raise Halted(why, record) from error


def forked(kept: HeardUpTo, met: Record) -> str:
    """Why a record does not continue what was heard."""
    if met.format not in CHAINS:
        return f"record {met.position} has format {met.format}, which this release does not know"
    return (
        f"record {met.position} does not continue what was heard up to {kept.position}: "
        f"kept digest {kept.digest.hex()}, met digest {met.digest.hex()}: the source has forked"
    )
