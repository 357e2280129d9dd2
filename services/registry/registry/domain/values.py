"""Shapes: what a code, a quantity and a text look like, checked before anything is looked up.

Each check raises Malformed and is among the first of a command's checks. What is the same in every service is in
`chassis.core.shapes`.
"""

from chassis.core.decider import Malformed
from chassis.core.shapes import CODE, quoted

QUANTITY_TONNES_MAX = 10**12
"""More than any market's total; a larger number is a slip of the hand or an attack."""


def check_vintage(vintage: str, field: str = "vintage") -> None:
    fault = CODE.fault(vintage)
    if fault:
        raise Malformed("VINTAGE_MALFORMED", field, vintage=quoted(vintage), at=fault.at, why=fault.why)


def check_quantity(quantity_tonnes: int, field: str = "quantity_tonnes") -> None:
    if not 1 <= quantity_tonnes <= QUANTITY_TONNES_MAX:
        raise Malformed(
            "QUANTITY_OUT_OF_RANGE",
            field,
            quantity_tonnes=quantity_tonnes,
            quantity_tonnes_min=1,
            quantity_tonnes_max=QUANTITY_TONNES_MAX,
        )
