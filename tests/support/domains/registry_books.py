"""The registry's domain, played in memory: what its unit and property tests share."""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pytest

from chassis.core.decider import Context, Rejected, digest_with
from registry.domain.accounts import CloseAccount, OpenAccount
from registry.domain.decider import DECIDER
from registry.domain.delivery import DeliverAllowances
from registry.domain.holdings import check_books
from registry.domain.issuance import AllocateAllowances, IssueAllowances
from registry.domain.restrictions import RecordWindingUp, RestrictAccount
from registry.domain.staging import LEGS_PER_PAGE_MAX, StageDeliveryLegs
from registry.domain.state import AccountKind, Leg, Registry
from registry.domain.transfers import TransferToTrading
from registry.domain.vintages import CreateVintage
from support.domains.refused import naming_its_field
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


@dataclass(frozen=True, slots=True)
class Delivery:
    """A run as clearing orders it: its legs staged page by page, then the order."""

    pages: tuple[StageDeliveryLegs, ...]
    order: DeliverAllowances


def delivery_of(run_id: int, attempt: int, legs: Sequence[Leg], day: str, page_max: int = 3) -> Delivery:
    pages = [tuple(legs[start : start + page_max]) for start in range(0, len(legs), page_max)]
    if len(legs) > LEGS_PER_PAGE_MAX:
        pages = [tuple(legs)]
    quantity_tonnes = sum(leg.quantity_tonnes for leg in legs)
    return Delivery(
        tuple(StageDeliveryLegs(run_id, attempt, number, page) for number, page in enumerate(pages, 1)),
        DeliverAllowances(run_id, attempt, day, len(legs), quantity_tonnes, digest_of(legs)),
    )


def digest_of(legs: Iterable[Leg]) -> bytes:
    digest = bytes(32)
    for leg in legs:
        digest = digest_with(digest, leg.trade_id, leg.vintage, leg.quantity_tonnes, leg.seller, leg.buyer)
    return digest


def play(
    registry: Registry, actor: str, command: object, set_aside: int = 0, halted: tuple[str, ...] = ()
) -> list[object]:
    """Decide and evolve one command, and what it makes due at once; of a delivery, the events without its pages'."""
    if isinstance(command, Delivery):
        for page in command.pages:
            play_one(registry, actor, page, set_aside, halted)
        return play(registry, actor, command.order, set_aside, halted)
    events = play_one(registry, actor, command, set_aside, halted)
    while (timer := DECIDER.due(registry)) is not None:
        events += play_one(registry, "timer:registry", timer.command, set_aside, halted)
    return events


def play_one(
    registry: Registry, actor: str, command: object, set_aside: int = 0, halted: tuple[str, ...] = ()
) -> list[object]:
    """Decide and evolve one command alone; the books must agree after every event."""
    with naming_its_field(command):
        events = DECIDER.decide[type(command)](registry, command, Context(NOW_MS, acting(actor), set_aside, halted))
    for event in events:
        DECIDER.evolve[type(event)](registry, event)
        check_books(registry)
    return events


def climb(registry: Registry, ladder: Sequence[Line]) -> None:
    """Play a table line by line: each answer is the expected one, and a refusal changes nothing."""
    for actor, command, answer in ladder:
        if isinstance(answer, str):
            staged = copy.deepcopy(registry.staged)
            before = copy.deepcopy(registry)
            with pytest.raises(Rejected) as refused:
                play(registry, actor, command)
            assert refused.value.reason == answer, command
            registry.staged = staged
            assert registry == before, "a refusal changes nothing, but for what is staged and moves nothing"
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
