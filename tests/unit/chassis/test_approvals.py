"""Which commands take two people, as dated rules: none is needed to be safe, each is valid on its day, two set it."""

from typing import Any

import pytest

from chassis.core.approvals import HOUR_MS, OPEN_HOURS_MAX, RULES_AHEAD_MAX, ApprovalRulesSet, SetApprovalRules
from chassis.core.days import day_of, day_start_ms
from chassis.core.decider import Rejected
from chassis.core.engine import Done, Engine
from chassis.core.proposals import ApproveProposal, CommandProposed, ProposalApproved, first_to_expire
from chassis.core.submission import DueTimer
from chassis.process.service import Service
from clearing.__main__ import CLEARING
from clearing.domain.banks import SetSettlementBanks
from registry.__main__ import REGISTRY
from registry.domain.vintages import CreateVintage
from support.domains.trading_floor import open_floor
from support.shell.asking import asked
from support.shell.two_people import by_two, engine_of, proposal_of
from trading.__main__ import TRADING
from trading.domain.rules import FeesSet, SetFees

FRIDAY, MONDAY, TUESDAY = "2021-07-16", "2021-07-19", "2021-07-20"
ANN, BEN = "exchange_operator:ann", "exchange_operator:ben"
NOW_MS = day_start_ms(FRIDAY) + 12 * HOUR_MS
DAY_MS = 24 * HOUR_MS
FEES = SetFees("2021-07-26", 300, 500, "notice 3")
FEES_LATER = SetFees("2021-08-26", 300, 500, "notice 3")
OF_FEES = SetApprovalRules(MONDAY, ("SetFees",), 24, "minutes 31")


def trading() -> Engine[Any]:
    return engine_of(TRADING, open_floor().market)


def refusal(on: Engine[Any], command: object, now_ms: int = NOW_MS, actor: str = ANN) -> Rejected:
    outcome = on.decide(asked(actor, "", command), {}, now_ms)
    assert isinstance(outcome, Rejected), outcome
    return outcome


def test_a_rule_takes_effect_on_its_day_and_not_before() -> None:
    on = trading()
    by_two(on, OF_FEES, ANN, BEN, NOW_MS)
    midnight_ms = day_start_ms(MONDAY)
    assert isinstance(on.decide(asked(ANN, "", FEES), {}, midnight_ms - 1), Done)
    assert refusal(on, FEES, midnight_ms).reason == "APPROVAL_REQUIRED"
    by_two(on, FEES, ANN, BEN, midnight_ms, TRADING.commands).only(FeesSet)


def test_a_rule_is_valid_until_the_next_one_is() -> None:
    on = trading()
    by_two(on, OF_FEES, ANN, BEN, NOW_MS)
    by_two(on, SetApprovalRules(TUESDAY, (), 168, "minutes 32"), ANN, BEN, NOW_MS)
    assert refusal(on, FEES, day_start_ms(TUESDAY) - 1).reason == "APPROVAL_REQUIRED"
    assert isinstance(on.decide(asked(ANN, "", FEES), {}, day_start_ms(TUESDAY)), Done)


def test_a_rule_is_set_by_two_people_only() -> None:
    on = trading()
    assert refusal(on, OF_FEES).reason == "APPROVAL_REQUIRED"
    done = by_two(on, OF_FEES, ANN, BEN, NOW_MS)
    assert [type(event) for event in done.events] == [ProposalApproved, ApprovalRulesSet]


def test_no_rule_removes_a_command_that_always_takes_two() -> None:
    on = trading()
    by_two(on, SetApprovalRules(FRIDAY, (), 1, "minutes 33"), ANN, BEN, NOW_MS)
    assert refusal(on, OF_FEES).reason == "APPROVAL_REQUIRED"


def test_a_proposal_stays_open_as_long_as_the_rule_of_its_day_says() -> None:
    on = trading()
    proposal = proposal_of(FEES, TRADING.commands)
    before = on.decide(asked(ANN, "", proposal), {}, NOW_MS)
    assert isinstance(before, Done)
    assert before.only(CommandProposed).expires_ms == NOW_MS + 168 * HOUR_MS
    by_two(on, OF_FEES, ANN, BEN, NOW_MS)
    on_its_day_ms = day_start_ms(MONDAY)
    after = on.decide(asked(ANN, "", proposal), {}, on_its_day_ms)
    assert isinstance(after, Done)
    assert after.only(CommandProposed).expires_ms == on_its_day_ms + 24 * HOUR_MS


