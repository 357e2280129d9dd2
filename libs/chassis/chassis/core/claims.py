"""Names that are taken once and for ever (chassis.core.decider.Claim): which ones a command asks for, and which are
taken.

They are stored in the log's table of claims and looked up there before a command is decided, together with its key.
Names taken by the last batches may not be in the table yet, so they are also kept here. Each heard record that had a
reaction is a claim too: when two people resume hearing at an earlier record, records that come again are recognised.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from chassis.core.decider import Claim, Claimed, Decider, Facts
from chassis.core.record import HeardUpTo
from chassis.core.submission import HeardRecord, Submission

OF_COMMAND_MAX = 10
RECENT_MAX = 20_000
"""More than the names of two batches, so that none in flight is missed."""
CHARACTERS_MAX = 1_000


class Names:
    """The names of one engine's commands and events."""

    def __init__(self, decider: Decider[Any]) -> None:
        self._decider = decider
        self._recent: OrderedDict[Claim, Facts] = OrderedDict()
        self._of_batch: list[Claimed] = []

    def asked_by(self, submission: Submission, resumed: Collection[str]) -> list[Claim]:
        """What no log can hold is not asked for: the domain refuses it as malformed. What is heard is asked for where
        its source is one of those `resumed`.
        """
        asks = self._decider.asks.get(type(submission.command))
        asked = list(asks(submission.command, submission.actor)) if asks else []
        if isinstance(submission, HeardRecord) and submission.upto.log_id in resumed:
            asked.append(heard_claim(submission.upto))
        return [claim for claim in asked if may_be_claimed(claim)]

    def taken(self, asked: Sequence[Claim], stored: Mapping[Claim, Facts]) -> dict[Claim, Facts]:
        """Those that are taken, `stored` being what the log knew of them."""
        return {claim: known[claim] for claim in asked for known in (self._recent, stored) if claim in known}

    def claimed_by(
        self,
        state: Any,
        submission: Submission,
        events: Sequence[object],
        asked: Sequence[Claim],
        taken: Mapping[Claim, Facts],
    ) -> list[Claimed]:
        """The names that a decision takes: what a rule forgot to check is a bug, before anything has happened."""
        claims = self._decider.claims
        claimed = [one for event in events if type(event) in claims for one in claims[type(event)](state, event)]
        if claimed:
            names = [claim for claim, _ in claimed]
            assert len(names) == len(set(names)) <= OF_COMMAND_MAX
            assert all(name in asked and name not in taken for name in names), f"taken, or not asked for: {names}"
        if isinstance(submission, HeardRecord) and submission.command is not None:
            claimed.append((heard_claim(submission.upto), ()))
        return claimed

    def take(self, claimed: Sequence[Claimed]) -> None:
        self._of_batch += claimed
        self._recent.update(claimed)
        while len(self._recent) > RECENT_MAX:
            self._recent.popitem(last=False)

    def take_batch(self) -> tuple[Claimed, ...]:
        """Every name taken since the last call."""
        batch, self._of_batch = tuple(self._of_batch), []
        return batch


def heard_claim(upto: HeardUpTo) -> Claim:
    """Names a record of another log that was taken in. Another at its position is of a fork: another name."""
    return Claim("heard", upto.log_id, f"{upto.position}/{upto.digest.hex()}")


def may_be_claimed(claim: Claim) -> bool:
    return all("\0" not in text and len(text) <= CHARACTERS_MAX for text in claim)
