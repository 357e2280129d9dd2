"""Planted faults: small changes that break one rule each, and the narrow test that must then fail and name the rule.

Every fault is planted into a copy of the work tree, one at a time; the work tree itself is never touched. A
fault that no longer fits the code is an error: it must be planted anew.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from support.planted.commitment_faults import COMMITMENT_FAULTS
from support.planted.fault import CHASSIS, CLEARING, REGISTRY, TRADING, Change, Fault
from support.planted.shell_faults import SEEDED, SHELL_FAULTS
from support.planted.supply_faults import SUPPLY_FAULTS
from support.source.repository import ROOT

RUN_S_MAX = 600  # a fault that a seed finds plays up to SEEDS markets
TEST_S_MAX = RUN_S_MAX + 60  # the test that runs it waits longer, so that it can say what the run printed
SEEDS = "28"  # as many as the lane of the simulation has; the first one that fails ends the run
PYTEST_FOUND_FAILURES = 1
PLANTED_AT_S = 2_000_000_000  # a time that no other version of a file has, so that no compiled one is taken for it


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a fault was caught, and what the tests printed."""

    caught: bool
    output: str


LOST_RUN = "tests/simulation/test_lost_run.py::test_a_run_that_clearing_lost_is_settled_again_and_delivered_once"
"""Plays the day of this kind that seeds draw; no other kind orders a run again that was delivered."""

