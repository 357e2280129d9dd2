"""The status of all three services, of which some may give no answer: those that do are shown, the others are named."""

import asyncio
from collections.abc import Sequence

import click

from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket_client.cli.app import Session
from carbonmarket_client.cli.failures import exit_code
from carbonmarket_client.errors import MarketError, NotConfigured
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.screens.operations import Standing
from carbonmarket_client.settings import SERVICES

STANDING_S_MAX = 5.0
"""A service that gives no answer in this time is named as one that does not: whoever asks wants to know which."""


async def standings(market: CarbonMarket) -> Sequence[Standing]:
    """Raises NotConfigured where no service could be asked."""
    reachable = [service for service in SERVICES if market.settings.has_address(service)]
    market.settings.require(reachable or SERVICES)
    return await asyncio.gather(*(standing(market, service) for service in SERVICES))


async def standing(market: CarbonMarket, service: str) -> Standing:
    deadline_s = min(market.deadline_s, STANDING_S_MAX)
    try:
        return Standing(service, await market.service(service).status(deadline_s=deadline_s), None)
    except MarketError as error:
        return Standing(service, None, error)


def answered(asked: Sequence[Standing]) -> dict[str, log.GetStatusResponse]:
    return {each.service: each.status for each in asked if each.status is not None}


def unanswered(asked: Sequence[Standing]) -> dict[str, object]:
    """For programs: each service that gave no answer, and why."""
    return {each.service: {"error": str(each.error)} for each in asked if each.status is None}


def end(session: Session, asked: Sequence[Standing]) -> None:
    """Name the services that gave no answer, after what the others said; the first one's exit code is the command's."""
    errors = [each.error for each in asked if each.error is not None]
    if not session.json:
        for error in errors:
            if not isinstance(error, NotConfigured):
                session.explain(error)
        try:
            session.settings.require(SERVICES)
        except NotConfigured as missing:
            session.explain(missing)
    if errors:
        raise click.exceptions.Exit(exit_code(errors[0]))
