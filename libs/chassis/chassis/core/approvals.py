"""Which commands take two people, and how long a proposal stays open: dated data of each log.

Some commands always take two: whoever owns them says so in code (`Decider.needs_two`, `shell.NEEDS_TWO`). A rule adds
to those and never removes one. It is valid from its day on, China's time, until the next rule is valid, and never for
what was decided before the rule was set; it can be set again for the same day. Before the first rule nothing is added,
and a proposal stays open for OPEN_HOURS. Setting a rule always takes two people.

A proposal is not decided yet. So a rule that leaves less time is valid from its day on for those that are open, too:
no proposal is approved later than the rule of that day allows. A rule that leaves more time prolongs none: each ends,
at the latest, when its record says.

A rule binds people. What services and timers do follows from what was decided before, and must not wait for anybody; so
a command that a service gives, or somebody for an account of its own, cannot be named.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from carbonmarket.log.v1 import log_events_pb2 as pb
from chassis.core.days import day_of, day_start_ms
from chassis.core.decider import Context, Decide, Decided, Malformed, NotFound, Rejected, handles
from chassis.core.proposals import Proposable, check_may_take_two
from chassis.core.roles import may_take_two
from chassis.core.shapes import check_day, check_text, quoted
from chassis.core.wire import EventKind

OPEN_HOURS = 7 * 24
OPEN_HOURS_MAX = 90 * 24
RULES_AHEAD_MAX = 100
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class SetApprovalRules:
    """`commands`, by name (`SetFees`), take two people in addition to those that always do."""

    valid_from_day: str
    commands: tuple[str, ...]
    open_hours: int
    source: str


@dataclass(frozen=True, slots=True)
class ApprovalRulesSet:
    valid_from_day: str
    commands: tuple[str, ...]
    open_hours: int
    source: str


NO_RULES = ApprovalRulesSet("", (), OPEN_HOURS, "none set")

Rules = Mapping[str, ApprovalRulesSet]
"""By the day from which each is valid."""


class Approvals(Protocol):
    """What the decision looks at."""

    proposable: Proposable

    @property
    def approval_rules(self) -> Rules: ...


def valid_on(rules: Rules, day: str) -> ApprovalRulesSet:
    valid = max((valid_from for valid_from in rules if valid_from <= day), default="")
    return rules.get(valid, NO_RULES)


def takes_two(rules: Rules, always: Collection[type], kind: type, context: Context) -> bool:
    if ":" in context.subject:  # a service or a timer
        return False
    if kind in always:
        return True
    return bool(rules) and kind.__name__ in valid_on(rules, day_of(context.now_ms)).commands


def ends_ms(rules: Rules, proposed_ms: int) -> int:
    """When a proposal that is made now ends."""
    return shortened_ms(rules, proposed_ms, proposed_ms + valid_on(rules, day_of(proposed_ms)).open_hours * HOUR_MS)


def shortened_ms(rules: Rules, proposed_ms: int, ends: int) -> int:
    """When a proposal ends that would end at `ends`: no rule that is valid while it is open leaves it more than its own
    hours. The rule that was valid when it was made may be forgotten (`with_rules`): `ends` has what it said.
    """
    proposed_on = day_of(proposed_ms)
    for day in sorted(rules):
        if day >= proposed_on and day_start_ms(day) < ends:
            ends = min(ends, max(day_start_ms(day), proposed_ms + rules[day].open_hours * HOUR_MS))
    return ends


def set_approval_rules(look: Approvals, command: SetApprovalRules, context: Context) -> Decided:
    check_day(command.valid_from_day, "valid_from_day")
    for index, name in enumerate(command.commands):
        if name in command.commands[:index]:
            raise Malformed("COMMAND_NAMED_TWICE", f"commands[{index}]", command=quoted(name))
        roles = look.proposable.roles.get(name)
        if roles is None:
            raise NotFound("COMMAND_UNKNOWN", type=quoted(name), commands=", ".join(nameable(look.proposable)))
        check_may_take_two(name, roles)
    if not 1 <= command.open_hours <= OPEN_HOURS_MAX:
        raise Malformed(
            "OPEN_HOURS_OUT_OF_RANGE", "open_hours", open_hours=command.open_hours, open_hours_max=OPEN_HOURS_MAX
        )
    check_text(command.source, "source")
    today = day_of(context.now_ms)
    if command.valid_from_day < today:
        raise Rejected("DAY_IN_THE_PAST", day=command.valid_from_day, today=today)
    ahead = {day for day in look.approval_rules if day > today}
    if len(ahead - {command.valid_from_day}) >= RULES_AHEAD_MAX:
        raise Rejected("TOO_MANY_APPROVAL_RULES", rules_max=RULES_AHEAD_MAX)
    return [
        ApprovalRulesSet(command.valid_from_day, tuple(sorted(command.commands)), command.open_hours, command.source)
    ]


def nameable(proposable: Proposable) -> list[str]:
    """The commands that a rule may name."""
    return sorted(name for name, roles in proposable.roles.items() if may_take_two(roles))


def with_rules(rules: Rules, event: ApprovalRulesSet, now_ms: int) -> Rules:
    """The rules after a change, without those that are over."""
    changed = {**rules, event.valid_from_day: event}
    valid = valid_on(changed, day_of(now_ms)).valid_from_day
    return {day: one for day, one in changed.items() if day >= valid}


DECIDE: Decide[Approvals] = handles(SetApprovalRules, set_approval_rules)

APPROVAL_KINDS = (
    EventKind(ApprovalRulesSet, pb.ApprovalRulesSet, shown=("valid_from_day", "commands", "open_hours", "source")),
)
