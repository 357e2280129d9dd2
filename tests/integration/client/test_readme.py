"""What the client's README shows to integrators works as printed there."""

import os
import re
import subprocess
import sys

import grpc
import pytest

from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from support.client import answers as answers
from support.client.fake_services import FakeMarket, Says
from support.source.repository import ROOT

README = (ROOT / "libs" / "client" / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
PAGING = re.findall(r"`(async for page in pages\(.*?\))`", README)

MANY = """\
4700 order 59001
4710 order 59001
4720 order 59001
59001 cancelled
59001 cancelled
59001 cancelled
"""

# What each prints against the fakes below, in the README's order.
PRINTED = ["59001 3 40000", "17 4850000", MANY, "price_fen: 5123"]

AROUND_A_LINE = """
import asyncio
from carbonmarket_client import CarbonMarket, pages

async def main() -> None:
    async with CarbonMarket.connect() as market:
        {line}:
            print(len(page.trades))

asyncio.run(main())
"""


def done(request: trading.SubmitManyRequest) -> trading.SubmitManyResponse:
    placed = trading.ManyOutcome(place_order=trading.PlaceOrderResponse(order_id=59_001))
    cancelled = trading.ManyOutcome(cancel_order=trading.CancelOrderResponse())
    return trading.SubmitManyResponse(
        outcomes=[placed if one.HasField("place_order") else cancelled for one in request.commands]
    )


@pytest.mark.parametrize(("example", "printed"), list(zip(EXAMPLES, PRINTED, strict=True)))
def test_an_example_runs_and_prints_what_came(fake_market: FakeMarket, example: str, printed: str) -> None:
    executed = answers.EXECUTED.SerializeToString()
    record = log.Record(position=28, type=answers.EXECUTED.DESCRIPTOR.full_name, data=executed)
    fake_market.trading.will("GetBook", query.GetBookResponse(book=answers.BOOK))
    fake_market.trading.will("PlaceOrder", trading.PlaceOrderResponse(order_id=59_001))
    fake_market.trading.will("GetOrder", query.GetOrderResponse(order=answers.ORDER))
    fake_market.trading.will(
        "ReadFeed",
        log.ReadFeedResponse(records=[log.FeedRecord(sequence=1, record=record)]),
        log.ReadFeedResponse(),
    )
    fake_market.trading.will("SubmitMany", done)
    assert printed in run(fake_market, example)


def test_the_paging_line_reads_every_page_of_its_own_actors_trades(fake_market: FakeMarket) -> None:
    def page(request: query.ListTradesRequest) -> query.ListTradesResponse:
        if request.account != "power-0003":
            raise Says(grpc.StatusCode.PERMISSION_DENIED, "NOT_OWNER_OF_ACCOUNT", account=request.account)
        first = not request.page_token
        return query.ListTradesResponse(trades=[answers.TRADE] * 3, next_page_token="more" if first else "")

    (line,) = PAGING
    fake_market.trading.will("ListTrades", page)
    assert run(fake_market, AROUND_A_LINE.format(line=line)) == "3\n3\n"


def run(fake_market: FakeMarket, program: str) -> str:
    """Run a program as the README's actor and return what it printed."""
    addresses = {
        f"CARBONMARKET_{fake.service.upper()}_ADDRESS": fake.address
        for fake in (fake_market.registry, fake_market.trading, fake_market.clearing)
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **addresses, "CARBONMARKET_ACTOR": "participant:power-0003"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
