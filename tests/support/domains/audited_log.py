"""A domain's events as the records of a log, read by the auditor one after another as they are made."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from google.protobuf.message import Message

from carbonmarket.log.v1 import log_events_pb2
from chassis.core.decider import Actor
from chassis.core.record import Record, chain, genesis
from chassis.core.wire import Wire
from chassis.edges.remote import record_to
from support.auditor.book import Book


class AuditedLog:
    """Fails at the first record that breaks a rule of the auditor's."""

    def __init__(self, book: Book, wire: Wire) -> None:
        self.book = book
        self._wire = wire
        self._head = genesis(book.log_id)
        self._heard: Counter[str] = Counter()

    def record(self, events: Sequence[object], actor: Actor, now_ms: int, approval: str = "") -> None:
        """Take in what one command came to; what a service causes was heard in its log."""
        source = actor.subject.removeprefix("service:") if actor.role == "service" else ""
        self._heard[source] += 1
        for event in events:
            record = self._record(*self._wire.encode(event), actor, now_ms)
            position = self._heard[source] if source else 0
            self._take(replace(record, approval=approval, source_log_id=source, source_position=position))

    def approve(self, proposer: Actor, approver: Actor, now_ms: int) -> str:
        """Record a proposal and its approval; return how what rests on them names it."""
        self._take(self._shell_record(log_events_pb2.CommandProposed(proposer=str(proposer)), proposer, now_ms))
        approved = log_events_pb2.ProposalApproved(proposal_id=self._head.position)
        self._take(self._shell_record(approved, approver, now_ms))
        return f"{self.book.log_id}/{self._head.position}"

    def _shell_record(self, message: Message, actor: Actor, now_ms: int) -> Record:
        return self._record(message.DESCRIPTOR.full_name, message.SerializeToString(), actor, now_ms)

    def _record(self, kind: str, data: bytes, actor: Actor, now_ms: int) -> Record:
        position = self._head.position + 1
        return Record(position, kind, data, now_ms, actor.subject, actor.role, actor.account)

    def _take(self, record: Record) -> None:
        record = replace(record, digest=chain(self._head.digest, record))
        self._head = replace(self._head, position=record.position, digest=record.digest)
        self.book.take(record_to(record))
        assert not self.book.findings.kept, self.book.findings.lines()
