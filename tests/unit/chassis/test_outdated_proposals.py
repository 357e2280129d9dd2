"""What was proposed concerns what both people saw, and nothing newer that looks the same, in every service.

Each case gives the command that is proposed, and what others do until what it was about looks as it did.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from chassis.core import proposals
from chassis.core.commands import Commands
from chassis.core.corrections import RenameOrder, ResumeHearing
from chassis.core.decider import Rejected
from chassis.core.engine import Done, Engine
from chassis.core.proposals import ApproveProposal
from chassis.core.record import HeardUpTo
from chassis.core.set_aside import DecideSetAsideAgain, DropSetAside
from chassis.core.shell import NoteHearing, OpenLog
from chassis.core.submission import HeardRecord
from chassis.say.tracing import Tracing
from chassis.serving.log_service import SHELL_COMMANDS
from clearing.__main__ import CLEARING
from clearing.domain.payouts import InstructPayout, RequestPayout, RevokePayoutInstruction
from registry.__main__ import REGISTRY
from registry.domain.restrictions import LiftRestriction, RestrictAccount
from support.domains import clearing_books, registry_books
from support.domains.trading_floor import open_floor
from support.shell import tally
from support.shell.asking import asked
from support.shell.hearing import REACTIONS
from support.shell.tally import Add, Order, Ordered
from support.shell.two_people import by_two, declared, engine_of, proposal_of
from trading.__main__ import TRADING
from trading.domain.suspension import ResumeTrading, SuspendTrading

ANN, BEN = "{role}:ann", "{role}:ben"
NOW_MS = 1_626_400_000_000
RENAME = RenameOrder(2, "the receiver came back older")
RESUME = ResumeHearing("other", 1, b"d" * 32, "minutes 12")


def shell() -> Engine[Any]:
    """An order waits at 2, hearing `other` is halted after 1, and record 4 is what was set aside of `more`."""
    on: Engine[Any] = Engine(
        "tally",
        tally.decider(),
        tally.WIRE,
        Tracing(),
        frozenset({Ordered}),
        declared(reactions={"other": {}, "more": REACTIONS}),
    )
    give(on, asked("service:tally", "", OpenLog(False)))
    give(on, asked("registry_operator:eve", "", Order("bread")))
    give(on, HeardRecord(HeardUpTo("other", 1, b"d" * 32), "", Add(1)))
    give(on, HeardRecord(HeardUpTo("more", 1, b"e" * 32), "google.protobuf.Int64Value", Add(tally.TALLY_MAX)))
    assert list(on.shell.set_aside) == [4]
    give(on, halting("a fork"))
    return on


def halting(why: str) -> object:
    return asked("service:tally", "", NoteHearing("other", 2, why))


def give(on: Engine[Any], submission: Any) -> None:
    outcome = on.decide(submission, {}, NOW_MS)
    assert isinstance(outcome, Done), outcome


def clearing() -> Engine[Any]:
    state = clearing_books.open_books(power_fen=500)
    clearing_books.play(state, clearing_books.TRADING, RequestPayout(clearing_books.POWER, 200, 1))
    return engine_of(CLEARING, state)


@dataclass(frozen=True)
class Case:
    """By two people is done what is in a list; alone, what stands by itself."""

    name: str
    on: Engine[Any]
    commands: Commands
    role: str
    proposed: object
    meanwhile: Sequence[object]
    changed: str


def cases() -> list[Case]:
    halted, renamed, dropped = shell(), shell(), shell()
    revoked, instructed = clearing(), clearing()
    give(revoked, asked("clearing_operator:eve", "", InstructPayout(1, "icbc")))
    restricted, free = (
        engine_of(REGISTRY, registry_books.open_books()),
        engine_of(REGISTRY, registry_books.open_books()),
    )
    give(restricted, asked("registry_operator:eve", "", RestrictAccount("power-0001", "licence expired")))
    suspended, trading = engine_of(TRADING, open_floor().market), engine_of(TRADING, open_floor().market)
    give(suspended, asked("exchange_operator:eve", "", SuspendTrading("CEA", "a fault")))
    restrict, suspend = RestrictAccount("power-0001", "risk"), SuspendTrading("CEA", "a storm")
    revoke, instruct = RevokePayoutInstruction(1, "a slip"), InstructPayout(1, "icbc")
    lift, resume = LiftRestriction("power-0001"), ResumeTrading("CEA")
    own, of_clearing = SHELL_COMMANDS, CLEARING.commands
    registrar, exchange, clearer = "registry_operator", "exchange_operator", "clearing_operator"
    again = DecideSetAsideAgain(4, "the cause is gone")
    noted = halting("another fork")
    return [
        Case("rename", renamed, own, registrar, RENAME, [[RENAME]], "OrderRenamed"),
        Case("hear on", halted, own, registrar, RESUME, [[RESUME], noted], "HearingResumed"),
        Case("decide again", dropped, own, registrar, again, [[DropSetAside(4, "settled by hand")]], "SetAsideDropped"),
        Case("revoke", revoked, of_clearing, clearer, revoke, [[revoke], instruct], "PayoutInstructionRevoked"),
        Case("instruct", instructed, of_clearing, clearer, instruct, [instruct, [revoke]], "PayoutInstructed"),
        Case(
            "lift",
            restricted,
            REGISTRY.commands,
            registrar,
            lift,
            [lift, restrict],
            "AccountRestrictionLifted.restriction_number",
        ),
        Case(
            "restrict",
            free,
            REGISTRY.commands,
            registrar,
            restrict,
            [restrict, lift],
            "AccountRestricted.restriction_number",
        ),
        Case("resume", suspended, TRADING.commands, exchange, resume, [resume, suspend], "TradingResumed"),
        Case("suspend", trading, TRADING.commands, exchange, suspend, [suspend, resume], "TradingSuspended"),
    ]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_proposal_is_outdated_once_what_it_was_about_was_changed_by_another(case: Case) -> None:
    on, ann, ben = case.on, ANN.format(role=case.role), BEN.format(role=case.role)
    proposed = on.decide(asked(ann, "", proposal_of(case.proposed, case.commands)), {}, NOW_MS)
    assert isinstance(proposed, Done), proposed
    for done in case.meanwhile:
        if isinstance(done, list):
            by_two(on, done[0], ann, ben, NOW_MS, case.commands)
        elif hasattr(done, "command"):
            give(on, done)
        else:
            give(on, asked(ann, "", done))
    before = on.head
    outdated = on.decide(asked(ben, "", ApproveProposal(proposed.position)), {}, NOW_MS)
    assert isinstance(outdated, Rejected), "it would have been done to something that nobody proposed it for"
    assert (outdated.reason, outdated.facts["changed"]) == ("PROPOSAL_OUTDATED", case.changed)
    assert on.head == before
    assert proposed.position in on.shell.proposals, "it stays, for all to see, until somebody rejects it"
    by_two(on, case.proposed, ann, ben, NOW_MS, case.commands)


def test_what_happens_to_other_things_outdates_no_proposal() -> None:
    on = engine_of(TRADING, open_floor().market)
    suspend = proposal_of(SuspendTrading("CEA", "a fault"), TRADING.commands)
    proposed = on.decide(asked("exchange_operator:ann", "", suspend), {}, NOW_MS)
    assert isinstance(proposed, Done)
    give(on, asked("exchange_operator:eve", "", SuspendTrading("", "a storm")))
    give(on, asked("exchange_operator:ben", "", ApproveProposal(proposed.position)))


def test_what_a_proposal_would_change_is_read_once_and_not_at_every_event(monkeypatch: pytest.MonkeyPatch) -> None:
    on = engine_of(TRADING, open_floor().market)
    suspend = proposal_of(SuspendTrading("CEA", "a fault"), TRADING.commands)
    proposed = on.decide(asked("exchange_operator:ann", "", suspend), {}, NOW_MS)
    assert isinstance(proposed, Done)
    assert on.shell.proposals[proposed.position].changes == {("suspension", "CEA")}
    monkeypatch.setattr(proposals, "things_of", no_reading)
    give(on, asked("exchange_operator:eve", "", SuspendTrading("CEA", "a storm")))
    assert on.shell.proposals[proposed.position].overtaken_by == "TradingSuspended"


def no_reading(*_: object) -> frozenset[proposals.Thing]:
    raise AssertionError("it was read when it was proposed")
