"""A record of a log, and the chain of digests that makes a log tamper-evident.

The digest of a record is SHA-256 over the digest of the record before it and every field that is published, each with
its length, so that no two records have the same bytes. The first record chains over the log's id. A reader that keeps
the last digest therefore knows whether the next record belongs to the history it has read.

The format says which fields there are and how they enter the digest, and is itself the first of them. A later format
is a new line in CHAINS beside the old ones, so that every record verifies for ever as it was written; a record of a
format that is not there was written by a newer release, and its reader must stop.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

FORMAT = 1
"""The format that records are written in."""
DIGEST_BYTES = hashlib.sha256().digest_size
NUMBERS, LENGTH = struct.Struct(">QQqQQ"), struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Record:
    """One event as stored and as published, byte for byte.

    Who caused it: the subject (a person's name, `service:LOG`, `timer:LOG`), the role it acted in, the account it acted
    for, and the approval it rests on (`LOG/POSITION` of the ProposalApproved); account and approval may be empty.
    command_digest and command_events are set only on the first record of a command: by them its repeat is known and
    answered. The seal is its service's signature over the log as it ends with this record, where there is one; it is no
    part of the record.
    """

    position: int
    type: str
    data: bytes
    recorded_ms: int
    subject: str
    role: str = ""
    account: str = ""
    approval: str = ""
    request_id: str = ""
    traceparent: str = ""
    source_log_id: str = ""
    source_position: int = 0
    digest: bytes = b""
    command_digest: bytes = b""
    command_events: int = 0
    format: int = FORMAT
    seal: str = field(default="", compare=False)


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


class LogBroken(Exception):
    """A stored log has a record that does not continue the one before: changed, missing or out of order."""

    def __init__(self, log_id: str, good_position: int, what: str) -> None:
        super().__init__(
            f"the log of {log_id} is broken: {what}; it is good up to {good_position}. Nobody is served from it. "
            "See what `verify` says of every copy of its database, then start on the one that is whole: "
            "docs/runbook.md, 'The log is broken'"
        )


class FormatUnknown(Exception):
    """A newer release wrote the record; this one cannot verify it, and must not read on."""

    def __init__(self, record: Record) -> None:
        known = ", ".join(str(number) for number in CHAINS)
        super().__init__(f"record {record.position} has format {record.format}, this release knows {known}")


def chain(before: bytes, record: Record) -> bytes:
    """The digest that `record` must carry after a record whose digest is `before`. Raises FormatUnknown."""
    chained = CHAINS.get(record.format)
    if chained is None:
        raise FormatUnknown(record)
    return chained(before, record)


def with_digest(record: Record, digest: bytes) -> Record:
    # A frozen record is finished in place, once, before anybody else sees it: a copy would cost as much as the record.
    object.__setattr__(record, "digest", digest)
    return record


def chain_1(before: bytes, record: Record) -> bytes:
    numbers = (record.format, record.position, record.recorded_ms, record.source_position, record.command_events)
    who = (record.subject, record.role, record.account, record.approval)
    texts = (record.type, *who, record.request_id, record.traceparent, record.source_log_id)
    parts = [before, NUMBERS.pack(*numbers)]
    for text in texts:
        part = text.encode()
        parts += (LENGTH.pack(len(part)), part)
    parts += (LENGTH.pack(len(record.command_digest)), record.command_digest, record.data)
    return hashlib.sha256(b"".join(parts)).digest()


CHAINS: Mapping[int, Callable[[bytes, Record], bytes]] = {1: chain_1}


def continues(before: bytes, record: Record) -> bool:
    """Whether the record carries the digest it must; one with numbers that no log has does not. Raises
    FormatUnknown.
    """
    try:
        return chain(before, record) == record.digest
    except struct.error:
        return False


@dataclass(frozen=True, slots=True)
class Sequel:
    """What of some records continues a log: those `ready`, in order; then, where the rest does not follow, the first
    that does not: a `stranger` is at the next position but does not chain, or a record is `missing` before it.
    """

    ready: list[Record]
    stranger: Record | None = None
    missing: bool = False


def sequel(head: Head | HeardUpTo, arrived: Iterable[Record]) -> Sequel:
    """The one check of order: what continues `head`, of records that came in any order; what it knows is skipped."""
    ready: list[Record] = []
    position, digest = head.position, head.digest
    for record in sorted(arrived, key=lambda record: record.position):
        if record.position > position + 1:
            return Sequel(ready, missing=True)
        if record.position == position + 1:
            if record.format not in CHAINS or not continues(digest, record):
                return Sequel(ready, stranger=record)
            ready.append(record)
            position, digest = record.position, record.digest
    return Sequel(ready)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a log, and where."""

    position: int
    what: str


def first_fault(head: Head, records: Sequence[Record]) -> Fault | None:
    """The first record, of a log as it is stored, that does not continue `head`: changed, missing, out of order or of a
    format that is not known. None if all do.
    """
    found = sequel(head, records)
    position = head.position + len(found.ready) + 1
    if found.stranger is not None:
        if found.stranger.format not in CHAINS:
            return Fault(position, str(FormatUnknown(found.stranger)))
        return Fault(position, f"record {position} is not the one that was written here")
    if len(found.ready) < len(records):
        there = records[len(found.ready)].position
        if there > position + 1:
            return Fault(position, f"records {position} to {there - 1} are missing: found {there} in their place")
        return Fault(position, f"record {position} is missing: found {there} in its place")
    return None
