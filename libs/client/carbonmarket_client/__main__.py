"""`carbonmarket`, the command line."""

import sys

from carbonmarket_client.cli import (
    accounts,
    blocks,
    book,
    days,
    events,
    forks,
    funds,
    instruments,
    operations,
    orders,
    pending,
    proofs,
    runs,
    trace,
)
from carbonmarket_client.cli.app import cli
from carbonmarket_client.cli.output import OUTPUT_CLOSED, forget_output

NOUNS = (
    *(accounts, funds, orders, book, blocks, days, instruments),
    *(runs, operations, pending, events, forks, proofs, trace),
)
"""Importing a noun's module declares its commands."""


def main() -> None:
    """Run the command line and exit; the exit code says how it went."""
    try:
        cli(prog_name="carbonmarket")
    finally:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            forget_output()
            sys.exit(OUTPUT_CLOSED)


if __name__ == "__main__":
    main()
