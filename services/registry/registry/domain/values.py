"""Shapes: what an id, a code, a quantity, a day and a text look like, whatever the books say.

Each check raises Malformed and is the first rung of a command's ladder.
"""

import re
from datetime import date

from chassis.decider import Malformed

QUANTITY_TONNES_MAX = 10**12
"""More than any market's total; a larger number is a slip of the hand or an attack."""

TEXT_CHARACTERS_MAX = 200
"""A name, a ground, or the title and number of a document."""

SHOWN_CHARACTERS_MAX = 40
"""So much of a malformed value is sent back."""

ACCOUNT = re.compile(r"[a-z0-9][a-z0-9-]{1,31}")
VINTAGE = re.compile(r"[A-Z0-9]{2,12}")


def check_account(account: str) -> None:
    if not ACCOUNT.fullmatch(account):
        raise Malformed("ACCOUNT_MALFORMED", account=account[:SHOWN_CHARACTERS_MAX])


def check_vintage(vintage: str) -> None:
    if not VINTAGE.fullmatch(vintage):
        raise Malformed("VINTAGE_MALFORMED", vintage=vintage[:SHOWN_CHARACTERS_MAX])


def check_quantity(quantity_tonnes: int) -> None:
    if not 1 <= quantity_tonnes <= QUANTITY_TONNES_MAX:
        raise Malformed(
            "QUANTITY_OUT_OF_RANGE", quantity_tonnes=quantity_tonnes, quantity_tonnes_max=QUANTITY_TONNES_MAX
        )


def check_day(day: str) -> None:
    """ISO with dashes, a day that exists."""
    try:
        exists = date.fromisoformat(day).isoformat() == day
    except ValueError:
        exists = False
    if not exists:
        raise Malformed("DAY_MALFORMED", day=day[:SHOWN_CHARACTERS_MAX])


def check_name(name: str) -> None:
    if not _is_text(name):
        raise Malformed("NAME_MALFORMED", characters=len(name), characters_max=TEXT_CHARACTERS_MAX)


def check_ground(ground: str) -> None:
    if not _is_text(ground):
        raise Malformed("GROUND_MALFORMED", characters=len(ground), characters_max=TEXT_CHARACTERS_MAX)


def check_basis(basis: str) -> None:
    if not _is_text(basis):
        raise Malformed("BASIS_MALFORMED", characters=len(basis), characters_max=TEXT_CHARACTERS_MAX)


def _is_text(value: str) -> bool:
    return 1 <= len(value) <= TEXT_CHARACTERS_MAX and value.isprintable() and not value.isspace()
