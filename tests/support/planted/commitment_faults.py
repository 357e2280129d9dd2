"""Planted faults in the commitments that the books are compared by."""

from support.planted.fault import CHASSIS, CLEARING, REGISTRY, TRADING, Change, Fault

COMMITMENT_FAULTS = (
    Fault(
        "whoever gets units to change them does not touch their key",
        (Change(f"{TRADING}/domain/balances.py", "        self.touched_units[self.account, instrument] = None\n", ""),),
        "tests/property/trading/test_market.py::test_the_commitments_are_those_of_the_books_whenever_they_are_looked_at",
        "test_the_commitments_are_those_of_the_books",
    ),
    Fault(
        "whoever gets money to change it does not touch its key",
        (Change(f"{TRADING}/domain/balances.py", "        self.touched_money[(self.account,)] = None\n", ""),),
        "tests/property/trading/test_market.py::test_the_commitments_are_those_of_the_books_whenever_they_are_looked_at",
        "test_the_commitments_are_those_of_the_books",
    ),
    Fault(
        "the settlement of a trade touches the buyer only",
        (
            Change(
                f"{CLEARING}/domain/balances.py",
                """        self._touch(buyer, seller)
        paying, receiving = self.accounts[buyer], self.accounts[seller]
        paying.unsettled_out_fen -= pays_fen
        receiving.unsettled_in_fen -= receives_fen
        paying.balance_fen -= pays_fen
""",
                """        self._touch(buyer)
        paying, receiving = self.accounts[buyer], self.accounts[seller]
        paying.unsettled_out_fen -= pays_fen
        receiving.unsettled_in_fen -= receives_fen
        paying.balance_fen -= pays_fen
""",
            ),
        ),
        "tests/property/clearing/test_settlement.py::test_the_commitments_are_those_of_the_books_whenever_they_are_looked_at",
        "test_the_commitments_are_those_of_the_books",
    ),
    Fault(
        "a delivery does not touch the holdings that it moves",
        (Change(f"{REGISTRY}/domain/holdings.py", "    registry.custody.touched[account, vintage] = None\n", ""),),
        "tests/property/registry/test_books.py::test_the_commitment_to_what_trading_holds_is_that_of_the_books_whenever_it_is_looked_at",
        "test_the_commitment_to_what_trading_holds",
    ),
    Fault(
        "a holding is taken as of now where an earlier position was asked for",
        (
            Change(
                f"{REGISTRY}/queries.py",
                "trees = [await self._put_back(seen.value, seen.position, position)]",
                "trees = [seen.value]",
            ),
        ),
        "tests/integration/registry/test_books.py::test_the_root_of_trading_holdings_is_stated_as_of_any_past_position",
        "test_the_root_of_trading_holdings_is_stated_as_of_any_past_position",
    ),
    Fault(
        "fund entries that trading has not heard of stay in the tree that is compared",
        (
            Change(
                f"{CLEARING}/domain/books.py",
                "        money.add((entry.account,), balance_fen=-entry.amount_fen)\n",
                "        pass\n",
            ),
        ),
        "tests/unit/clearing/test_reconciliation.py::test_what_is_on_its_way_is_in_flight_and_no_difference",
        "test_what_is_on_its_way_is_in_flight_and_no_difference",
    ),
    Fault(
        "a balance that would be less than nothing counts as nothing",
        (
            Change(
                f"{CLEARING}/domain/reconciliation.py",
                "        found[key] = (quantities, expected)\n",
                "        pass\n",
            ),
        ),
        "tests/unit/clearing/test_reconciliation.py::test_a_balance_that_would_be_less_than_nothing_is_a_difference",
        "test_a_balance_that_would_be_less_than_nothing_is_a_difference",
    ),
    Fault(
        "what a side answers below a place is believed, whatever digest was stated above",
        (
            Change(
                f"{CHASSIS}/followers/descent.py",
                "    elif branch_digest(form, [stated.get(digit) for digit in range(FAN_OUT)]) != above.digest:\n",
                "    elif not above.digest:\n",
            ),
        ),
        "tests/property/chassis/test_descent.py::test_answers_of_another_tree_with_the_same_sums_are_not_of_the_root",
        "test_answers_of_another_tree_with_the_same_sums",
    ),
    Fault(
        "a leaf is believed to be of the account that it names",
        (
            Change(
                f"{CHASSIS}/followers/descent.py",
                "    return leaf_digest(form, key, written(stated.sums)) == stated.digest\n",
                "    return True\n",
            ),
            Change(f"{CHASSIS}/followers/descent.py", " or not place_of(key).startswith(place)", ""),
        ),
        "tests/property/chassis/test_descent.py::test_an_answer_that_is_not_of_the_root_ends_the_descent",
        "another_account",
    ),
    Fault(
        "roots are the same if their digests are",
        (
            Change(
                f"{CLEARING}/calls.py",
                "        if side.root != stated.roots[form]:\n",
                "        if side.root.digest != stated.roots[form].digest:\n",
            ),
        ),
        "tests/unit/clearing/test_contradictions.py::test_what_trading_states_that_cannot_be_waits_for_people",
        "a_fen_more",
    ),
    Fault(
        "of a large disagreement everything is looked at",
        (
            Change(
                f"{CHASSIS}/followers/descent.py",
                "                if len(found) >= leaves_max:\n",
                "                if len(found) > LEAVES_MAX:\n",
            ),
        ),
        "tests/unit/clearing/test_reconciliation.py::test_what_was_not_looked_at_of_a_disagreement_is_covered_by_no_override",
        "stranger-0 is not among them",
    ),
    Fault(
        "a large disagreement is the same one whatever nobody looked at",
        (
            Change(
                f"{CLEARING}/domain/reconciliation.py",
                '        found += [f"{tree.tree} {tree.held_root} {tree.expected_root}" for tree in trees]\n',
                "        pass\n",
            ),
        ),
        "tests/unit/clearing/test_reconciliation.py::test_what_was_not_looked_at_of_a_disagreement_is_covered_by_no_override",
        "test_what_was_not_looked_at_of_a_disagreement",
    ),
    Fault(
        "a leaf of no account is said of trading, whoever has it",
        (
            Change(
                f"{CLEARING}/calls.py",
                "            side = held if any(held_there) else expected\n",
                "            side = expected\n",
            ),
        ),
        "tests/unit/clearing/test_contradictions.py::test_a_holding_at_the_registry_that_can_be_of_no_account_is_said_of_the_registry",
        "test_a_holding_at_the_registry",
    ),
    Fault(
        "what could not be put into the trees is forgotten",
        (
            Change(
                f"{CHASSIS}/core/commitment.py",
                "        some = list(islice(reversed(self.touched), KEYS_PER_STEP_MAX))\n",
                "        some = [self.touched.popitem()[0] for _ in list(self.touched)[:KEYS_PER_STEP_MAX]]\n",
            ),
            Change(
                f"{CHASSIS}/core/commitment.py",
                """            for _ in some:
                self.touched.popitem()
""",
                "",
            ),
        ),
        "tests/property/chassis/test_sum_tree.py::test_a_quantity_that_no_tree_can_have_is_an_error_at_every_look_until_it_is_mended",
        "test_a_quantity_that_no_tree_can_have",
    ),
)
