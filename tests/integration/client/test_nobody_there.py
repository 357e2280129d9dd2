"""An address that leads to nobody, and a service that cannot answer now: who calls waits for both."""

import grpc
import pytest

from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket_client import CarbonMarket, Unavailable, link
from support.client.fake_services import FakeMarket, Says
from support.client.run import run

NOBODY = "127.0.0.1:1"


async def test_who_calls_where_nobody_listens_is_told_so_at_once_and_waits_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(link, "SILENT_S_MAX", 0.0)
    monkeypatch.setattr(link, "TRIES_MAX", 4)
    async with CarbonMarket.connect(trading=NOBODY, actor="participant:power-0007") as market:
        with pytest.raises(Unavailable) as gone:
            await market.trading.call(trading.CancelOrderRequest(request_id="cancel-12", order_id=12))
    assert gone.value.request_id == "cancel-12"
    said = f"trading gave no answer: nothing listens at {NOBODY}"
    assert str(gone.value) == said
    assert [message.getMessage() for message in caplog.records] == [f"{said}; waiting for it"]


async def test_who_calls_a_service_that_cannot_answer_now_waits_without_a_word(
    fake_market: FakeMarket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(link, "SILENT_S_MAX", 0.0)
    away = Says(grpc.StatusCode.UNAVAILABLE)
    fake_market.trading.will("CancelOrder", away, away, away, trading.CancelOrderResponse(quantity_tonnes=7))
    async with fake_market.connect() as market:
        answer = await market.trading.call(trading.CancelOrderRequest(order_id=12))
    assert answer == trading.CancelOrderResponse(quantity_tonnes=7)
    assert caplog.records == []


def test_a_lost_connection_is_told_in_plain_words_and_not_in_grpcs(fake_market: FakeMarket) -> None:
    for fake in (fake_market.registry, fake_market.trading, fake_market.clearing):
        fake.will("GetStatus", Says(grpc.StatusCode.UNAVAILABLE))
    result = run(fake_market, "--deadline", "1", "status")
    assert result.exit_code == 3
    told = " ".join(result.stderr.split())
    assert f"clearing gave no answer: there is no connection to {fake_market.clearing.address}" in told
    assert "as the test wanted" not in told, "the text of the transport is for its log"
    assert "CARBONMARKET_CLEARING_ADDRESS is right" in told
    assert "`carbonmarket status`" not in told, "that is what was asked"
