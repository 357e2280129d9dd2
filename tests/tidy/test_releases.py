"""What was released stays: the pinned public language, golden bytes and digests, and the migrations that were run."""

import json
import subprocess
import sys
from pathlib import Path

from support.source.releases import file_at, files_of, git, newest_released_commit, released_commits, source_of
from support.source.repository import ROOT

BUF = Path(sys.executable).with_name("buf")
MIGRATIONS = (
    "libs/chassis/chassis/log/migrations",
    *(f"services/{name}/{name}/migrations" for name in ("registry", "trading", "clearing")),
)


def test_releases_are_numbered_from_one_and_each_is_a_commit_that_this_one_descends_from() -> None:
    commits = released_commits()
    assert list(commits) == list(range(1, len(commits) + 1))
    for commit in commits.values():
        git("merge-base", "--is-ancestor", commit, "HEAD")


def test_the_pinned_language_is_that_of_the_newest_release(tmp_path: Path) -> None:
    source = source_of(newest_released_commit(), tmp_path)
    built = tmp_path / "built.binpb"
    subprocess.run((BUF, "build", "--exclude-source-info", "-o", built), cwd=source, check=True)
    assert (ROOT / "proto/released.binpb").read_bytes() == built.read_bytes(), "only `make release` writes it"


def test_golden_bytes_and_digests_of_a_release_are_kept_as_they_were() -> None:
    changed = []
    for commit in released_commits().values():
        for path in files_of(commit, "tests/golden/events", "tests/golden/command_digests"):
            now = json.loads((ROOT / path).read_bytes()) if (ROOT / path).exists() else {}
            then = json.loads(file_at(commit, path))
            changed += [f"{path}: {name}" for name, golden in then.items() if now.get(name) != golden]
    assert not changed, "see tests/golden/README.md"


def test_golden_logs_and_migrations_of_a_release_are_kept_as_they_were() -> None:
    changed = {
        path
        for commit in released_commits().values()
        for path in files_of(commit, "tests/golden/logs", *MIGRATIONS)
        if not (ROOT / path).exists() or (ROOT / path).read_bytes() != file_at(commit, path)
    }
    assert not changed, "what a database has run, and a log that was stored, is not written again: add another file"
