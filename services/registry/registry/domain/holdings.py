"""Holdings: who has how much of which vintage, in which state.

Every change of a holding is made here, and every event that makes one ends in `assert_conserved`: issued = registry
available + trading, per vintage. The sums are kept beside the holdings, so that the check costs the same whatever
the number of accounts; `check_books` adds the holdings up afresh and is run where that may take its time.

Invariants:
- no holding is ever negative, in any state;
- a closed account holds nothing and receives nothing;
- per vintage, what was issued is held by somebody in some state.
"""

from chassis.core.decider import Rejected
from registry.domain.state import AccountState, Holding, Registry

NOTHING = Holding()
"""Stands for a holding that never was; never changed."""


def holding_of(registry: Registry, account: str, vintage: str) -> Holding:
    """Reads only: change a holding by `change_holding`."""
    return registry.holdings[account].get(vintage, NOTHING)


def check_available(registry: Registry, account: str, vintage: str, quantity_tonnes: int) -> None:
    """The last rung of what takes allowances out of an account's registry holding."""
    available_tonnes = holding_of(registry, account, vintage).registry_available_tonnes
    if quantity_tonnes > available_tonnes:
        raise Rejected(
            "INSUFFICIENT_ALLOWANCES",
            account=account,
            vintage=vintage,
            quantity_tonnes=quantity_tonnes,
            registry_available_tonnes=available_tonnes,
        )


def change_holding(
    registry: Registry, account: str, vintage: str, *, registry_available_tonnes: int = 0, trading_tonnes: int = 0
) -> None:
    """Adds the given changes, of either sign, to an account's holding and to the sums of its vintage."""
    assert registry.accounts[account].state is not AccountState.CLOSED, account
    holding = registry.holdings[account].setdefault(vintage, Holding())
    holding.registry_available_tonnes += registry_available_tonnes
    holding.trading_tonnes += trading_tonnes
    assert holding.registry_available_tonnes >= 0, (account, vintage, holding)
    assert holding.trading_tonnes >= 0, (account, vintage, holding)
    sums = registry.vintages[vintage]
    sums.registry_available_tonnes += registry_available_tonnes
    sums.trading_tonnes += trading_tonnes


def assert_conserved(registry: Registry, vintage: str) -> None:
    sums = registry.vintages[vintage]
    assert sums.issued_tonnes == sums.registry_available_tonnes + sums.trading_tonnes, (vintage, sums)


def check_books(registry: Registry) -> None:
    """Adds up every holding afresh and asserts that each vintage's sums are those, and that it is conserved."""
    for vintage, sums in registry.vintages.items():
        held = [of_account[vintage] for of_account in registry.holdings.values() if vintage in of_account]
        assert sums.registry_available_tonnes == sum(holding.registry_available_tonnes for holding in held), vintage
        assert sums.trading_tonnes == sum(holding.trading_tonnes for holding in held), vintage
        assert all(holding.registry_available_tonnes >= 0 and holding.trading_tonnes >= 0 for holding in held), vintage
        assert_conserved(registry, vintage)
