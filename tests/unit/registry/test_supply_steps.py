"""A supply tree of very many shares is made in steps that are all short: commands are decided between them."""

from registry.supply.tree import NODE_BYTES, STEP_NODES_MAX, Growing, SupplyTree, TreeOf

OF = TreeOf("registry", "2021-07-16", "CEA", "trading")
ACCOUNTS = 150_000


def test_no_step_puts_many_more_leaves_in_order_than_a_step_may_make() -> None:
    growing = Growing(OF, b"secret")
    for number in range(ACCOUNTS):
        growing.add(f"power-{number}", 1)
    level, before = bytearray(), 0
    for _ in growing._put_in_order(level):
        in_order = len(level) // NODE_BYTES
        assert in_order - before < 2 * STEP_NODES_MAX
        before = in_order
    assert len(level) == ACCOUNTS * NODE_BYTES
    leaves = [level[at : at + NODE_BYTES] for at in range(0, len(level), NODE_BYTES)]
    assert leaves == sorted(leaves)


def test_a_tree_of_few_leaves_takes_few_steps() -> None:
    growing = Growing(OF, b"secret")
    growing.add("power-1", 1)
    grown: list[SupplyTree] = []
    assert list(growing.steps(grown)) == []
    assert grown[0].leaves == 1
