"""The chain of a feed: its digests follow from the log alone, whatever is recorded between its entries."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chassis.core.feed_chain import FeedEntry, FeedHead, empty_feed, next_head
from chassis.core.record import Record, genesis
from chassis.core.wire import EventKind, Wire
from chassis.followers.projections import Projector
from support.shell import tally
from support.shell.hearing import source_records
from support.shell.tally import Ordered

LOG = "tally"
ACCOUNTS = ("ada", "ben", "cyd")


class Entries:
    """Keeps what is written, and forgets nothing of it."""

    def __init__(self) -> None:
        self.feed: list[FeedEntry] = []

    async def write(self, follower: str, before: int, position: int, rows: object, feed: Sequence[FeedEntry]) -> None:
        self.feed += feed

    def of(self, account: str) -> list[tuple[int, bytes]]:
        return [(entry.sequence, entry.digest) for entry in self.feed if entry.account == account]


WIRE = Wire(EventKind(Ordered, tally.MESSAGES["Ordered"], accounts=lambda event: event.what.split()))


def projected(records: Sequence[Record], concerned: Sequence[Sequence[str]], cuts: Sequence[int]) -> Entries:
    """The feeds of a log whose records each concern some accounts, written in batches cut at these places."""
    entries: Any = Entries()
    projector = Projector(LOG, Any, {}, WIRE, entries)  # type: ignore[arg-type]  # nothing follows a tail here
    events = [(record, Ordered(" ".join(accounts))) for record, accounts in zip(records, concerned, strict=True)]
    edges = [0, *sorted(cuts), len(events)]

    async def project() -> None:
        for first, last in pairwise(edges):
            if events[first:last]:
                await projector._project(events[first:last])

    asyncio.run(project())
    made: Entries = entries
    return made


@given(
    st.lists(st.lists(st.sampled_from(ACCOUNTS), max_size=3), max_size=20).flatmap(
        lambda concerned: st.tuples(
            st.just(concerned),
            st.lists(st.integers(0, len(concerned)), max_size=4),
            st.lists(st.integers(0, len(concerned)), max_size=4),
        )
    )
)
def test_however_accounts_alternate_and_batches_are_cut_every_replica_has_the_chain_from_scratch(
    case: tuple[list[list[str]], list[int], list[int]],
) -> None:
    concerned, cuts, other_cuts = case
    records = source_records(len(concerned), genesis(LOG))
    one, other = projected(records, concerned, cuts), projected(records, concerned, other_cuts)
    for account in ACCOUNTS:
        head, scratch = empty_feed(LOG, account), []
        for record, accounts in zip(records, concerned, strict=True):
            if account in accounts:
                head = next_head(LOG, account, head, record)
                scratch.append((head.sequence, head.digest))
        assert one.of(account) == other.of(account) == scratch


def test_a_digest_says_which_log_account_and_entry_it_is_of_and_of_what_record() -> None:
    first, second = source_records(2)
    head = next_head(LOG, "ada", empty_feed(LOG, "ada"), first)
    others = [
        next_head(LOG, "ben", empty_feed(LOG, "ben"), first),
        next_head("other", "ada", empty_feed("other", "ada"), first),
        next_head(LOG, "ada", FeedHead(1, empty_feed(LOG, "ada").digest), first),
        next_head(LOG, "ada", FeedHead(0, head.digest), first),
        next_head(LOG, "ada", empty_feed(LOG, "ada"), second),
    ]
    assert len({head.digest, *(one.digest for one in others)}) == 1 + len(others)


def test_the_digests_of_a_feed_never_change() -> None:
    """Participants keep them as bookmarks: a later release comes to the same ones."""
    first, second = source_records(2)
    head = next_head(LOG, "ada", empty_feed(LOG, "ada"), first)
    assert empty_feed(LOG, "ada").digest.hex() == "01dcb7c4c91c274518fce56b779d81739ff74b544fd208699c482bd3baa50753"
    assert head.digest.hex() == "c9d1a87b1392e121e87929c023113326f67a4891dc283c5910a2ee2b7e0d7525"
    assert (
        next_head(LOG, "ada", head, second).digest.hex()
        == "2496cc332014fa4de97128e83f8dc4b63678e3271a17de0934852f26dbbdc129"
    )
