"""Waiting for a day's end: the close, the run, the delivery, the agreement of the books, and trading's word for it."""

import asyncio

from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from rehearsal.people import EXCHANGE_OPERATOR, People, next_record

SETTLING_S_MAX = 60.0


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
                await next_record(trading, standing.position)
    except TimeoutError:
        raise NotSettled(await _where(people, day)) from None


async def _where(people: People, day: str) -> str:
    clearing, head = people.acting_as(EXCHANGE_OPERATOR).clearing, await people.head("clearing")
    runs = [run for run in (await clearing.list_runs(page_size=10, min_position=head)).runs if run.day == day]
    where = f"run {runs[0].run_id} {runs[0].blocked_because or 'moves'}" if runs else "there is no run"
    return f"{day} is not settled after {SETTLING_S_MAX:g} s: {where}"
