"""What the registry signs of a day's supply, and how it is written down (Supply in registry_query_service.proto)."""

from collections.abc import Iterable, Mapping, Sequence

from carbonmarket.registry.v1 import registry_query_service_pb2 as pb
from chassis.core.record import Head
from registry.supply.kept import Trees
from registry.supply.tree import DIGEST_BYTES, Share, SupplyTree, quantity_in

PURPOSE = "carbonmarket supply"


def supply_of(log_id: str, day: str, end: Head, issued: Mapping[str, int], trees: Trees) -> pb.Supply:
    """The vintages by code, their states in the order of the trees."""
    return pb.Supply(
        log_id=log_id,
        day=day,
        position=end.position,
        log_digest=end.digest,
        vintages=[
            pb.VintageSupply(
                vintage=vintage,
                issued_tonnes=tonnes,
                states=[state_of(tree) for (of, _), tree in trees.items() if of == vintage],
            )
            for vintage, tonnes in sorted(issued.items())
        ],
    )


def state_of(tree: SupplyTree) -> pb.StateSupply:
    return pb.StateSupply(state=tree.of.state, quantity_tonnes=tree.quantity_tonnes, levels=tree.height, root=tree.root)


def in_lines(body: bytes) -> Sequence[str]:
    """What is signed, after the purpose, the log's id and the day."""
    supply = pb.Supply.FromString(body)
    return [str(supply.position), supply.log_digest.hex(), *lines_of(supply.vintages)]


def lines_of(vintages: Iterable[pb.VintageSupply]) -> Iterable[str]:
    for vintage in vintages:
        yield f"{vintage.vintage} issued {vintage.issued_tonnes}"
        for state in vintage.states:
            yield f"{state.state} {state.quantity_tonnes} levels {state.levels} root {state.root.hex()}"


def vintage_that_does_not_add_up(supply: pb.Supply) -> str:
    """One whose states are not what was issued, or empty."""
    return next(
        (
            vintage.vintage
            for vintage in supply.vintages
            if vintage.issued_tonnes != sum(state.quantity_tonnes for state in vintage.states)
        ),
        "",
    )


def vintage_that_differs(supply: pb.Supply, trees: Trees) -> str:
    """One of which the books are not what was stated, or empty."""
    for vintage in supply.vintages:
        if any(trees[vintage.vintage, state.state].root != state.root for state in vintage.states):
            return vintage.vintage
    return ""


def proved(tree: SupplyTree, share: Share) -> pb.ProvedShare:
    """Raises KeyError where the share is not in the tree."""
    place = tree.place_of(share)
    return pb.ProvedShare(
        vintage=tree.of.vintage,
        state=tree.of.state,
        quantity_tonnes=share.quantity_tonnes,
        salt=share.salt,
        leaf_number=place,
        siblings=[
            pb.SupplyNode(digest=node[:DIGEST_BYTES], quantity_tonnes=quantity_in(node))
            for node in tree.siblings(place)
        ],
    )
