"""The shapes of a request's values, checked before anything is looked up. Each function raises Malformed or returns.

What is the same in every service is in `chassis.core.shapes`; bounds are named here once, with the names and reasons of
the registry and of trading.
"""

from chassis.core.decider import Malformed
from chassis.core.shapes import NAME, REFERENCE, quoted

AMOUNT_FEN_MAX = 10**15


def check_bank(bank: str, field: str = "bank") -> None:
    fault = NAME.fault(bank)
    if fault:
        raise Malformed("BANK_MALFORMED", field, bank=quoted(bank), at=fault.at, why=fault.why)


def check_bank_reference(bank_reference: str, field: str = "bank_reference") -> None:
    fault = REFERENCE.fault(bank_reference)
    if fault:
        raise Malformed("BANK_REFERENCE_MALFORMED", field, at=fault.at, why=fault.why)


def check_amount(amount_fen: int, field: str = "amount_fen") -> None:
    if not 1 <= amount_fen <= AMOUNT_FEN_MAX:
        raise Malformed(
            "AMOUNT_OUT_OF_RANGE", field, amount_fen=amount_fen, amount_fen_min=1, amount_fen_max=AMOUNT_FEN_MAX
        )
