"""Standard output that its reader closes early, as `| head` does: no error of ours; nothing more is written."""

import os
import sys

from rich.console import Console

OUTPUT_CLOSED = 141
"""The exit code of a process that the signal of a broken pipe ends."""


class QuietConsole(Console):
    """A console whose closed output is an error like any other's."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def forget_output() -> None:
    """Nothing more is written to a standard output that is closed, not even what still waits in its buffer."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
