"""Clearing's domain, played in memory: what its unit and property tests share."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from chassis.core.decider import Claim, Context, Facts, Rejected
from clearing.domain.banks import SetSettlementBanks
from clearing.domain.decider import DECIDER
from clearing.domain.funds import OpenFundAccount, RecordDeposit
from clearing.domain.obligations import RecordObligation
from clearing.domain.run import OpenRun
from clearing.domain.settlement import RecordConfirmation, RecordDelivery
from clearing.domain.state import State
from clearing.domain.trades import Method, ObligationRecorded
from support.domains.refused import naming_its_field
from support.shell.asking import acting

NOW_MS = 1_626_400_000_000
FRIDAY, MONDAY, TUESDAY, WEDNESDAY = "2021-07-16", "2021-07-19", "2021-07-20", "2021-07-21"
TRADING, OWN, OWN_TIMER = "service:trading", "service:clearing", "timer:clearing"
REGISTRAR = "registry_operator:reg"
NEXT_POSITION = 200
"""The position that every page of legs states."""
ICBC, CCB = "settlement_bank:icbc", "settlement_bank:ccb"
ANN, BOB = "clearing_operator:ann", "clearing_operator:bob"
POWER, STEEL, CEMENT = "power-0001", "steel-0002", "cement-0003"

Line = tuple[str, object, object]
"""Who asks, for what, and the answer: the reason of a refusal, the events, or None where any events will do."""


@dataclass(slots=True)
class Remembering(State):
    """Clearing's state, and beside it what the shell keeps for it: the names that are taken."""

    taken: dict[Claim, Facts] = field(default_factory=dict, compare=False)


def taken_of(state: State, command: object, context: Context) -> dict[Claim, Facts]:
    assert isinstance(state, Remembering), "whoever claims names is remembered"
    asks = DECIDER.asks[type(command)](command, context.actor)
    return {claim: state.taken[claim] for claim in asks if claim in state.taken}


def play(
    state: State,
    actor: str,
    command: object,
    set_aside: int = 0,
    halted: tuple[str, ...] = (),
    proposed_by: str = "",
) -> list[object]:
    """Decide and evolve one command, which the actor approves where another proposed it, and what it makes due at
    once; money must always add up.
    """
    events = play_one(state, actor, command, set_aside, halted, proposed_by)
    while (timer := DECIDER.due(state)) is not None:
        events += play_one(state, OWN_TIMER, timer.command, set_aside, halted)
    return events


def play_one(
    state: State,
    actor: str,
    command: object,
    set_aside: int = 0,
    halted: tuple[str, ...] = (),
    proposed_by: str = "",
) -> list[object]:
    """Decide and evolve one command alone."""
    context = Context(
        NOW_MS,
        acting(actor),
        set_aside,
        halted,
        approval="clearing/1" if proposed_by else "",
        proposed_by=proposed_by,
        next_position=NEXT_POSITION,
    )
    if type(command) in DECIDER.asks:
        context = replace(context, taken=taken_of(state, command, context))
    with naming_its_field(command):
        events = DECIDER.decide[type(command)](state, command, context)
    for event in events:
        if type(event) in DECIDER.claims:
            assert isinstance(state, Remembering)
            state.taken |= dict(DECIDER.claims[type(event)](state, event))
        DECIDER.evolve[type(event)](state, event)
        state.funds.check_all()
    return events


def climb(state: State, ladder: Sequence[Line]) -> None:
    """Play a table line by line: each answer is the expected one, and a refusal changes nothing."""
    for actor, command, answer in ladder:
        if isinstance(answer, str):
            before = copy.deepcopy(state)
            with pytest.raises(Rejected) as refused:
                play(state, actor, command)
            assert refused.value.reason == answer, command
            assert state == before, "a refusal changes nothing"
        else:
            events = play(state, actor, command)
            assert answer in (events, None), command


def by_two(state: State, command: object) -> list[object]:
    """What ann proposes and bob approves."""
    return play(state, BOB, command, proposed_by=ANN)


def facts_of_refusal(state: State, actor: str, command: object) -> dict[str, int | str]:
    """Return what the refusal of a command says beside its reason."""
    with pytest.raises(Rejected) as refused:
        play(state, actor, command)
    return refused.value.facts


def open_books(power_fen: int = 0, steel_fen: int = 0, cement_fen: int = 0) -> State:
    """Three accounts with so much money each, deposited at icbc."""
    state = Remembering()
    play(state, REGISTRAR, SetSettlementBanks(FRIDAY, ("ccb", "icbc"), "announcement 7"))
    for account, amount_fen in ((POWER, power_fen), (STEEL, steel_fen), (CEMENT, cement_fen)):
        play(state, TRADING, OpenFundAccount(account))
        if amount_fen:
            play(state, ICBC, RecordDeposit(f"opening {account}", account, amount_fen))
    return state


def trade(
    trade_id: int,
    buyer: str,
    seller: str,
    value_fen: int,
    *,
    fee_fen: int = 0,
    day: str = FRIDAY,
    method: Method = Method.LISTED,
    instrument: str = "CEA",
) -> RecordObligation:
    """A trade heard: as many tonnes as fen of value, at one fen each; the same fee for both sides."""
    recorded = ObligationRecorded(
        trade_id=trade_id,
        day=day,
        instrument=instrument,
        method=method,
        price_fen=1,
        quantity_tonnes=value_fen,
        value_fen=value_fen,
        buyer=buyer,
        seller=seller,
        buyer_fee_fen=fee_fen,
        seller_fee_fen=fee_fen,
        trading_position=100 + trade_id,
        executed_ms=NOW_MS,
    )
    return RecordObligation(recorded)


def close(*trades: RecordObligation, day: str = FRIDAY) -> OpenRun:
    """Trading's close of a day with these trades."""
    return OpenRun(
        day=day,
        trades=len(trades),
        quantity_tonnes=sum(one.trade.quantity_tonnes for one in trades),
        value_fen=sum(one.trade.value_fen for one in trades),
        first_trade_id=trades[0].trade.trade_id if trades else 0,
        last_trade_id=trades[-1].trade.trade_id if trades else 0,
        trading_position=1_000,
    )


def play_day(state: State, *trades: RecordObligation, day: str = FRIDAY) -> None:
    """Hear the trades and the close of the day."""
    for one in trades:
        play(state, TRADING, one)
    play(state, TRADING, close(*trades, day=day))


def agree(run_id: int = 1, attempt: int = 1) -> RecordConfirmation:
    return RecordConfirmation(run_id, attempt, agreed=True)


def delivered(run_id: int = 1, attempt: int = 1, registry_position: int = 500) -> RecordDelivery:
    return RecordDelivery(run_id, attempt, delivered=True, registry_position=registry_position)


def refused(run_id: int = 1, attempt: int = 1) -> RecordDelivery:
    facts = (("account", STEEL), ("vintage", "CEA"))
    return RecordDelivery(run_id, attempt, delivered=False, reason="INSUFFICIENT_ALLOWANCES", facts=facts)


def balances(state: State) -> dict[str, int]:
    """Every account's balance."""
    return {name: account.balance_fen for name, account in state.funds.accounts.items()}
