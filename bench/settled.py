"""Waiting until what follows the logs is where the logs are."""

import asyncio

from rehearsal.people import People
from rehearsal.stack import SERVICES

POLL_S = 0.05
PROJECTIONS = "projections"


async def until_projected(people: People) -> None:
    """Returns when the projections of every service are at the head that its log had when it was asked. The row's time
    bounds it.
    """
    for service in SERVICES:
        head = await people.head(service)
        while await _projected(people, service) < head:
            await asyncio.sleep(POLL_S)


async def _projected(people: People, service: str) -> int:
    status = await people.operated(service).status()
    return next(follower.position for follower in status.followers if follower.name == PROJECTIONS)
