"""What a request must look like before anything is looked up. Each function refuses or says nothing.

Bounds are named here once; the same names and reasons are used in the registry and in trading.
"""

import re
from datetime import date

from chassis.decider import Malformed

AMOUNT_FEN_MAX = 10**15
BANK_REFERENCE_CHARACTERS_MAX = 64
GROUND_CHARACTERS_MAX = 200
SHOWN_CHARACTERS_MAX = 64
"""So much of an ill-formed value is shown back."""

NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,31}")
"""An account's id and a bank's name are written alike."""


def check_account(account: str) -> None:
    if not NAME.fullmatch(account):
        raise Malformed("ACCOUNT_MALFORMED", account=account[:SHOWN_CHARACTERS_MAX])


def check_bank(bank: str) -> None:
    if not NAME.fullmatch(bank):
        raise Malformed("BANK_MALFORMED", bank=bank[:SHOWN_CHARACTERS_MAX])


def check_bank_reference(bank_reference: str) -> None:
    characters = len(bank_reference)
    if (
        not 1 <= characters <= BANK_REFERENCE_CHARACTERS_MAX
        or not bank_reference.isprintable()
        or bank_reference.isspace()
    ):
        raise Malformed("BANK_REFERENCE_MALFORMED", characters=characters, characters_max=BANK_REFERENCE_CHARACTERS_MAX)


def check_amount(amount_fen: int) -> None:
    if not 1 <= amount_fen <= AMOUNT_FEN_MAX:
        raise Malformed("AMOUNT_OUT_OF_RANGE", amount_fen=amount_fen, amount_fen_max=AMOUNT_FEN_MAX)


def check_ground(ground: str) -> None:
    if not ground.strip() or not ground.isprintable() or len(ground) > GROUND_CHARACTERS_MAX:
        raise Malformed("GROUND_MALFORMED", characters=len(ground), characters_max=GROUND_CHARACTERS_MAX)


def check_day(day: str) -> None:
    """ISO with dashes, a day that exists."""
    try:
        exists = date.fromisoformat(day).isoformat() == day
    except ValueError:
        exists = False
    if not exists:
        raise Malformed("DAY_MALFORMED", day=day[:SHOWN_CHARACTERS_MAX])
