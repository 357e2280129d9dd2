"""The chain of one account's feed: what an entry shows of its record, and the digest of each entry.

A feed is the records of a log that concern an account, in the log's order, numbered 1, 2, 3 … The digest of an entry
covers the digest of the entry before it, its place (log, account, sequence), the record's digest in the log and every
field that the entry shows. So it depends on the log alone: every replica, and every rebuild of the tables, computes the
same digests, and a reader that keeps the last one notices an entry that is hidden, repeated, altered or moved.

An entry shows its whole record, the same to every account that it concerns, without what only the log itself needs: the
digest of the command that caused it, and how many records that command had.
"""

import hashlib
from dataclasses import dataclass, replace

from chassis.core.record import Record, chain

FEED_PURPOSE = "carbonmarket feed"
ENTRY_PURPOSE = "carbonmarket feed entry"


@dataclass(frozen=True, slots=True)
class FeedHead:
    """The end of a feed: its last entry's sequence and digest. An empty feed ends at 0 with a digest of its own."""

    sequence: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry of an account's feed, as the tables keep it; the record itself is the log's."""

    account: str
    sequence: int
    position: int
    digest: bytes


def empty_feed(log_id: str, account: str) -> FeedHead:
    return FeedHead(0, hashlib.sha256("\n".join((FEED_PURPOSE, log_id, account)).encode()).digest())


def as_shown_in_feed(record: Record) -> Record:
    """What an entry shows of its record."""
    return replace(record, command_digest=b"", command_events=0, seal="")


def next_head(log_id: str, account: str, head: FeedHead, record: Record) -> FeedHead:
    """The end of a feed after one more record. Raises FormatUnknown."""
    sequence = head.sequence + 1
    place = "\n".join((ENTRY_PURPOSE, log_id, account, str(sequence), head.digest.hex(), record.digest.hex()))
    return FeedHead(sequence, chain(hashlib.sha256(place.encode()).digest(), as_shown_in_feed(record)))
