"""A market's folder: only what is ours is cleared, and a refusal is one line."""

import os
import subprocess
from argparse import Namespace
from pathlib import Path

import pytest

from rehearsal.__main__ import play
from rehearsal.folder import BEGUN, LOCK, OPENED, alone, begin, clear, set_opened
from rehearsal.market import exports, stopped


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "var"


def fill(folder: Path) -> None:
    """What a market leaves, without its markers."""
    for name in ("postgres/data/PG_VERSION", "postgres/initdb.log", "log/trading.log", "spans/trading.jsonl", "env"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("18")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def refused(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which a play ends that may not have the folder."""
    then = Namespace(play=name, folder=folder, then="", plan=None, months=1, previous_close=[])
    assert play(then) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1, told
    return told


def test_what_a_first_start_left_is_begun_anew(folder: Path) -> None:
    with alone(folder):
        begin(folder)
        fill(folder)
        begin(folder)
        assert names(folder) == {LOCK, BEGUN}


def test_data_of_which_nobody_says_whether_it_was_opened_stays_until_it_is_reset(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with alone(folder):
        begin(folder)
        fill(folder)
        set_opened(folder)
        (folder / OPENED).unlink()
    kept = names(folder)
    assert "clear it all with `make reset`" in refused(folder, "market", capsys)
    assert names(folder) == kept
    assert play(Namespace(play="reset", folder=folder)) == 0
    assert names(folder) == {LOCK}


def test_an_opened_market_is_cleared_by_nothing_but_a_reset(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with alone(folder):
        begin(folder)
        set_opened(folder)
    assert "`make reset` clears it" in refused(folder, "demo", capsys)
    assert names(folder) == {LOCK, OPENED}


@pytest.mark.parametrize("name", ["market", "reset", "demo"])
def test_a_folder_of_somebody_else_is_not_touched(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "postgres" / "data").mkdir(parents=True)
    (folder / "postgres" / "data" / "PG_VERSION").touch()
    (folder / "env").write_text("mine")
    assert "holds other things than a market" in refused(folder, name, capsys)
    assert names(folder) == {"postgres", "env"}


def test_a_foreign_entry_and_what_a_link_leads_to_stay(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "mine").touch()
    with alone(folder):
        begin(folder)
        fill(folder)
        (folder / "notes").mkdir()
        (folder / "mine").symlink_to(tmp_path / "disk")
        (folder / "spans" / "trading.jsonl").unlink()
        (folder / "spans").rmdir()
        (folder / "spans").symlink_to(tmp_path / "disk")
        clear(folder)
    assert names(folder) == {LOCK, "notes", "mine"}
    assert names(tmp_path / "disk") == {"mine"}


def test_a_lock_that_is_a_link_is_not_followed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("mine")
    folder.mkdir()
    (folder / LOCK).symlink_to(tmp_path / "mine")
    refused(folder, "reset", capsys)
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_clearing_cut_short_goes_on_and_is_never_taken_for_a_market(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt

    with alone(folder):
        begin(folder)
        fill(folder)
        set_opened(folder)
        with monkeypatch.context() as patched:
            patched.setattr("shutil.rmtree", interrupted)
            with pytest.raises(KeyboardInterrupt):
                clear(folder)
        assert names(folder) >= {BEGUN, "postgres"} and OPENED not in names(folder)
        begin(folder)
        assert names(folder) == {LOCK, BEGUN}


@pytest.mark.parametrize("name", ["market", "reset", "verify", "demo", "year"])
def test_a_folder_that_is_held_is_refused(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    held = folder / "year" if name == "year" else folder
    with alone(held):
        begin(held)
        fill(held)
        kept = names(held)
        assert "a market runs in" in refused(folder, name, capsys)
        assert names(held) == kept


@pytest.mark.parametrize("name", ["market", "reset", "verify", "demo", "year"])
def test_a_folder_that_is_a_file_is_told_in_one_line(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.write_text("mine")
    assert str(folder) in refused(folder, name, capsys)
    assert folder.read_text() == "mine"


@pytest.mark.parametrize("name", ["market", "reset", "verify", "demo", "year"])
def test_a_machine_that_will_not_write_is_told_in_one_line(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*named: object) -> int:
        raise OSError(28, os.strerror(28), str(folder / LOCK))

    fill(folder)
    monkeypatch.setattr("rehearsal.folder.os.open", full)
    assert f"No space left on device: {folder / LOCK}" in refused(folder, name, capsys)


def test_who_stops_a_first_start_is_told_that_it_begins_anew(folder: Path) -> None:
    with alone(folder):
        begin(folder)
        assert "begins" in stopped(folder).plain and "anew" in stopped(folder).plain
        set_opened(folder)
        assert "goes on with it" in stopped(folder).plain


def test_a_shell_reads_the_environment_as_it_was_whatever_is_in_it() -> None:
    value = """a 'market' of "$HOME" `date` \\ all"""
    script = exports({"CARBONMARKET_SPANS": value}) + 'printf %s "$CARBONMARKET_SPANS"'
    assert subprocess.run(["bash", "-c", script], capture_output=True, check=True, text=True).stdout == value
