"""Screens of a day's supply, and of what a proof proves."""

from carbonmarket_client.proofs import Proof, Supply
from carbonmarket_client.screens.layout import Screen, numbers, spaced, words
from carbonmarket_client.values import tonnes


def supply_screen(supply: Supply) -> Screen:
    return Screen(
        f"Supply when {supply.day} ended",
        [words("vintage"), words("state"), numbers("all accounts, t")],
        [
            row
            for vintage in supply.vintages
            for row in (
                *((vintage.vintage, spaced(state.state), tonnes(state.quantity_tonnes)) for state in vintage.states),
                (vintage.vintage, "issued", tonnes(vintage.issued_tonnes)),
            )
        ],
        "Nothing was issued yet.",
    )


def proof_screen(proof: Proof) -> Screen:
    """What the account had, beside what all had."""
    supply, held = proof.supply, proof.quantities
    rows = []
    for vintage in supply.vintages:
        for state in vintage.states:
            own_tonnes = held.get((vintage.vintage, state.state), 0)
            rows.append((vintage.vintage, spaced(state.state), tonnes(own_tonnes), tonnes(state.quantity_tonnes)))
        own_tonnes = sum(amount for (of, _), amount in held.items() if of == vintage.vintage)
        rows.append((vintage.vintage, "all of these", tonnes(own_tonnes), tonnes(vintage.issued_tonnes)))
    return Screen(
        f"What {proof.account} had when {supply.day} ended",
        [words("vintage"), words("state"), numbers(f"{proof.account}, t"), numbers("all accounts, t")],
        rows,
        "Nothing was issued yet.",
    )