FAULTS = (
    Fault(
        "a command is answered before its commit",
        (
            Change(
                f"{CHASSIS}/log/writer.py",
                "            await self._append_batch(batch, answers)\n",
                "            await self._answer(answers)\n            await self._append_batch(batch, answers)\n",
            ),
        ),
        "tests/unit/chassis/test_writer.py::test_nothing_is_answered_shown_or_read_before_its_commit",
        "test_nothing_is_answered_shown_or_read_before_its_commit",
    ),
    Fault(
        "the proof of leadership writes nothing",
        (
            Change(
                f"{CHASSIS}/log/migrations/0001_log.sql",
                "        UPDATE leadership SET proofs = proofs + 1;\n",
                "        PERFORM proofs FROM leadership;\n",
            ),
        ),
        "tests/integration/chassis/test_append.py::test_a_proof_of_leadership_is_a_commit_and_its_row_stays_on_one_page",
        "test_a_proof_of_leadership_is_a_commit_and_its_row_stays_on_one_page",
    ),
    Fault(
        "the heard position is not stored",
        (Change(f"{CHASSIS}/core/engine.py", "        self._heard_changed.add(upto.log_id)\n", ""),),
        "tests/unit/chassis/test_hearing.py::test_after_a_restart_hearing_goes_on_where_it_stood",
        "test_after_a_restart_hearing_goes_on_where_it_stood",
    ),
    Fault(
        "what chains on Kafka is believed",
        (
            Change(
                f"{CHASSIS}/followers/hearing.py",
                "        return found.ready[:sealed_count]\n",
                "        return found.ready\n",
            ),
        ),
        "tests/unit/chassis/test_hearing.py::test_a_forgery_that_chains_is_not_believed_and_the_source_is_heard_as_it_is",
        "test_a_forgery_that_chains_is_not_believed",
    ),
    *SHELL_FAULTS,
    *COMMITMENT_FAULTS,
    *SUPPLY_FAULTS,
    Fault(
        "a repeated command is not looked up",
        (
            Change(
                f"{CHASSIS}/core/engine.py",
                "self._taken_in(submission, taken) or (self._again(key, digest, found) if key else None)",
                "self._taken_in(submission, taken)",
            ),
        ),
        "tests/unit/chassis/test_engine.py::test_a_repeat_gets_the_first_answer_even_when_a_rule_would_refuse_it_now",
        "test_a_repeat_gets_the_first_answer_even_when_a_rule_would_refuse_it_now",
    ),
    Fault(
        "a record's digest is not chained to the one before",
        (Change(f"{CHASSIS}/core/record.py", "    parts = [before, NUMBERS.pack(", '    parts = [b"", NUMBERS.pack('),),
        "tests/simulation/test_auditor.py::test_an_honest_market_gives_no_finding",
        "digests chain",
    ),
    Fault(
        "units bought today can be sold today",
        (
            Change(
                f"{TRADING}/domain/balances.py",
                "        self.bought_tonnes += quantity_tonnes\n",
                "        self.available_tonnes += quantity_tonnes\n",
            ),
            Change(
                f"{TRADING}/domain/balances.py",
                "        assert self.bought_tonnes >= self.bought_unsettled_tonnes >= 0\n",
                "",
            ),
        ),
        "tests/unit/trading/test_listed.py",
        "bought_units_are_not_sold_the_same_day",
    ),
    Fault(
        "prices are cut off, not rounded half-up",
        (
            Change(
                f"{TRADING}/domain/arithmetic.py",
                "    return (2 * numerator + denominator) // (2 * denominator)\n",
                "    return numerator // denominator\n",
            ),
        ),
        "tests/unit/trading/test_rules.py::test_a_half_is_rounded_up",
        "test_a_half_is_rounded_up",
    ),
    Fault(
        "an expired order keeps its lock",
        (
            Change(
                f"{TRADING}/domain/listed.py",
                "        account.end_open_purchase(order.bidding_fen, unlocked_fen=unlocked_fen)\n",
                "        pass\n",
            ),
        ),
        "tests/unit/trading/test_closing.py::test_what_is_open_expires_and_its_locks_are_free",
        "test_what_is_open_expires_and_its_locks_are_free",
    ),
    Fault(
        "proceeds can be withdrawn on the day of the sale",
        (
            Change(
                f"{TRADING}/domain/balances.py",
                "        return max(0, self.available_fen - self.received_unsettled_fen - self.owed_fen)\n",
                "        return max(0, self.available_fen - self.owed_fen)\n",
            ),
        ),
        "tests/unit/trading/test_settlement.py::test_proceeds_leave_the_market_only_when_they_are_settled",
        "test_proceeds_leave_the_market_only_when_they_are_settled",
    ),
    Fault(
        "trading blocks less of an excluded purchase than clearing states",
        (
            Change(
                f"{TRADING}/domain/settlement.py",
                "blocked_fen=event.blocked_fen)\n",
                "blocked_fen=0)\n",
            ),
        ),
        "tests/simulation/test_exclusions.py::test_what_trading_says_may_leave_is_paid_whatever_was_excluded",
        "test_what_trading_says_may_leave_is_paid_whatever_was_excluded",
    ),
    Fault(
        "a settled purchase forgets what the registry then holds",
        (
            Change(
                f"{TRADING}/domain/balances.py",
                "_unsettled_tonnes -= quantity_tonnes\n        self.custody_tonnes += quantity_tonnes\n",
                "_unsettled_tonnes -= quantity_tonnes\n",
            ),
        ),
        "tests/property/trading/test_balances.py::test_units_move_between_accounts_and_none_is_made_or_lost",
        "units came from nowhere",
    ),
    Fault(
        "a settled trade forgets its fees",
        (Change(f"{CLEARING}/domain/balances.py", "        self.fees_fen += pays_fen - receives_fen\n", ""),),
        "tests/property/clearing/test_balances.py::test_money_moves_between_accounts_and_none_is_made_or_lost",
        "money came from nowhere",
    ),
    Fault(
        "a delivery forgets the buyers",
        (Change(f"{REGISTRY}/domain/state.py", "        self.trading_tonnes += bought_tonnes\n", ""),),
        "tests/property/registry/test_balances.py::test_allowances_move_between_accounts_and_none_is_made_or_lost",
        "test_allowances_move_between_accounts_and_none_is_made_or_lost",
    ),
    Fault(
        "an account trades with itself",
        (
            Change(f"{TRADING}/domain/listed.py", "    if listing.account == command.account:\n", "    if False:\n"),
            Change(f"{TRADING}/domain/trades.py", "    assert event.buyer != event.seller\n", ""),
        ),
        "tests/unit/trading/test_listed.py::test_a_taker_picks_any_listing_within_the_best_five_levels",
        "OWN_LISTING",
    ),
    Fault(
        "a sixth price level can be taken",
        (
            Change(
                f"{TRADING}/domain/book.py",
                "        return bisect_left(self.ranks, self.sign * price_fen) < levels\n",
                "        return bisect_left(self.ranks, self.sign * price_fen) <= levels\n",
            ),
        ),
        "tests/unit/trading/test_listed.py::test_a_taker_picks_any_listing_within_the_best_five_levels",
        "test_a_taker_picks_any_listing_within_the_best_five_levels",
    ),
    Fault(
        "the last minute of a session never ends",
        (
            Change(
                f"{TRADING}/domain/rules.py",
                "<= since_midnight_ms < session.close_minute * MINUTE_MS",
                "<= since_midnight_ms <= session.close_minute * MINUTE_MS",
            ),
        ),
        "tests/unit/trading/test_rules.py::test_a_session_has_its_first_minute_and_not_its_close",
        "test_a_session_has_its_first_minute_and_not_its_close",
    ),
    Fault(
        "an account is wound up while a trade of it awaits settlement",
        (
            Change(
                f"{TRADING}/domain/restriction.py",
                " if account.awaits_nothing else []\n",
                "\n",
            ),
            Change(f"{TRADING}/domain/restriction.py", "    assert account.awaits_nothing\n", ""),
        ),
        "tests/simulation/test_trouble.py::test_an_account_is_not_closed_before_its_trades_are_settled_and_the_day_settles_whole",
        "test_an_account_is_not_closed_before_its_trades_are_settled",
    ),
    Fault(
        "a day is cleared without its barrier",
        (Change(f"{CLEARING}/domain/barrier.py", "    if heard != closed:\n", "    if False:\n"),),
        "tests/unit/clearing/test_run.py::test_the_barrier_holds_a_run_whose_totals_differ_by_anything",
        "test_the_barrier_holds_a_run_whose_totals_differ_by_anything",
    ),
    Fault(
        "a trade is paid although its delivery was refused",
        (Change(f"{CLEARING}/domain/settlement.py", "    if not command.delivered:\n", "    if False:\n"),),
        "tests/simulation/test_trouble.py::test_a_refused_delivery_moves_nothing_and_its_retry_settles_the_day",
        "DELIVERY_REFUSED",
    ),
    Fault(
        "a seller is paid without its fee taken off",
        (
            Change(
                f"{CLEARING}/domain/settlement.py",
                "leg.seller, leg.seller_receives_fen)\n",
                "leg.seller, leg.value_fen)\n",
            ),
            Change(f"{CLEARING}/domain/balances.py", "        assert self.unsettled_in_fen >= 0\n", ""),
        ),
        "tests/unit/clearing/test_run.py::test_delivered_is_paid_gross_trade_by_trade_and_the_books_are_to_be_compared",
        "test_delivered_is_paid_gross_trade_by_trade",
    ),
    Fault(
        "one person alone takes trades out of a run",
        (
            Change(
                "libs/chassis/chassis/core/proposals.py",
                "    if context.subject == proposal.proposer.subject:\n",
                "    if False:\n",
            ),
            Change(
                "libs/chassis/chassis/core/shell.py",
                "proposer.subject != shell.actor.subject",
                "proposer.subject",
            ),
            Change(
                f"{CLEARING}/domain/exclusion.py",
                "    assert event.proposed_by and person(event.proposed_by) != person(event.approved_by),"
                ' "two people"\n',
                "",
            ),
        ),
        "tests/simulation/test_trouble.py::test_trades_that_two_people_take_out_stay_blocked_and_all_others_settle",
        "DID NOT RAISE",
    ),
    Fault(
        "a trade is delivered twice",
        (
            Change(
                f"{REGISTRY}/domain/delivery.py",
                "    elif staged.legs and is_of(staged, command) and staged.legs[0].trade_id <= last.trade_id:\n",
                "    elif False:\n",
            ),
            Change(f"{REGISTRY}/domain/delivery.py", "    assert staged.legs[0].trade_id > last.trade_id\n", ""),
        ),
        "tests/unit/registry/test_delivery.py::test_attempts_runs_and_trades_come_in_order_and_each_is_delivered_once",
        "each_is_delivered_once",
    ),
    Fault(
        "the last page of a run's legs is not sent",
        (
            Change(
                f"{CLEARING}/calls.py",
                "enumerate(order.page_positions, start=1)",
                "enumerate(order.page_positions[:-1], start=1)",
            ),
        ),
        SEEDED,
        "waited",
    ),
    Fault(
        "a page of legs that comes twice is staged twice",
        (
            Change(
                f"{REGISTRY}/domain/staging.py",
                "    if (staged.run_id, staged.attempt, staged.pages) != ",
                "    if False and (staged.run_id, staged.attempt, staged.pages) != ",
            ),
            Change(
                f"{REGISTRY}/domain/staging.py", "    assert (staged.run_id, ", "    assert True or (staged.run_id, "
            ),
        ),
        "tests/unit/registry/test_delivery.py::test_a_delivery_that_is_ill_written_or_not_clearings_leaves_no_trace",
        "StageDeliveryLegs",
    ),
    Fault(
        "a run that is ordered again after it was delivered is delivered again",
        (
            Change(
                f"{REGISTRY}/domain/delivery.py",
                "    if command.run_id == last.run_id:\n        return [\n",
                "    if False:\n        return [\n",
            ),
        ),
        "tests/unit/registry/test_delivery.py::test_a_delivered_run_ordered_again_is_delivered_and_moves_nothing_more",
        "test_a_delivered_run_ordered_again_is_delivered_and_moves_nothing_more",
    ),
    Fault(
        "the answer that a run was delivered before counts as none",
        (
            Change(
                f"{CLEARING}/calls.py",
                'check_outcome(answer, "completed", "repeated")\n',
                'check_outcome(answer, "completed")\n',
            ),
        ),
        LOST_RUN,
        "waited",
    ),
)