def made_on_friday(on: Engine[Any]) -> int:
    proposed = on.decide(asked(ANN, "", proposal_of(FEES, TRADING.commands)), {}, NOW_MS)
    assert isinstance(proposed, Done)
    return proposed.position


def test_a_rule_that_leaves_less_time_ends_open_proposals_on_its_day() -> None:
    on = trading()
    number = made_on_friday(on)
    by_two(on, OF_FEES, ANN, BEN, NOW_MS)
    midnight_ms = day_start_ms(MONDAY)
    timer = first_to_expire(on.shell.proposals)
    assert timer is not None
    assert (timer.name, timer.due_ms) == (f"expire-proposal/{number}", midnight_ms)
    late = refusal(on, ApproveProposal(number), midnight_ms, BEN)
    assert (late.reason, late.facts["expires_ms"]) == ("PROPOSAL_EXPIRED", midnight_ms)
    assert isinstance(on.decide(asked(BEN, "", ApproveProposal(number)), {}, midnight_ms - 1), Done)


def test_a_rule_of_today_ends_a_proposal_that_is_open_longer_than_it_allows_at_once() -> None:
    on = trading()
    number = made_on_friday(on)
    later_ms = NOW_MS + 2 * HOUR_MS
    by_two(on, SetApprovalRules(FRIDAY, (), 1, "minutes 33"), ANN, BEN, later_ms)
    assert refusal(on, ApproveProposal(number), later_ms, BEN).reason == "PROPOSAL_EXPIRED"
    timer = first_to_expire(on.shell.proposals)
    assert timer is not None
    assert isinstance(on.decide(DueTimer("trading", timer), {}, later_ms), Done)
    assert on.shell.proposals == {}


def test_a_rule_that_is_known_already_ends_a_proposal_of_an_earlier_day_too() -> None:
    on = trading()
    by_two(on, OF_FEES, ANN, BEN, NOW_MS)
    number = made_on_friday(on)
    assert on.shell.proposals[number].expires_ms == day_start_ms(MONDAY)


def test_a_rule_that_leaves_more_time_prolongs_no_proposal() -> None:
    on = trading()
    by_two(on, SetApprovalRules(FRIDAY, (), 24, "minutes 33"), ANN, BEN, NOW_MS)
    number = made_on_friday(on)
    by_two(on, SetApprovalRules(FRIDAY, (), 168, "minutes 34"), ANN, BEN, NOW_MS)
    by_two(on, SetApprovalRules(MONDAY, (), 168, "minutes 34"), ANN, BEN, NOW_MS)
    assert on.shell.proposals[number].expires_ms == NOW_MS + 24 * HOUR_MS


def test_a_rule_that_leaves_as_much_time_shortens_none_although_the_rule_of_its_day_is_forgotten() -> None:
    on = trading()
    for days in (0, 9):
        by_two(on, SetApprovalRules(day_of(NOW_MS + days * DAY_MS), (), 720, "minutes 8"), ANN, BEN, NOW_MS)
    made_ms = NOW_MS + 8 * DAY_MS
    proposed = on.decide(asked(ANN, "", proposal_of(FEES_LATER, TRADING.commands)), {}, made_ms)
    assert isinstance(proposed, Done)
    by_two(on, SetApprovalRules(day_of(NOW_MS + 11 * DAY_MS), (), 720, "minutes 9"), ANN, BEN, NOW_MS + 11 * DAY_MS)
    assert day_of(NOW_MS) not in on.shell.approval_rules
    assert on.shell.proposals[proposed.position].expires_ms == made_ms + 720 * HOUR_MS


def test_a_rule_that_leaves_more_time_than_the_forgotten_one_prolongs_none_and_one_that_leaves_less_shortens() -> None:
    on = trading()
    by_two(on, SetApprovalRules(FRIDAY, (), 720, "minutes 1"), ANN, BEN, NOW_MS)
    number = made_on_friday(on)
    for days, hours, ends_ms in (
        (2, 1_000, NOW_MS + 720 * HOUR_MS),
        (4, 240, NOW_MS + 240 * HOUR_MS),
        (5, 720, NOW_MS + 240 * HOUR_MS),
    ):
        set_ms = NOW_MS + days * DAY_MS
        by_two(on, SetApprovalRules(day_of(set_ms), (), hours, "minutes 2"), ANN, BEN, set_ms)
        assert on.shell.proposals[number].expires_ms == ends_ms


