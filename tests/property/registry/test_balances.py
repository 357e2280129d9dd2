"""The registry's holdings, move by move: no allowance is made or lost, nothing is negative, and no move takes more than
there is.
"""

from collections.abc import Iterable
from copy import deepcopy
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain import holdings
from registry.domain.state import Account, AccountKind, Leg, Moves, Registry, Staged, Vintage

NAMES = ("hubei", "power", "steel")
VINTAGE = "CEA"
randoms = st.integers(0, 2**32).map(Random)
sizes = st.integers(10, 80)


def part(random: Random, of: int) -> int:
    """Any amount up to this one, the whole of it often."""
    return random.choice((of, random.randint(0, of)))


def moves_of(trades: Iterable[tuple[str, str, int]]) -> dict[tuple[str, str], Moves]:
    """What a run of trades (seller, buyer, tonnes) amounts to."""
    staged = Staged()
    for seller, buyer, tonnes in trades:
        staged.add(Leg(1, VINTAGE, tonnes, seller, buyer))
    return staged.moves


def play(random: Random, steps: int) -> Registry:
    """Issues, allocations, transfers, returns and deliveries, in any order and size that the holdings allow."""
    registry = Registry(
        accounts={name: Account(AccountKind.KEY_EMITTING_ENTITY, name, "", True) for name in NAMES},
        vintages={VINTAGE: Vintage(2021)},
        holdings={name: {} for name in NAMES},
    )
    issued_tonnes = trading_tonnes = 0
    for _ in range(steps):
        one, other = random.sample(NAMES, 2)
        holding = holdings.holding_of(registry, one, VINTAGE)
        available_tonnes, held_tonnes = holding.registry_available_tonnes, holding.trading_tonnes
        of_other_tonnes = holdings.holding_of(registry, other, VINTAGE).trading_tonnes
        step = random.choice(("issue", "allocate", "transfer", "return", "deliver"))
        if step == "issue":
            tonnes = random.randint(0, 1_000)
            holdings.issue(registry, VINTAGE, one, tonnes)
            issued_tonnes += tonnes
        elif step == "allocate":
            holdings.allocate(registry, VINTAGE, one, other, part(random, available_tonnes))
        elif step == "transfer":
            tonnes = part(random, available_tonnes)
            holdings.transfer_to_trading(registry, VINTAGE, one, tonnes)
            trading_tonnes += tonnes
        elif step == "return":
            tonnes = part(random, held_tonnes)
            holdings.return_from_trading(registry, VINTAGE, one, tonnes)
            trading_tonnes -= tonnes
        else:
            trades = [(one, other, part(random, held_tonnes)), (other, one, part(random, of_other_tonnes))]
            holdings.deliver(registry, moves_of(trades))
        holdings.check_books(registry)
        sums = registry.vintages[VINTAGE]
        assert (sums.issued_tonnes, sums.trading_tonnes) == (issued_tonnes, trading_tonnes)
    return registry


@given(randoms, sizes)
def test_allowances_move_between_accounts_and_none_is_made_or_lost(random: Random, steps: int) -> None:
    play(random, steps)


@given(randoms, sizes, st.integers(1, 1_000))
def test_no_move_takes_more_allowances_than_there_are(random: Random, steps: int, beyond_tonnes: int) -> None:
    registry = play(random, steps)
    one, other = random.sample(NAMES, 2)
    holding = holdings.holding_of(registry, one, VINTAGE)
    too_many = holding.registry_available_tonnes + beyond_tonnes
    too_many_in_trading = holding.trading_tonnes + beyond_tonnes
    with pytest.raises(AssertionError):
        holdings.allocate(deepcopy(registry), VINTAGE, one, other, too_many)
    with pytest.raises(AssertionError):
        holdings.transfer_to_trading(deepcopy(registry), VINTAGE, one, too_many)
    with pytest.raises(AssertionError):
        holdings.return_from_trading(deepcopy(registry), VINTAGE, one, too_many_in_trading)
    with pytest.raises(AssertionError):
        holdings.deliver(deepcopy(registry), moves_of([(one, other, too_many_in_trading)]))
    with pytest.raises(AssertionError):
        holdings.issue(deepcopy(registry), VINTAGE, one, -beyond_tonnes)
    with pytest.raises(AssertionError):
        holdings.deliver(deepcopy(registry), moves_of([(one, other, -beyond_tonnes)]))
    with pytest.raises(AssertionError, match="all or nothing"):
        holdings.deliver(deepcopy(registry), {(one, VINTAGE): Moves(bought_tonnes=beyond_tonnes)})
