"""What GetCommitments answers: the roots of trading's sum trees, and what is on its way to registry and clearing.

The look at the state takes one bounded step of the writer. It returns nothing while the trees are behind the state;
then the caller looks again, and others are served in between.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import TypeVar

from carbonmarket.trading.v1 import trading_query_service_pb2 as pb
from chassis.core.sum_tree import Key, SumTree
from trading.domain.balances import Account
from trading.domain.state import Market

LISTED_MAX = 200

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Stated:
    """Trading's side at one position of its log."""

    trees: tuple[SumTree, ...]
    answer: pb.GetCommitmentsResponse
    """All of the answer that the state says: what is on its way, and how far clearing was heard."""


def stated(market: Market) -> Stated | None:
    made = trees(market)
    return Stated(made, on_its_way(market)) if made is not None else None


def trees(market: Market) -> tuple[SumTree, ...] | None:
    """A step further up to date; None until they are."""
    accounts = market.accounts
    units = market.commitments.units.catch_up(
        accounts,
        lambda account: keys_of_units(accounts[account]),
        lambda key: accounts[key[0]].units[key[1]].held_elsewhere,
    )
    money = market.commitments.money.catch_up(
        accounts, lambda account: [(account,)], lambda key: accounts[key[0]].funds.held_elsewhere
    )
    return (*units, *money) if units is not None and money is not None else None


def keys_of_units(account: Account) -> Iterator[Key]:
    return ((account.account, instrument) for instrument in account.units)


def on_its_way(market: Market) -> pb.GetCommitmentsResponse:
    returning: Counter[tuple[str, str]] = Counter()
    for one in market.returns.values():
        returning[one.account, one.instrument] += one.quantity_tonnes
    releasing: Counter[str] = Counter()
    for release in market.releases.values():
        releasing[release.account] += release.amount_fen
    return pb.GetCommitmentsResponse(
        heard_clearing_entry_number=market.entries_counted.last,
        settled_day=market.calendar.last_settled,
        returning=[
            pb.UnitsReturning(account=account, instrument=instrument, quantity_tonnes=tonnes)
            for (account, instrument), tonnes in first_of(returning)
        ],
        returning_count=len(returning),
        releasing=[pb.MoneyReleasing(account=account, amount_fen=fen) for account, fen in first_of(releasing)],
        releasing_count=len(releasing),
    )


def first_of(amounts: Counter[K]) -> Sequence[tuple[K, int]]:
    return nsmallest(LISTED_MAX, amounts.items())
