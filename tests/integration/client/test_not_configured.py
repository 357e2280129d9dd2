"""The command line where no address is set, or not all: one error says everything that is missing."""

import pytest
from click.testing import CliRunner

from carbonmarket_client.__main__ import NOUNS
from carbonmarket_client.cli.app import cli
from support.client import settled_answers as settled
from support.client.fake_services import FakeMarket

assert NOUNS, "importing them declares the commands"


@pytest.mark.parametrize("command", [("pending",), ("pending", "rules"), ("status",), ("clock",)], ids=" ".join)
def test_where_nothing_can_be_asked_one_error_names_all_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    missing = [f"CARBONMARKET_{name}" for name in ("REGISTRY_ADDRESS", "TRADING_ADDRESS", "CLEARING_ADDRESS", "ACTOR")]
    for variable in missing:
        monkeypatch.delenv(variable, raising=False)
    result = CliRunner().invoke(cli, command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("NotConfigured") == 1
    assert [variable for variable in missing if variable not in result.stderr] == []
    assert "`source var/env`" in " ".join(result.stderr.split())


def test_services_without_an_address_are_named_in_one_error_after_those_that_answer(
    fake_market: FakeMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in ("REGISTRY", "CLEARING"):
        monkeypatch.delenv(f"CARBONMARKET_{service}_ADDRESS", raising=False)
    fake_market.trading.will("GetStatus", settled.STATUS)
    asked = [f"--trading={fake_market.trading.address}", "--as=auditor:kate", "status"]
    result = CliRunner().invoke(cli, asked)
    assert result.exit_code == 2
    assert "trading" in result.stdout
    assert result.stderr.count("NotConfigured") == 1
    assert "CARBONMARKET_REGISTRY_ADDRESS" in result.stderr
    assert "CARBONMARKET_CLEARING_ADDRESS" in result.stderr
