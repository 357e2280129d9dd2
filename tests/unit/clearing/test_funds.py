"""Funds: a bank reference names one movement of money for ever; accounts come from trading."""

from clearing.domain.banks import SetSettlementBanks
from clearing.domain.funds import (
    DEPOSITS_FEN_MAX,
    POOL_FEN_MAX,
    CloseFundAccount,
    FundAccountClosed,
    FundAccountOpened,
    FundAccountRestricted,
    FundAccountRestrictionLifted,
    FundsDeposited,
    LiftFundAccountRestriction,
    OpenFundAccount,
    RecordDeposit,
    RestrictFundAccount,
)
from clearing.domain.payouts import InstructPayout, RecordPayoutPaid, RequestPayout
from clearing.domain.values import AMOUNT_FEN_MAX
from support.domains.clearing_books import (
    ANN,
    CCB,
    FRIDAY,
    ICBC,
    POWER,
    REGISTRAR,
    STEEL,
    TRADING,
    Line,
    Remembering,
    balances,
    climb,
    facts_of_refusal,
    open_books,
    play,
)

# fmt: off
DEPOSITS: list[Line] = [
    (ICBC, RecordDeposit("r1", "", 100),                    "ACCOUNT_MALFORMED"),
    (ICBC, RecordDeposit("r1", "POWER", 100),               "ACCOUNT_MALFORMED"),
    (ICBC, RecordDeposit("r1", "p" * 33, 100),              "ACCOUNT_MALFORMED"),
    (ICBC, RecordDeposit("r1", "power-0001\n", 100),        "ACCOUNT_MALFORMED"),
    (ICBC, RecordDeposit("", POWER, 100),                   "BANK_REFERENCE_MALFORMED"),
    (ICBC, RecordDeposit(" ", POWER, 100),                  "BANK_REFERENCE_MALFORMED"),
    (ICBC, RecordDeposit("a\nb", POWER, 100),               "BANK_REFERENCE_MALFORMED"),
    (ICBC, RecordDeposit("r" * 65, POWER, 100),             "BANK_REFERENCE_MALFORMED"),
    (ICBC, RecordDeposit("r1", POWER, 0),                   "AMOUNT_OUT_OF_RANGE"),
    (ICBC, RecordDeposit("r1", POWER, -1),                  "AMOUNT_OUT_OF_RANGE"),
    (ICBC, RecordDeposit("r1", POWER, AMOUNT_FEN_MAX + 1),  "AMOUNT_OUT_OF_RANGE"),
    (ICBC, RecordDeposit("r1", "power-9999", 100),          "ACCOUNT_UNKNOWN"),
    (ICBC, RecordDeposit("r1", POWER, 100),                 [FundsDeposited(POWER, 100, "icbc", "r1", 1)]),
    (ICBC, RecordDeposit("r1", POWER, 100),                 "BANK_REFERENCE_ALREADY_RECORDED"),
    (ICBC, RecordDeposit("r1", STEEL, 7),                   "BANK_REFERENCE_ALREADY_RECORDED"),
    (CCB,  RecordDeposit("r1", POWER, 100),                 [FundsDeposited(POWER, 100, "ccb", "r1", 2)]),
    (ICBC, RecordDeposit("r" * 64, STEEL, AMOUNT_FEN_MAX),  None),
    (TRADING, CloseFundAccount(POWER),                      [FundAccountClosed(POWER)]),
    (ICBC, RecordDeposit("r2", POWER, 100),                 "ACCOUNT_CLOSED"),
]

ACCOUNTS: list[Line] = [
    (TRADING, OpenFundAccount(POWER),                       [FundAccountOpened(POWER)]),
    (TRADING, OpenFundAccount(POWER),                       "ACCOUNT_ALREADY_OPENED"),
    (TRADING, RestrictFundAccount(STEEL, "risk warning"),   "ACCOUNT_UNKNOWN"),
    (TRADING, LiftFundAccountRestriction(STEEL),            "ACCOUNT_UNKNOWN"),
    (TRADING, CloseFundAccount(STEEL),                      "ACCOUNT_UNKNOWN"),
    (TRADING, RestrictFundAccount(POWER, "risk warning"),   [FundAccountRestricted(POWER, "risk warning")]),
    (ICBC,    RecordDeposit("r1", POWER, 100),              [FundsDeposited(POWER, 100, "icbc", "r1", 1)]),
    (TRADING, LiftFundAccountRestriction(POWER),            [FundAccountRestrictionLifted(POWER)]),
]
# fmt: on


