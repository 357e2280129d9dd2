"""What the three books have in common: each takes the records of one log, by a table of methods."""

from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError, Message

from carbonmarket.log.v1.log_service_pb2 import Record
from support.auditor.chain import LogReader, actor_of
from support.auditor.commitments import Commitments
from support.auditor.feeds import Feeds
from support.auditor.findings import Findings
from support.auditor.pairs import Pairs

Handler = Callable[[Any, Record], None]

SHELL = "carbonmarket.log.v1."


class Book:
    """One log's books. `table` says which method takes which message."""

    def __init__(self, log_id: str, findings: Findings, pairs: Pairs, commitments: Commitments | None = None) -> None:
        self.log_id = log_id
        self.findings = findings
        self.pairs = pairs
        self.reader = LogReader(log_id, findings)
        self.feeds = Feeds(log_id)
        self.commitments = commitments or Commitments(findings)
        self.events = 0
        self._handlers: dict[str, tuple[type[Message], Handler]] = {
            kind.DESCRIPTOR.full_name: (kind, handler) for kind, handler in self.table().items()
        }

    def table(self) -> dict[type[Message], Handler]:
        raise NotImplementedError

    def take(self, record: Record) -> None:
        self.findings.at = f"{self.log_id} record {record.position} {record.type.rpartition('.')[2]}"
        self.reader.take(record)
        self.events += 1
        if record.type.startswith(SHELL):
            self.reader.take_shell_event(record)
            return
        found = self._handlers.get(record.type)
        if found is None:
            self.findings.say("every event is known", record.type)
            return
        kind, handler = found
        try:
            event = kind.FromString(record.data)
            self.feeds.take(record, event)
            handler(event, record)
        except (DecodeError, LookupError, ArithmeticError) as error:
            self.findings.say("every event can be read and names what is there", repr(error))

    def say(self, rule: str, what: str) -> None:
        self.findings.say(rule, what)

    def same(self, rule: str, what: str, stated: object, recomputed: object) -> None:
        self.findings.same(rule, what, stated, recomputed)

    def caused_by(self, record: Record, source: str) -> None:
        """The record is what came of hearing another service, then or when it was decided again."""
        if record.approval and self.reader.decided_again.get(record.approval) == source:
            return
        if record.source_log_id != source or actor_of(record) != f"service:{source}":
            self.say("what another service causes is heard from it", f"{actor_of(record)}, {record.source_log_id!r}")


def next_number(last: int, number: int) -> bool:
    return number == last + 1