def work_tree() -> list[str]:
    """Every file that is under version control, or would be if it were added."""
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [path for path in listed.split("\0") if path and (ROOT / path).is_file()]


class Copy:
    """A copy of the repository that faults are planted into and taken out of again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._planted = 0
        for path in work_tree():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, target)

    def try_out(self, fault: Fault) -> Verdict:
        """Plants the fault, runs its test, takes it out. Raises AssertionError if it does not fit the code."""
        try:
            for change in fault.changes:
                text = (self._folder / change.file).read_text()
                assert text.count(change.before) == 1, f"{fault.name}: {change.file} has changed; plant it anew"
                self._write(change.file, text.replace(change.before, change.after))
            return self._run(fault)
        finally:
            for change in fault.changes:
                self._write(change.file, (ROOT / change.file).read_text())

    def _write(self, path: str, text: str) -> None:
        file = self._folder / path
        file.write_text(text)
        self._planted += 1
        os.utime(file, (PLANTED_AT_S + self._planted,) * 2)

    def _run(self, fault: Fault) -> Verdict:
        settings = tomllib.loads((self._folder / "pyproject.toml").read_text())
        roots = [str(self._folder / root) for root in settings["tool"]["carbonmarket"]["roots"]]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(roots), "CARBONMARKET_TEST_SEEDS": SEEDS}
        options = ("-qx", "--noconftest", "-p", "no:cacheprovider", "-p", "support.planted.first_failure")
        command = (sys.executable, "-m", "pytest", *options, fault.test)
        done = subprocess.run(
            command, cwd=self._folder, env=environment, capture_output=True, text=True, timeout=RUN_S_MAX
        )
        output = done.stdout + done.stderr
        return Verdict(caught=done.returncode == PYTEST_FOUND_FAILURES and fault.says in output, output=output)
