"""What two logs must say of the same thing: each once, and the same.

A statement waits until its counterpart comes, from whichever log is read first, and is then forgotten: so memory is
bounded by what is on its way between services. What never meets its counterpart was lost, or was said twice.
"""

from dataclasses import dataclass
from typing import Any

from support.auditor.findings import Findings

ONE_SIDED_NAMED_MAX = 20


@dataclass(frozen=True, slots=True)
class Statement:
    side: str
    facts: tuple[Any, ...]
    where: str


class Pairs:
    """Statements that wait for their counterpart, by rule and key."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._waiting: dict[tuple[str, object], Statement] = {}

    def say(self, rule: str, side: str, key: object, *facts: Any) -> None:
        """`side` (a log's name) states `facts` of `key` under `rule`."""
        other = self._waiting.get((rule, key))
        if other is None:
            self._waiting[(rule, key)] = Statement(side, facts, self._findings.at)
        elif other.side == side:
            self._findings.say(rule, f"{side} says {key} twice: first at {other.where}")
        else:
            del self._waiting[(rule, key)]
            if other.facts != facts:
                self._findings.say(rule, f"{key}: {side} says {facts}, {other.side} says {other.facts}")

    def waiting(self, rule: str) -> dict[object, Statement]:
        return {key: statement for (own_rule, key), statement in self._waiting.items() if own_rule == rule}

    def forget(self, rule: str, key: object) -> None:
        """The counterpart is rightly absent."""
        self._waiting.pop((rule, key), None)

    def conclude(self) -> None:
        """Every statement still waiting is a finding: one log says it, the other does not."""
        by_rule: dict[str, list[tuple[object, Statement]]] = {}
        for (rule, key), statement in self._waiting.items():
            by_rule.setdefault(rule, []).append((key, statement))
        for rule, open_ones in by_rule.items():
            for key, statement in open_ones[:ONE_SIDED_NAMED_MAX]:
                self._findings.at = statement.where
                self._findings.say(rule, f"only {statement.side} says {key}: {statement.facts}")
            for _ in open_ones[ONE_SIDED_NAMED_MAX:]:
                self._findings.say(rule, "one-sided")
