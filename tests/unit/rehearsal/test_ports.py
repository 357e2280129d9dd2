"""A port is given once: not again here, and to no other process while this one runs."""

import random
import subprocess
import sys

import pytest

from rehearsal import processes
from rehearsal.processes import free_port

IN_ANOTHER_PROCESS = """
import sys
from rehearsal import processes
processes.PORTS = range(int(sys.argv[1]), int(sys.argv[1]) + 1)
try:
    print(processes.free_port())
except OSError as error:
    print(error)
"""


def asked_elsewhere(port: int) -> str:
    command = (sys.executable, "-c", IN_ANOTHER_PROCESS, str(port))
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_port_is_not_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    given = free_port()
    choices = iter([given, given, *random.sample(processes.PORTS, processes.PORT_TRIES_MAX)])
    monkeypatch.setattr(random, "choice", lambda _: next(choices))
    assert free_port() != given


def test_a_port_is_given_to_no_other_process_before_anybody_listens_on_it() -> None:
    given = free_port()
    assert asked_elsewhere(given).startswith("no free port among")


def test_no_more_ports_are_reserved_than_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    reserved_max = len(processes.reserved_ports) + 1
    monkeypatch.setattr(processes, "RESERVED_PORTS_MAX", reserved_max)
    for _ in range(3):
        free_port()
    assert len(processes.reserved_ports) == reserved_max
