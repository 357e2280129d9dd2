"""A record of a log, and the chain of digests that makes a log tamper-evident.

The digest of a record is SHA-256 over the digest of the record before it and every field that is published, each with
its length, so that no two records have the same bytes. The first record chains over the log's id. A reader that keeps
the last digest therefore knows whether the next record belongs to the history it has read.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """One event as stored and as published, byte for byte.

    command_digest and command_events stand only on the first record of a command: by them its repeat is known and
    answered.
    """

    position: int
    type: str
    data: bytes
    recorded_ms: int
    actor: str
    request_id: str = ""
    traceparent: str = ""
    source_log_id: str = ""
    source_position: int = 0
    digest: bytes = b""
    command_digest: bytes = b""
    command_events: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a log: the last record's position and digest. An empty log ends at position 0 with the digest of its
    id.
    """

    position: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class HeardUpTo:
    """How far another log was heard: the position and digest of the last record that was taken in."""

    log_id: str
    position: int
    digest: bytes


def genesis(log_id: str) -> Head:
    return Head(0, hashlib.sha256(b"carbonmarket log " + log_id.encode()).digest())


def chain(before: bytes, record: Record) -> bytes:
    """The digest that `record` must carry after a record whose digest is `before`."""
    numbers = (record.position, record.recorded_ms, record.source_position, record.command_events)
    texts = (record.type, record.actor, record.request_id, record.traceparent, record.source_log_id)
    parts = [before, struct.pack(">QqQQ", *numbers)]
    for part in (*(text.encode() for text in texts), record.command_digest):
        parts += (struct.pack(">I", len(part)), part)
    parts.append(record.data)
    return hashlib.sha256(b"".join(parts)).digest()


def continues(before: bytes, record: Record) -> bool:
    """Whether the record carries the digest it must; one with numbers that no log has does not."""
    try:
        return chain(before, record) == record.digest
    except struct.error:
        return False


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a log, and where."""

    position: int
    what: str


def first_fault(head: Head, records: Sequence[Record]) -> Fault | None:
    """The first record that does not continue `head`: changed, missing or out of order. None if all do."""
    for record in records:
        if record.position != head.position + 1:
            return Fault(
                head.position + 1, f"record {head.position + 1} is missing: found {record.position} in its place"
            )
        if not continues(head.digest, record):
            return Fault(record.position, f"record {record.position} is not the one that was written here")
        head = Head(record.position, record.digest)
    return None
