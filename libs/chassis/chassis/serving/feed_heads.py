"""The signed ends of accounts' feeds, as they are given out.

An entry costs two hashes and no signature: the end of a feed is signed when somebody reads it, for one account at most
once in SIGN_SECONDS, however many read it at once. Meanwhile the last signed end is given out, which may be before the
entries that come with it. An earlier end is kept for ever as well, and costs a commit of its own: of one feed, an actor
has at most one signed in SIGN_SECONDS, and at most ASKERS_MAX actors have. One that is kept already is signed again
without any of that.
"""

import asyncio

from chassis.core.call import Unavailable
from chassis.core.feed_chain import FeedHead
from chassis.followers.projections import Tables
from chassis.log.for_callers import for_a_caller
from chassis.log.seals import SealedFeed, Signer
from chassis.serving.shared_work import SharedWork
from chassis.serving.signing_rate import SigningRate

SIGN_SECONDS = 1.0
ASKERS_MAX = 100


class SignedFeeds:
    def __init__(self, tables: Tables, signer: Signer | None) -> None:
        self._tables = tables
        self._signer = signer
        self._newest: dict[str, tuple[float, SealedFeed]] = {}
        self._signing = SharedWork[str, SealedFeed]()
        self._rate = SigningRate(SIGN_SECONDS, ASKERS_MAX)

    async def newest(self, account: str) -> SealedFeed | None:
        """The end of an account's feed, signed not long ago; None where nothing is signed here. Raises Forked, and
        Unavailable where the database gives no answer.
        """
        if self._signer is None:
            return None
        now = asyncio.get_running_loop().time()
        signed_at, newest = self._newest.get(account, (0.0, None))
        if newest is not None and now < signed_at + SIGN_SECONDS:
            return newest
        signer = self._signer
        return await self._signing.result(account, lambda: self._sign(account, signer))

    async def _sign(self, account: str, signer: Signer) -> SealedFeed:
        now = asyncio.get_running_loop().time()
        head, position = self._tables.feed_head(account)
        with for_a_caller():
            signed = await signer.seal_feed(account, head, position)
        if head.sequence > 0:
            self._newest[account] = (now, signed)
        return signed

    async def at(self, account: str, sequence: int, actor: str) -> SealedFeed | None:
        """The end of an account's feed as it was with an entry that it has. Raises Forked, and Unavailable where the
        tables lack the entry, the actor had another end of it signed just now, or the database gives no answer.
        """
        if self._signer is None:
            return None
        found = await self._tables.read_feed(account, sequence - 1, 1)
        if not found:
            raise Unavailable(f"the tables lack entry {sequence} of this feed; `rebuild-tables` writes them anew")
        ((entry, _),) = found
        with for_a_caller():
            kept = await self._signer.kept_feed(account, sequence)
            if kept is None:
                self._rate.admit(actor, account)
            return await self._signer.seal_feed(account, FeedHead(sequence, entry.digest), entry.position, kept)
