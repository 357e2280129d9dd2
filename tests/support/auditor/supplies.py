"""The supply of each day, made again from the registry's events, and compared with what the registry signed of it.

A day ends with its last record: the next one is of a later day, in China's time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from carbonmarket.log.v1.log_service_pb2 import Record
from carbonmarket.registry.v1 import registry_query_service_pb2 as registry_queries
from support.auditor.findings import Findings
from support.auditor.rules import china_day
from support.auditor.services import Services

RULE = "the supply of a day is what happened"


@dataclass(slots=True)
class Vintage:
    issued_tonnes: int = 0
    held_tonnes: int = 0
    trading_tonnes: int = 0


class Supply(NamedTuple):
    """What was issued and where it was when a day ended: the last record until then, and by vintage."""

    position: int
    digest: bytes
    vintages: dict[str, tuple[int, dict[str, int]]]


class Supplies:
    """By day."""

    def __init__(self) -> None:
        self.days: dict[str, Supply] = {}
        self._last: Record | None = None

    def end_days_before(self, record: Record, vintages: Mapping[str, Vintage]) -> None:
        """The next record comes; the vintages are as of the one before it."""
        last, self._last = self._last, record
        if last is None or china_day(last.recorded_ms) == china_day(record.recorded_ms):
            return
        issued = {name: (line.issued_tonnes, states_of(line)) for name, line in vintages.items() if line.issued_tonnes}
        self.days[china_day(last.recorded_ms)] = Supply(last.position, last.digest, issued)


def states_of(line: Vintage) -> dict[str, int]:
    available_tonnes = line.held_tonnes - line.trading_tonnes
    return {
        "registry_available": available_tonnes,
        "trading": line.trading_tonnes,
        "surrendered": 0,
        "cancelled": 0,
    }


async def check_supply(supplies: Supplies, services: Services, findings: Findings) -> None:
    """Of the last day that has ended: each that is asked for takes the registry about a second."""
    for day, made in list(supplies.days.items())[-1:]:
        findings.at = f"query registry GetSupply {day}"
        request = registry_queries.GetSupplyRequest(day=day)
        stated = (await services.ask("registry", request, registry_queries.GetSupplyResponse)).supply
        place = (stated.log_id, stated.day, stated.position, stated.log_digest.hex())
        findings.same(RULE, "place", place, ("registry", day, made.position, made.digest.hex()))
        vintages = {
            line.vintage: (line.issued_tonnes, {state.state: state.quantity_tonnes for state in line.states})
            for line in stated.vintages
        }
        findings.same(RULE, "vintages", vintages, made.vintages)