@pytest.mark.parametrize(
    ("service", "command"),
    [
        (REGISTRY, CreateVintage("CEA21", 2021)),
        (TRADING, FEES),
        (CLEARING, SetSettlementBanks(FRIDAY, ("icbc",), "announcement 7")),
    ],
    ids=lambda value: value.name if isinstance(value, Service) else "",
)
def test_every_service_goes_by_such_rules(service: Service[Any], command: object) -> None:
    on = engine_of(service, service.decider.initial())
    name = type(command).__name__
    by_two(on, SetApprovalRules(FRIDAY, (name,), 24, "minutes 34"), ANN, BEN, NOW_MS)
    alone = refusal(on, command)
    assert (alone.reason, alone.facts) == ("APPROVAL_REQUIRED", {"command": name})


def test_what_a_timer_does_waits_for_no_second_person() -> None:
    floor = open_floor()
    on = engine_of(TRADING, floor.market)
    by_two(on, SetApprovalRules(FRIDAY, ("CloseDay",), 24, "minutes 35"), ANN, BEN, NOW_MS)
    timer = TRADING.decider.due(floor.market)
    assert timer is not None
    assert refusal(on, timer.command, timer.due_ms).reason == "APPROVAL_REQUIRED"
    assert isinstance(on.decide(DueTimer("trading", timer), {}, timer.due_ms), Done)
    assert not on.shell.set_aside


REFUSED = [
    (SetApprovalRules("July", (), 24, "minutes"), "DAY_MALFORMED"),
    (SetApprovalRules(MONDAY, ("SetFees", "SetFees"), 24, "minutes"), "COMMAND_NAMED_TWICE"),
    (SetApprovalRules(MONDAY, ("SetWeather",), 24, "minutes"), "COMMAND_UNKNOWN"),
    (SetApprovalRules(MONDAY, ("MoveClock",), 24, "minutes"), "COMMAND_UNKNOWN"),
    (SetApprovalRules(MONDAY, ("PlaceOrder",), 24, "minutes"), "COMMAND_NEVER_TAKES_TWO"),
    (SetApprovalRules(MONDAY, ("ConfirmClearingRun",), 24, "minutes"), "COMMAND_NEVER_TAKES_TWO"),
    (SetApprovalRules(MONDAY, (), 0, "minutes"), "OPEN_HOURS_OUT_OF_RANGE"),
    (SetApprovalRules(MONDAY, (), OPEN_HOURS_MAX + 1, "minutes"), "OPEN_HOURS_OUT_OF_RANGE"),
    (SetApprovalRules(MONDAY, (), 24, ""), "TEXT_MALFORMED"),
    (SetApprovalRules("2021-07-15", (), 24, "minutes"), "DAY_IN_THE_PAST"),
]


@pytest.mark.parametrize(("command", "reason"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_a_rule_that_cannot_be_is_refused_and_says_why(command: SetApprovalRules, reason: str) -> None:
    assert refusal(trading(), command).reason == reason


def test_rules_to_come_are_bounded_and_those_that_are_over_are_forgotten() -> None:
    on = trading()
    ahead_ms = [day_start_ms(MONDAY) + number * 24 * HOUR_MS for number in range(RULES_AHEAD_MAX + 1)]
    for ms in ahead_ms[:-1]:
        by_two(on, SetApprovalRules(day_of(ms), (), 24, "minutes"), ANN, BEN, NOW_MS)
    last = SetApprovalRules(day_of(ahead_ms[-1]), (), 24, "minutes")
    assert refusal(on, last).reason == "TOO_MANY_APPROVAL_RULES"
    by_two(on, last, ANN, BEN, ahead_ms[5])
    assert min(on.shell.approval_rules) == day_of(ahead_ms[5])


def test_a_rule_whose_day_has_gone_by_is_not_approved_any_more() -> None:
    on = trading()
    proposed = on.decide(asked(ANN, "", proposal_of(OF_FEES)), {}, NOW_MS)
    assert isinstance(proposed, Done)
    (effect,) = proposed.only(CommandProposed).effects
    assert effect.type == "carbonmarket.log.v1.ApprovalRulesSet"
    late = refusal(on, ApproveProposal(proposed.position), day_start_ms(TUESDAY), BEN)
    assert late.reason == "DAY_IN_THE_PAST"


def test_who_names_a_strange_command_in_a_rule_is_told_which_commands_there_are() -> None:
    unknown = refusal(trading(), SetApprovalRules(MONDAY, ("SetFee",), 24, "minutes"))
    commands = str(unknown.facts["commands"]).split(", ")
    assert {"SetFees", "SuspendTrading", "DropSetAside"} <= set(commands)
    assert not {"PlaceOrder", "MoveClock", "ProposeCommand"} & set(commands)
