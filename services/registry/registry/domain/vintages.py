"""Vintages: a year's allowances as an instrument. Source: rulebook 2 and R6.

Invariant, asserted in `evolve`: a vintage is created once.
"""

from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, Malformed, NotFound, Rejected, applies, handles
from registry.domain.state import Registry, Vintage
from registry.domain.values import check_vintage

COMPLIANCE_YEAR_MIN = 2019
"""The first year with an obligation. Source: rulebook 2."""

COMPLIANCE_YEAR_MAX = 2099

VINTAGES_MAX = 80
"""One for nearly every compliance year. A day's opening and close name every instrument in one event."""


# Commands


@dataclass(frozen=True, slots=True)
class CreateVintage:
    vintage: str
    compliance_year: int


# Events


@dataclass(frozen=True, slots=True)
class VintageCreated:
    vintage: str
    compliance_year: int


# Decisions


def existing_vintage(registry: Registry, vintage: str) -> Vintage:
    found = registry.vintages.get(vintage)
    if found is None:
        raise NotFound("VINTAGE_UNKNOWN", vintage=vintage)
    return found


def create_vintage(registry: Registry, command: CreateVintage, context: Context) -> list[object]:
    check_vintage(command.vintage)
    if not COMPLIANCE_YEAR_MIN <= command.compliance_year <= COMPLIANCE_YEAR_MAX:
        raise Malformed(
            "COMPLIANCE_YEAR_OUT_OF_RANGE",
            "compliance_year",
            compliance_year=command.compliance_year,
            compliance_year_min=COMPLIANCE_YEAR_MIN,
            compliance_year_max=COMPLIANCE_YEAR_MAX,
        )
    there = registry.vintages.get(command.vintage)
    if there is not None:
        raise Rejected("VINTAGE_ALREADY_CREATED", vintage=command.vintage, compliance_year=there.compliance_year)
    if len(registry.vintages) >= VINTAGES_MAX:
        raise Rejected("TOO_MANY_VINTAGES", vintages_max=VINTAGES_MAX)

    return [VintageCreated(vintage=command.vintage, compliance_year=command.compliance_year)]


# Changes


def on_vintage_created(registry: Registry, event: VintageCreated) -> None:
    assert event.vintage not in registry.vintages
    registry.vintages[event.vintage] = Vintage(compliance_year=event.compliance_year)


DECIDE: Decide[Registry] = handles(CreateVintage, create_vintage)

EVOLVE: Evolve[Registry] = applies(VintageCreated, on_vintage_created)
