"""The cash legs: can every buyer pay, trade by trade?

A day's trades are replayed in the order they were made, gross, over settled balances: the buyer pays value and fee,
the seller receives value less fee and may pay later trades of the day with it (trading rule art. 14: sale money may
be used the same day). Units need no such replay: what was bought today cannot be sold today (T+1), so no trade of a
day hands on units of another.

The replay leaves out what excluded trades block of a balance (exclusion.py).

The replay answers three questions. Before a delivery: is every trade funded? Before an exclusion: which trades did the
excluded ones fund, directly or indirectly? After it: how much of a buyer's balance does no other trade need?
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from clearing.domain.state import State
from clearing.domain.trades import ObligationRecorded


@dataclass(frozen=True, slots=True)
class Unfunded:
    """A trade whose buyer lacks money when its turn comes."""

    obligation: ObligationRecorded
    lacking_fen: int


@dataclass(frozen=True, slots=True)
class Replay:
    """Of each account that trades: left_fen is what is there at the end, lowest_fen the least at any time."""

    unfunded: list[Unfunded]
    left_fen: dict[str, int]
    lowest_fen: dict[str, int]


NO_CHANGES: Mapping[str, int] = {}


def replay(
    state: State,
    legs: Iterable[ObligationRecorded],
    change_fen: Mapping[str, int] = NO_CHANGES,
    without: Set[int] = frozenset(),
) -> Replay:
    """Pays `legs`, ascending, one after another, after others that changed each account by `change_fen`; those in
    `without`, and those that cannot be paid, are left out. An exclusion does it in one decision for all trades that
    are not settled: nothing in the loop may cost more than it must.
    """
    unfunded: list[Unfunded] = []
    now_fen: dict[str, int] = {}
    lowest_fen: dict[str, int] = {}
    for leg in legs:
        if leg.trade_id in without:
            continue
        buyer, seller, value_fen = leg.buyer, leg.seller, leg.value_fen
        if buyer not in now_fen:
            now_fen[buyer] = lowest_fen[buyer] = free_fen(state, buyer) + change_fen.get(buyer, 0)
        if seller not in now_fen:
            now_fen[seller] = lowest_fen[seller] = free_fen(state, seller) + change_fen.get(seller, 0)
        left_fen = now_fen[buyer] - value_fen - leg.buyer_fee_fen
        if left_fen < 0:
            unfunded.append(Unfunded(leg, -left_fen))
            continue
        now_fen[buyer] = left_fen
        if left_fen < lowest_fen[buyer]:
            lowest_fen[buyer] = left_fen
        now_fen[seller] += value_fen - leg.seller_fee_fen
    return Replay(unfunded, now_fen, lowest_fen)


def free_fen(state: State, account: str) -> int:
    """What trades may be paid with: the balance without what is blocked of it."""
    funds = state.funds.accounts[account]
    return funds.balance_fen - funds.blocked_fen


def changes(state: State, replayed: Replay) -> dict[str, int]:
    """What all trades up to the end of a replay change each account in it by, in fen."""
    return {account: left_fen - free_fen(state, account) for account, left_fen in replayed.left_fen.items()}


def blocked_by(state: State, excluded: Iterable[ObligationRecorded], lowest_fen: Mapping[str, int]) -> dict[int, int]:
    """What each of the trades that are taken out, ascending, now blocks of its buyer's balance, by trade id, in fen:
    what the trade would have cost, as far as the balance holds it and no trade that stays, of whatever day, needs it.
    `lowest_fen` is of the replay of those that stay.
    """
    left_fen = dict(lowest_fen)
    blocked: dict[int, int] = {}
    for leg in excluded:
        held_fen = left_fen[leg.buyer] if leg.buyer in left_fen else free_fen(state, leg.buyer)
        blocked[leg.trade_id] = min(leg.buyer_pays_fen, held_fen)
        left_fen[leg.buyer] = held_fen - blocked[leg.trade_id]
    return blocked
