"""Waiting for a day's end: the close, the run, the delivery, the agreement of the books, and trading's word for it."""

import asyncio

from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.trading.v1 import trading_events_pb2 as events
from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket_client.trading import TradingClient
from rehearsal.people import EXCHANGE_OPERATOR, WAKE_MS_MAX, People

SETTLING_S_MAX = 60.0
RECORDS_MAX = 100
AGREEMENT = events.BooksAgreementNoted.DESCRIPTOR.full_name


class NotSettled(Exception):
    """A day did not come to its end in time; the text says how far it came."""


async def wait_until_settled(people: People, day: str) -> query.GetDayResponse:
    """Return when a closed day is settled and its books agreed, as far as trading knows: then the next may open.

    Raises NotSettled.
    """
    trading = people.acting_as(EXCHANGE_OPERATOR).trading
    try:
        async with asyncio.timeout(SETTLING_S_MAX):
            while True:
                standing = await trading.get_day(day)
                if standing.settled and standing.books_agreed:
                    return standing
                await _agreement_noted(trading, standing.position)
    except TimeoutError:
        raise NotSettled(await _where(people, day)) from None


async def _agreement_noted(trading: TradingClient, after_position: int) -> None:
    """Return when trading's log has, after a position, what it notes of how the books compare."""
    while True:
        request = log.ReadRequest(after_position=after_position, records_max=RECORDS_MAX, wait_ms=WAKE_MS_MAX)
        records = (await trading.link.call(request, log.ReadResponse)).records
        if any(record.type == AGREEMENT for record in records):
            return
        if records:
            after_position = records[-1].position


async def _where(people: People, day: str) -> str:
    clearing, head = people.acting_as(EXCHANGE_OPERATOR).clearing, await people.head("clearing")
    runs = [run for run in (await clearing.list_runs(page_size=10, min_position=head)).runs if run.day == day]
    where = f"run {runs[0].run_id} {runs[0].blocked_because or 'moves'}" if runs else "there is no run"
    return f"{day} is not settled after {SETTLING_S_MAX:g} s: {where}"
