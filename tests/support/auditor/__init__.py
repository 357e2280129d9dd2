"""A second opinion: everything recomputed from the published events alone.

The auditor reads the three logs as LogService gives them, byte by byte, and shares nothing with the services or their
shell but the contracts: the digest chain, the rulebook's arithmetic, every holding, balance, lock, order, price, run
and settlement is worked out here a second time, from the rulebook. Then the three books are compared with each other,
and with what the services answer when they are asked.

A finding names the rule, the record and the figures. `python -m support.auditor --help` runs it by hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from support.auditor.answers import Answers
from support.auditor.audit import Audit, take_all
from support.auditor.findings import Findings
from support.auditor.services import Services
from support.auditor.supplies import check_supply


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit found, and the figures it made."""

    findings: Findings
    figures: dict[str, int]


async def audit_services(
    addresses: Mapping[str, str], ask_queries: bool = True, ask_supply: bool = True, at_rest: bool = True
) -> Report:
    """Audits a market as soon as it rests; `addresses` are host:port by `registry`, `trading` and `clearing`. With
    `at_rest` false it is audited in its present state, because it will not come to rest. `ask_supply` is false where
    the registry is of a release that states none.
    """
    services = Services(addresses)
    try:
        if at_rest:
            await services.rest()
        audit = Audit()
        heads = {name: await services.head(name) for name in addresses}
        audit.registry.remember_at = heads["registry"] // 2
        await take_all(audit, {name: services.records(name, upto) for name, upto in heads.items()})
        audit.conclude()
        if ask_queries:
            await Answers(audit, services).check()
        if ask_queries and ask_supply:
            await check_supply(audit.registry.supplies, services, audit.findings)
        return Report(audit.findings, audit.figures())
    finally:
        await services.close()


async def assert_clean(addresses: Mapping[str, str], ask_supply: bool = True) -> dict[str, int]:
    """Fails with every finding; gives the figures."""
    report = await audit_services(addresses, ask_supply=ask_supply)
    assert report.findings.clean, "\n".join(["the auditor found:", *report.findings.lines()])
    return report.figures
