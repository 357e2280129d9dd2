"""The scripts behind the Makefile: an interrupted test run ends, the command line starts, a release pins something."""

import asyncio
import importlib.machinery
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from support.source.repository import ROOT

END_S_MAX = 60.0
SLOW_TEST = """
import os, pathlib, subprocess, time

def test_slow():
    sleeper = subprocess.Popen(("sleep", "600"))
    pathlib.Path(__file__).with_name("pids").write_text(f"{os.getpid()} {sleeper.pid}\\n")
    time.sleep(600)
"""
REFUSED, WRITTEN = 1, 0


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_run_of_the_lanes_ends_with_all_it_started_and_starts_no_more(
    tmp_path: Path, sent: signal.Signals
) -> None:
    script = copied("lanes", tmp_path)
    lanes = [tmp_path / "tests" / name for name in ("tidy", "unit", "property", "integration")]
    for lane in lanes:
        lane.mkdir(parents=True)
        (lane / "test_slow.py").write_text(SLOW_TEST)
    command = (sys.executable, str(script), *(lane.name for lane in lanes))
    run = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE, cwd=tmp_path)
    async with asyncio.timeout(END_S_MAX):
        while not all((lane / "pids").exists() and (lane / "pids").read_text().endswith("\n") for lane in lanes[:3]):
            await asyncio.sleep(0.05)
        run.send_signal(sent)
        _, said = await run.communicate()
    assert (run.returncode, said.decode()) == (130, "\nStopped; every lane has ended.\n")
    assert not (lanes[3] / "pids").exists()
    left = [pid for lane in lanes[:3] for pid in (lane / "pids").read_text().split() if running(pid)]
    assert not left


def test_of_lanes_that_run_one_reads_when_each_begins_how_far_it_is_and_how_it_ends(tmp_path: Path) -> None:
    script = copied("lanes", tmp_path)
    script.write_text(script.read_text().replace("PROGRESS_EVERY_S = 30.0", "PROGRESS_EVERY_S = 0.1"))
    for name, test in (
        ("tidy", "import time\ndef test_slow(): time.sleep(1)\n"),
        ("unit", "def test_bad(): assert 0\n"),
    ):
        (tmp_path / "tests" / name).mkdir(parents=True)
        (tmp_path / "tests" / name / "test_one.py").write_text(test)
    command = (sys.executable, str(script), "tidy", "unit")
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    said = [line.partition("  ")[2] for line in done.stdout.splitlines() if re.match(r"\d+:\d\d  ", line)]
    assert said[:2] == ["tidy: begins", "unit: begins"]
    assert [line for line in said if line.startswith("running: tidy ")]
    assert {line.partition(",")[0] for line in said if ", took " in line} == {"unit: FAILED", "tidy: passed"}
    *lanes, together = done.stdout.splitlines()[-3:]
    assert sorted(line.split()[:2] for line in lanes) == [["tidy", "passed"], ["unit", "FAILED"]]
    assert together.split()[:2] == ["together", "FAILED"]
    assert done.returncode == 1


SETUP = """
import importlib.machinery, importlib.util, pathlib, sys, time

loader = importlib.machinery.SourceFileLoader("setup", sys.argv[1])
setup = importlib.util.module_from_spec(importlib.util.spec_from_loader("setup", loader))
loader.exec_module(setup)

def make_venv(python):
    with (setup.ROOT / "made").open("a") as made:
        made.write("begun ")
    time.sleep(0.5)
    (setup.VENV / "bin").mkdir(parents=True)
    (setup.VENV / "bin" / "python").touch()
    with (setup.ROOT / "made").open("a") as made:
        made.write("ended ")

setup.make_venv, setup.install, setup.link = make_venv, lambda: None, lambda roots: None
setup.main()
"""


def test_of_two_that_set_up_one_folder_at_once_one_makes_the_environment_and_the_other_waits(tmp_path: Path) -> None:
    script = copied("setup", tmp_path)
    for name in ("requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    command = (sys.executable, "-c", SETUP, str(script))
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(one.communicate(timeout=END_S_MAX)[0] for one in both)
    assert [one.returncode for one in both] == [0, 0]
    assert (tmp_path / "made").read_text().split() == ["begun", "ended"], "made once, and by nobody beside it"
    assert sum("environment ready" in one for one in said) == 1


def test_the_command_line_starts_from_a_path_with_spaces_and_gets_its_arguments_as_they_are(tmp_path: Path) -> None:
    python = tmp_path / "a clone's folder" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    script = tmp_path / "carbonmarket"
    script.write_text(loaded("setup").command_line(python))
    for program in (python, script):
        program.chmod(0o755)
    done = subprocess.run((script, "orders", "two words"), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["-P", "-m", "carbonmarket_client", "orders", "two words"]


def test_a_release_is_a_commit_without_changes_that_pins_something_new(tmp_path: Path) -> None:
    script = copied("release", tmp_path)
    (tmp_path / "buf.yaml").write_text("version: v2\nmodules:\n  - path: proto\n")
    proto, golden = tmp_path / "proto/market.proto", tmp_path / "tests/golden/logs/1"
    for file, text in ((proto, 'syntax = "proto3";\npackage market;\n'), (golden, "1")):
        file.parent.mkdir(parents=True)
        file.write_text(text)
    release = (sys.executable, str(script))
    git(tmp_path, "init", "--quiet")
    outcomes = []
    for change in ("first", "again", "uncommitted", "stored", "language"):
        if change == "stored":
            golden.write_text("2")
        if change == "language":
            proto.write_text(proto.read_text() + "message Tonne {}\n")
        if change == "uncommitted":
            (tmp_path / "new").touch()
        else:
            commit(tmp_path)
        done = subprocess.run(release, capture_output=True, text=True)
        outcomes.append((change, done.returncode, (done.stdout + done.stderr).partition(":")[0]))
    assert outcomes == [
        ("first", WRITTEN, "release 1"),
        ("again", REFUSED, "nothing to release"),
        ("uncommitted", REFUSED, "commit first"),
        ("stored", WRITTEN, "release 2"),
        ("language", WRITTEN, "release 3"),
    ]


def copied(name: str, folder: Path) -> Path:
    """A script in a repository of its own: each finds its repository by where it lies."""
    (folder / "scripts").mkdir()
    return Path(shutil.copy(ROOT / "scripts" / name, folder / "scripts" / name))


def loaded(name: str) -> ModuleType:
    """A script as a module."""
    loader = importlib.machinery.SourceFileLoader(f"script_{name}", str(ROOT / "scripts" / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(
        folder, "-c", "user.name=ann", "-c", "user.email=ann@example.org", "commit", "--quiet", "-m", "Change something"
    )


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(("git", *arguments), cwd=folder, check=True, env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull})


def running(pid: str) -> bool:
    """Whether the process is there and not merely waiting to be reaped."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
