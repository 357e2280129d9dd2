"""What other services heard of this log: their word shows when it was restored older than they know it.

The services that hear this log are those that it hears. Each says, with every page of its own log that we read, which
record of ours it heard last (LogService.Read). If we have no such record, it took in records that we lost. It knows
what it took in by numbers that this log counts: a return's, a release's, a fund entry's. A new object now would take
the number of a lost one, and nobody could distinguish the two. So, until two people have the other service resume
hearing at a record that both have, when what was lost has been given again:

- who acts for an account (a participant, a province, a settlement bank) is refused, unless the call says that it gives
  again what was lost. Operators are let in;
- nothing is heard: what other services recorded meanwhile comes after what is given again.

What falls due is still done: it follows its cause at once, and did so in what was lost.

What a service heard more is kept in this database until it says otherwise (forks.py), so a restart meanwhile lets
nobody in. A new leader asks for a second before it lets anybody in; a service that gives no answer then is asked again
with every page, and until it says otherwise it is taken to know no more than what is kept of its word.
"""

import logging
from collections.abc import Mapping

from chassis.core.call import Call, KeptAway, Unavailable
from chassis.core.record import HeardUpTo
from chassis.core.roles import ACTING_FOR_AN_ACCOUNT
from chassis.log.retry import retried
from chassis.log.tail import Tail

logger = logging.getLogger(__name__)


class Witnesses:
    """`knowing_more` are the records that others heard and this log does not have, by the service that heard them."""

    def __init__(self, tail: Tail) -> None:
        self._tail = tail
        self._confirmed: dict[str, HeardUpTo] = {}
        self._knowing_more: dict[str, HeardUpTo] = {}

    @property
    def knowing_more(self) -> Mapping[str, HeardUpTo]:
        return self._knowing_more

    async def note(self, witness: str, heard: HeardUpTo | None) -> None:
        """Takes a service's word of how far it has heard this log. None where it says nothing."""
        if heard is None or self._confirmed.get(witness) == heard:
            return
        if heard.position > self._tail.position:
            # Either records are lost, or another replica leads by now and has written more than this one knows.
            try:
                await self._tail.prove_anew()
            except Unavailable:
                return
        if await self._is_ours(witness, heard):
            self._confirmed[witness] = heard
            if self._knowing_more.pop(witness, None) is not None:
                logger.warning("%s has heard nothing more that this log lacks", witness, extra={"source": witness})
        elif self._knowing_more.get(witness) != heard:
            # It may come back to what it confirmed: hearing is resumed there when what was lost is given again.
            self._confirmed.pop(witness, None)
            self._knowing_more[witness] = heard
            logger.critical("%s", self.why(witness), extra={"source": witness})

    async def _is_ours(self, witness: str, heard: HeardUpTo) -> bool:
        if heard.position > self._tail.position:
            return False
        what = f"checking what {witness} heard"
        found = await retried(what, lambda: self._tail.records(heard.position - 1, 1))
        return any(record.digest == heard.digest for record in found)

    def why(self, witness: str) -> str:
        """Why people are kept away, as operators read it; empty where they are not."""
        heard = self._knowing_more.get(witness)
        if heard is None:
            return ""
        return (
            f"{witness} heard record {heard.position} with digest {heard.digest.hex()}, which this log does not have: "
            "it was restored older"
        )

    def check_may_submit(self, call: Call) -> None:
        """Raises KeptAway."""
        if not self._knowing_more or call.given_again or call.role not in ACTING_FOR_AN_ACCOUNT:
            return
        witness, heard = next(iter(self._knowing_more.items()))
        raise KeptAway(
            "LOG_CAME_BACK_OLDER",
            witness=witness,
            witness_position=heard.position,
            end_position=self._tail.position,
        )
