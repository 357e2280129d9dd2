"""A planted fault: what is changed, and the narrow test that must then fail and name the rule."""

from dataclasses import dataclass

CHASSIS = "libs/chassis/chassis"
REGISTRY = "services/registry/registry"
TRADING = "services/trading/trading"
CLEARING = "services/clearing/clearing"


@dataclass(frozen=True, slots=True)
class Change:
    """`before` occurs exactly once in `file` and becomes `after`."""

    file: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Fault:
    """After its changes `test` fails, and `says` is in what it says. Where an assertion guards the rule a second time,
    it is taken out too, so that an independent test must find the fault.
    """

    name: str
    changes: tuple[Change, ...]
    test: str
    says: str
