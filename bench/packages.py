"""What only the bench uses, in a folder of its own: the environment of services and tests stays without it.

The folder is filled from bench/requirements.lock, wheels with hashes, when first used and when the lock has changed.
"""

import hashlib
import importlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).with_name("requirements.lock")
FOLDER = Path("build/bench/packages")
INSTALL_S_MAX = 120


class NotInstalled(Exception):
    """The packages could not be installed."""


def install() -> Path:
    """Returns the folder that the packages are in. Raises NotInstalled."""
    stamp, digest = FOLDER / "stamp", hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        shutil.rmtree(FOLDER, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--require-hashes", "--only-binary", ":all:", "--target", str(FOLDER), "-r", str(LOCK)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S_MAX)
        if done.returncode != 0:
            raise NotInstalled(f"pip could not install what {LOCK} names:\n{done.stderr[-2_000:]}")
        stamp.write_text(digest)
    return FOLDER


def import_peer(module: str) -> Any:
    """A module of one of these packages. Raises NotInstalled."""
    folder = str(install().resolve())
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(module)
