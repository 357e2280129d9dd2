"""The registry's domain, played in memory: what its unit and property tests share."""

import copy
from collections.abc import Sequence

import pytest

from chassis.core.decider import Context, Rejected
from registry.domain.accounts import CloseAccount, OpenAccount
from registry.domain.decider import DECIDER
from registry.domain.holdings import check_books
from registry.domain.issuance import AllocateAllowances, IssueAllowances
from registry.domain.restrictions import RecordWindingUp, RestrictAccount
from registry.domain.state import AccountKind, Registry
from registry.domain.transfers import TransferToTrading
from registry.domain.vintages import CreateVintage
from support.shell.asking import acting

NOW_MS = 1_626_400_000_000
OPERATOR = "registry_operator:ann"
HUBEI = "province:hubei"
POWER = "participant:power-0001"
STEEL = "participant:steel-0002"
CLEARING = "service:clearing"
TRADING = "service:trading"

Line = tuple[str, object, object]
"""Who asks, for what, and the answer: the reason of a refusal, the events, or None where any events will do."""


def play(
    registry: Registry, actor: str, command: object, set_aside: int = 0, halted: tuple[str, ...] = ()
) -> list[object]:
    """Decide and evolve one command; the books must agree after every event."""
    events = DECIDER.decide[type(command)](registry, command, Context(NOW_MS, acting(actor), set_aside, halted))
    for event in events:
        DECIDER.evolve[type(event)](registry, event)
        check_books(registry)
    return events


def climb(registry: Registry, ladder: Sequence[Line]) -> None:
    """Play a table line by line: each answer is the expected one, and a refusal changes nothing."""
    for actor, command, answer in ladder:
        if isinstance(answer, str):
            before = copy.deepcopy(registry)
            with pytest.raises(Rejected) as refused:
                play(registry, actor, command)
            assert refused.value.reason == answer, command
            assert registry == before, "a refusal changes nothing"
        else:
            events = play(registry, actor, command)
            assert answer in (events, None), command


def facts_of_refusal(registry: Registry, actor: str, command: object) -> dict[str, int | str]:
    """Return what the refusal of a command says beside its reason."""
    with pytest.raises(Rejected) as refused:
        play(registry, actor, command)
    return refused.value.facts


def close(registry: Registry, account: str) -> None:
    """Wind an empty account up and close it."""
    play(registry, OPERATOR, RestrictAccount(account, "dissolved"))
    play(registry, TRADING, RecordWindingUp(account, 1, 40))
    play(registry, OPERATOR, CloseAccount(account, "dissolved"))


def open_books() -> Registry:
    """Hubei with 1,000 t of CEA; power-0001 with 600 t, of which 500 t in trading; steel-0002 with nothing."""
    registry = Registry()
    kind = AccountKind.KEY_EMITTING_ENTITY
    play(registry, OPERATOR, OpenAccount("hubei", AccountKind.PROVINCE, "Hubei", "", False))
    play(registry, OPERATOR, OpenAccount("power-0001", kind, "Power One", "hubei", True))
    play(registry, OPERATOR, OpenAccount("steel-0002", kind, "Steel Two", "hubei", True))
    play(registry, OPERATOR, CreateVintage("CEA", 2020))
    play(registry, OPERATOR, IssueAllowances("CEA", "hubei", 1_600, "plan 1"))
    play(registry, HUBEI, AllocateAllowances("CEA", "hubei", "power-0001", 600, "list 1"))
    play(registry, POWER, TransferToTrading("power-0001", "CEA", 500))
    return registry
