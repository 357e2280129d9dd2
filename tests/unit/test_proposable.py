"""What can be proposed, of the commands that the services have: what operators give, and nothing else."""

from typing import Any

import pytest

from chassis.core.decider import Rejected
from chassis.core.engine import Done, Engine
from chassis.core.proposals import ProposeCommand, command_name
from chassis.core.roles import ACTING_FOR_AN_ACCOUNT, EVERY_ROLE, may_take_two
from chassis.core.shell import NEEDS_TWO, OpenLog
from chassis.process.service import Service
from chassis.serving.log_service import SHELL_COMMANDS
from clearing.__main__ import CLEARING
from registry.__main__ import REGISTRY
from support.shell.asking import asked
from support.shell.two_people import engine_of
from trading.__main__ import TRADING

SERVICES: tuple[Service[Any], ...] = (REGISTRY, TRADING, CLEARING)
of_each = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)


def opened(service: Service[Any]) -> Engine[Any]:
    engine = engine_of(service, service.decider.initial())
    assert isinstance(engine.decide(asked(f"service:{service.name}", "", OpenLog(False)), {}, 1_000), Done)
    return engine


@of_each
def test_who_acts_for_an_account_and_a_service_can_propose_nothing(service: Service[Any]) -> None:
    engine = opened(service)
    for type_name in engine.declared.proposable.tables:
        for role in (*ACTING_FOR_AN_ACCOUNT, "service"):
            outcome = engine.decide(asked(f"{role}:eve", "", ProposeCommand(type_name, b"")), {}, 1_000)
            assert isinstance(outcome, Rejected)
            assert outcome.reason in ("ROLE_NOT_ALLOWED", "COMMAND_NEVER_TAKES_TWO", "COMMAND_UNKNOWN"), type_name


@of_each
def test_what_a_service_gives_or_somebody_for_an_account_is_proposed_by_nobody(service: Service[Any]) -> None:
    engine = opened(service)
    for type_name, roles in service.commands.roles.items():
        reasons = set()
        for role in EVERY_ROLE:
            outcome = engine.decide(asked(f"{role}:eve", "", ProposeCommand(type_name, b"")), {}, 1_000)
            reasons |= {outcome.reason} if isinstance(outcome, Rejected) else set()
        assert ("COMMAND_NEVER_TAKES_TWO" in reasons) == (not may_take_two(roles)), type_name


@of_each
def test_every_command_that_always_takes_two_can_be_proposed(service: Service[Any]) -> None:
    always = {kind.__name__ for kind in NEEDS_TWO | service.decider.needs_two}
    roles = {**service.commands.roles, **SHELL_COMMANDS.roles}
    named = {command_name(type_name): may_take_two(of) for type_name, of in roles.items()}
    assert all(named[name] for name in always)


@of_each
def test_no_command_that_asks_for_a_name_can_be_proposed(service: Service[Any]) -> None:
    """An approval asks the log for no names: the command that it decides would find none of them free."""
    roles = {command_name(type_name): of for type_name, of in service.commands.roles.items()}
    assert not [kind for kind in service.decider.asks if may_take_two(roles[kind.__name__])]