def test_a_deposit_is_recorded_once_under_its_bank_and_reference() -> None:
    state = open_books()
    climb(state, DEPOSITS)
    assert balances(state)[POWER] == 200


def test_accounts_follow_trading_and_a_restricted_one_still_receives() -> None:
    state = Remembering()
    play(state, REGISTRAR, SetSettlementBanks(FRIDAY, ("icbc", "ccb"), "announcement 7"))
    climb(state, ACCOUNTS)


def test_a_repeated_reference_says_what_was_recorded_under_it() -> None:
    state = open_books(power_fen=500)
    facts = facts_of_refusal(state, ICBC, RecordDeposit(f"opening {POWER}", STEEL, 7))
    assert facts == {"bank": "icbc", "bank_reference": f"opening {POWER}", "account": POWER, "amount_fen": "500"}


def test_a_movement_goes_by_one_name_in_large_and_in_small_letters() -> None:
    """For a payout as for a deposit; another bank's is another movement."""
    state = open_books(power_fen=500)
    climb(
        state,
        [
            (ICBC, RecordDeposit("A-7 b", POWER, 7), [FundsDeposited(POWER, 7, "icbc", "A-7 b", 2)]),
            (ICBC, RecordDeposit("a-7 B", POWER, 7), "BANK_REFERENCE_ALREADY_RECORDED"),
            (ICBC, RecordDeposit("A-7 b ", POWER, 7), "BANK_REFERENCE_MALFORMED"),
            (ICBC, RecordDeposit("A-7  b", POWER, 7), "BANK_REFERENCE_MALFORMED"),
            (ICBC, RecordDeposit("Ａ-7 b", POWER, 7), "BANK_REFERENCE_MALFORMED"),
            (CCB, RecordDeposit("a-7 B", POWER, 7), [FundsDeposited(POWER, 7, "ccb", "a-7 B", 3)]),
        ],
    )


def test_what_was_ever_paid_in_for_an_account_fits_a_statement_however_often_it_left_again() -> None:
    state = open_books()
    for number in range(1, DEPOSITS_FEN_MAX // AMOUNT_FEN_MAX + 1):
        play(state, ICBC, RecordDeposit(f"r{number}", POWER, AMOUNT_FEN_MAX))
        play(state, TRADING, RequestPayout(POWER, AMOUNT_FEN_MAX, number))
        play(state, ANN, InstructPayout(number, "icbc"))
        play(state, ICBC, RecordPayoutPaid(number, f"p{number}"))
    assert balances(state)[POWER] == 0
    assert facts_of_refusal(state, ICBC, RecordDeposit("one more", POWER, 1)) == {
        "account": POWER,
        "deposits_fen": DEPOSITS_FEN_MAX,
        "amount_fen": 1,
        "deposits_fen_max": DEPOSITS_FEN_MAX,
    }
    play(state, ICBC, RecordDeposit("another's", STEEL, AMOUNT_FEN_MAX))


def test_all_money_together_stays_within_what_64_bits_hold() -> None:
    """Also where it is spread over accounts, none of which has much."""
    state = open_books()
    for number in range(POOL_FEN_MAX // AMOUNT_FEN_MAX):
        account = (POWER, STEEL)[number % 2]
        play(
            state, ICBC, RecordDeposit(f"r{number}", account, min(AMOUNT_FEN_MAX, POOL_FEN_MAX - state.funds.pool_fen))
        )
    assert state.funds.pool_fen == POOL_FEN_MAX
    facts = facts_of_refusal(state, ICBC, RecordDeposit("one more", POWER, 1))
    assert facts == {"pool_fen": POOL_FEN_MAX, "amount_fen": 1, "pool_fen_max": POOL_FEN_MAX}
