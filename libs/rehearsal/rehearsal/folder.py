"""The folder that a market on this machine keeps everything in: held by one process, and cleared of what is ours only.

A marker says whose folder it is. `begun` is written before anything else; `opened` takes its place when `make market`
has opened its market. A folder that has neither, and is not empty, is somebody else's and is not touched; an entry
that no market makes stays whatever the marker says.

Invariant: while a folder is cleared it has the marker `begun`, so that an interrupted clearing is never taken for a
market, and is continued.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BEGUN = "begun"
OPENED = "opened"
LOCK = "lock"
ENVIRONMENT = "env"
KEYS = "keys"
OURS = (OPENED, "postgres", "log", "spans", KEYS, ENVIRONMENT)
"""What a market makes in its folder, besides the lock of who holds it and `begun`, which goes last."""


class FolderRefused(Exception):
    """A folder that cannot be had: another process holds it, or what is in it is not ours to clear."""


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a market's folder, so that nobody else runs, clears or checks it meanwhile.

    Raises FolderRefused and OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (_is_empty(folder) or _is_marked(folder) or _has_our_data(folder)):
        raise FolderRefused(f"{folder}/ holds other things than a market: empty it yourself, or choose another folder")
    # Neither emptied nor followed: whatever `lock` is, it may be somebody else's.
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        why = f"a market runs in {folder}/ already; stop it with Ctrl-C in its own terminal"
        raise FolderRefused(why) from None
    try:
        yield
    finally:
        os.close(lock)


def begin(folder: Path) -> None:
    """Make a held folder ready for a new market: what one left that was not opened goes. Raises FolderRefused and
    OSError.
    """
    if (folder / OPENED).exists():
        raise FolderRefused(f"{folder}/ keeps a market that `make market` opened; `make reset` clears it")
    if _has_our_data(folder) and not _is_marked(folder):
        raise FolderRefused(
            f"{folder}/ has a market's data, but neither `{OPENED}` nor `{BEGUN}` to say whether it was opened; "
            f"put `{OPENED}` back, or clear it all with `make reset`"
        )
    clear(folder)
    (folder / BEGUN).touch()


def set_opened(folder: Path) -> None:
    """Note that the market in a folder was opened: from now on it is gone on with, and only `make reset` clears it."""
    (folder / BEGUN).rename(folder / OPENED)


def clear(folder: Path) -> None:
    """Remove everything a market left in its folder, except the lock of who clears it. Raises OSError."""
    if any(os.path.lexists(folder / name) for name in OURS):
        (folder / BEGUN).touch()
    for name in OURS:
        remove(folder / name)
    remove(folder / BEGUN)


def remove(path: Path) -> None:
    """Remove a file, a folder with all in it, or a link but not what it leads to; nothing if nothing is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def has_data(folder: Path) -> bool:
    """Whether there is a database in a folder, in the place where a market has it."""
    return (folder / "postgres" / "data" / "PG_VERSION").exists()


def one_line(failure: OSError) -> str:
    """The system's error, and the file it is about: `Permission denied: var/lock`."""
    error = failure.strerror or str(failure)
    return f"{error}: {os.fsdecode(failure.filename)}" if isinstance(failure.filename, str | bytes) else error


def _is_empty(folder: Path) -> bool:
    return all(path.name == LOCK for path in folder.iterdir())


def _has_our_data(folder: Path) -> bool:
    """Whether a market made the database, not merely somebody who keeps his in a place of that name."""
    return has_data(folder) and (folder / "postgres" / "initdb.log").exists()


def _is_marked(folder: Path) -> bool:
    return (folder / BEGUN).exists() or (folder / OPENED).exists()
