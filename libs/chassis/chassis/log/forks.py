"""Proof that another service's log forked: two signed heads of it for one position with different digests.

Hearing keeps the signed heads that it receives. If the source has signed another digest for that position, both are
kept together, so that anybody who pins the source's public key can check them; an alarm names them. When hearing halts
because the source forked, the source is asked to sign its log at the position of the newest head that is kept, so that
an honest service that was restored older gives the proof itself.

A key that has signed a fork is not trusted any more: the source is heard from its log only, until its keys are
replaced.

Anybody may send a thousand seals that name a pinned key, and to verify one costs a signature's time. So of what arrives
together only SEALS_VERIFIED_MAX are verified; records without a verified seal are compared with the source's log.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chassis.core.call import NotYet, Refused
from chassis.core.record import Head, Record
from chassis.log.retry import retried
from chassis.log.seals import SealedHead, Seals

PROOFS_MAX = 100
"""So many proofs are read at a time: one is enough to know."""
SEALS_VERIFIED_MAX = 32
"""A poll of Kafka rarely brings more batches, each with one seal."""
HEADS_KNOWN_MAX = 1_000
"""So many heads are remembered, so that one which comes again is not looked up again."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ForkProof:
    """The head that was met first, and the other one."""

    log_id: str
    head: SealedHead
    other: SealedHead


class ForkStore(Protocol):
    """Where a service keeps the signed heads of the logs that it hears, and the proofs of their forks; and what others
    heard of its own log that it lost (witnesses.py).
    """

    async def keep_heard_head(self, log_id: str, head: SealedHead) -> SealedHead:
        """Keeps a signed head, unless one of its position is kept already; the one that is kept."""
        ...

    async def newest_heard_head(self, log_id: str) -> SealedHead | None: ...

    async def keep_fork_proof(self, proof: ForkProof) -> None: ...

    async def fork_proofs(self, proofs_max: int) -> Sequence[ForkProof]:
        """The oldest proofs, of all logs."""
        ...

    async def keep_lost_head(self, witness: str, head: Head | None) -> None:
        """Keeps which record the witness heard last of this service's log, which lacks it; None forgets it."""
        ...

    async def lost_head(self, witness: str) -> Head | None: ...


@dataclass(frozen=True, slots=True)
class Verified:
    """Records by what verifying their seals has shown: a pinned key signed them, or none did. Those that carry no seal,
    or one too many to be verified, are in neither.
    """

    signed: Sequence[Record]
    void: Sequence[Record]


class SignedHeads:
    """The signed heads of one source."""

    def __init__(self, source: str, seals: Seals, store: ForkStore) -> None:
        self._source = source
        self._seals = seals
        self._store = store
        self._known: dict[SealedHead, None] = {}
        self.forked = False
        """Whether a key that is pinned has signed a fork."""

    async def load(self) -> None:
        proofs = await retried(f"hearing {self._source}", lambda: self._store.fork_proofs(PROOFS_MAX))
        self.forked = any(
            self._seals.holds(proof.head) and self._seals.holds(proof.other)
            for proof in proofs
            if proof.log_id == self._source
        )

    async def verify(self, records: Sequence[Record]) -> Verified:
        """Verifies the seals of records that came, whether they chain or not, from the first on, and keeps the signed
        heads. Where no key is pinned no seal is called void.
        """
        signed: list[Record] = []
        void: list[Record] = []
        verified = 0
        for record in records:
            if not record.seal or not self._seals.are_pinned:
                continue
            head = SealedHead(record.position, record.digest, record.seal)
            if head not in self._known and self._seals.names_key(head):
                verified += 1
                if verified > SEALS_VERIFIED_MAX:
                    continue
            (signed if await self._keep(head) else void).append(record)
        return Verified(signed, void)

    async def ask(self, signed_at: Callable[[int], Awaitable[SealedHead]]) -> None:
        """Has the source sign its log where the newest head lies that is kept of it. Without an answer there is no
        proof yet.
        """
        newest = await retried(f"hearing {self._source}", lambda: self._store.newest_heard_head(self._source))
        if newest is None:
            return
        try:
            await self._keep(await signed_at(newest.position))
        except (NotYet, Refused) as error:
            logger.warning(
                "%s did not sign its log at %d: %s",
                self._source,
                newest.position,
                error,
                extra={"source": self._source},
            )

    async def _keep(self, head: SealedHead) -> bool:
        """Returns whether a pinned key signed the head."""
        if head in self._known:
            return True
        if not self._seals.holds(head):
            return False
        kept = await retried(f"hearing {self._source}", lambda: self._store.keep_heard_head(self._source, head))
        if kept.digest != head.digest:
            proof = ForkProof(self._source, kept, head)
            await retried(f"hearing {self._source}", lambda: self._store.keep_fork_proof(proof))
            self.forked = True
            logger.critical(
                "%s signed two digests for position %d: %s by %s, and %s by %s; the proof is kept (carbonmarket forks)",
                self._source,
                head.position,
                kept.digest.hex(),
                kept.seal,
                head.digest.hex(),
                head.seal,
                extra={"source": self._source, "source_position": head.position},
            )
        self._known[head] = None
        if len(self._known) > HEADS_KNOWN_MAX:
            del self._known[next(iter(self._known))]
        return True
