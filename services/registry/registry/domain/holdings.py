"""Holdings: who has how much of which vintage, in which state.

Allowances change hands and state by the named moves below and in no other way. A move changes every holding that it
concerns and, where the state changes, the sums of the vintage; each part asserts over all of its fields: nothing is
negative, and issued = registry available + trading, per vintage. The sums are kept in addition to the holdings, so that
the assertions cost the same for any number of accounts; `check_books` adds up all holdings, and is used where that may
take time.

Invariants:
- no holding is ever negative, in any state;
- a closed account holds nothing and receives nothing;
- per vintage, what was issued is held by somebody in some state.
"""

from collections import Counter
from collections.abc import Mapping

from chassis.core.decider import Rejected
from chassis.core.sum_tree import SumTree
from registry.domain.state import AccountState, Holding, Moves, Registry

NOTHING = Holding()
"""For an account that never held the vintage; never changed."""


def holding_of(registry: Registry, account: str, vintage: str) -> Holding:
    """To be read only."""
    return registry.holdings[account].get(vintage, NOTHING)


def check_available(registry: Registry, account: str, vintage: str, quantity_tonnes: int) -> None:
    """The last check of every command that takes allowances out of an account's registry holding."""
    available_tonnes = holding_of(registry, account, vintage).registry_available_tonnes
    if quantity_tonnes > available_tonnes:
        raise Rejected(
            "INSUFFICIENT_ALLOWANCES",
            account=account,
            vintage=vintage,
            quantity_tonnes=quantity_tonnes,
            registry_available_tonnes=available_tonnes,
        )


# The moves: each changes all that it concerns, and asserts over all of it


def issue(registry: Registry, vintage: str, account: str, quantity_tonnes: int) -> None:
    registry.vintages[vintage].issue(quantity_tonnes)
    held_by(registry, account, vintage).receive(quantity_tonnes)


def allocate(registry: Registry, vintage: str, from_account: str, account: str, quantity_tonnes: int) -> None:
    from_province, to_entity = held_by(registry, from_account, vintage), held_by(registry, account, vintage)
    held_tonnes = from_province.registry_available_tonnes + to_entity.registry_available_tonnes
    from_province.allocate(quantity_tonnes)
    to_entity.receive(quantity_tonnes)
    assert from_province.registry_available_tonnes + to_entity.registry_available_tonnes == held_tonnes


def transfer_to_trading(registry: Registry, vintage: str, account: str, quantity_tonnes: int) -> None:
    registry.vintages[vintage].transfer_to_trading(quantity_tonnes)
    held_by(registry, account, vintage).transfer_to_trading(quantity_tonnes)


def return_from_trading(registry: Registry, vintage: str, account: str, quantity_tonnes: int) -> None:
    registry.vintages[vintage].return_from_trading(quantity_tonnes)
    held_by(registry, account, vintage).return_from_trading(quantity_tonnes)


def deliver(registry: Registry, moves: Mapping[tuple[str, str], Moves]) -> None:
    """All legs of a run at once, by account and vintage: of each vintage as much is bought as is sold."""
    left_over_tonnes: Counter[str] = Counter()
    for (account, vintage), move in moves.items():
        held_by(registry, account, vintage).deliver(move.sold_tonnes, move.bought_tonnes)
        left_over_tonnes[vintage] += move.sold_tonnes - move.bought_tonnes
    assert not any(left_over_tonnes.values()), "a delivery moves all or nothing"


def held_by(registry: Registry, account: str, vintage: str) -> Holding:
    """The holding, to be changed; a closed account's never is. What the registry commits to may change with it."""
    assert registry.accounts[account].state is not AccountState.CLOSED, account
    registry.custody.touched[account, vintage] = None
    return registry.holdings[account].setdefault(vintage, Holding())


def custody_now(registry: Registry) -> SumTree | None:
    """The tree of what is held for trading; None while it is not up to date: then ask again."""
    trees = registry.custody.catch_up(
        registry.holdings,
        lambda account: [(account, vintage) for vintage in registry.holdings[account]],
        lambda key: ((holding_of(registry, *key).trading_tonnes,),),
    )
    return trees[0] if trees is not None else None


def check_books(registry: Registry) -> None:
    """Adds up every holding again and asserts that each vintage's sums are those, and that it is conserved."""
    for name, vintage in registry.vintages.items():
        held = [of_account[name] for of_account in registry.holdings.values() if name in of_account]
        for holding in held:
            holding.check()
        assert vintage.registry_available_tonnes == sum(holding.registry_available_tonnes for holding in held), name
        assert vintage.trading_tonnes == sum(holding.trading_tonnes for holding in held), name
        vintage.check()
