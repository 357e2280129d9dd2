"""A feed is held against its service's signature: whatever was hidden, repeated, altered, moved or cut is found."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from carbonmarket.log.v1 import log_service_pb2 as pb
from carbonmarket_client import verification
from carbonmarket_client.errors import BeyondEnd, Refused
from carbonmarket_client.heads import (
    BookmarkRefused,
    ForkProof,
    ForkProved,
    LogAltered,
    check_proof,
    contradict,
    plain_proof,
    proof_of,
    signed_by,
)
from carbonmarket_client.link import Link
from carbonmarket_client.verification import VerifiedFeed, verify_feed, verify_log
from chassis.core.feed_chain import FeedHead, as_shown_in_feed, empty_feed, next_head
from chassis.core.record import Head, Record
from chassis.edges.remote import record_to
from chassis.log.seals import Signer, signed_text
from chassis.serving.log_service import signed_feed_head
from support.shell.hearing import KEY, PUBLIC_KEY, SOURCE, MemorySeals, sealed, source_records

ADA = "power-0007"
NEXT_KEY = Ed25519PrivateKey.from_private_bytes(b"n" * 32)


async def signed_end(
    entries: Sequence[pb.FeedRecord],
    key: Ed25519PrivateKey = KEY,
    account: str = ADA,
    log_id: str = SOURCE,
    position: int = 100,
) -> pb.SignedFeedHead:
    head = FeedHead(entries[-1].sequence, entries[-1].digest) if entries else empty_feed(log_id, account)
    return signed_feed_head(await Signer(log_id, key, MemorySeals()).seal_feed(account, head, position))


def entries_of(records: Sequence[Record], account: str = ADA, log_id: str = SOURCE) -> list[pb.FeedRecord]:
    head, entries = empty_feed(log_id, account), []
    for record in records:
        head = next_head(log_id, account, head, record)
        entries.append(
            pb.FeedRecord(sequence=head.sequence, record=record_to(as_shown_in_feed(record)), digest=head.digest)
        )
    return entries


class FeedOf:
    """A link to a service whose feed and signed end are as given. Asked again, it signs what it has."""

    service = SOURCE

    def __init__(self, entries: list[pb.FeedRecord], head: pb.SignedFeedHead) -> None:
        self.entries = entries
        self.head = head

    async def call(self, request: Any, answer_type: object, *, deadline_s: float) -> object:
        if isinstance(request, pb.GetSignedFeedHeadRequest):
            entry = self.entries[request.sequence - 1]
            return pb.GetSignedFeedHeadResponse(
                head=await signed_end([entry], account=request.account, position=entry.record.position)
            )
        after = request.after_sequence
        if after > len(self.entries):
            raise BeyondEnd("SEQUENCE_BEYOND_END", {"end_sequence": str(len(self.entries))})
        return pb.ReadFeedResponse(records=self.entries[after : after + 2], signed_head=self.head)


async def feed_of(count: int = 5, signed: int = 5) -> FeedOf:
    entries = entries_of(source_records(count))
    return FeedOf(entries, await signed_end(entries[:signed]))


async def verify(feed: FeedOf, bookmark: pb.SignedFeedHead | None = None) -> VerifiedFeed:
    return await verify_feed(cast(Link, feed), ADA, [PUBLIC_KEY], bookmark)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "SIGN_S", 0.0)


async def test_a_feed_is_verified_from_its_first_entry_to_its_signed_end() -> None:
    found = await verify(await feed_of())
    assert (found.entries, found.signed_sequence, found.signed_position, found.after) == (5, 5, 100, 0)


async def test_entries_that_are_not_signed_yet_are_said_to_be_so() -> None:
    found = await verify(await feed_of(signed=3))
    assert (found.entries, found.signed_sequence) == (5, 3)


async def test_an_empty_feed_has_a_signed_end_too() -> None:
    assert (await verify(await feed_of(0, 0))).entries == 0
    with pytest.raises(LogAltered, match="not signed"):
        await verify(FeedOf([], pb.SignedFeedHead()))


def hide(feed: FeedOf) -> None:
    del feed.entries[2]


def hide_and_renumber(feed: FeedOf) -> None:
    del feed.entries[2]
    for number, entry in enumerate(feed.entries, 1):
        entry.sequence = number


def hide_and_chain_anew(feed: FeedOf) -> None:
    records = source_records(5)
    feed.entries = entries_of([*records[:2], *records[3:]])


def repeat(feed: FeedOf) -> None:
    feed.entries.insert(2, feed.entries[1])


def alter_the_event(feed: FeedOf) -> None:
    feed.entries[2].record.data = b"\x08\x63"


def alter_who_did_it(feed: FeedOf) -> None:
    feed.entries[2].record.subject = "mallory"


def alter_the_logs_digest(feed: FeedOf) -> None:
    feed.entries[2].record.digest = b"d" * 32


def alter_and_chain_anew(feed: FeedOf) -> None:
    feed.entries = entries_of(source_records(5, amount=9))


def swap(feed: FeedOf) -> None:
    feed.entries[2], feed.entries[3] = feed.entries[3], feed.entries[2]


def swap_and_renumber(feed: FeedOf) -> None:
    swap(feed)
    feed.entries[2].sequence, feed.entries[3].sequence = 3, 4


def cut(feed: FeedOf) -> None:
    del feed.entries[3:]


def show_anothers(feed: FeedOf) -> None:
    feed.entries = entries_of(source_records(5), account="power-0008")


def show_another_logs(feed: FeedOf) -> None:
    feed.entries = entries_of(source_records(5), log_id="other")


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (hide, "entry 4 came where 3 was due"),
        (hide_and_renumber, "entry 3 is altered, or does not continue entry 2"),
        (hide_and_chain_anew, "ends with entry 4, but is signed up to 5"),
        (repeat, "entry 2 came where 3 was due"),
        (alter_the_event, "entry 3 is altered"),
        (alter_who_did_it, "entry 3 is altered"),
        (alter_the_logs_digest, "entry 3 is altered"),
        (alter_and_chain_anew, "signed is another entry 5"),
        (swap, "entry 4 came where 3 was due"),
        (swap_and_renumber, "entry 3 is altered"),
        (cut, "ends with entry 3, but is signed up to 5"),
        (show_anothers, "entry 1 is altered"),
        (show_another_logs, "entry 1 is altered"),
    ],
)
async def test_what_was_done_to_a_feed_is_found_and_the_entry_is_named(
    spoil: Callable[[FeedOf], None], named: str
) -> None:
    feed = await feed_of()
    spoil(feed)
    with pytest.raises(LogAltered, match=named):
        await verify(feed)


async def test_an_end_that_is_anothers_account_log_or_key_signs_nothing() -> None:
    for wrong in ({"account": "power-0008"}, {"log_id": "other"}, {"key": NEXT_KEY}):
        feed = await feed_of()
        feed.head = await signed_end(feed.entries, **wrong)
        with pytest.raises(LogAltered):
            await verify(feed)
        feed.head.account = ADA
        with pytest.raises(LogAltered):
            await verify(feed)


async def test_from_a_bookmark_only_what_came_after_it_is_read() -> None:
    feed = await feed_of(5, 3)
    bookmark = await signed_end(feed.entries[:3], position=50)
    feed.head = await signed_end(feed.entries)
    feed.entries[0].record.data = b"no matter"
    found = await verify(feed, bookmark)
    assert (found.after, found.entries, found.head.sequence) == (3, 5, 5)


async def test_a_bookmark_that_its_service_did_not_sign_is_refused() -> None:
    feed = await feed_of()
    for sequence, digest, seal in (
        (3, feed.entries[2].digest, ""),
        (3, feed.entries[2].digest, ":"),
        (3, feed.entries[2].digest, feed.head.seal),
        (3, b"d" * 32, feed.head.seal.partition(":")[0] + ":bm8gc2lnbmF0dXJl"),
        (5, b"d" * 32, feed.head.seal),
    ):
        forged = pb.SignedFeedHead(account=ADA, sequence=sequence, digest=digest, position=50, seal=seal)
        with pytest.raises(BookmarkRefused, match="the bookmark was changed, or its key is no longer pinned"):
            await verify(feed, forged)
        of_log = pb.SignedHead(position=sequence, digest=digest, seal=seal)
        with pytest.raises(BookmarkRefused, match="the log at position"):
            await verify_log(cast(Link, feed), [PUBLIC_KEY], of_log)


async def test_a_bookmark_of_another_accounts_feed_is_refused() -> None:
    feed = await feed_of()
    with pytest.raises(BookmarkRefused, match="the bookmark is of the feed of power-0008"):
        await verify(feed, await signed_end(feed.entries[:3], account="power-0008"))


async def test_a_feed_that_ends_before_the_bookmark_is_found() -> None:
    feed = await feed_of()
    bookmark = await signed_end(feed.entries, position=90)
    cut(feed)
    with pytest.raises(LogAltered, match="ends with entry 3, but entry 5 was read before"):
        await verify(feed, bookmark)


async def forked_feed(after: int = 3) -> tuple[FeedOf, pb.SignedFeedHead]:
    """A feed that went on otherwise from its third entry on, and the end that its service had signed before."""
    records = source_records(5)
    bookmark = await signed_end(entries_of(records), position=90)
    entries = entries_of([*records[:after], *source_records(4, Head(after, records[after - 1].digest), amount=7)])
    return FeedOf(entries, await signed_end(entries)), bookmark


async def test_a_service_that_signed_two_histories_of_a_feed_is_proved_to_have_forked() -> None:
    feed, bookmark = await forked_feed()
    with pytest.raises(ForkProved) as proved:
        await verify(feed, bookmark)
    proof = proof_of(json.loads(json.dumps(plain_proof(proved.value.proof))))
    assert proof == proved.value.proof
    assert list(check_proof(proof, [PUBLIC_KEY])) == [bookmark.seal[:16]] * 2
    assert (proof.head.digest, proof.other_head.digest) == (bookmark.digest, feed.entries[4].digest)


async def test_a_proof_is_none_with_another_key_of_heads_that_agree_or_when_altered() -> None:
    feed, bookmark = await forked_feed()
    other = (await feed.call(pb.GetSignedFeedHeadRequest(account=ADA, sequence=5), None, deadline_s=1)).head  # type: ignore[attr-defined]  # the fake answers any request
    with pytest.raises(LogAltered, match="not signed by a key that is pinned"):
        check_proof(ForkProof(SOURCE, bookmark, other), [NEXT_KEY.public_key().public_bytes_raw()])
    with pytest.raises(LogAltered, match="not signed by a key that is pinned"):
        check_proof(ForkProof("other", bookmark, other), [PUBLIC_KEY])
    with pytest.raises(LogAltered, match="prove no fork"):
        check_proof(ForkProof(SOURCE, bookmark, bookmark), [PUBLIC_KEY])
    altered = pb.SignedFeedHead()
    altered.CopyFrom(bookmark)
    altered.digest = b"d" * 32
    with pytest.raises(LogAltered, match="not signed by a key that is pinned"):
        check_proof(ForkProof(SOURCE, bookmark, altered), [PUBLIC_KEY])
    for wrong in ({}, {"service": SOURCE, "head": {}, "other_head": {}}, {"service": SOURCE, "head": 1}):
        with pytest.raises(ValueError, match=r"no `|is an object"):
            proof_of(wrong)


def head(sequence: int, position: int, digest: bytes = b"d") -> pb.SignedFeedHead:
    return pb.SignedFeedHead(account=ADA, sequence=sequence, position=position, digest=digest)


def test_two_ends_of_a_feed_contradict_each_other_where_no_log_can_have_both() -> None:
    assert contradict(head(3, 50), head(3, 60, b"other"))
    assert contradict(head(3, 60), head(4, 50)), "it was longer earlier"
    assert contradict(head(3, 50), head(4, 50)), "as of one position it ended twice"
    assert not contradict(head(3, 50), head(3, 60))
    assert not contradict(head(3, 50), head(4, 60))
    assert not contradict(head(3, 50), pb.SignedHead(position=50, digest=b"other"))


async def test_a_log_that_went_on_otherwise_than_its_signed_bookmark_is_proved_to_have_forked() -> None:
    records = source_records(5)
    old = (await sealed(records))[-1]
    bookmark = pb.SignedHead(position=5, digest=old.digest, seal=old.seal)
    forked = [*records[:3], *source_records(4, Head(3, records[2].digest), amount=7)]

    class LogOf:
        service = SOURCE

        async def call(self, request: Any, answer_type: object, *, deadline_s: float) -> object:
            if isinstance(request, pb.GetSignedHeadRequest):
                one = (await sealed(forked[: request.position]))[-1]
                return pb.GetSignedHeadResponse(
                    head=pb.SignedHead(position=one.position, digest=one.digest, seal=one.seal)
                )
            return pb.ReadResponse(records=[record_to(one) for one in forked[request.after_position :]])

    with pytest.raises(ForkProved) as proved:
        await verify_log(cast(Link, LogOf()), [PUBLIC_KEY], bookmark)
    assert (proved.value.proof.head, proved.value.proof.other_head.digest) == (bookmark, forked[4].digest)


async def test_what_a_service_says_of_its_own_fork_is_said_with_what_was_found() -> None:
    old = (await sealed(source_records(5)))[-1]
    bookmark = pb.SignedHead(position=5, digest=old.digest, seal=old.seal)
    forked = source_records(7, amount=7)

    class LogOf:
        service = SOURCE

        async def call(self, request: Any, answer_type: object, *, deadline_s: float) -> object:
            if isinstance(request, pb.GetSignedHeadRequest):
                raise Refused("LOG_HAS_FORKED", {"signed_digest": "aa", "digest": "bb"})
            return pb.ReadResponse(records=[record_to(one) for one in forked[request.after_position :]])

    with pytest.raises(LogAltered, match=r"record 6, .*LOG_HAS_FORKED \(digest bb, signed_digest aa\)"):
        await verify_log(cast(Link, LogOf()), [PUBLIC_KEY], bookmark)


async def test_a_seal_names_the_whole_id_of_its_key_and_is_written_in_strict_base64() -> None:
    record = (await sealed(source_records(1)))[-1]
    key_id, _, signature = record.seal.partition(":")
    assert signed_by(SOURCE, head_with(record, record.seal), [PUBLIC_KEY]) == key_id
    for short in ("", key_id[:1], key_id[:-1]):
        text = signed_text(SOURCE, record.position, record.digest, short)
        seal = f"{short}:{base64.b64encode(KEY.sign(text)).decode()}"
        with pytest.raises(LogAltered, match="not signed by a key that is pinned"):
            signed_by(SOURCE, head_with(record, seal), [PUBLIC_KEY])
    with pytest.raises(LogAltered, match="not signed by a key that is pinned"):
        signed_by(SOURCE, head_with(record, f"{key_id}:!{signature}"), [PUBLIC_KEY])


def head_with(record: Record, seal: str) -> pb.SignedHead:
    return pb.SignedHead(position=record.position, digest=record.digest, seal=seal)


@pytest.mark.parametrize(
    ("alter", "why"),
    [
        ({"data": b"other"}, "record 3, a .*, is altered or does not continue record 2: its digest is .* gives"),
        ({"position": 4}, "record 4 came where 3 was due"),
    ],
)
async def test_a_log_that_was_changed_says_at_which_record_and_what_differs(alter: dict[str, Any], why: str) -> None:
    records = source_records(5)
    records[2] = replace(records[2], **alter)

    class LogOf:
        service = SOURCE

        async def call(self, request: pb.ReadRequest, kind: type[pb.ReadResponse], **_: object) -> pb.ReadResponse:
            return pb.ReadResponse(records=[record_to(one) for one in records[request.after_position :]])

    with pytest.raises(LogAltered, match=why):
        await verify_log(cast(Link, LogOf()), [PUBLIC_KEY])
