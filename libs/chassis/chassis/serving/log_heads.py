"""The signed heads of the log, at positions that callers name.

Anybody may ask, and an answer costs up to READ_RECORDS_MAX records read and hashed. So one actor gets one answer in
ASK_SECONDS, and only ASKERS_MAX actors do. Where the publisher has not been yet, the end of what was read is signed and
kept: it covers every position before it, so callers who ask for one position after the other add a row by the page.
"""

from chassis.log.for_callers import for_a_caller
from chassis.log.protocol import READ_RECORDS_MAX, Readable
from chassis.log.seals import SealedHead, Signer
from chassis.log.tail import Tail
from chassis.serving.signing_rate import SigningRate

ASK_SECONDS = 1.0
ASKERS_MAX = 100


class SignedLog:
    def __init__(self, tail: Tail, signer: Signer, log_for_callers: Readable | None = None) -> None:
        self._tail = tail
        self._log = log_for_callers
        self._signer = signer
        self._rate = SigningRate(ASK_SECONDS, ASKERS_MAX)

    async def at(self, position: int, actor: str) -> SealedHead | None:
        """The head of the log as it was with a record that it has; None where the next head that is kept lies too far
        after it. Raises Forked, and Unavailable where too much was asked just now or the database gives no answer.
        """
        self._rate.admit(actor)
        with for_a_caller():
            return await self._sealed_at(position)

    async def _sealed_at(self, position: int) -> SealedHead | None:
        kept = await self._signer.kept_from(position)
        reach = kept.position - position + 1 if kept else READ_RECORDS_MAX
        if reach > READ_RECORDS_MAX:
            return None
        records = await self._tail.records(position - 1, reach, self._log)
        if kept is None:
            kept = await self._signer.seal(records[-1])
        return self._signer.seal_below(kept, records)
