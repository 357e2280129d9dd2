"""`carbonmarket supply` and `carbonmarket proof`, as a holder who trusts nobody uses them."""

import base64
import json
from pathlib import Path

import grpc
import pytest

from carbonmarket.registry.v1 import registry_query_service_pb2 as registry
from registry.supply.stated import proved
from registry.supply.tree import shares_of
from support.client.fake_services import FakeMarket, Says
from support.client.run import as_json, ran, run
from support.domains.supplies import DAY, SECRET, Holdings, sealed, stated
from support.shell.hearing import PUBLIC_KEY

FAILED = grpc.StatusCode.FAILED_PRECONDITION
POWER, STEEL = "power-0007", "steel-0002"
HELD: Holdings = {
    (POWER, "CEA", "registry_available"): 100_000,
    (POWER, "CEA", "trading"): 500_000,
    (STEEL, "CEA", "trading"): 40_000,
}


@pytest.fixture(autouse=True)
def pinned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CARBONMARKET_REGISTRY_PUBLIC_KEYS", base64.b64encode(PUBLIC_KEY).decode())
    monkeypatch.chdir(tmp_path)


def serve(fake_market: FakeMarket, held: Holdings = HELD, day: str = DAY, account: str = POWER) -> None:
    """The registry states this, and proves it to the account."""
    supply, trees = stated(held, day)
    shares = [
        proved(trees[vintage, state], share)
        for (holder, vintage, state), tonnes in held.items()
        if holder == account
        for share in shares_of(trees[vintage, state].of, SECRET, account, tonnes)
    ]
    seal = sealed(supply)
    proof = registry.GetHoldingProofResponse(supply=supply, seal=seal, shares=shares)
    holding = registry.Holding(
        vintage="CEA",
        registry_available_tonnes=held.get((account, "CEA", "registry_available"), 0),
        trading_tonnes=held.get((account, "CEA", "trading"), 0),
    )
    fake_market.registry.will("GetSupply", registry.GetSupplyResponse(supply=supply, seal=seal))
    fake_market.registry.will("GetHoldingProof", proof)
    fake_market.registry.will("GetStatement", registry.GetStatementResponse(holdings=[holding]))


def test_a_proof_is_written_for_its_holder_only_and_checked_without_any_service(
    fake_market: FakeMarket, tmp_path: Path
) -> None:
    serve(fake_market)
    assert "Proved, and written to proof-power-0007-2021-07-16.json." in ran(fake_market, "proof")
    file = tmp_path / f"proof-{POWER}-{DAY}.json"
    assert file.stat().st_mode & 0o777 == 0o600
    calls = len(fake_market.registry.calls)
    said = ran(fake_market, "proof", "--check", file.name)
    assert len(fake_market.registry.calls) == calls
    words = " ".join(said.split())
    assert "What power-0007 had when 2021-07-16 ended" in words
    assert "CEA registry available 100,000 100,000" in words
    assert "CEA trading 500,000 540,000" in words
    assert "CEA all of these 600,000 640,000" in words
    assert "what you had beyond it is not counted" in words
    holdings = as_json(fake_market, "proof", "--check", file.name)["holdings"]
    assert holdings == [
        {"vintage": "CEA", "state": "registry_available", "quantity_tonnes": 100_000},
        {"vintage": "CEA", "state": "trading", "quantity_tonnes": 500_000},
    ]


def test_the_supply_that_others_were_shown_must_be_the_same(fake_market: FakeMarket, tmp_path: Path) -> None:
    serve(fake_market)
    ran(fake_market, "proof", "--out", "mine.json")
    published = tmp_path / "supply.json"
    published.write_text(ran(fake_market, "supply", "--day", DAY, "--json"))
    assert fake_market.registry.only_call("GetSupply").request.day == DAY
    assert "Proved by mine.json" in ran(fake_market, "proof", "--check", "mine.json", "--against", "supply.json")
    serve(fake_market, {**HELD, (STEEL, "CEA", "trading"): 40_001})
    published.write_text(ran(fake_market, "supply", "--json"))
    result = run(fake_market, "proof", "--check", "mine.json", "--against", "supply.json")
    said = " ".join(result.output.split())
    assert (result.exit_code, "there are two supplies" in said, "Keep both files" in said) == (6, True, True)
    serve(fake_market, HELD, "2021-07-19")
    published.write_text(ran(fake_market, "supply", "--json"))
    assert run(fake_market, "proof", "--check", "mine.json", "--against", "supply.json").exit_code == 6


@pytest.mark.parametrize("asked", ["supply", "proof"])
def test_an_answer_of_another_day_than_was_asked_for_is_refused(fake_market: FakeMarket, asked: str) -> None:
    serve(fake_market, day="2021-07-15")
    result = run(fake_market, asked, "--day", DAY)
    assert (result.exit_code, f"it is of 2021-07-15, not of {DAY}" in " ".join(result.output.split())) == (6, True)


def test_a_proof_of_more_than_the_registry_states_is_not_written(fake_market: FakeMarket, tmp_path: Path) -> None:
    serve(fake_market)
    fake_market.registry.will("GetStatement", registry.GetStatementResponse())
    result = run(fake_market, "proof")
    assert (result.exit_code, "and states 0 t" in " ".join(result.output.split())) == (6, True)
    assert not list(tmp_path.glob("proof-*"))


def test_the_supply_is_shown_with_its_digest(fake_market: FakeMarket) -> None:
    serve(fake_market)
    shown = " ".join(ran(fake_market, "supply").split())
    assert "CEA trading 540,000" in shown
    assert as_json(fake_market, "supply")["digest"] in shown


