"""`make` alone lists every target, and the lock pins every requirement with hashes and names no address."""

import re
import subprocess
import tomllib

import pytest

from support.source.repository import ROOT


def test_make_alone_lists_every_target_in_words() -> None:
    listed = subprocess.run("make", cwd=ROOT, capture_output=True, text=True, check=True).stdout
    declared = re.findall(r"^\.PHONY: ([a-z -]+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    targets = {target for line in declared for target in line.split()}
    assert {"setup", "demo", "market", "reset", "year", "test", "check"} <= targets
    assert set(re.findall(r"^  ([a-z-]+) +\S+ \S+", listed, re.MULTILINE)) == targets


@pytest.mark.parametrize("folder", ["tests", "docs", "services", "libs", "scripts"])
def test_a_folder_that_is_no_target_does_not_look_like_one_that_succeeded(folder: str) -> None:
    made = subprocess.run(("make", folder), cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 2
    assert f"no target `{folder}`" in made.stderr
    assert ("`make test` runs the tests" in made.stderr) == (folder == "tests")


def test_what_a_build_leaves_is_neither_tracked_nor_checked() -> None:
    left = ("build/year.json", "libs/client/build/lib/carbonmarket_client/market.py")
    for path in left:
        assert subprocess.run(("git", "check-ignore", "-q", path), cwd=ROOT).returncode == 0
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert "build" in settings["ruff"]["extend-exclude"]
    for path in left:
        assert any(re.search(pattern, path) for pattern in settings["mypy"]["exclude"])
    assert not any(
        re.search(pattern, "libs/rehearsal/rehearsal/plan/build.py") for pattern in settings["mypy"]["exclude"]
    )


@pytest.mark.parametrize("requirements", ["requirements", "bench/requirements"])
def test_every_requirement_is_pinned_with_hashes_and_without_an_address(requirements: str) -> None:
    wanted = re.findall(r"^([A-Za-z0-9_-]+)", (ROOT / f"{requirements}.in").read_text(), re.MULTILINE)
    lock = (ROOT / f"{requirements}.lock").read_text()
    pinned = re.findall(
        r"^([a-z0-9-]+)==\S+(?: ;[^\\]+)? \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", lock, re.MULTILINE
    )
    assert {name.lower().replace("_", "-") for name in wanted} <= set(pinned)
    assert pinned == re.findall(r"^([a-z0-9-]+)[=<>]", lock, re.MULTILINE)
    assert "://" not in lock
    assert "--index-url" not in lock
    assert "--find-links" not in lock
