"""The services' READMEs explain what each service offers, publishes, hears and orders.

Whole lists of commands, queries and events are elsewhere: `make proto` writes docs/access.md, and `wire.py` is the list
of events. What a README names of them must exist, and who it says may give a command must be allowed to. What a
service hears, what it orders and its domain's modules are listed nowhere else, so those lists are compared in both
directions. A paragraph is found by the bold words that it begins with, a name by its backticks.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import click
import pytest

from carbonmarket.clearing.v1 import clearing_query_service_pb2, clearing_service_pb2
from carbonmarket.registry.v1 import registry_query_service_pb2, registry_service_pb2
from carbonmarket.trading.v1 import trading_query_service_pb2, trading_service_pb2
from carbonmarket_client.__main__ import NOUNS
from carbonmarket_client.cli.app import cli
from chassis.core.roles import roles_of
from chassis.process.service import Service
from clearing.__main__ import CLEARING
from registry.__main__ import REGISTRY
from support.source.repository import ROOT
from trading.__main__ import TRADING

SERVICES: dict[str, Service[Any]] = {service.name: service for service in (REGISTRY, TRADING, CLEARING)}
COMMANDS = {"registry": registry_service_pb2, "trading": trading_service_pb2, "clearing": clearing_service_pb2}
QUERIES = {
    "registry": registry_query_service_pb2,
    "trading": trading_query_service_pb2,
    "clearing": clearing_query_service_pb2,
}
NO_CONCEPT = {"__init__", "decider", "state", "values"}
"""Of a domain's modules, those that every domain has."""
ROLES = {"clearing": "service"}
"""Who is not named by a role."""
NAME = re.compile(r"`([A-Z][a-z]+(?:[A-Z][a-z]*)+)`")
MODULE = re.compile(r"`([a-z_]+)`")
COMMAND_LINES_MIN = 40


@cache
def readme(service: str) -> str:
    return (ROOT / "services" / service / "README.md").read_text()


def part(service: str, begin: str, end: str) -> str:
    """The text from where something begins up to where something else does."""
    text = readme(service)
    start = text.index(begin)
    return text[start : text.index(end, start + len(begin))]


def named_once(names: Iterable[str]) -> set[str]:
    found = list(names)
    assert len(found) == len(set(found)), sorted(found)
    return set(found)


def rpcs_of(api: Any) -> dict[str, Any]:
    (service,) = api.DESCRIPTOR.services_by_name.values()
    return dict(service.methods_by_name)


@pytest.mark.parametrize("service", SERVICES)
def test_a_readme_names_commands_at_who_may_give_them(service: str) -> None:
    rpcs = rpcs_of(COMMANDS[service])
    rows = re.findall(r"^\| ([a-z ]+) \| (.*) \|$", part(service, "**Offers**", "\nQueries ("), re.MULTILINE)
    listed = {who: NAME.findall(commands) for who, commands in rows if who != "who"}
    assert rpcs.keys() >= named_once(name for names in listed.values() for name in names) != set()
    for who, names in listed.items():
        for name in names:
            assert ROLES.get(who, who.replace(" ", "_")) in roles_of(rpcs[name]), f"{who} may not call {name}"


@pytest.mark.parametrize("service", SERVICES)
def test_a_readme_names_queries_that_exist(service: str) -> None:
    text = part(service, "\nQueries (", "\n**Publishes**").partition("):")[2]
    assert rpcs_of(QUERIES[service]).keys() >= named_once(NAME.findall(text)) != set()


@pytest.mark.parametrize("service", SERVICES)
def test_a_readme_names_events_that_are_published(service: str) -> None:
    published = {name.rpartition(".")[2] for name in SERVICES[service].wire.by_name}
    assert published >= named_once(NAME.findall(part(service, "\n**Publishes**", "\n**Hears**"))) != set()


@pytest.mark.parametrize("service", SERVICES)
def test_a_readme_lists_every_event_that_is_heard(service: str) -> None:
    heard = [kind.DESCRIPTOR.name for reactions in SERVICES[service].reactions.values() for kind in reactions]
    end = "\n**Orders**" if SERVICES[service].calls else "\n**Sets aside"
    assert named_once(NAME.findall(part(service, "\n**Hears**", end))) == set(heard)


def test_clearings_readme_lists_every_rpc_that_it_calls() -> None:
    code = (ROOT / "services/clearing/clearing/calls.py").read_text()
    called = set(re.findall(r"\b([A-Z][A-Za-z]+)Request\(", code))
    assert named_once(NAME.findall(part("clearing", "\n**Orders**", "\n**Sets aside"))) == called
    assert not REGISTRY.calls and not TRADING.calls


@pytest.mark.parametrize("service", SERVICES)
def test_a_readme_names_every_module_of_the_domain(service: str) -> None:
    folder = ROOT / "services" / service / service / "domain"
    concepts = {file.stem for file in folder.glob("*.py")} - NO_CONCEPT
    text = part(service, "\n**Where to look**", "\n**Choices**")
    if "`domain/__init__.py`" in text:
        text = (folder / "__init__.py").read_text()
        assert {name for name in re.findall(r"\b[a-z_]+\b", text) if name in concepts} == concepts
    else:
        assert named_once(MODULE.findall(text)) == concepts


def command_lines() -> list[tuple[str, str]]:
    """Every command of the command line that a page names, with the page; up to the first word that is no command's."""
    pages = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "libs/client/README.md")]
    pages += [*sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "services").glob("*/README.md"))]
    found = []
    for page in pages:
        for words in re.findall(
            r"(?:^|`|\| )carbonmarket((?: --(?:as \S+|json))*(?: [a-z][a-z-]*)+)", page.read_text(), re.M
        ):
            found.append((page.name, re.sub(r" --(as \S+|json)", "", words).strip()))
    return found


def test_every_command_line_that_a_page_names_exists() -> None:
    named = command_lines()
    assert len(named) >= COMMAND_LINES_MIN, len(named)
    assert len(cli.commands) >= len(NOUNS), "a noun's module declares its commands when it is imported"
    assert [f"{page}: carbonmarket {words}" for page, words in named if not exists(words.split())] == []


def exists(words: list[str]) -> bool:
    """Whether the command line has these commands; what follows a command that has none below it are its arguments."""
    at: click.Command = cli
    for word in words:
        if not isinstance(at, click.Group):
            return True
        if word not in at.commands:
            return False
        at = at.commands[word]
    return True
