"""A seed, played and judged."""

import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

from google.protobuf.message import Message

from carbonmarket.log.v1.log_service_pb2 import Record
from carbonmarket.trading.v1 import trading_query_service_pb2 as queries
from chassis.edges.remote import record_to
from chassis.followers.projections import FOLLOWER
from support.auditor.audit import Audit, take_all
from support.auditor.feeds import FeedEnd
from support.days.calls import misplaced
from support.days.day import DAYS, Player
from support.simulation.database import Database
from support.simulation.forks import OLDER
from support.simulation.loop import run_virtually
from support.simulation.market import SimulatedMarket
from support.simulation.readers import Reader, Watcher, entries_of
from support.simulation.unsaid import noted
from support.simulation.weather import Chance, Weather
from trading.answers.pictures import picture

Play = Callable[[SimulatedMarket, Player], Awaitable[None]]
Logs = dict[str, list[Record]]

LOGGERS = ("", "chassis", "carbonmarket_client", "asyncio")
"""The root's are all others. asyncio complains of an exception in a callback, and of a task whose exception nobody
looked at, once the task is collected.
"""
EXPECTED_ERRORS = ("the tables stay as of", "publishing waits")
"""Errors that are logged where two replicas meet, or where a session ends."""
DISAGREED = "the three books agree"
"""What the auditor says of a comparison whose answer was changed on its way; the next one agrees, or no day ends."""
OF_A_NAME = ("waits for people",)
OF_A_FORK = ("came back older", "was restored older", "has forked", "signed two digests")


@dataclass(frozen=True, slots=True)
class Played:
    """What a seed left behind. `faults` says what is wrong; nothing, if all is well."""

    seed: int
    logs: Logs
    faults: list[str]
    counts: Counter[str]
    figures: dict[str, int] = field(default_factory=dict)

    @property
    def digests(self) -> dict[str, str]:
        return {name: records[-1].digest.hex() for name, records in self.logs.items()}


class Errors(logging.Handler):
    """What was logged as an error, by a process that was still alive."""

    def __init__(self, expected: Sequence[str]) -> None:
        super().__init__(logging.ERROR)
        self._expected = expected
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if record.name == "asyncio" and record.exc_info:
            line = f"{line}: {record.exc_info[1]!r}"
        if not any(expected in line for expected in self._expected):
            self.lines.append(line[:500])


@contextmanager
def logged_to(errors: Errors, logger: logging.Logger) -> Iterator[None]:
    """Nothing of it is printed."""
    before, logger.propagate = logger.propagate, False
    logger.addHandler(errors)
    try:
        yield
    finally:
        logger.removeHandler(errors)
        logger.propagate = before


def simulate(
    seed: int, play: Play, weather: Weather | None = None, actions: int = 40, expected_errors: Sequence[str] = ()
) -> Played:
    """Plays a seed. When it has been played the faults stop, and all must come to rest."""
    random.seed(f"clients {seed}")  # how long the client pauses before it tries again
    errors = Errors((*EXPECTED_ERRORS, *expected_errors))
    unsaid: list[str] = []
    with ExitStack() as stack:
        for name in LOGGERS:
            stack.enter_context(logged_to(errors, logging.getLogger(name)))
        stack.enter_context(noted(unsaid))
        played = run_virtually(_simulate(seed, play, weather, actions))
    played.faults.extend(unsaid)
    expected = (*(OF_A_FORK if played.counts[OLDER] else ()), *(OF_A_NAME if played.counts["RenameOrder"] else ()))
    played.faults.extend(f"logged: {line}" for line in errors.lines if not any(each in line for each in expected))
    return played


async def _simulate(seed: int, play: Play, weather: Weather | None, actions: int) -> Played:
    chance = Chance(seed, weather)
    market = SimulatedMarket(chance)
    player = Player(market.port, seed, actions)
    try:
        await player.set_up()
        await play(market, player)
        chance.calm()
        await market.come_to_an_end()
        return await judged(market, seed)
    finally:
        await market.close()


async def judged(market: SimulatedMarket, seed: int) -> Played:
    stores = {name: database.store for name, database in market.databases.items()}
    logs = {name: [record_to(each) for each in store.records] for name, store in stores.items()}
    faults = [*market.broken, *market.network.failed]
    for name, records in logs.items():
        faults += [
            f"lost: {each}" for each in misplaced([a for a in market.port.answered if a.service == name], records)
        ]
    faults += await states_that_differ(market)
    faults += await feeds_that_differ(market)
    faults += await pictures_that_differ(market)
    await market.until(lambda: all_published(market), "every record to have been sent to the broker")
    audit = await audit_of(logs)
    faults += await feed_ends_that_differ(market, audit)
    allowed = (*market.left_by_forks, *([DISAGREED] if market.chance.counts["disagreement of the books"] else []))
    faults += [line for line in audit.findings.lines() if not line.startswith(allowed)]
    for rule, left in market.left_by_forks.items():
        # What is given again may come to the very place of what was lost: then nothing is found.
        if audit.findings.counts.get(rule, 0) > left:
            faults.append(f"{rule}: more than the {left} that forks leave: {audit.findings.lines()}")
    figures = audit.figures()
    if figures["trades_settled"] + figures["trades_excluded"] != figures["trades"]:
        faults.append(f"not every trade is settled or taken out: {figures}")
    return Played(seed, logs, faults, market.chance.counts + market.port.accepted, figures)


