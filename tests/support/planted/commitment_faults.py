"""Planted faults in the commitments that the books are compared by."""

from support.planted.fault import Change, Fault

REGISTRY = "services/registry/registry"
TRADING = "services/trading/trading"
CLEARING = "services/clearing/clearing"

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
)
