"""The cash legs: can every buyer pay, trade by trade?

A day's trades are replayed in the order they were made, gross, over settled balances: the buyer pays value and fee,
the seller receives value less fee and may pay later trades of the day with it (trading rule art. 14: sale money may
be used the same day). Units need no such replay: what was bought today cannot be sold today (T+1), so no trade of a
day hands on units of another.

The same replay answers two questions. Before a delivery: is every trade funded? Before an exclusion: which trades did
the excluded ones fund, and which did those?
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass

from clearing.domain.state import Obligation, State


@dataclass(frozen=True, slots=True)
class Unfunded:
    """A trade whose buyer lacks money when its turn comes."""

    obligation: Obligation
    lacking_fen: int


def unfunded(state: State, legs: Iterable[Obligation], without: Set[int] = frozenset()) -> list[Unfunded]:
    """The trades of `legs`, ascending, that cannot be paid when they and those in `without` are left out."""
    balances: dict[str, int] = {}
    found: list[Unfunded] = []
    for leg in legs:
        if leg.trade_id in without:
            continue
        left_fen = balances.get(leg.buyer, state.funds.accounts[leg.buyer].balance_fen) - leg.buyer_pays_fen
        if left_fen < 0:
            found.append(Unfunded(leg, -left_fen))
            continue
        balances[leg.buyer] = left_fen
        seller_fen = balances.get(leg.seller, state.funds.accounts[leg.seller].balance_fen)
        balances[leg.seller] = seller_fen + leg.seller_receives_fen
    return found
