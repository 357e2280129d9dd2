"""What `make market` prints when it runs: where everything is, and three things to try that work as they are."""

import shlex
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from rich.text import Text

from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket.trading.v1 import trading_types_pb2 as types
from carbonmarket_client.values import amount, minutes, moment, ms_of
from rehearsal.folder import ENVIRONMENT
from rehearsal.opening import INSTRUMENT
from rehearsal.people import EXCHANGE_OPERATOR, People
from rehearsal.stack import Stack

EXCHANGE = f"carbonmarket --as {EXCHANGE_OPERATOR}"
TAKEN_TONNES = 1_000
MORE_DAYS = 13

Thing = tuple[str, Sequence[str]]
"""What to try, and the command lines that do it."""


async def welcome(people: People, stack: Stack, folder: Path) -> Text:
    """The whole screen."""
    day = await people.acting_as(EXCHANGE_OPERATOR).trading.get_day()
    text = Text()
    text.append("\nThe market runs.\n\n", style="bold")
    for service, address in stack.addresses.items():
        text.append(f"  {service:<10}{address}\n")
    text.append(f"  {'kafka':<10}{stack.kafka}\n")
    text.append(f"  {'postgres':<10}127.0.0.1:{stack.postgres.port}, a database for each service\n")
    text.append(f"  {'spans':<10}{stack.spans}/\n")
    text.append(f"  {'logs':<10}{stack.logs}/\n\n")
    text.append(f"  It is {moment(day.now_ms)} in China, and stays so until somebody moves the clock.\n\n")
    text.append("Three things to try, in another terminal:\n\n", style="bold")
    text.append(f"  source {shlex.quote(str(folder / ENVIRONMENT))}\n\n")
    for number, (what, commands) in enumerate(await _things_to_try(people, day), 1):
        text.append(f"  {number}. {what}\n", style="bold")
        text.append("".join(f"     {command}\n" for command in commands))
        text.append("\n")
    text.append("Ctrl-C stops it; its data stays.")
    return text


async def _things_to_try(people: People, day: query.GetDayResponse) -> list[Thing]:
    if day.phase == types.DAY_PHASE_OPEN:
        return await _on_an_open_day(people, day)
    if day.phase == types.DAY_PHASE_ANNOUNCED:
        return await _before_a_day(people, day)
    return _after_the_last_day(day)


async def _on_an_open_day(people: People, day: query.GetDayResponse) -> list[Thing]:
    trading = people.acting_as(EXCHANGE_OPERATOR).trading
    limits = next(known.limits for known in (await trading.list_instruments()).instruments if known.HasField("limits"))
    trade = [f"carbonmarket book {INSTRUMENT}"]
    book = (await trading.get_book(INSTRUMENT)).book
    if book.asks:
        price, listing = amount(book.asks[0].price_fen), book.asks[0].listings[0]
        quantity_tonnes = min(TAKEN_TONNES, listing.quantity_tonnes)
        trade.append(f"carbonmarket orders take {listing.order_id} {quantity_tonnes} {price}")
    else:
        trade.append(f"carbonmarket orders place {INSTRUMENT} buy 100 {amount(limits.previous_close_fen)}")
    if (session := _next_session(day)) is not None:
        trade.insert(0, f'{EXCHANGE} clock move "{day.day} {session}"')
    return [
        ("Buy, as the power company that you are:", trade),
        (
            "Ask for too much, and see which rule refuses it:",
            [f"carbonmarket orders place {INSTRUMENT} buy 100 {amount(limits.listed_high_fen + 1)}"],
        ),
        (
            "Let the day end: it closes, is cleared, delivered and paid:",
            [
                f'{EXCHANGE} clock move "{day.day} {minutes(day.listed_sessions[-1].close_minute)}"',
                f"carbonmarket bulletins {day.day}",
                f"carbonmarket statements {day.day}",
            ],
        ),
    ]


async def _before_a_day(people: People, day: query.GetDayResponse) -> list[Thing]:
    trading = people.acting_as(EXCHANGE_OPERATOR).trading
    close_fen = max(known.previous_close_fen for known in (await trading.list_instruments()).instruments)
    opening = minutes(day.listed_sessions[0].open_minute)
    return [
        (
            f"Open the next trading day, {day.day}:",
            [f'{EXCHANGE} clock move "{day.day} {opening}"', f"{EXCHANGE} days open {day.day}"],
        ),
        (
            "Put a listing into its book and see it there:",
            [f"carbonmarket orders place {INSTRUMENT} buy 100 {amount(close_fen)}", f"carbonmarket book {INSTRUMENT}"],
        ),
        ("See all that ever concerned you:", ["carbonmarket events"]),
    ]


def _after_the_last_day(day: query.GetDayResponse) -> list[Thing]:
    first = date.fromisoformat(day.day) + timedelta(days=1)
    last = first + timedelta(days=MORE_DAYS)
    return [
        ("Announce more trading days:", [f"{EXCHANGE} days announce --from {first} --to {last} --yes"]),
        ("See the last day's bulletin:", [f"carbonmarket bulletins {day.day}"]),
        ("See all that ever concerned you:", ["carbonmarket events"]),
    ]


def _next_session(day: query.GetDayResponse) -> str | None:
    """When the next listed session opens, or nothing while one is open (or none is left)."""
    midnight_ms = ms_of(f"{day.day} 00:00")
    minute = (day.now_ms - midnight_ms) // 60_000
    for session in day.listed_sessions:
        if minute < session.open_minute:
            return minutes(session.open_minute)
        if minute < session.close_minute:
            return None
    return None