def test_a_forged_an_old_and_anothers_proof_are_refused(fake_market: FakeMarket, tmp_path: Path) -> None:
    serve(fake_market, day="2021-07-15")
    ran(fake_market, "proof", "--out", "old.json")
    serve(fake_market)
    ran(fake_market, "proof", "--out", "mine.json")
    mine, old = (json.loads((tmp_path / name).read_text()) for name in ("mine.json", "old.json"))
    share = mine["shares"][0]
    forgeries = {
        "more": {**mine, "shares": [{**share, "quantity_tonnes": share["quantity_tonnes"] + 1}, *mine["shares"][1:]]},
        "old": {**mine, "shares": old["shares"]},
        "of another": {**mine, "account": STEEL},
        "another supply": {**mine, "supply": {**mine["supply"], "day": "2021-07-19"}},
    }
    for forgery in forgeries.values():
        (tmp_path / "forged.json").write_text(json.dumps(forgery))
        result = run(fake_market, "proof", "--check", "forged.json")
        assert result.exit_code == 6
        assert "NotProved" in result.output
        assert "Do not rely on this proof" in " ".join(result.output.split())


def test_another_key_than_the_pinned_one_proves_nothing(
    fake_market: FakeMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(fake_market)
    ran(fake_market, "proof", "--out", "mine.json")
    monkeypatch.setenv("CARBONMARKET_REGISTRY_PUBLIC_KEYS", base64.b64encode(b"k" * 32).decode())
    for command in (["proof"], ["supply"], ["proof", "--check", "mine.json"]):
        assert run(fake_market, *command).exit_code == 6
    monkeypatch.delenv("CARBONMARKET_REGISTRY_PUBLIC_KEYS")
    for command in (["proof"], ["supply"], ["proof", "--check", "mine.json"]):
        assert run(fake_market, *command).exit_code == 2


def test_a_proof_of_less_than_the_registry_states_is_not_written(fake_market: FakeMarket, tmp_path: Path) -> None:
    serve(fake_market)
    more = registry.Holding(vintage="CEA", registry_available_tonnes=100_000, trading_tonnes=500_001)
    fake_market.registry.will("GetStatement", registry.GetStatementResponse(holdings=[more]))
    result = run(fake_market, "proof")
    assert result.exit_code == 6
    assert "proves 500000 t of CEA in the state trading, and states 500001 t" in " ".join(result.output.split())
    assert not list(tmp_path.iterdir())


def test_what_is_no_proof_and_options_that_do_not_go_together_are_refused(
    fake_market: FakeMarket, tmp_path: Path
) -> None:
    serve(fake_market)
    ran(fake_market, "proof", "--out", "mine.json")
    (tmp_path / "none.json").write_text("[]")
    for arguments in (
        ["--check", "none.json"],
        ["--check", "absent.json"],
        ["--check", "mine.json", "--against", "none.json"],
        ["--check", "mine.json", "--out", "again.json"],
        ["--against", "mine.json"],
        ["--out", "no/such/folder.json"],
    ):
        assert run(fake_market, "proof", *arguments).exit_code == 2, arguments
    assert run(fake_market, "proof", actor="auditor:eve").exit_code == 2, "an auditor names the account"


def test_a_proof_of_another_account_or_day_than_is_asked_for_is_refused(fake_market: FakeMarket) -> None:
    """What it states is so, but not what its reader wants to know: the holding may have changed since."""
    serve(fake_market)
    ran(fake_market, "proof", "--out", "mine.json")
    assert "Proved by mine.json" in ran(fake_market, "proof", POWER, "--day", DAY, "--check", "mine.json")
    for arguments, why in (
        ([STEEL], f"it is a proof of {POWER}, not of {STEEL}"),
        (["--day", "2021-07-19"], f"it is of {DAY}, not of 2021-07-19"),
    ):
        result = run(fake_market, "proof", *arguments, "--check", "mine.json")
        assert (result.exit_code, why in " ".join(result.output.split())) == (6, True)


def test_a_file_that_can_be_read_in_two_ways_is_refused_with_why(fake_market: FakeMarket, tmp_path: Path) -> None:
    serve(fake_market)
    ran(fake_market, "proof", "--out", "mine.json")
    text = (tmp_path / "mine.json").read_text()
    for forged, why in (
        (text.replace('"account": ', f'"account": "{STEEL}", "account": ', 1), "it has `account` twice"),
        (text.replace(' "shares": [', ' "shares": [], "shares": [', 1), "it has `shares` twice"),
        (text.replace('"what"', '"remark": "audited", "what"', 1), "it has `remark`"),
        (text.replace('"issued_tonnes": 640000', '"issued_tonnes": 64e4'), "64e4 is no integer"),
        (text[: len(text) // 2], "it must be what `carbonmarket proof` writes"),
    ):
        assert forged != text
        (tmp_path / "forged.json").write_text(forged)
        result = run(fake_market, "proof", "--check", "forged.json")
        said = " ".join(result.output.split())
        assert (result.exit_code, why in said) == (2, True), said
        assert "one that somebody changed proves nothing" in said
    published = tmp_path / "supply.json"
    published.write_text(ran(fake_market, "supply", "--json").replace('"digest": "', '"digest": "0', 1))
    result = run(fake_market, "proof", "--check", "mine.json", "--against", "supply.json")
    assert (result.exit_code, "is not that of what it states" in " ".join(result.output.split())) == (2, True)


def test_a_day_that_is_not_over_is_refused_with_what_to_do(fake_market: FakeMarket) -> None:
    over = Says(FAILED, "DAY_NOT_OVER", day=DAY, over_ms=1_626_451_260_000)
    for rpc, command in (("GetSupply", "supply"), ("GetHoldingProof", "proof")):
        fake_market.registry.will(rpc, over)
        result = run(fake_market, command, "--day", DAY)
        assert result.exit_code == 1
        assert "a day is over a minute after midnight" in " ".join(result.output.split())
