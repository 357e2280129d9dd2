"""A simulated market, played to its rest and audited."""

from collections.abc import AsyncIterator, Iterable, Mapping

from carbonmarket.log.v1.log_service_pb2 import Record
from chassis.remote import record_to
from support.auditor.audit import Audit, take_all
from support.day import DAYS, Player
from support.world import World, at_once

ACTIONS = 120


async def play_days(world: World, player: Player, days: Iterable[str]) -> None:
    for day in days:
        await player.day(day)
    await world.until(world.at_rest, "the market to come to rest")


def played(world: World, seed: int, days: int) -> World:
    """Set up, then so many whole days."""

    async def play() -> None:
        player = Player(world, seed, ACTIONS)
        await player.set_up()
        await play_days(world, player, DAYS[:days])

    at_once(play())
    return world


def logs_of(world: World) -> dict[str, list[Record]]:
    """The three logs as LogService would give them."""
    return {name: [record_to(each) for each in node.store.records] for name, node in world.nodes.items()}


def audited(logs: Mapping[str, list[Record]]) -> Audit:
    async def each(records: list[Record]) -> AsyncIterator[Record]:
        for record in records:
            yield record

    audit = Audit()
    at_once(take_all(audit, {name: each(records) for name, records in logs.items()}))
    audit.conclude()
    return audit


def assert_books_agree(world: World) -> dict[str, int]:
    """The auditor finds nothing in a world's logs; gives its figures."""
    audit = audited(logs_of(world))
    assert audit.findings.clean, "\n".join(audit.findings.lines())
    return audit.figures()
