"""A log, or one account's feed, checked against its service's signature: every entry continues the one before, up to a
head that is signed.

Record and FeedRecord in log_service.proto document how the digests are computed. A reader that keeps a signed head as a
bookmark verifies from there on, and notices if the service has another history by then: the service is asked to sign
what it has at the bookmark's position, and a signature of another digest there proves the fork.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from carbonmarket.log.v1 import log_service_pb2 as pb
from carbonmarket_client.errors import BeyondEnd, MarketError
from carbonmarket_client.heads import (
    BookmarkRefused,
    ForkProof,
    ForkProved,
    LogAltered,
    SignedHead,
    contradict,
    signed_by,
)
from carbonmarket_client.link import Link

RECORDS_MAX = 1_000
ANSWER_S_MAX = 30.0
SIGN_S = 1.2
"""A service signs the end of a feed at most once a second: so long its newest entries may have no signature yet."""
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Verified:
    """A log's records, verified from after `after` on; up to where they are signed, and by which key."""

    service: str
    records: int
    signed_position: int
    key_id: str
    after: int = 0
    head: pb.SignedHead = field(default_factory=pb.SignedHead, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class VerifiedFeed:
    """A feed's entries, verified from after `after` on; up to which one they are signed, as of which position of the
    log, and by which key.
    """

    service: str
    account: str
    entries: int
    signed_sequence: int
    signed_position: int
    key_id: str
    after: int = 0
    head: pb.SignedFeedHead = field(default_factory=pb.SignedFeedHead, compare=False, repr=False)


async def verify_log(link: Link, public_keys: Sequence[bytes], bookmark: pb.SignedHead | None = None) -> Verified:
    """Read a log, from its beginning or from a bookmark on, and check it against the newest head that its service
    signed. Raises BookmarkRefused, LogAltered, ForkProved, MarketError.
    """
    service = link.service
    if bookmark:
        check_bookmark(service, bookmark, public_keys)
    after = bookmark.position if bookmark else 0
    first = bookmark.digest if bookmark else hashlib.sha256(f"carbonmarket log {service}".encode()).digest()
    chain = Chain(after, first)
    while True:
        request = pb.ReadRequest(after_position=chain.end, records_max=RECORDS_MAX)
        try:
            answer = await link.call(request, pb.ReadResponse, deadline_s=ANSWER_S_MAX)
        except BeyondEnd as error:
            raise LogAltered(f"{service}: {cut_off(error, 'record', after)}") from error
        for record in answer.records:
            due = chain.end + 1
            if record.position != due:
                raise LogAltered(
                    f"{service}: record {record.position} came where {due} was due: missing, repeated or moved"
                )
            computed = digest_of(chain.digest, record)
            if record.digest != computed:
                more = await find_fork(link, bookmark, public_keys) if bookmark and chain.end == after else ""
                raise LogAltered(
                    f"{service}: record {due}, a {record.type}, is altered or does not continue record {chain.end}: "
                    f"its digest is {record.digest.hex()}, but its content gives {computed.hex()}{more}"
                )
            chain.add(record.digest)
        if not answer.records:
            break
    head = answer.signed_head
    if not head.seal:
        raise LogAltered(f"{service}: no head of the log is signed")
    key_id = signed_by(service, head, public_keys)
    if bookmark and contradict(bookmark, head):
        raise ForkProved(ForkProof(service, bookmark, head))
    if head.position < after:
        raise LogAltered(f"{service}: signed up to {head.position:,} now, but up to {after:,} before")
    if not chain.agrees(head.position, head.digest):
        raise LogAltered(f"{service}: signed is another record {head.position} than the log has")
    return Verified(service, chain.end, head.position, key_id, after, head)


async def verify_feed(
    link: Link, account: str, public_keys: Sequence[bytes], bookmark: pb.SignedFeedHead | None = None
) -> VerifiedFeed:
    """Read one account's feed, from its first entry or from a bookmark on, and check it against its end as the service
    signed it. Raises BookmarkRefused, LogAltered, ForkProved, MarketError.
    """
    what = f"{link.service}: the feed of {account}"
    if bookmark:
        check_bookmark(link.service, bookmark, public_keys)
        if bookmark.account != account:
            raise BookmarkRefused(f"{what}: the bookmark is of the feed of {bookmark.account}")
    after = bookmark.sequence if bookmark else 0
    chain = Chain(after, bookmark.digest if bookmark else empty_feed(link.service, account))
    waited = False
    while True:
        request = pb.ReadFeedRequest(account=account, after_sequence=chain.end, records_max=RECORDS_MAX)
        try:
            answer = await link.call(request, pb.ReadFeedResponse, deadline_s=ANSWER_S_MAX)
        except BeyondEnd as error:
            raise LogAltered(f"{what}: {cut_off(error, 'entry', after)}") from error
        for entry in answer.records:
            due = chain.end + 1
            if entry.sequence != due:
                raise LogAltered(f"{what}: entry {entry.sequence} came where {due} was due: hidden, repeated or moved")
            if entry.digest != feed_digest(link.service, account, chain, entry.record):
                more = await find_fork(link, bookmark, public_keys) if bookmark and chain.end == after else ""
                raise LogAltered(f"{what}: entry {due} is altered, or does not continue entry {chain.end}{more}")
            chain.add(entry.digest)
        head = answer.signed_head
        if answer.records:
            continue
        if head.sequence >= chain.end or waited:
            break
        waited = True
        await asyncio.sleep(SIGN_S)
    if not head.seal:
        raise LogAltered(f"{what}: its end is not signed")
    if head.account != account:
        raise LogAltered(f"{what}: signed is the feed of {head.account}")
    key_id = signed_by(link.service, head, public_keys)
    if bookmark and contradict(bookmark, head):
        raise ForkProved(ForkProof(link.service, bookmark, head))
    if head.sequence > chain.end:
        raise LogAltered(
            f"{what}: ends with entry {chain.end}, but is signed up to {head.sequence}: entries are hidden"
        )
    if head.sequence < after:
        raise LogAltered(f"{what}: is signed up to entry {head.sequence} now, but was up to {after} before")
    if not chain.agrees(head.sequence, head.digest):
        raise LogAltered(f"{what}: signed is another entry {head.sequence}: it, or one before it, is not the true one")
    return VerifiedFeed(link.service, account, chain.end, head.sequence, head.position, key_id, after, head)


class Chain:
    """The digests of what was read, by their numbers."""

    def __init__(self, after: int, digest: bytes) -> None:
        self._after = after
        self._digests = [digest]

    @property
    def end(self) -> int:
        return self._after + len(self._digests) - 1

    @property
    def digest(self) -> bytes:
        return self._digests[-1]

    def add(self, digest: bytes) -> None:
        self._digests.append(digest)

    def agrees(self, number: int, digest: bytes) -> bool:
        return self._after <= number <= self.end and self._digests[number - self._after] == digest


def check_bookmark(service: str, bookmark: SignedHead, public_keys: Sequence[bytes]) -> None:
    """Who goes on from a bookmark believes it of all that lies before. Raises BookmarkRefused."""
    try:
        signed_by(service, bookmark, public_keys)
    except LogAltered as error:
        raise BookmarkRefused(f"the bookmark was changed, or its key is no longer pinned: {error}") from error


async def find_fork(link: Link, bookmark: SignedHead, public_keys: Sequence[bytes]) -> str:
    """Raises ForkProved where the service signs a head that contradicts a bookmark that it signed. Where it refuses to
    sign, the answer to add to what was found: a service that sees itself that its log has forked says so.
    """
    try:
        met = await signed_again(link, bookmark)
    except MarketError as error:
        return f"; asked to sign what it has in the bookmark's place, the service answered: {error}"
    signed_by(link.service, met, public_keys)
    if contradict(bookmark, met):
        raise ForkProved(ForkProof(link.service, bookmark, met))
    return ""


async def signed_again(link: Link, head: SignedHead) -> SignedHead:
    """What the service signs now in the place of a head."""
    if isinstance(head, pb.SignedFeedHead):
        of_feed = pb.GetSignedFeedHeadRequest(account=head.account, sequence=head.sequence)
        return (await link.call(of_feed, pb.GetSignedFeedHeadResponse, deadline_s=ANSWER_S_MAX)).head
    of_log = pb.GetSignedHeadRequest(position=head.position)
    return (await link.call(of_log, pb.GetSignedHeadResponse, deadline_s=ANSWER_S_MAX)).head


def cut_off(error: BeyondEnd, what: str, after: int) -> str:
    end = error.facts.get("end_position") or error.facts.get("end_sequence") or "an earlier one"
    return f"it ends with {what} {end}, but {what} {after:,} was read before: it was cut off, or came back older"


def digest_of(before: bytes, record: pb.Record) -> bytes:
    """The digest that a record must have. Raises LogAltered on a format that this release does not know."""
    if record.format != FORMAT:
        raise LogAltered(f"record {record.position} has format {record.format}: update the client")
    sha = hashlib.sha256(before)
    for number in (record.format, record.position, record.recorded_ms, record.source_position, record.command_events):
        sha.update(number.to_bytes(8, "big", signed=True))
    who = (record.subject, record.role, record.account, record.approval)
    texts = (record.type, *who, record.request_id, record.traceparent, record.source_log_id)
    for written in (*(text.encode() for text in texts), record.command_digest):
        sha.update(len(written).to_bytes(4, "big") + written)
    sha.update(record.data)
    return sha.digest()


def empty_feed(service: str, account: str) -> bytes:
    return hashlib.sha256(f"carbonmarket feed\n{service}\n{account}".encode()).digest()


def feed_digest(service: str, account: str, chain: Chain, record: pb.Record) -> bytes:
    """The digest that the next entry of a feed must have. Raises LogAltered as `digest_of` does."""
    place = ("carbonmarket feed entry", service, account, str(chain.end + 1), chain.digest.hex(), record.digest.hex())
    return digest_of(hashlib.sha256("\n".join(place).encode()).digest(), record)
