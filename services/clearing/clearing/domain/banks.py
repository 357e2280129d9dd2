"""Settlement banks: who may hold the market's money, as dated data.

The banks are chosen by the registry (settlement rule art. 5, 17; rulebook 1.1): its operator sets the whole list, valid
from a day on. Only a bank on today's list may report a deposit or be instructed to pay. A bank that is no longer on
the list may still report on instructions that it was given before.

Time never goes back before the last settled day, so lists that had been replaced by then are asked for no more: they
are forgotten here, and stay in the log.
"""

from dataclasses import dataclass

from chassis.core.days import day_of
from chassis.core.decider import Context, Decide, Evolve, Malformed, NotFound, Rejected, applies, handles
from chassis.core.shapes import check_day, check_text
from clearing.domain.state import BankList, State
from clearing.domain.values import check_bank

BANKS_MAX = 100
LISTS_AHEAD_MAX = 100

# Commands


@dataclass(frozen=True, slots=True)
class SetSettlementBanks:
    valid_from_day: str
    banks: tuple[str, ...]
    source: str


# Events


@dataclass(frozen=True, slots=True)
class SettlementBanksSet:
    """banks, by name, are all there are from that day on."""

    valid_from_day: str
    banks: tuple[str, ...]
    source: str


# What others ask


def banks_on(state: State, day: str) -> tuple[str, ...]:
    """The banks of the latest list that is valid by then; none before the first."""
    valid = max((valid_from for valid_from in state.banks if valid_from <= day), default="")
    return state.banks[valid].banks if valid else ()


def check_bank_known(state: State, bank: str, context: Context) -> None:
    today = day_of(context.now_ms)
    if bank not in banks_on(state, today):
        raise NotFound("BANK_UNKNOWN", bank=bank, day=today)


# Decisions


def set_settlement_banks(state: State, command: SetSettlementBanks, context: Context) -> list[object]:
    check_day(command.valid_from_day, "valid_from_day")
    if not command.banks:
        raise Malformed("BANKS_MISSING", "banks")
    if len(command.banks) > BANKS_MAX:
        raise Malformed("TOO_MANY_BANKS", "banks", banks=len(command.banks), banks_max=BANKS_MAX)
    for index, bank in enumerate(command.banks):
        check_bank(bank, f"banks[{index}]")
        if bank in command.banks[:index]:
            raise Malformed("BANK_NAMED_TWICE", f"banks[{index}]", bank=bank)
    check_text(command.source, "source")
    today = day_of(context.now_ms)
    ahead = {day for day in state.banks if day > today} - {command.valid_from_day}
    if command.valid_from_day > today and len(ahead) >= LISTS_AHEAD_MAX:
        raise Rejected("TOO_MANY_BANK_LISTS", lists_max=LISTS_AHEAD_MAX)

    return [SettlementBanksSet(command.valid_from_day, tuple(sorted(command.banks)), command.source)]


# Changes


def on_settlement_banks_set(state: State, event: SettlementBanksSet) -> None:
    """A list for the same day takes the place of the one before."""
    state.banks[event.valid_from_day] = BankList(event.banks, event.source)
    forget_replaced(state)


def forget_replaced(state: State) -> None:
    """Forgets the lists that another one had replaced by the last settled day."""
    valid = max((valid_from for valid_from in state.banks if valid_from <= state.runs.settled_day), default="")
    for valid_from in [one for one in state.banks if one < valid]:
        del state.banks[valid_from]


DECIDE: Decide[State] = handles(SetSettlementBanks, set_settlement_banks)

EVOLVE: Evolve[State] = applies(SettlementBanksSet, on_settlement_banks_set)
