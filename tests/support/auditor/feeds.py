"""The auditor's own feeds of one log: whom each record concerns, and the digests of each account's feed, by the
published definition (FeedRecord in log_service.proto) and no shared code.

A record concerns the accounts that its event names in a field of its own. Every service keeps this rule, so a feed is
recomputed from the log and the contracts alone: an entry that a service left out, added, repeated, moved or altered
gives the feed another digest from there on.

An entry's digest is a record's digest of all that the entry shows (all but command_digest and command_events), made to
follow SHA-256 of six lines: "carbonmarket feed entry", the log's id, the account, the sequence, the digest of the entry
before, the record's digest. The first entry follows SHA-256 of three: "carbonmarket feed", the log's id, the account.
"""

import hashlib
from dataclasses import dataclass
from functools import cache

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from carbonmarket.log.v1.log_service_pb2 import Record
from support.auditor.chain import digest_of

NAMES_AN_ACCOUNT = ("account", "from_account", "buyer", "seller", "counterparty")


@dataclass(frozen=True, slots=True)
class FeedEnd:
    """Where a feed ends: its last entry's sequence and digest, and that entry's position in the log."""

    sequence: int
    digest: bytes
    position: int


class Feeds:
    """The ends of all accounts' feeds, as of the last record taken."""

    def __init__(self, log_id: str) -> None:
        self._log_id = log_id
        self._ends: dict[str, FeedEnd] = {}

    def take(self, record: Record, event: Message) -> None:
        for account in {getattr(event, name) for name in account_fields(event.DESCRIPTOR)}:
            self._ends[account] = self._after(account, record)

    def end(self, account: str) -> FeedEnd:
        """Of an account that no record concerns, the empty feed's."""
        return self._ends.get(account) or FeedEnd(0, hashed("carbonmarket feed", self._log_id, account), 0)

    @property
    def accounts(self) -> list[str]:
        """Those that have an entry."""
        return sorted(self._ends)

    def _after(self, account: str, record: Record) -> FeedEnd:
        end = self.end(account)
        place = (account, str(end.sequence + 1), end.digest.hex(), record.digest.hex())
        before = hashed("carbonmarket feed entry", self._log_id, *place)
        return FeedEnd(end.sequence + 1, digest_of(before, shown(record)), record.position)


@cache
def account_fields(descriptor: Descriptor) -> tuple[str, ...]:
    return tuple(name for name in NAMES_AN_ACCOUNT if name in descriptor.fields_by_name)


def shown(record: Record) -> Record:
    """What an entry shows of its record."""
    entry = Record()
    entry.CopyFrom(record)
    entry.ClearField("command_digest")
    entry.ClearField("command_events")
    return entry


def hashed(*lines: str) -> bytes:
    return hashlib.sha256("\n".join(lines).encode()).digest()
