"""What ends a command that was not done: its exit code, and the error in words or as JSON, with how to fix it."""

from typing import Any

from rich.console import Group, RenderableType

from carbonmarket_client.cli.plain import plain_facts
from carbonmarket_client.errors import (
    Failed,
    FileUnusable,
    KeptAway,
    MarketError,
    NotConfigured,
    NotFound,
    NotPermitted,
    Refused,
    Unavailable,
)
from carbonmarket_client.heads import BookmarkRefused, ForkProved, LogAltered, plain_proof
from carbonmarket_client.proofs import NotProved, TwoSupplies
from carbonmarket_client.screens.layout import fact, label, shown
from carbonmarket_client.settings import address_variable

DONE, REFUSED, USAGE, UNAVAILABLE, NOT_FOUND, NOT_PERMITTED, FAILED = range(7)


class NotTraced(MarketError):
    """There is no trace to draw."""


def exit_code(error: MarketError) -> int:
    for kind, code in (
        (NotTraced, NOT_FOUND),
        (NotFound, NOT_FOUND),
        (NotPermitted, NOT_PERMITTED),
        (Refused, REFUSED),
        (Unavailable, UNAVAILABLE),
        (NotConfigured, USAGE),
        (BookmarkRefused, USAGE),
    ):
        if isinstance(error, kind):
            return code
    return FAILED


def fix_of(error: MarketError) -> str:
    """A sentence that says how to put an error right."""
    if isinstance(error, Refused):
        return error.fix
    if isinstance(error, KeptAway):
        return (
            "Wait until its operators let everybody in again. Only a command that it had recorded before the restore "
            "may be sent meanwhile: with --given-again."
        )
    if isinstance(error, Unavailable):
        again = f" Repeat it with --request-id {error.request_id}: it is done once at most." if error.request_id else ""
        see = f"See whether {error.service} runs and {address_variable(error.service)} is right"
        return f"{see}; after a restart of `make market`, `source var/env` again.{again}"
    if isinstance(error, Failed):
        return f"The mistake is the service's: its operators find it in the log of {error.service}."
    if isinstance(error, FileUnusable):
        return "Name a file that this client wrote, as it wrote it: one that somebody changed proves nothing."
    if isinstance(error, NotConfigured):
        return (
            "`make market` writes them all to var/env: `source var/env` sets them. "
            "`carbonmarket --help` lists the options and the variables behind them."
        )
    if isinstance(error, BookmarkRefused):
        return "Pin the key that signed it beside the present one, or verify from the beginning without this bookmark."
    if isinstance(error, NotTraced):
        return (
            "Spans are written a moment after the fact: try again, and see that --spans names every service's folder."
        )
    if isinstance(error, LogAltered):
        return (
            "Trust neither this log nor what is derived from it. Keep what you have of it, your bookmark first of all, "
            "and tell the operators of the service and the regulator."
        )
    if isinstance(error, TwoSupplies):
        return (
            "Keep both files and give them to the regulator: the registry has signed two supplies of one day, which it "
            "does only where it shows different people different books, or where its log and its key were both lost."
        )
    if isinstance(error, NotProved):
        return (
            "Do not rely on this proof. If it came from the registry itself, keep the file and tell the regulator; "
            "if somebody else gave it to you, fetch your own."
        )
    return "Update the client."


def plain_error(error: MarketError) -> dict[str, Any]:
    known: dict[str, Any] = {"kind": type(error).__name__, "text": str(error), "fix": fix_of(error)}
    if isinstance(error, Refused):
        known |= {"reason": error.reason, "facts": plain_facts(error.facts)}
    if isinstance(error, Unavailable):
        known |= {"request_id": error.request_id}
    if isinstance(error, ForkProved):
        known |= {"proof": plain_proof(error.proof)}
    return known


def worded(error: MarketError) -> RenderableType:
    if isinstance(error, Refused):
        head = f"Refused: {error.reason}"
        width = max((len(label(name)) for name in error.facts), default=0)
        lines = [
            f"  {label(name):<{width}}  {fact(name, value) or 'none'}" for name, value in sorted(error.facts.items())
        ]
    else:
        head, lines = f"{type(error).__name__}: {error}", []
    return Group(shown(head, bold=True), *map(shown, lines), shown(f"How to fix it: {fix_of(error)}"))
