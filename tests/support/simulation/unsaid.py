"""What fails without an answer or a line in the log: Python only warns of it, or prints it and goes on.

A coroutine that nobody awaits, a resource that nobody closes, an exception where an object is given up.
"""

import gc
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def noted(found: list[str]) -> Iterator[None]:
    """Adds to `found`, also what the end of the block gives up. Nothing of it is printed."""

    def note(unraisable: "sys.UnraisableHookArgs") -> None:
        found.append(f"exception ignored: {unraisable.exc_value!r} {unraisable.err_msg or ''}".rstrip())

    hook, sys.unraisablehook = sys.unraisablehook, note
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield
            gc.collect()
        found += [f"warned: {each.category.__name__}: {each.message}" for each in warned]
    finally:
        sys.unraisablehook = hook
