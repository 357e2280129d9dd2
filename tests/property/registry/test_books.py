"""Whatever is asked, in whatever order: no tonne is lost or made, nothing is negative, nothing is delivered twice."""

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chassis.core.decider import Context, Rejected
from chassis.core.sum_tree import Key, Quantities
from registry.domain.accounts import ChangeAccountData, CloseAccount, OpenAccount
from registry.domain.decider import DECIDER
from registry.domain.delivery import (
    AllowancesDelivered,
    DeliveryCompleted,
)
from registry.domain.holdings import custody_now
from registry.domain.issuance import AllocateAllowances, AllowancesAllocated, AllowancesIssued, IssueAllowances
from registry.domain.restrictions import LiftRestriction, RecordTradingStop, RecordWindingUp, RestrictAccount
from registry.domain.state import AccountKind, AccountState, Leg, Registry
from registry.domain.transfers import (
    RecordReturnFromTrading,
    ReturnedFromTrading,
    TransferredToTrading,
    TransferToTrading,
)
from registry.domain.vintages import CreateVintage
from registry.wire import WIRE
from support.domains.kept_trees import assert_commits_to, restored, up_to_date
from support.domains.registry_books import (
    CLEARING,
    HUBEI,
    OPERATOR,
    POWER,
    STEEL,
    TRADING,
    Delivery,
    delivery_of,
    open_books,
    play,
)
from support.shell.asking import acting

ACTORS = (OPERATOR, HUBEI, POWER, STEEL, TRADING, CLEARING)

accounts = st.sampled_from(("hubei", "henan", "power-0001", "steel-0002", "cement-0003", "nobody"))
entities = st.sampled_from(("power-0001", "steel-0002", "cement-0003"))
vintages = st.sampled_from(("CEA", "CEA", "CEA21"))
quantities = st.one_of(st.integers(1, 200), st.integers(1, 200), st.sampled_from((-1, 0, 10**12, 10**12 + 1)))


@dataclass(frozen=True, slots=True)
class AskForDelivery:
    """A delivery whose run, attempt and first trade are so far beyond the last ones: mostly the next, sometimes not."""

    runs_beyond: int
    attempts_beyond: int
    trades_beyond: int
    legs: tuple[Leg, ...]

    def command(self, registry: Registry) -> Delivery:
        last = registry.last_delivery
        first_trade_id = last.trade_id + self.trades_beyond
        last_attempt = max((attempt for _, attempt in registry.void_attempts), default=0)
        return delivery_of(
            run_id=last.run_id + self.runs_beyond,
            attempt=last_attempt + self.attempts_beyond,
            legs=[replace(leg, trade_id=first_trade_id + index) for index, leg in enumerate(self.legs)],
            day="2021-07-16",
            page_max=2,
        )


likely_legs = st.builds(
    Leg, st.just(0), st.just("CEA"), st.integers(1, 40), st.just("power-0001"), st.just("steel-0002")
)
any_legs = st.builds(Leg, st.just(0), vintages, st.integers(1, 90), entities, entities)
legs = st.one_of(likely_legs, likely_legs, likely_legs, any_legs.filter(lambda leg: leg.seller != leg.buyer))
deliveries = st.builds(
    AskForDelivery,
    runs_beyond=st.sampled_from((1, 1, 1, 1, 1, 0, 2, -1)),
    attempts_beyond=st.sampled_from((1, 1, 1, 1, 1, 0, 2, -1)),
    trades_beyond=st.sampled_from((1, 1, 1, 1, 1, 1, 0, -3, 5)),
    legs=st.lists(legs, min_size=1, max_size=4).map(tuple),
)
opened = st.one_of(
    st.builds(OpenAccount, entities, st.integers(2, 4), st.just("Name"), st.just("hubei"), st.booleans()),
    st.builds(OpenAccount, accounts, st.integers(0, 4), st.just("Name"), st.sampled_from(("", "henan")), st.booleans()),
)
of_the_operator = st.one_of(
    opened,
    st.builds(ChangeAccountData, accounts, st.sampled_from(("A", "B")), st.just("licence")),
    st.builds(CloseAccount, accounts, st.just("dissolved")),
    st.builds(RestrictAccount, accounts, st.just("risk warning")),
    st.builds(LiftRestriction, accounts),
    st.builds(LiftRestriction, accounts),
    st.builds(CreateVintage, vintages, st.integers(2018, 2022)),
    st.builds(IssueAllowances, vintages, st.sampled_from(("hubei", "henan")), quantities, st.just("plan")),
)
of_hubei = st.builds(AllocateAllowances, vintages, st.just("hubei"), accounts, quantities, st.just("list"))
of_trading = st.one_of(
    st.builds(RecordTradingStop, accounts, st.integers(0, 3), st.integers(1, 99)),
    st.builds(RecordWindingUp, accounts, st.integers(0, 3), st.integers(1, 99)),
    st.builds(RecordReturnFromTrading, entities, vintages, quantities, st.integers(1, 99), st.integers(1, 99)),
)


