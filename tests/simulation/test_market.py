"""Seeded markets of shipped services, two replicas each: what fails, comes late, twice or never changes no book."""

import json
import os
import subprocess
import sys
from collections import Counter
from functools import cache

import pytest

from support.days.seeds import seeds
from support.simulation.people import everything
from support.simulation.report import expected, failure, missing, report
from support.simulation.run import Played, simulate
from support.source.repository import ROOT

SEEDS = seeds(28)
SUBPROCESS_S_MAX = 100
BASE_PYTHON = os.path.realpath(sys.executable)
"""Not the environment's."""

PLAY = """
import json, sys
from support.simulation.people import everything
from support.simulation.run import simulate
print(json.dumps(simulate(int(sys.argv[1]), everything).digests))
"""


@cache
def played(seed: int) -> Played:
    return simulate(seed, everything)


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_befalls_a_seeded_market_its_books_agree_in_the_end_and_no_queue_is_left(seed: int) -> None:
    assert not played(seed).faults, failure(seed, played(seed).faults)
    assert played(seed).figures["trades"] > 0


def test_every_action_and_every_fault_occurred_in_these_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    counts = sum((played(seed).counts for seed in SEEDS), Counter[str]())
    with capsys.disabled():
        print("", report(counts), sep="\n")
    assert missing(counts) == []


def test_a_run_of_seeds_prints_its_report_and_nothing_else() -> None:
    """Of seed 13 appends fail in processes that are being ended: nothing is logged about their tasks."""
    command = (sys.executable, "scripts/simulate", "--seeds", "2", "--base", "13")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SUBPROCESS_S_MAX)
    first, *lines, sound, never = done.stdout.splitlines()
    assert (first, sound, done.stderr) == ("seeds 13 to 14", "2 of 2 seeds are sound", "")
    assert [line.split(maxsplit=1)[1] for line in lines] == expected()
    assert never.startswith("never occurred: ")


def test_the_command_that_is_printed_for_a_seed_plays_it_as_it_is_pasted_without_any_environment() -> None:
    *said, last = failure(13, ["one", "two"]).splitlines()
    assert said == ["seed 13 FAILED", "  one", "  two"]
    command = last.removeprefix("  again: ")
    environment = {"PATH": os.pathsep.join([os.path.dirname(BASE_PYTHON), os.defpath])}
    done = subprocess.run(
        command, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SUBPROCESS_S_MAX
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == report(played(13).counts) + "\n"


def test_the_same_seed_gives_the_same_digests_here_and_in_processes_with_other_hash_seeds() -> None:
    """Of seed 4 logs come back older twice and an order gets another name."""
    seed = 4
    again = simulate(seed, everything).digests
    assert again == played(seed).digests
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": hash_seed}
        command = (sys.executable, "-c", PLAY, str(seed))
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SUBPROCESS_S_MAX, check=True
        )
        assert json.loads(done.stdout) == again
