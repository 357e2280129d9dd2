"""The supply of a day as a registry states and signs it, made of holdings that a test names."""

import base64
from collections.abc import Iterable, Mapping

from carbonmarket.registry.v1 import registry_query_service_pb2 as pb
from carbonmarket_client.proofs import Proof, Supply, proof_in, supply_in
from chassis.core.record import Head
from chassis.log.seals import key_id_of
from registry.supply.kept import Trees
from registry.supply.rows import STATES
from registry.supply.stated import PURPOSE, in_lines, proved, supply_of
from registry.supply.tree import Growing, SupplyTree, TreeOf, shares_of
from support.shell.hearing import KEY, PUBLIC_KEY

DAY = "2021-07-16"
SECRET = b"the secret of a day"
END = Head(7, b"d" * 32)

Holdings = Mapping[tuple[str, str, str], int]
"""Tonnes by account, vintage and state."""


def tree(of: TreeOf, holdings: Iterable[tuple[str, int]], secret: bytes = SECRET) -> SupplyTree:
    """The tree of these accounts' quantities."""
    growing = Growing(of, secret)
    for account, tonnes in holdings:
        growing.add(account, tonnes)
    grown: list[SupplyTree] = []
    for _ in growing.steps(grown):
        pass
    return grown[0]


def trees_of(holdings: Holdings, day: str = DAY, log_id: str = "registry", secret: bytes = SECRET) -> Trees:
    """A tree for each vintage and state, those of nothing too."""
    return {
        (vintage, state): tree(
            TreeOf(log_id, day, vintage, state),
            [(account, tonnes) for (account, *of), tonnes in holdings.items() if of == [vintage, state]],
            secret,
        )
        for vintage in sorted({vintage for _, vintage, _ in holdings})
        for state in STATES
    }


def stated(holdings: Holdings, day: str = DAY, log_id: str = "registry") -> tuple[pb.Supply, Trees]:
    """What a registry with these holdings states, and the trees."""
    trees = trees_of(holdings, day, log_id)
    issued = {vintage: 0 for _, vintage, _ in holdings}
    for (_, vintage, _), tonnes in holdings.items():
        issued[vintage] += tonnes
    return supply_of(log_id, day, END, issued, trees), trees


def sealed(supply: pb.Supply) -> str:
    """The seal of a supply, whatever it says."""
    key_id = key_id_of(PUBLIC_KEY)
    lines = (PURPOSE, supply.log_id, supply.day, *in_lines(supply.SerializeToString()), key_id)
    signature = KEY.sign("\n".join(lines).encode())
    return f"{key_id}:{base64.b64encode(signature).decode()}"


def signed(holdings: Holdings, day: str = DAY, log_id: str = "registry") -> Supply:
    """The supply as a reader gets it."""
    supply, _ = stated(holdings, day, log_id)
    return supply_in(supply, sealed(supply))


def proof_of_holdings(account: str, holdings: Holdings, day: str = DAY, log_id: str = "registry") -> Proof:
    """The proof that an honest registry gives to an account."""
    supply, trees = stated(holdings, day, log_id)
    return proof_from(account, holdings, supply, trees)


def proof_from(account: str, holdings: Holdings, supply: pb.Supply, trees: Trees, secret: bytes = SECRET) -> Proof:
    """The proof of an account's holdings in trees that are made already."""
    shares = [
        proved(trees[vintage, state], share)
        for (holder, vintage, state), tonnes in holdings.items()
        if holder == account
        for share in shares_of(trees[vintage, state].of, secret, account, tonnes)
    ]
    answer = pb.GetHoldingProofResponse(supply=supply, seal=sealed(supply), shares=shares)
    return proof_in(account, answer)