def by(actor: str, commands: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, Any]]:
    """Mostly the actor whose business it is, sometimes any other."""
    return st.tuples(st.sampled_from((*(actor,) * 20, *ACTORS)), commands)


def transfer_by(account: str) -> st.SearchStrategy[tuple[str, Any]]:
    return by(f"participant:{account}", st.builds(TransferToTrading, st.just(account), vintages, quantities))


steps = st.one_of(
    by(OPERATOR, of_the_operator),
    by(HUBEI, of_hubei),
    by(TRADING, of_trading),
    by(CLEARING, deliveries),
    by(CLEARING, deliveries),
    transfer_by("power-0001"),
    transfer_by("steel-0002"),
    transfer_by("cement-0003"),
)
histories = st.lists(steps, min_size=15, max_size=50)

Kept = Counter[tuple[str, str]]


def run(registry: Registry, history: Sequence[tuple[str, object]]) -> list[object]:
    """Play a history over books that are open already; `play` checks them after every event. Return what happened."""
    happened = []
    for actor, step in history:
        for command in commands_of(step, registry):
            before = copy.deepcopy(registry)
            try:
                happened += play(registry, actor, command)
            except Rejected:
                assert registry == before, "a refusal changes nothing"
                break
    return happened


def commands_of(step: object, registry: Registry) -> Sequence[object]:
    """A delivery's pages come one by one before its order."""
    if not isinstance(step, AskForDelivery):
        return [step]
    delivery = step.command(registry)
    return [*delivery.pages, delivery.order]


def naive_books(events: list[object], available: Kept, trading: Kept) -> None:
    """Add up the events as somebody would who knows no rule."""
    for event in events:
        match event:
            case AllowancesIssued(vintage, account, quantity_tonnes, _):
                available[account, vintage] += quantity_tonnes
            case AllowancesAllocated(vintage, from_account, account, quantity_tonnes, _):
                available[from_account, vintage] -= quantity_tonnes
                available[account, vintage] += quantity_tonnes
            case TransferredToTrading(account, vintage, quantity_tonnes):
                available[account, vintage] -= quantity_tonnes
                trading[account, vintage] += quantity_tonnes
            case ReturnedFromTrading(account, vintage, quantity_tonnes):
                trading[account, vintage] -= quantity_tonnes
                available[account, vintage] += quantity_tonnes
            case AllowancesDelivered(_, _, _, vintage, quantity_tonnes, seller, buyer, _):
                trading[seller, vintage] -= quantity_tonnes
                trading[buyer, vintage] += quantity_tonnes


@given(histories)
def test_the_books_are_the_plain_sum_of_what_happened(history: Sequence[tuple[str, object]]) -> None:
    registry = open_books()
    available: Kept = Counter({("hubei", "CEA"): 1_000, ("power-0001", "CEA"): 100})
    trading: Kept = Counter({("power-0001", "CEA"): 500})
    naive_books(run(registry, history), available, trading)
    held = {
        (account, vintage): (holding.registry_available_tonnes, holding.trading_tonnes)
        for account, of_account in registry.holdings.items()
        for vintage, holding in of_account.items()
    }
    assert {key: both for key, both in held.items() if both != (0, 0)} == {
        key: (available[key], trading[key])
        for key in available.keys() | trading.keys()
        if (available[key], trading[key]) != (0, 0)
    }


