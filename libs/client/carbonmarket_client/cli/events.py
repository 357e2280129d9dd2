"""`events`: what happened, as it happens; one's own feed, or a service's whole log for those who may read it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import fields
from pathlib import Path

import click
from rich.text import Text

from carbonmarket_client.bookmarks import Bookmarks
from carbonmarket_client.cli.app import COUNT, Session, cli, command
from carbonmarket_client.cli.operations import SERVICE
from carbonmarket_client.cli.plain import as_json, plain_record
from carbonmarket_client.feed import Record
from carbonmarket_client.heads import ForkProved, plain_head, plain_proof
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.screens.events import EventLines
from carbonmarket_client.settings import SERVICES, pinned_keys
from carbonmarket_client.verification import Verified, VerifiedFeed, verify_feed, verify_log

WAITING_MAX = 1_000
"""So many records may wait to be shown before reading pauses."""


@command(
    cli,
    "events",
    [
        "carbonmarket events --follow",
        "carbonmarket events --service trading --type TradeExecuted --json",
        "carbonmarket --as auditor:kate events --service clearing --after 1200",
        "carbonmarket events --verify --bookmark bookmark.json",
        "carbonmarket --as auditor:kate events --verify",
    ],
)
@click.option("--follow", is_flag=True, help="Stay and show what happens until Ctrl-C.")
@click.option("--service", "services", type=SERVICE, multiple=True, help="Of this service only; may be repeated.")
@click.option("--account", help="The feed of this account; else a participant's own, for others the whole log.")
@click.option("--after", type=COUNT, default=0, help="From after this position, or sequence in a feed.")
@click.option("--type", "types", multiple=True, help="Only events of this type, for example OrderPlaced.")
@click.option("--verify", is_flag=True, help="Check feeds or whole logs against what their services signed, and end.")
@click.option(
    "--bookmark",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Of --verify: go on from the signed heads in this file, and keep the new ones in it.",
)
@click.option("--limit", type=COUNT, default=0, help="End after so many; 0 for no end.")
async def events(
    market: CarbonMarket,
    session: Session,
    follow: bool,
    services: tuple[str, ...],
    account: str | None,
    after: int,
    types: tuple[str, ...],
    limit: int,
    verify: bool,
    bookmark: Path | None,
) -> None:
    """Show what happened: one's own feeds, or the services' whole logs.

    Events are shown in the order they happened, by the market's time over all services. With --follow those that are
    there already come first, in that order; then each is shown when it arrives: in order within a service, but not
    between two.

    A participant sees its own feed, others the whole log. A feed numbers its events without gaps, by sequence; a log by
    position. Keep the last number you have dealt with and go on with --after. With --json every event is one line.

    With --verify nothing is shown of the events. A feed, or whole logs for those who may read them, are read from their
    beginning or from a bookmark on: each entry must continue the one before, so that none is hidden, repeated, altered
    or moved, up to the end that the service signed. The public keys are taken from
    CARBONMARKET_REGISTRY_PUBLIC_KEYS and so on. If
    the service has signed two histories by now, the proof is kept beside the bookmark (`carbonmarket forks --check`).
    """
    session.endless = follow
    chosen = services or SERVICES
    if bookmark and not verify:
        raise click.UsageError("--bookmark goes with --verify")
    if verify:
        await _verify(market, session, chosen, session.own_or_all(account), bookmark)
        return
    if after and len(chosen) != 1:
        raise click.UsageError("--after counts within one service: name it with --service")
    whose = session.own_or_all(account)
    shown = 0
    async with aclosing(_records(market, chosen, whose, after, follow)) as records:
        async for record in records:
            if types and record.type.rpartition(".")[2] not in types:
                continue
            if session.json:
                print(as_json(plain_record(record), one_line=True), flush=True)
            else:
                session.console.print(EventLines(record))
            shown += 1
            if shown == limit:
                return


async def _verify(
    market: CarbonMarket, session: Session, services: Sequence[str], account: str, path: Path | None
) -> None:
    bookmarks = Bookmarks(path)
    bookmarks.load()
    for service in services:
        link, keys = market.service(service).link, pinned_keys(service)
        found: Verified | VerifiedFeed
        try:
            if account:
                found = await verify_feed(link, account, keys, bookmarks.of_feed(service, account))
            else:
                found = await verify_log(link, keys, bookmarks.of_log(service))
        except ForkProved as fork:
            if path is not None:
                kept = path.with_name(f"{path.name}.fork-{service}.json")
                kept.write_text(as_json({"proofs": [plain_proof(fork.proof)]}) + "\n")
                click.echo(f"the proof is in {kept}", err=True)
            raise
        if session.json:
            known = {field.name: getattr(found, field.name) for field in fields(found)}
            print(as_json({**known, "head": plain_head(found.head)}, one_line=True), flush=True)
        else:
            session.console.print(Text(verdict(found)))
        bookmarks.keep(service, found.head)


def verdict(found: Verified | VerifiedFeed) -> str:
    """What was verified, in words."""
    if isinstance(found, VerifiedFeed):
        begins, ends, signed = found.after + 1, found.entries, found.signed_sequence
        what, one = f"{found.service}, feed of {found.account}", "entries"
        as_of = f", as of log position {found.signed_position:,}"
    else:
        begins, ends, signed = found.after + 1, found.records, found.signed_position
        what, one, as_of = found.service, "records", ""
    chained = "each continues the one before"
    read = f"{one} {begins:,} to {ends:,}, {chained}" if begins <= ends else f"no {one} after {found.after:,}"
    unsigned = f"; the {ends - signed:,} after that are not signed yet" if ends > signed else ""
    signature = f"signed up to {signed:,}{as_of} by key {found.key_id}{unsigned}"
    return f"{what}: {read};\n  {signature}"


async def _records(
    market: CarbonMarket, services: Sequence[str], account: str, after: int, follow: bool
) -> AsyncGenerator[Record, None]:
    """What is there, in the order it happened, and then, if it is followed, what comes."""
    reached = dict.fromkeys(services, after)

    def streams(*, wait: bool) -> list[AsyncGenerator[Record, None]]:
        return [
            market.service(service).follow_feed(account, reached[service], wait=wait)
            if account
            else market.service(service).follow_log(reached[service], wait=wait)
            for service in services
        ]

    async for record in _in_order(streams(wait=False)):
        reached[record.service] = record.sequence or record.position
        yield record
    if follow:
        async with aclosing(_as_they_come(streams(wait=True))) as coming:
            async for record in coming:
                yield record


async def _in_order(streams: Sequence[AsyncIterator[Record]]) -> AsyncGenerator[Record, None]:
    """Merge streams that end, by the market's time."""
    heads = {place: await anext(stream, None) for place, stream in enumerate(streams)}
    while True:
        waiting = [(head.recorded_ms, place, head) for place, head in heads.items() if head is not None]
        if not waiting:
            return
        _, place, first = min(waiting, key=lambda entry: entry[:2])
        yield first
        heads[place] = await anext(streams[place], None)


async def _as_they_come(streams: Sequence[AsyncIterator[Record]]) -> AsyncGenerator[Record, None]:
    """Merge streams without end, in the order of arrival. The first that fails ends them all."""
    arrived: asyncio.Queue[Record | BaseException] = asyncio.Queue(WAITING_MAX)

    async def read(stream: AsyncIterator[Record]) -> None:
        try:
            async for record in stream:
                await arrived.put(record)
        except Exception as error:
            await arrived.put(error)

    readers = [asyncio.create_task(read(stream)) for stream in streams]
    try:
        while True:
            item = await arrived.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
