"""The public language: what is made from proto/ is up to date, every rpc says who may call it and what it refuses."""

import ast
import re
import subprocess
import sys

import pytest

from chassis.core.roles import EVERY_ROLE
from chassis.serving.errors import CODES, failure_of
from support.source.refusals import REJECTIONS, code
from support.source.repository import ROOT, SERVICES, Module, Rpc, modules, rpcs

BULK_ENTRY = "SubmitMany"
ANY_RPC = re.compile(r"^//   ([A-Z]+(?:_[A-Z]+)*) +([A-Z]+(?:_[A-Z]+)*) *(.*)$", re.MULTILINE)
"""A line of refusal.proto: reason, code, facts."""

# Raised by a check that the rpc's method uses, on a way that it never takes.
NEVER = {
    ("TradingService", "ReleaseFunds"): {"ACCOUNT_CLOSED account"},  # it asks so only of an account that is not closed
}


def declared() -> list[Rpc]:
    """Return every rpc that has a method; the bulk entry is the shell's own."""
    return [rpc for rpc in rpcs() if rpc.name != BULK_ENTRY]


def test_generated_code_is_what_proto_gives() -> None:
    checked = subprocess.run((sys.executable, ROOT / "scripts" / "generate", "--check"), capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_the_access_table_is_what_proto_gives() -> None:
    checked = subprocess.run((sys.executable, ROOT / "scripts" / "access", "--check"), capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_every_rpc_says_who_may_call_it_by_roles_that_callers_can_have() -> None:
    assert rpcs()
    assert not [f"{rpc.service}.{rpc.name}" for rpc in rpcs() if not rpc.roles or not set(rpc.roles) <= EVERY_ROLE]


@pytest.mark.parametrize("service", SERVICES)
def test_every_command_says_what_it_refuses_with(service: str) -> None:
    commands = [rpc for rpc in rpcs() if rpc.service == f"{service.title()}Service" and rpc.name != BULK_ENTRY]
    assert commands
    assert not [rpc.name for rpc in commands if "Refuses with:" not in rpc.comment or not rpc.reasons]


@pytest.mark.parametrize("rpc", declared(), ids=lambda rpc: f"{rpc.service}/{rpc.name}")
def test_an_rpc_lists_exactly_what_its_code_can_refuse_with(rpc: Rpc) -> None:
    never = NEVER.get((rpc.service, rpc.name), set())
    raised = code().refusals_of(rpc)
    assert never <= raised
    assert rpc.refusals == raised - never


def test_a_quantity_a_price_or_an_amount_out_of_range_is_refused_with_both_bounds() -> None:
    refusals = {refusal for rpc in declared() for refusal in rpc.refusals}
    units = {"QUANTITY": "quantity_tonnes", "PRICE": "price_fen", "AMOUNT": "amount_fen"}
    bounded = {f"{what}_OUT_OF_RANGE {field}, {field}_min, {field}_max" for what, field in units.items()}
    found = {refusal for refusal in refusals if re.match(f"(?:{'|'.join(units)})_OUT_OF_RANGE ", refusal)}
    assert found == bounded


def test_what_any_rpc_refuses_with_is_listed_once_with_its_code() -> None:
    """The shell's refusals: those that it raises as domains do, and the other errors that have a code of their own."""
    code_of = {kind.__name__: code.name for kind, code in CODES}
    raised = {(code_of[refusal.kind], refusal.listed) for refusal in code().refusals_of_any(declared())}
    errors = [kind("x") for kind, _ in CODES if kind.__name__ not in REJECTIONS]
    for failure in map(failure_of, [*errors, Exception("x")]):
        raised.add((failure.code.name, f"{failure.reason} {', '.join(failure.facts)}".strip()))
    listed = ANY_RPC.findall((ROOT / "proto/carbonmarket/log/v1/refusal.proto").read_text())
    assert sorted((code, f"{reason} {facts}".strip()) for reason, code, facts in listed) == sorted(raised)


@pytest.mark.parametrize("service", SERVICES)
def test_every_reason_a_service_raises_is_listed(service: str) -> None:
    assert raised_by(service) - listed_at(service) - sets_aside_with(service) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_listed_reason_is_raised_somewhere(service: str) -> None:
    listed = listed_at(service) | sets_aside_with(service)
    assert listed - raised_by(service) - raised_in("libs/chassis/") == set()


def listed_at(service: str) -> set[str]:
    """Return the reasons listed at the rpcs of a service."""
    return {reason for rpc in rpcs() if rpc.package == f"carbonmarket.{service}.v1" for reason in rpc.reasons}


def sets_aside_with(service: str) -> set[str]:
    """Return the reasons that a service's README lists, in backticks: why it could not apply what it heard."""
    readme = ROOT / "services" / service / "README.md"
    return set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`", readme.read_text())) if readme.exists() else set()


def raised_by(service: str) -> set[str]:
    """Return the reasons that a service's code raises."""
    return raised_in(f"services/{service}/")


def raised_in(folder: str) -> set[str]:
    """Return the reasons raised in the modules under a folder."""
    return {reason for module in modules() if module.path.startswith(folder) for reason in reasons_in(module)}


def reasons_in(module: Module) -> set[str]:
    """Return the first arguments of all rejections in a module; each must be a literal, so that people find it."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REJECTIONS:
            reason = node.args[0]
            assert isinstance(reason, ast.Constant), (
                f"{module.path}:{node.lineno} raises a reason that is not spelled out"
            )
            found.add(str(reason.value))
    return found
