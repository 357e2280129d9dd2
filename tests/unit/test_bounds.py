"""What one service accepts, the next must be able to take: the bounds of the three services, held together."""

import pytest
from google.protobuf.message import Message

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as queries
from carbonmarket.log.v1.sum_trees_pb2 import SumTreePart
from carbonmarket_client import link
from carbonmarket_client.screens import reconciliations
from chassis.core.days import DAY_MS
from chassis.core.decider import Malformed
from chassis.core.shell import CLOCK_MS_MAX
from chassis.core.sum_tree import DEPTH_MAX, FAN_OUT
from chassis.core.wire import DATA_BYTES_MAX
from chassis.edges.remote import MESSAGE_BYTES_MAX
from chassis.followers import descent, timers
from clearing.domain import balances, barrier, exclusion, funds, reconciliation, run, units_due
from registry.domain import accounts, issuance, staging, vintages
from registry.domain import state as registry_state
from registry.domain.values import check_vintage
from trading.answers import commitments as answers
from trading.domain import block, closing, commitments, confirmation, listed, rules, settlement, values

NUMBER_BYTES = 11
"""A 64-bit number in protobuf with its tag, at most."""
NAME_BYTES = 32 + 2
TRACE_BYTES = 55 + 2
DIGEST_BYTES = 32 + 2


ACCOUNT = "a" * 32
VINTAGE = "V" * 12


def bytes_at_most(row: Message) -> int:
    """In a list, with every number at its longest."""
    for field in row.DESCRIPTOR.fields:
        if field.cpp_type == field.CPPTYPE_INT64:
            setattr(row, field.name, 2**63 - 1)
    return row.ByteSize() + 6


def test_a_client_takes_every_message_that_a_service_sends_and_sends_none_that_it_does_not_take() -> None:
    assert link.MESSAGE_BYTES_MAX == MESSAGE_BYTES_MAX


def test_a_day_that_admission_takes_fits_a_run_and_a_run_fits_a_delivery() -> None:
    assert rules.DAY_TRADES_MAX <= barrier.RUN_TRADES_MAX <= staging.LEGS_MAX


def test_every_sum_over_trades_and_all_money_fits_64_bits_if_every_day_to_the_end_of_2099_is_worth_the_most() -> None:
    """Tonnes too: a tonne costs a fen at least. A buyer owes the fee beside the value."""
    days = CLOCK_MS_MAX // DAY_MS + 1
    with_fees_fen = rules.DAY_VALUE_FEN_MAX * (1_000_000 + rules.FEE_PPM_MAX) // 1_000_000
    assert values.VALUE_FEN_MAX <= rules.DAY_VALUE_FEN_MAX, "an order that a day can take"
    assert days * with_fees_fen + funds.POOL_FEN_MAX < 2**63
    assert values.AMOUNT_FEN_MAX <= funds.POOL_FEN_MAX
    assert days * with_fees_fen + funds.DEPOSITS_FEN_MAX < 2**63, "what an account was ever paid in and sold"


def test_a_rehearsal_clock_steps_through_every_page_of_the_largest_day() -> None:
    pages = 2 * -(-rules.DAY_TRADES_MAX // min(run.LEGS_PER_PAGE_MAX, settlement.RELEASES_PER_PAGE_MAX))
    expiring = -(-(listed.ORDERS_OPEN_MAX + block.BLOCKS_OPEN_MAX) // closing.EXPIRIES_PER_PAGE_MAX)
    assert pages + expiring < timers.TIMERS_PER_MOVE_MAX


def test_a_statement_fits_a_message_though_an_account_made_every_trade_of_the_largest_day() -> None:
    line = queries.StatementLine(counterparty=ACCOUNT, instrument=ACCOUNT)
    assert rules.DAY_TRADES_MAX * bytes_at_most(line) < link.MESSAGE_BYTES_MAX


def test_two_trees_are_compared_in_messages_that_suffice_though_every_leaf_differs() -> None:
    check_vintage(VINTAGE)
    with pytest.raises(Malformed):
        check_vintage(VINTAGE + "V")
    part = SumTreePart(
        place=bytes(DEPTH_MAX),
        digest=bytes(32),
        key=[ACCOUNT, VINTAGE],
        leaves=descent.LEAVES_MAX,
        sums=[2**63 - 1] * 4,
    )
    assert descent.PLACES_MAX * FAN_OUT * (part.ByteSize() + 6) < MESSAGE_BYTES_MAX
    assert accounts.ACCOUNTS_MAX * vintages.VINTAGES_MAX <= descent.LEAVES_MAX


def test_a_client_shows_a_count_of_differences_as_at_least_where_clearing_stops_to_count() -> None:
    assert reconciliations.DIFFERENCES_COUNTED_MAX == reconciliation.DIFFERENCES_COUNTED_MAX
    known = queries.Reconciliation(difference_count=reconciliation.DIFFERENCES_COUNTED_MAX)
    assert reconciliations.differences_of(known) == "at least 5,000"
    assert reconciliations.differences_of(queries.Reconciliation(difference_count=4_999)) == "4,999"


def test_no_sum_of_a_tree_is_more_than_a_message_can_state() -> None:
    assert vintages.VINTAGES_MAX * issuance.ISSUED_TONNES_MAX < 2**63
    assert funds.POOL_FEN_MAX < 2**63


def test_what_trading_lists_as_on_its_way_is_listed_in_the_days_record() -> None:
    assert answers.LISTED_MAX == reconciliation.IN_FLIGHT_LISTED_MAX


def test_the_trees_of_three_services_commit_to_the_same_quantities_in_the_same_form() -> None:
    assert commitments.CUSTODY == registry_state.CUSTODY == reconciliation.CUSTODY
    assert commitments.UNITS_DUE == units_due.UNITS_DUE
    assert commitments.MONEY == balances.MONEY


def test_a_page_that_clearing_lists_fits_a_page_that_the_registry_stages() -> None:
    assert run.LEGS_PER_PAGE_MAX <= staging.LEGS_PER_PAGE_MAX


def test_what_clearing_excludes_of_a_day_fits_a_confirmation() -> None:
    assert exclusion.EXCLUDED_TRADES_MAX <= confirmation.EXCLUDED_TRADES_MAX


def test_every_page_fits_an_event_and_a_message_with_every_text_at_its_longest() -> None:
    leg = 3 * NUMBER_BYTES + 3 * NAME_BYTES + 2 * NUMBER_BYTES + TRACE_BYTES
    assert staging.LEGS_PER_PAGE_MAX * leg < DATA_BYTES_MAX < MESSAGE_BYTES_MAX
    change = NAME_BYTES + NUMBER_BYTES + 2
    assert 2 * run.LEGS_PER_PAGE_MAX * change < DATA_BYTES_MAX, "a page of cash legs"


def test_an_order_fits_an_event_and_a_message_however_large_its_run() -> None:
    pages = -(-barrier.RUN_TRADES_MAX // run.LEGS_PER_PAGE_MAX)
    totals = 2 * rules.WEIGHTS_MAX * (NAME_BYTES + 4 * NUMBER_BYTES)
    order = (pages + exclusion.EXCLUDED_TRADES_MAX + 6) * NUMBER_BYTES + totals + DIGEST_BYTES
    assert order < DATA_BYTES_MAX < MESSAGE_BYTES_MAX