@given(histories)
def test_a_run_is_delivered_whole_or_not_at_all_and_no_trade_twice(history: Sequence[tuple[str, object]]) -> None:
    registry = open_books()
    delivered_trades: list[int] = []
    completed_runs: list[int] = []
    for step in history:
        events = run(registry, [step])
        delivered_legs = [event for event in events if isinstance(event, AllowancesDelivered)]
        completed = [event for event in events if isinstance(event, DeliveryCompleted)]
        ordered = step[1].legs if isinstance(step[1], AskForDelivery) and completed else ()
        assert [(leg.seller, leg.buyer, leg.quantity_tonnes) for leg in delivered_legs] == [
            (leg.seller, leg.buyer, leg.quantity_tonnes) for leg in ordered
        ]
        assert [event.legs for event in completed] == [len(delivered_legs)] * len(completed)
        delivered_trades += [leg.trade_id for leg in delivered_legs]
        completed_runs += [event.run_id for event in completed]
    assert len(set(delivered_trades)) == len(delivered_trades)
    assert len(set(completed_runs)) == len(completed_runs)


@given(histories)
def test_a_closed_account_is_empty_and_stays_so(history: Sequence[tuple[str, object]]) -> None:
    registry = open_books()
    closed: set[str] = set()
    for step in history:
        run(registry, [step])
        assert closed <= {name for name, one in registry.accounts.items() if one.state is AccountState.CLOSED}
        closed = {name for name, one in registry.accounts.items() if one.state is AccountState.CLOSED}
        for name in closed:
            for holding in registry.holdings[name].values():
                assert holding.registry_available_tonnes == holding.trading_tonnes == 0


@given(histories)
def test_the_stored_events_fold_to_the_live_state(history: Sequence[tuple[str, object]]) -> None:
    live, replayed = Registry(), Registry()
    opening: Sequence[tuple[str, object]] = [
        (OPERATOR, OpenAccount("hubei", AccountKind.PROVINCE, "Hubei", "", False)),
        (OPERATOR, OpenAccount("power-0001", AccountKind.KEY_EMITTING_ENTITY, "Power", "hubei", True)),
        (OPERATOR, CreateVintage("CEA", 2020)),
        (OPERATOR, IssueAllowances("CEA", "hubei", 1_000, "plan")),
        (HUBEI, AllocateAllowances("CEA", "hubei", "power-0001", 600, "list")),
        (POWER, TransferToTrading("power-0001", "CEA", 500)),
    ]
    for event in run(live, [*opening, *history]):
        stored = WIRE.decode(*WIRE.encode(event))
        DECIDER.evolve[type(stored)](replayed, stored)
    assert replayed == live


@given(histories)
def test_a_decision_changes_nothing_by_itself(history: Sequence[tuple[str, object]]) -> None:
    registry = open_books()
    before = copy.deepcopy(registry)
    for actor, step in history:
        for command in commands_of(step, registry):
            try:
                events = DECIDER.decide[type(command)](registry, command, Context(1, acting(actor)))
            except Rejected:
                events = []
            assert registry == before
            assert all(type(event) in DECIDER.evolve for event in events)


@given(histories, st.randoms(use_true_random=False))
def test_the_commitment_to_what_trading_holds_is_that_of_the_books_whenever_it_is_looked_at(
    history: Sequence[tuple[str, object]], random: Random
) -> None:
    """Also after a snapshot, which keeps no tree."""
    registry = open_books()
    for step in history:
        run(registry, [step])
        chance = random.random()
        if chance < 0.1:
            registry = restored(registry)
        if chance < 0.5:
            assert_custody(registry)
    assert_custody(registry)


def assert_custody(registry: Registry) -> None:
    held: dict[Key, Quantities] = {
        (account, vintage): (holding.trading_tonnes,)
        for account, holdings in registry.holdings.items()
        for vintage, holding in holdings.items()
    }
    assert_commits_to(up_to_date(lambda: custody_now(registry)), held)
