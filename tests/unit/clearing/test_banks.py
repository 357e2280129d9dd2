"""Settlement banks: the registry's operator sets them from a day on; nobody else holds the market's money."""

from clearing.domain.banks import (
    BANKS_MAX,
    LISTS_AHEAD_MAX,
    SetSettlementBanks,
    SettlementBanksSet,
    banks_on,
    forget_replaced,
)
from clearing.domain.funds import RecordDeposit
from clearing.domain.payouts import InstructPayout, RequestPayout
from support.domains.clearing_books import (
    ANN,
    CCB,
    FRIDAY,
    ICBC,
    MONDAY,
    POWER,
    REGISTRAR,
    TRADING,
    Line,
    climb,
    facts_of_refusal,
    open_books,
    play,
)

SOURCE = "announcement 7"
SET = SettlementBanksSet(FRIDAY, ("abc", "icbc"), SOURCE)
MANY = tuple(f"bank-{number}" for number in range(BANKS_MAX + 1))

# fmt: off
SETTING: list[Line] = [
    (REGISTRAR, SetSettlementBanks("friday", ("abc",), SOURCE),        "DAY_MALFORMED"),
    (REGISTRAR, SetSettlementBanks(FRIDAY, (), SOURCE),                "BANKS_MISSING"),
    (REGISTRAR, SetSettlementBanks(FRIDAY, MANY, SOURCE),              "TOO_MANY_BANKS"),
    (REGISTRAR, SetSettlementBanks(FRIDAY, ("abc", "A B"), SOURCE),    "BANK_MALFORMED"),
    (REGISTRAR, SetSettlementBanks(FRIDAY, ("abc", "abc"), SOURCE),    "BANK_NAMED_TWICE"),
    (REGISTRAR, SetSettlementBanks(FRIDAY, ("abc",), " "),             "TEXT_MALFORMED"),
    (REGISTRAR, SetSettlementBanks(FRIDAY, ("icbc", "abc"), SOURCE),   [SET]),
    (CCB,       RecordDeposit("r1", POWER, 1),                         "BANK_UNKNOWN"),
    ("settlement_bank:abc", RecordDeposit("r1", POWER, 1),             None),
    (TRADING,   RequestPayout(POWER, 1, 1),                            None),
    (ANN,       InstructPayout(1, "icbcc"),                            "BANK_UNKNOWN"),
    (ANN,       InstructPayout(1, "icbc"),                             None),
    (ICBC,      RecordDeposit("r2", POWER, 1),                         None),
]
# fmt: on


def test_only_the_settlement_banks_of_the_day_report_deposits_and_are_told_to_pay() -> None:
    state = open_books()
    climb(state, SETTING)
    facts = facts_of_refusal(state, ANN, InstructPayout(1, "icbcc"))
    assert facts == {"bank": "icbcc", "day": FRIDAY}


def test_a_list_counts_from_its_day_on() -> None:
    state = open_books()
    play(state, REGISTRAR, SetSettlementBanks(MONDAY, ("abc",), SOURCE))
    assert banks_on(state, "2021-07-15") == ()
    assert banks_on(state, FRIDAY) == banks_on(state, "2021-07-18") == ("ccb", "icbc")
    assert banks_on(state, MONDAY) == banks_on(state, "2022-01-01") == ("abc",)


def test_lists_of_days_to_come_are_bounded_and_those_of_today_or_set_again_are_not() -> None:
    state = open_books()
    ahead = [f"20{22 + number // 10}-01-{10 + number % 10}" for number in range(LISTS_AHEAD_MAX + 1)]
    for day in ahead[:-1]:
        play(state, REGISTRAR, SetSettlementBanks(day, ("abc",), SOURCE))
    facts = facts_of_refusal(state, REGISTRAR, SetSettlementBanks(ahead[-1], ("abc",), SOURCE))
    assert facts == {"lists_max": LISTS_AHEAD_MAX}
    play(state, REGISTRAR, SetSettlementBanks(ahead[0], ("icbc",), SOURCE))
    play(state, REGISTRAR, SetSettlementBanks(FRIDAY, ("icbc",), SOURCE))


def test_lists_that_were_replaced_before_the_last_settled_day_are_forgotten() -> None:
    state = open_books()
    for day in ("2020-01-02", "2021-07-01", MONDAY):
        play(state, REGISTRAR, SetSettlementBanks(day, ("abc",), SOURCE))
    assert list(state.banks) == [FRIDAY, "2020-01-02", "2021-07-01", MONDAY], "no day is settled yet"
    state.runs.settled_day = FRIDAY
    play(state, REGISTRAR, SetSettlementBanks("2021-07-02", ("abc",), SOURCE))
    assert sorted(state.banks) == [FRIDAY, MONDAY]
    assert banks_on(state, FRIDAY) == ("ccb", "icbc")
    state.runs.settled_day = MONDAY
    forget_replaced(state)
    assert sorted(state.banks) == [MONDAY]
