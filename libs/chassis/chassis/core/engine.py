"""What the writer does to a batch, as a plain synchronous function: no I/O, no clock, no tasks.

The engine holds the state as of the last record decided, which may be ahead of what is committed: the writer answers
nothing before the batch that it belongs to is. A repeat is recognised before any rule can refuse it. What is heard,
due or answered is never refused: what the domain cannot apply is set aside, as an event. A timer that is no longer due
when its turn comes causes nothing.

Invariants: the state is the fold of the log's records; the head is the last record's; a refusal or a bug in decide
changes nothing; an exception in evolve leaves the state unusable, and is raised as such: the process must end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from opentelemetry.trace import SpanKind

from chassis.core.asides import SetAsideNoted
from chassis.core.call import Bug, HeldBack, NoRoom, RequestIdReused, bug_in, in_words
from chassis.core.claims import Names, heard_claim
from chassis.core.command_digest import command_digest
from chassis.core.corrections import HearingResumed
from chassis.core.decider import NOTHING_TAKEN, Actor, Claim, Claimed, Context, Decider, Facts, Rejected, Timer
from chassis.core.exactly_once import missing_before
from chassis.core.keys import Found, Key
from chassis.core.look import Declared, Look
from chassis.core.proposals import ApproveProposal, first_to_expire, overtake
from chassis.core.record import Head, HeardUpTo, LogBroken, Record, chain, first_fault, genesis, with_digest
from chassis.core.releases import ReleaseActivated, ReleaseTooOld, check_may_fold, check_may_write
from chassis.core.set_aside import SET_ASIDE_BYTES_MAX, aside_of, has_room
from chassis.core.shell import EVOLVE, SHELL_KINDS, ShellState, fold, keep_trace
from chassis.core.submission import AskedCommand, DueTimer, HeardRecord, OrderAnswer, Submission, repeat_key, source_of
from chassis.core.wire import DATA_BYTES_MAX, Wire
from chassis.say.traceparent import well_formed
from chassis.say.tracing import Branch, Tracing, trace_id_of

S = TypeVar("S")

NOTHING_DECLARED = Declared()


class StateUnusable(Exception):
    """evolve failed: the state is no longer the fold of the log, and the process must end."""


@dataclass(frozen=True, slots=True)
class Done:
    """A command's events, first answer or repeat, and the position of the last of them."""

    events: tuple[object, ...]
    position: int

    def only(self, kind: type[S]) -> S:
        (event,) = self.all(kind)
        return event

    def all(self, kind: type[S]) -> list[S]:
        return [event for event in self.events if isinstance(event, kind)]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one append writes: the records that extend `head`, how far sources were heard, and what names were taken."""

    head: Head
    records: tuple[Record, ...]
    events: tuple[object, ...]
    heard: tuple[HeardUpTo, ...]
    branches: tuple[Branch, ...]
    claims: tuple[Claimed, ...] = ()
    bugs: tuple[tuple[AskedCommand, Bug], ...] = ()  # In what was to be decided again after another.


Outcome = Done | Found | Exception
"""Found: a repeat whose events are in the log and are read from there."""


class Engine(Generic[S]):
    """The fold of one log, and the decisions on it."""

    def __init__(
        self,
        log_id: str,
        decider: Decider[S],
        wire: Wire,
        tracing: Tracing,
        orders: frozenset[type] = frozenset(),
        declared: Declared = NOTHING_DECLARED,
    ) -> None:
        self.decider = decider
        self.wire = Wire(*SHELL_KINDS, *wire.by_event.values())
        self.tracing = tracing
        self.orders = orders
        self.declared = declared
        self.state: S = decider.initial()
        self.shell = ShellState(log_id)
        self.head: Head = genesis(log_id)
        self.heard: dict[str, HeardUpTo] = {}
        self._look = Look(self)
        # Accepted commands of the batch that is decided, and of the one before, whose append may be under way: the log
        # does not find them yet. It finds all others, so nothing more is kept, however large its events are.
        self._accepted: dict[Key, tuple[bytes, Done]] = {}
        self._accepted_before: dict[Key, tuple[bytes, Done]] = {}
        self._names = Names(decider)
        self._start_batch()

    def _start_batch(self) -> None:
        self._batch_head = self.head
        self._records: list[Record] = []
        self._events: list[object] = []
        self._branches: list[Branch] = []
        self._heard_changed: set[str] = set()
        self._bugs: list[tuple[AskedCommand, Bug]] = []

    def take_batch(self) -> Batch:
        """Everything decided since the last call."""
        heard = tuple(self.heard[log_id] for log_id in sorted(self._heard_changed))
        records, events = tuple(self._records), tuple(self._events)
        branches, bugs = tuple(self._branches), tuple(self._bugs)
        batch = Batch(self._batch_head, records, events, heard, branches, self._names.take_batch(), bugs)
        self._accepted_before, self._accepted = self._accepted, {}
        self._start_batch()
        return batch

    def restart_at(self, head: Head) -> None:
        """The state was put in from a snapshot taken at `head`."""
        check_may_fold(self.shell.log_id, head.position, self.shell.release_level, self.declared.release_level)
        self.head = head
        self._start_batch()

    def hear_from(self, heard: Iterable[HeardUpTo]) -> None:
        """How far each source was heard, as its table says. Raises StateUnusable where the log itself has heard more:
        to hear it again would count it twice.
        """
        self.heard = {upto.log_id: upto for upto in heard}
        for source, position in self.shell.heard_at_least.items():
            upto = self.heard.get(source)
            if upto is None or upto.position < position:
                noted = upto.position if upto else 0
                raise StateUnusable(f"{source} is noted as heard up to {noted}, but the log has heard {position} of it")

    def due(self) -> Timer | None:
        """What is due first: the domain's, or the end of a proposal."""
        return min(self._timers(), key=lambda timer: timer.due_ms, default=None)

    def _timers(self) -> list[Timer]:
        timers = (self.decider.due(self.state), first_to_expire(self.shell.proposals))
        return [timer for timer in timers if timer is not None]

    def _is_due(self, name: str, now_ms: int) -> bool:
        return any(timer.name == name and timer.due_ms <= now_ms for timer in self._timers())

    def now_ms(self, clock_ms: int) -> int:
        """The market's time when the machine's clock shows `clock_ms`."""
        return max(self.shell.clock_ms if self.shell.rehearsal else clock_ms, self.shell.now_ms)

    def context(self, actor: Actor, now_ms: int, taken: Mapping[Claim, Facts] = NOTHING_TAKEN) -> Context:
        shell, next_position = self.shell, self.head.position + 1
        known = (len(shell.set_aside), tuple(shell.halted), shell.release_level, shell.set_aside.last_position)
        return Context(now_ms, actor, *known, taken=taken, next_position=next_position)

    # Replay

    def apply(self, record: Record) -> object:
        """Takes in a record of the log: at start, and on a standby. Raises LogBroken."""
        if record.position != self.head.position + 1 or chain(self.head.digest, record) != record.digest:
            fault = first_fault(self.head, [record])
            assert fault is not None, "it does not continue the log"
            raise LogBroken(self.shell.log_id, self.head.position, fault.what)
        if record.type not in self.wire.by_name:
            raise ReleaseTooOld(f"record {record.position} of {self.shell.log_id} is a {record.type}, unknown here")
        event = self.wire.decode(record.type, record.data)
        if isinstance(event, ReleaseActivated):
            check_may_fold(self.shell.log_id, record.position, event.release_level, self.declared.release_level)
        self._evolve(record, event)
        self._batch_head = self.head
        return event

    def _evolve(self, record: Record, event: object) -> None:
        try:
            fold(self.shell, record)
            own = EVOLVE.get(type(event))
            if own is not None:
                own(self.shell, event)
            else:
                self.decider.evolve[type(event)](self.state, event)
            if type(event) in self.orders:
                self.shell.unanswered.add(record.position)
            overtake(self.wire, self.shell.proposals, record.position, event)
            keep_trace(self.shell, self.wire.by_event[type(event)], record, event)
        except Exception as error:
            raise StateUnusable(
                f"record {record.position} ({record.type}) cannot be applied: {in_words(error)}"
            ) from error
        self.head = Head(record.position, record.digest)

    # Decisions

    def claims_of(self, submission: Submission) -> list[Claim]:
        """The names that the log is to be asked for before `decide`, whether they are taken."""
        return self._names.asked_by(submission, self.shell.resumed)

    def decide(
        self,
        submission: Submission,
        found: Mapping[Key, Found],
        clock_ms: int,
        stored: Mapping[Claim, Facts] = NOTHING_TAKEN,
    ) -> Outcome:
        """Decides one submission and evolves its events. `found` is what the log knew of its key, `stored` of its
        `claims_of`. Raises only StateUnusable.
        """
        asked = self.claims_of(submission)
        taken = self._names.taken(asked, stored)
        key = repeat_key(submission)
        digest = command_digest(submission.command) if key else b""
        before = self._taken_in(submission, taken) or (self._again(key, digest, found) if key else None)
        if before is not None:
            return before
        now_ms = self.now_ms(clock_ms)
        if isinstance(submission, DueTimer) and not self._is_due(submission.timer.name, now_ms):
            # A command ahead of it in the queue did what it was to do, or took away its cause.
            return Done((), self.head.position)
        try:
            events = self._events_of(submission, now_ms, taken)
            encoded = [self._encode(event) for event in events]
            claimed = self._names.claimed_by(self.state, submission, events, asked, taken)
        except Rejected as refusal:
            if isinstance(submission, AskedCommand):
                return refusal
            if refusal.reason == "RELEASE_NOT_ACTIVE":
                return HeldBack(f"{type(submission.command).__name__} waits until a release is activated: {refusal}")
            aside = aside_of(self.shell.log_id, submission, refusal)
            if isinstance(submission, HeardRecord) and not has_room(used := self.shell.set_aside.bytes, aside):
                return NoRoom(f"no more can be set aside before people have dealt with what is: {refusal}", used)
            events = [aside]
            encoded = [self._encode(event) for event in events]
            claimed = self._names.claimed_by(self.state, submission, events, asked, taken)
        except StateUnusable:
            raise
        except Exception as error:
            return bug_in(submission.command, error)

        # From here on it happens.
        rest = self._look.rest_of_approved(submission.command)
        self._names.take(claimed)
        traceparent = submission.traceparent
        if isinstance(submission, DueTimer) and events:
            traceparent = self._trace_of_timer(submission.timer)
        # What was approved rests on the first record, which says so.
        approval = self._look.next_approval if isinstance(submission.command, ApproveProposal) else ""
        for index, (event, (type_name, data)) in enumerate(zip(events, encoded, strict=True)):
            once, rests_on = (b"", approval) if index else (digest, "")
            self._record(submission, traceparent, event, type_name, data, clock_ms, once, len(events), rests_on)
        if isinstance(submission, HeardRecord):
            self._note_heard(submission.upto)
        done = Done(tuple(events), self.head.position)
        if key and events:
            self._accepted[key] = (digest, done)
        self._decide_rest([AskedCommand(submission.actor, "", each, traceparent) for each in rest], approval, clock_ms)
        return done

    def pass_over(self, submission: HeardRecord) -> Outcome:
        """Takes in what is heard and causes nothing. How far its source was heard is stored with the next append: until
        then it is heard again after a crash, and causes nothing again.
        """
        before = self._taken_in(submission, NOTHING_TAKEN)
        if before is not None:
            return before
        self._note_heard(submission.upto)
        return Done((), self.head.position)

    def _decide_rest(self, rest: Sequence[AskedCommand], approval: str, clock_ms: int) -> None:
        """Ends at the first that cannot be applied, which stays set aside with all after it: whoever proposes it alone
        learns why. A bug comes with the batch.
        """
        for asked in rest:
            context = replace(self.context(asked.actor, self.now_ms(clock_ms)), approval=approval)
            try:
                events = self._look.decide(asked.command, context)
                encoded = [self._encode(event) for event in events]
                claimed = self._names.claimed_by(self.state, asked, events, (), NOTHING_TAKEN)
            except Rejected:
                return
            except Exception as error:
                self._bugs.append((asked, bug_in(asked.command, error)))
                return
            self._names.take(claimed)
            for event, (type_name, data) in zip(events, encoded, strict=True):
                self._record(asked, asked.traceparent, event, type_name, data, clock_ms, b"", len(events), approval)

    def _taken_in(self, submission: Submission, taken: Mapping[Claim, Facts]) -> Outcome | None:
        """The outcome of what is heard or answered where that is not the next thing to take in."""
        gap = missing_before(submission, self.heard, self.shell.unanswered)
        if gap is None:
            return Done((), self.head.position)
        if gap > 0:
            return Bug(f"{gap} records are missing before record {source_of(submission)[1]}")
        if isinstance(submission, HeardRecord) and heard_claim(submission.upto) in taken:
            # Heard before two people put hearing back to an earlier record, and the same: it is not counted twice.
            self._note_heard(submission.upto)
            return Done((), self.head.position)
        return None

    def _again(self, key: Key, digest: bytes, found: Mapping[Key, Found]) -> Outcome | None:
        recent, stored = self._accepted.get(key) or self._accepted_before.get(key), found.get(key)
        if recent is None and stored is None:
            return None
        first = recent[0] if recent else stored.command_digest if stored else b""
        if first != digest:
            return RequestIdReused(key.request_id)
        return recent[1] if recent else stored

    def _events_of(self, submission: Submission, now_ms: int, taken: Mapping[Claim, Facts]) -> Sequence[object]:
        if submission.command is None:
            return ()
        events = self._look.decide(submission.command, self.context(submission.actor, now_ms, taken))
        asked = isinstance(submission, AskedCommand) and submission.request_id
        assert events or not asked, "an accepted command causes an event"
        assert events or not isinstance(submission, OrderAnswer), "an answer is marked by an event"
        return events

    def _encode(self, event: object) -> tuple[str, bytes]:
        check_may_write(self.wire.by_event[type(event)].since, self.shell.release_level, type(event).__name__)
        type_name, data = self.wire.encode(event)
        bytes_max = SET_ASIDE_BYTES_MAX if isinstance(event, SetAsideNoted) else DATA_BYTES_MAX
        if len(data) > bytes_max:
            raise Rejected("EVENT_TOO_LARGE", type=type_name, bytes=len(data), bytes_max=bytes_max)
        return type_name, data

    def _record(
        self,
        cause: Submission,
        traceparent: str,
        event: object,
        type_name: str,
        data: bytes,
        clock_ms: int,
        digest: bytes,
        count: int,
        approval: str = "",
    ) -> None:
        actor = cause.actor
        source_log_id, source_position = source_of(cause)
        record = Record(
            position=self.head.position + 1,
            type=type_name,
            data=data,
            recorded_ms=self.now_ms(clock_ms),
            subject=actor.subject,
            role=actor.role,
            account=actor.account,
            approval=approval,
            request_id=cause.request_id,
            traceparent=self._trace_of(cause, traceparent, event, type_name),
            source_log_id=source_log_id,
            source_position=source_position,
            command_digest=digest,
            command_events=count if digest else 0,
        )
        record = with_digest(record, chain(self.head.digest, record))
        self._evolve(record, event)
        self._records.append(record)
        self._events.append(event)
        if isinstance(event, HearingResumed):
            self._note_heard(HeardUpTo(event.source_log_id, event.source_position, event.source_digest))

    def _note_heard(self, upto: HeardUpTo) -> None:
        self.heard[upto.log_id] = upto
        self._heard_changed.add(upto.log_id)

    def _trace_of_timer(self, timer: Timer) -> str:
        """A root, unless the timer continues the trace of something open."""
        name, open_trace = f"timer {type(timer.command).__name__}", self.shell.traces.get(timer.subject)
        branch = self.tracing.branch(name, open_trace) if open_trace else self.tracing.root(name, SpanKind.INTERNAL)
        self._branches.append(branch)
        return branch.traceparent

    def _trace_of(self, cause: Submission, traceparent: str, event: object, type_name: str) -> str:
        """The trace a record continues: its subject's, if that is known and another than its command's; else its
        command's.
        """
        kind = self.wire.by_event[type(event)]
        links = [self.shell.traces[subject] for subject in kind.links(event) if subject in self.shell.traces]
        own = traceparent
        if kind.subject is not None:
            subject = kind.subject(event)
            carried = cause.timer.traces.get(subject, "") if isinstance(cause, DueTimer) else ""
            own = self.shell.traces.get(subject) or well_formed(carried) or traceparent
        if trace_id_of(own) == trace_id_of(traceparent) and not links:
            return traceparent
        if trace_id_of(own) != trace_id_of(traceparent):
            links.append(traceparent)
        name, position = type_name.rpartition(".")[2], self.head.position + 1
        branch = self.tracing.branch(name, own, links, attributes={"position": position})
        self._branches.append(branch)
        return branch.traceparent
