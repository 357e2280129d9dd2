"""Planted faults in the supply of a day, and in what checks a holder's proof."""

from support.planted.fault import Change, Fault

CHECKER = "libs/client/carbonmarket_client/proofs.py"
SUPPLY = "services/registry/registry/supply"
PROOFS = "tests/unit/client/test_proofs.py"
KEPT = "tests/unit/registry/test_supply_kept.py"
FORGED = f"{PROOFS}::test_a_forged_proof_is_refused"
DOES_NOT_ADD_UP = f"{PROOFS}::test_a_signed_supply_that_does_not_add_up_is_refused"


def unchecked(name: str, condition: str, test: str, says: str) -> Fault:
    """A condition of the checker that never holds."""
    return Fault(name, (Change(CHECKER, condition, "if False:"),), test, says)


SUPPLY_FAULTS = (
    unchecked(
        "a share may be counted twice",
        "if (share.vintage, share.state, share.leaf_number) in seen:",
        FORGED,
        "a share twice",
    ),
    unchecked(
        "a salt or a digest beside the way may have any length",
        "if len(share.salt) != SALT_BYTES or any(len(sibling.digest) != DIGEST_BYTES for sibling in share.siblings):",
        f"{PROOFS}::test_a_length_that_no_field_has_is_refused_before_anything_is_hashed",
        "a sibling's longer digest",
    ),
    unchecked(
        "a state may be stated twice",
        "if len({state.state for state in vintage.states}) != len(vintage.states):",
        DOES_NOT_ADD_UP,
        "test_a_signed_supply_that_does_not_add_up_is_refused",
    ),
    unchecked(
        "more may be issued than is held",
        "if in_range(vintage.issued_tonnes) != held_tonnes:",
        DOES_NOT_ADD_UP,
        "test_a_signed_supply_that_does_not_add_up_is_refused",
    ),
    unchecked(
        "names may have line feeds",
        "if not WORD.fullmatch(text):",
        f"{PROOFS}::test_a_supply_is_not_read_in_two_ways",
        "DID NOT RAISE",
    ),
    Fault(
        "a leaf does not name its account",
        (
            Change(
                f"{SUPPLY}/tree.py",
                "seed, holder = of.seed(SHARE_PURPOSE), account.encode()",
                'seed, holder = of.seed(SHARE_PURPOSE), b""',
            ),
            Change(CHECKER, "written(share.quantity_tonnes), account.encode()))", "written(share.quantity_tonnes)))"),
        ),
        f"{PROOFS}::test_another_accounts_shares_are_not_taken_for_ones_own",
        "DID NOT RAISE",
    ),
    Fault(
        "what was recorded last on a day is counted for the day after",
        (
            Change(
                f"{SUPPLY}/rows.py",
                "vintage = held.vintage AND position > $1",
                "vintage = held.vintage AND position >= $1",
            ),
        ),
        "tests/integration/registry/test_supply.py::test_each_holder_gets_a_proof_of_all_that_it_had_when_the_day_ended",
        "test_each_holder_gets_a_proof_of_all_that_it_had_when_the_day_ended",
    ),
    Fault(
        "trees are kept over a rebuild of the tables",
        (Change(f"{SUPPLY}/kept.py", "secret, self._tables.times_emptied)", "secret, 0)"),),
        f"{KEPT}::test_trees_of_tables_that_were_written_anew_are_made_anew",
        "test_trees_of_tables_that_were_written_anew_are_made_anew",
    ),
    Fault(
        "two days are made at once",
        (Change(f"{SUPPLY}/kept.py", "            self._made_now = day\n", ""),),
        f"{KEPT}::test_of_two_days_asked_for_at_once_one_is_made_and_the_other_is_to_be_asked_for_again",
        "test_of_two_days_asked_for_at_once",
    ),
)
