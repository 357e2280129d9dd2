"""What the auditor found: a rule, where it was broken, and the figures. Bounded; the count goes on."""

from collections import Counter
from dataclasses import dataclass

FINDINGS_MAX = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach. `rule` names what must hold, `where` the record or query, `what` the figures."""

    rule: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.where}: {self.what}"


class Findings:
    """The list. `at` is where the auditor reads now."""

    def __init__(self) -> None:
        self.at = ""
        self.kept: list[Finding] = []
        self.counts: Counter[str] = Counter()

    @property
    def clean(self) -> bool:
        return not self.counts

    def say(self, rule: str, what: str) -> None:
        self.counts[rule] += 1
        if len(self.kept) < FINDINGS_MAX:
            self.kept.append(Finding(rule, self.at, what))

    def same(self, rule: str, what: str, stated: object, recomputed: object) -> None:
        """What a record or an answer states is what the auditor makes of the events."""
        if stated != recomputed:
            self.say(rule, f"{what}: stated {stated}, recomputed {recomputed}")

    def lines(self) -> list[str]:
        hidden = sum(self.counts.values()) - len(self.kept)
        return [*map(str, self.kept), *([f"and {hidden} more"] if hidden else [])]