async def all_published(market: SimulatedMarket) -> bool:
    """Nothing is left out: hearing would not tell, because it reads what is missing from the log."""
    return all(
        market.broker.digests.get(name, {}) == {record.position: record.digest for record in database.store.records}
        for name, database in market.databases.items()
    )


async def states_that_differ(market: SimulatedMarket) -> list[str]:
    """Every replica, leader and standby, must fold the log to the same state."""
    found = []
    for name, database in market.databases.items():
        head = len(database.store.records)

        async def all_follow(name: str = name, head: int = head) -> bool:
            return all(
                process is not None and process.replica.parts.engine.head.position == head
                for process in market.processes[name]
            )

        await market.until(all_follow, f"both replicas of {name} to have the whole log")
        first, *others = [process.replica.parts.engine.state for process in market.processes[name] if process]
        found += [f"the replicas of {name} fold their log to different states" for other in others if other != first]
    return found


async def feeds_that_differ(market: SimulatedMarket) -> list[str]:
    """Whoever followed a feed, under whatever leader, has read each of its entries once and in order."""
    found = []
    for reader in market.readers:
        records = market.databases[reader.service].store.records
        entries = entries_of(records, market.wire(reader.service), reader.account)

        async def all_read(reader: Reader = reader, last: int = len(entries)) -> bool:
            return bool(reader.failed) or len(reader.entries) >= last

        await market.until(all_read, f"the feed of {reader.account} at {reader.service} to be read")
        if reader.failed or reader.entries != entries:
            found.append(
                f"{reader.account} followed another feed at {reader.service} than the log has: {reader.failed}"
            )
        takeovers = sum(record.type.endswith(".LeadershipTaken") for record in records) - 1
        market.chance.counts["feed followed through a takeover"] += takeovers
    return found


async def feed_ends_that_differ(market: SimulatedMarket, audit: Audit) -> list[str]:
    """Each service's tables hold the end of every account's feed as the auditor makes it of the log."""
    found = []
    for book in audit.books:
        database = market.databases[book.log_id]

        async def all_written(database: Database = database) -> bool:
            sql = "SELECT position FROM checkpoints WHERE follower = ?"
            written: tuple[int] | None = database.tables.execute(sql, (FOLLOWER,)).fetchone()
            return written is not None and written[0] == len(database.store.records)

        await market.until(all_written, f"the tables of {book.log_id} to have the whole log")
        rows = database.tables.execute("SELECT account, max(sequence), digest, position FROM feed GROUP BY account")
        written = {account: FeedEnd(*end) for account, *end in rows}
        made = {account: book.feeds.end(account) for account in book.feeds.accounts}
        found += [
            f"{book.log_id}, feed of {account}: ends with {written.get(account)}, by the log with {made.get(account)}"
            for account in sorted(written.keys() | made.keys())
            if written.get(account) != made.get(account)
        ]
    return found


async def pictures_that_differ(market: SimulatedMarket) -> list[str]:
    """Whoever watched an instrument, under whatever leader, sees in the end what the market's state shows."""
    found = []
    for watcher in market.watchers:
        shown = await market.look("trading", partial(picture, instrument=watcher.instrument))

        async def is_seen(watcher: Watcher = watcher, shown: Message = shown) -> bool:
            return bool(watcher.failed) or without_position(watcher.newest) == shown

        await market.until(is_seen, f"the market data of {watcher.instrument} to be seen")
        market.chance.counts["StreamMarketData"] += watcher.seen
        if watcher.failed:
            found.append(f"{watcher.instrument} was shown otherwise than in order: {watcher.failed}")
    return found


def without_position(picture: queries.StreamMarketDataResponse) -> queries.StreamMarketDataResponse:
    bare = queries.StreamMarketDataResponse()
    bare.CopyFrom(picture)
    bare.position = 0
    return bare


async def audit_of(logs: Logs) -> Audit:
    async def each(records: list[Record]) -> AsyncIterator[Record]:
        for record in records:
            yield record

    audit = Audit()
    await take_all(audit, {name: each(records) for name, records in logs.items()})
    audit.conclude()
    return audit


async def play_days(player: Player, days: Iterable[str]) -> None:
    for day in days:
        await player.day(day)


async def whole_days(market: SimulatedMarket, player: Player) -> None:
    await play_days(player, DAYS[:3])


def sound(
    seed: int, play: Play, weather: Weather | None = None, actions: int = 60, expected_errors: Sequence[str] = ()
) -> dict[str, int]:
    """Plays a seed that must leave nothing wrong; gives the auditor's figures."""
    played = simulate(seed, play, weather, actions, expected_errors)
    assert not played.faults, "\n".join(played.faults)
    return played.figures
