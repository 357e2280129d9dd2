"""The shape of values: what can be checked of a request alone, without the state.

Each check raises `Malformed`, with the same reason and facts in every command. Quantities are tonnes, prices fen per
tonne, money fen.
"""

from enum import IntEnum

from chassis.core.decider import Malformed
from chassis.core.shapes import CODE, check_day, quoted

QUANTITY_TONNES_MAX = 10**12
PRICE_FEN_MAX = 10**9
AMOUNT_FEN_MAX = 10**15
VALUE_FEN_MAX = 10**14
"""Of one order. Not more than a whole day may trade (rules.DAY_VALUE_FEN_MAX), or it could never be filled."""

SATURDAY = 5


class Side(IntEnum):
    """Numbered as in the proto."""

    UNSPECIFIED = 0
    BUY = 1
    SELL = 2

    @property
    def other(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class Method(IntEnum):
    """How a trade comes about (rulebook 3.2), numbered as in the proto."""

    UNSPECIFIED = 0
    LISTED = 1
    BLOCK = 2


def check_instrument(instrument: str, field: str = "instrument") -> None:
    fault = CODE.fault(instrument)
    if fault:
        raise Malformed("INSTRUMENT_MALFORMED", field, instrument=quoted(instrument), at=fault.at, why=fault.why)


def check_trading_day(day: str, field: str = "day") -> None:
    """Trading days are Monday to Friday (rulebook 3.2); a make-up workday at a weekend is not one (rulebook 8.7)."""
    if check_day(day, field).weekday() >= SATURDAY:
        raise Malformed("DAY_ON_WEEKEND", field, day=day)


def check_side(side: Side) -> None:
    if side is Side.UNSPECIFIED:
        raise Malformed("SIDE_UNSPECIFIED", "side")


def check_quantity(quantity_tonnes: int) -> None:
    if not 1 <= quantity_tonnes <= QUANTITY_TONNES_MAX:
        raise Malformed(
            "QUANTITY_OUT_OF_RANGE",
            "quantity_tonnes",
            quantity_tonnes=quantity_tonnes,
            quantity_tonnes_min=1,
            quantity_tonnes_max=QUANTITY_TONNES_MAX,
        )


def check_price(price_fen: int) -> None:
    if not 1 <= price_fen <= PRICE_FEN_MAX:
        raise Malformed(
            "PRICE_OUT_OF_RANGE", "price_fen", price_fen=price_fen, price_fen_min=1, price_fen_max=PRICE_FEN_MAX
        )


def check_value(price_fen: int, quantity_tonnes: int) -> None:
    if price_fen * quantity_tonnes > VALUE_FEN_MAX:
        raise Malformed(
            "VALUE_OUT_OF_RANGE",
            "quantity_tonnes",
            price_fen=price_fen,
            quantity_tonnes=quantity_tonnes,
            value_fen_max=VALUE_FEN_MAX,
        )


def check_amount(amount_fen: int) -> None:
    if not 1 <= amount_fen <= AMOUNT_FEN_MAX:
        raise Malformed(
            "AMOUNT_OUT_OF_RANGE", "amount_fen", amount_fen=amount_fen, amount_fen_min=1, amount_fen_max=AMOUNT_FEN_MAX
        )


def differing_facts(**pairs: tuple[int | str, int | str]) -> dict[str, int | str]:
    """Of pairs of what is known here and what was heard of it, those that differ, as facts: `buyer` is the one, and
    `buyer_heard` the other.
    """
    facts: dict[str, int | str] = {}
    for name, (known, heard) in pairs.items():
        if known != heard:
            facts |= {name: known, f"{name}_heard": heard}
    return facts
