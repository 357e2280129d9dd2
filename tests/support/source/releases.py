"""What was released: the commits that `releases/` names, and their content."""

import subprocess
from pathlib import Path

import pytest

from support.source.repository import ROOT

RELEASES = ROOT / "releases"


def released_commits() -> dict[int, str]:
    """The commit of each release, by its number. Skips the test that asks where there is none."""
    files = sorted(RELEASES.iterdir(), key=lambda file: int(file.name)) if RELEASES.exists() else []
    if not files:
        pytest.skip("nothing was released yet: there is no file in releases/")
    return {int(file.name): file.read_text().strip() for file in files}


def newest_released_commit() -> str:
    """The commit of the newest release."""
    return list(released_commits().values())[-1]


def files_of(commit: str, *folders: str) -> list[str]:
    """The paths of what a commit has under some folders, from the root."""
    return git("ls-tree", "-r", "--name-only", commit, "--", *folders).decode().splitlines()


def file_at(commit: str, path: str) -> bytes:
    """What a commit has in a file."""
    return git("show", f"{commit}:{path}")


def source_of(commit: str, folder: Path) -> Path:
    """The whole source of a commit, put into a new folder `released` within another."""
    source = folder / "released"
    source.mkdir()
    subprocess.run(("tar", "-xf", "-", "-C", source), input=git("archive", commit), check=True)
    return source


def git(*command: str) -> bytes:
    """What git prints. Skips the test in a clone that is too shallow to hold a released commit."""
    done = subprocess.run(("git", *command), cwd=ROOT, capture_output=True)
    if done.returncode != 0 and (ROOT / ".git" / "shallow").exists():
        pytest.skip("this clone is shallow: `git fetch --unshallow` brings the released commits")
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
