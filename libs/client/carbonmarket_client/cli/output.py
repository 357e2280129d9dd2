"""Standard output that its reader closes early, as `| head` does: no error of ours; nothing more is written."""

import os
import sys
from typing import Any

from rich.console import Console

OUTPUT_CLOSED = 141
"""The exit code of a process that the signal of a broken pipe ends."""


class QuietConsole(Console):
    """A console whose closed output is an error like any other's, and that leaves no blanks at the ends of lines where
    the output is no terminal.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        if self.is_terminal:
            super().print(*objects, **options)
            return
        with self.capture() as captured:
            super().print(*objects, **options)
        self.file.write("\n".join(line.rstrip(" ") for line in captured.get().split("\n")))
        self.file.flush()

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def forget_output() -> None:
    """Nothing more is written to a standard output that is closed, not even what still waits in its buffer."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
