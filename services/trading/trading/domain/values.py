"""The shape of values: what a request can be right with at any time, before anything is looked up.

Each check raises `Malformed` with the same reason and facts in every command. Quantities are tonnes, prices fen per
tonne, money fen.
"""

import re
from datetime import date
from enum import IntEnum

from chassis.decider import Malformed

QUANTITY_TONNES_MAX = 10**12
PRICE_FEN_MAX = 10**9
AMOUNT_FEN_MAX = 10**15
VALUE_FEN_MAX = 10**15
TEXT_CHARACTERS_MAX = 200
SHOWN_CHARACTERS_MAX = 100
"""So much of an ill-written value is shown to whoever wrote it."""

ACCOUNT = re.compile(r"[a-z0-9][a-z0-9-]{1,31}")
INSTRUMENT = re.compile(r"[A-Z0-9]{2,12}")
SATURDAY = 5


class Side(IntEnum):
    """Numbered as in the proto; a number that nobody knows counts as unspecified."""

    UNSPECIFIED = 0
    BUY = 1
    SELL = 2

    @classmethod
    def _missing_(cls, value: object) -> "Side":
        return cls.UNSPECIFIED

    @property
    def other(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class Method(IntEnum):
    """How a trade comes about (rulebook 3.2), numbered as in the proto."""

    UNSPECIFIED = 0
    LISTED = 1
    BLOCK = 2

    @classmethod
    def _missing_(cls, value: object) -> "Method":
        return cls.UNSPECIFIED


def check_account(account: str) -> None:
    if not ACCOUNT.fullmatch(account):
        raise Malformed("ACCOUNT_MALFORMED", account=account[:SHOWN_CHARACTERS_MAX])


def check_instrument(instrument: str) -> None:
    if not INSTRUMENT.fullmatch(instrument):
        raise Malformed("INSTRUMENT_MALFORMED", instrument=instrument[:SHOWN_CHARACTERS_MAX])


def check_day(day: str) -> date:
    """A day is `2021-07-16`, China time."""
    try:
        parsed = date.fromisoformat(day)
    except ValueError:
        raise Malformed("DAY_MALFORMED", day=day[:SHOWN_CHARACTERS_MAX]) from None
    if parsed.isoformat() != day:
        raise Malformed("DAY_MALFORMED", day=day[:SHOWN_CHARACTERS_MAX])
    return parsed


def check_trading_day(day: str) -> None:
    """Trading days are Monday to Friday (rulebook 3.2, 8.7: make-up workdays at a weekend are none)."""
    if check_day(day).weekday() >= SATURDAY:
        raise Malformed("DAY_ON_WEEKEND", day=day)


def check_side(side: Side) -> None:
    if side is Side.UNSPECIFIED:
        raise Malformed("SIDE_UNSPECIFIED")


def check_quantity(quantity_tonnes: int) -> None:
    if not 1 <= quantity_tonnes <= QUANTITY_TONNES_MAX:
        raise Malformed(
            "QUANTITY_OUT_OF_RANGE", quantity_tonnes=quantity_tonnes, quantity_tonnes_max=QUANTITY_TONNES_MAX
        )


def check_price(price_fen: int) -> None:
    if not 1 <= price_fen <= PRICE_FEN_MAX:
        raise Malformed("PRICE_OUT_OF_RANGE", price_fen=price_fen, price_fen_max=PRICE_FEN_MAX)


def check_value(price_fen: int, quantity_tonnes: int) -> None:
    if price_fen * quantity_tonnes > VALUE_FEN_MAX:
        raise Malformed(
            "VALUE_OUT_OF_RANGE", price_fen=price_fen, quantity_tonnes=quantity_tonnes, value_fen_max=VALUE_FEN_MAX
        )


def check_amount(amount_fen: int) -> None:
    if not 1 <= amount_fen <= AMOUNT_FEN_MAX:
        raise Malformed("AMOUNT_OUT_OF_RANGE", amount_fen=amount_fen, amount_fen_max=AMOUNT_FEN_MAX)


def check_ground(ground: str) -> None:
    """Why somebody does what concerns others, in words."""
    if not is_text(ground):
        raise Malformed("GROUND_MALFORMED", characters=len(ground), characters_max=TEXT_CHARACTERS_MAX)


def check_source(source: str) -> None:
    """Where a rule was announced."""
    if not is_text(source):
        raise Malformed("SOURCE_MALFORMED", characters=len(source), characters_max=TEXT_CHARACTERS_MAX)


def is_text(text: str) -> bool:
    """Some words, all of them printable."""
    return 1 <= len(text.strip()) <= len(text) <= TEXT_CHARACTERS_MAX and text.isprintable()
