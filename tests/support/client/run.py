"""The command line run inside the test, against fake services."""

import json
from typing import Any

from click.testing import CliRunner, Result

from carbonmarket_client.__main__ import NOUNS
from carbonmarket_client.cli.app import cli
from support.client.fake_services import FakeMarket

assert NOUNS, "importing them declares the commands"


def run(fake_market: FakeMarket, *arguments: str, actor: str = "participant:power-0007") -> Result:
    return CliRunner().invoke(cli, fake_market.arguments(*arguments, actor=actor), prog_name="carbonmarket")


def ran(fake_market: FakeMarket, *arguments: str, actor: str = "participant:power-0007") -> str:
    """Run a command that works and return what it printed."""
    result = run(fake_market, *arguments, actor=actor)
    assert result.exit_code == 0, result.output
    return result.stdout


def as_json(fake_market: FakeMarket, *arguments: str, actor: str = "participant:power-0007") -> Any:
    return json.loads(ran(fake_market, *arguments, "--json", actor=actor))
