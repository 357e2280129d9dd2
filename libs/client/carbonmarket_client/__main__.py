"""`carbonmarket`, the command line."""

from carbonmarket_client.cli import (
    accounts,
    blocks,
    book,
    days,
    events,
    funds,
    instruments,
    operations,
    orders,
    runs,
    trace,
)
from carbonmarket_client.cli.app import cli

NOUNS = (accounts, funds, orders, book, blocks, days, instruments, runs, operations, events, trace)
"""Importing a noun's module declares its commands."""


def main() -> None:
    """Run the command line and exit; the exit code says how it went."""
    cli(prog_name="carbonmarket")


if __name__ == "__main__":
    main()
