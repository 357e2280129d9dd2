"""Payouts: requested by trading, instructed by an operator, paid or returned by the bank that was instructed."""

from carbonmarket.clearing.v1 import clearing_events_pb2 as pb
from chassis.core.decider import Rejected
from chassis.core.engine import Done
from chassis.core.numbers_taken import MISSING_MAX
from chassis.core.proposals import ApproveProposal, CommandProposed
from clearing.__main__ import CLEARING
from clearing.domain.banks import SetSettlementBanks
from clearing.domain.funds import CloseFundAccount, LiftFundAccountRestriction, RestrictFundAccount
from clearing.domain.payouts import (
    FundsRestored,
    InstructPayout,
    PayoutInstructed,
    PayoutInstructionRevoked,
    PayoutPaid,
    PayoutRequested,
    PayoutReturned,
    RecordPayoutPaid,
    RecordPayoutReturned,
    RequestPayout,
    RevokePayoutInstruction,
)
from clearing.domain.state import State
from clearing.wire import COMMANDS
from support.domains.clearing_books import (
    ANN,
    BOB,
    CCB,
    FRIDAY,
    ICBC,
    NOW_MS,
    POWER,
    REGISTRAR,
    STEEL,
    TRADING,
    Line,
    balances,
    by_two,
    climb,
    facts_of_refusal,
    open_books,
    play,
    trade,
)
from support.shell.asking import asked
from support.shell.two_people import by_two as by_two_people
from support.shell.two_people import engine_of, proposal_of

# fmt: off
PAYING: list[Line] = [
    (ANN,     InstructPayout(1, "icbc"),            "PAYOUT_UNKNOWN"),
    (TRADING, RequestPayout("power-9999", 1, 1),    "ACCOUNT_UNKNOWN"),
    (TRADING, RequestPayout(POWER, 501, 1),         "PAYOUT_EXCEEDS_SETTLED_FUNDS"),
    (TRADING, RequestPayout(POWER, 200, 1),         [PayoutRequested(1, POWER, 200, 1, entry_number=2)]),
    (TRADING, RequestPayout(POWER, 200, 1),         "RELEASE_ALREADY_REQUESTED"),
    (ANN,     InstructPayout(1, ""),                "BANK_MALFORMED"),
    (ANN,     InstructPayout(1, "I" * 99),          "BANK_MALFORMED"),
    (ANN,     InstructPayout(0, "icbc"),            "PAYOUT_UNKNOWN"),
    (ANN,     InstructPayout(-1, "icbc"),           "PAYOUT_UNKNOWN"),
    (ANN,     InstructPayout(2, "icbc"),            "PAYOUT_UNKNOWN"),
    (ICBC,    RecordPayoutPaid(1, "p1"),            "PAYOUT_NOT_INSTRUCTED"),
    (ICBC,    RecordPayoutReturned(1, "closed"),    "PAYOUT_NOT_INSTRUCTED"),
    (TRADING, RestrictFundAccount(POWER, "risk"),   None),
    (ANN,     InstructPayout(1, "icbc"),            "ACCOUNT_RESTRICTED"),
    (TRADING, LiftFundAccountRestriction(POWER),    None),
    (ANN,     InstructPayout(1, "icbc"),            [PayoutInstructed(1, POWER, "icbc")]),
    (ANN,     InstructPayout(1, "ccb"),             "PAYOUT_ALREADY_INSTRUCTED"),
    (ICBC,    RecordPayoutPaid(1, ""),              "BANK_REFERENCE_MALFORMED"),
    (ICBC,    RecordPayoutPaid(2, "p1"),            "PAYOUT_UNKNOWN"),
    (CCB,     RecordPayoutPaid(1, "p1"),            "PAYOUT_OF_ANOTHER_BANK"),
    (CCB,     RecordPayoutReturned(1, "closed"),    "PAYOUT_OF_ANOTHER_BANK"),
    (ICBC,    RecordPayoutPaid(1, f"opening {POWER}"), "BANK_REFERENCE_ALREADY_RECORDED"),
    (ICBC,    RecordPayoutPaid(1, "p1"),            [PayoutPaid(1, POWER, "icbc", "p1")]),
    (ICBC,    RecordPayoutPaid(1, "p1"),            "PAYOUT_CLOSED"),
    (ICBC,    RecordPayoutReturned(1, "closed"),    "PAYOUT_CLOSED"),
    (ANN,     InstructPayout(1, "icbc"),            "PAYOUT_CLOSED"),
    (TRADING, RequestPayout(POWER, 300, 2),         [PayoutRequested(2, POWER, 300, 2, entry_number=3)]),
    (ANN,     InstructPayout(2, "ccb"),             [PayoutInstructed(2, POWER, "ccb")]),
    (CCB,     RecordPayoutReturned(2, " "),         "TEXT_MALFORMED"),
    (CCB,     RecordPayoutReturned(2, "g" * 201),   "TEXT_MALFORMED"),
    (CCB,     RecordPayoutReturned(2, "closed"),
        [PayoutReturned(2, POWER, "closed"), FundsRestored(POWER, 300, 2, entry_number=4)]),
    (CCB,     RecordPayoutReturned(2, "closed"),    "PAYOUT_CLOSED"),
]
# fmt: on


def test_a_payout_goes_out_once_and_comes_back_at_most_once() -> None:
    state = open_books(power_fen=500)
    climb(state, PAYING)
    assert balances(state)[POWER] == 300
    assert state.funds.pool_fen == 300


def test_a_release_whose_number_trading_has_not_reached_is_set_aside_and_fills_no_memory() -> None:
    state = open_books(power_fen=500)
    far = MISSING_MAX + 2
    for number in (far, 2**62):
        facts = facts_of_refusal(state, TRADING, RequestPayout(POWER, 1, number))
        assert facts == {"release_id": number, "release_id_max": far - 1}
    play(state, TRADING, RequestPayout(POWER, 1, far - 1))
    assert len(state.payouts.releases_requested.missing) == MISSING_MAX
    assert facts_of_refusal(state, TRADING, RequestPayout(POWER, 1, far + 1))["release_id_max"] == far
    for number in (1, far, 2, far + 1):
        assert play(state, TRADING, RequestPayout(POWER, 1, number))


def test_a_payout_leaves_what_unsettled_purchases_need() -> None:
    state = open_books(power_fen=500)
    play(state, TRADING, trade(1, POWER, STEEL, 300, fee_fen=3))
    facts = facts_of_refusal(state, TRADING, RequestPayout(POWER, 198, 1))
    assert facts == {
        "account": POWER,
        "amount_fen": 198,
        "balance_fen": 500,
        "unsettled_out_fen": 303,
        "blocked_fen": 0,
    }
    assert play(state, TRADING, RequestPayout(POWER, 197, 1))


def test_sale_money_cannot_leave_before_it_is_settled() -> None:
    state = open_books(power_fen=500)
    play(state, TRADING, trade(1, POWER, STEEL, 300))
    assert facts_of_refusal(state, TRADING, RequestPayout(STEEL, 1, 1))["balance_fen"] == 0


def test_what_a_closed_account_let_go_is_paid_out_although_it_was_restricted_first() -> None:
    state = open_books(power_fen=500)
    play(state, TRADING, RestrictFundAccount(POWER, "dissolved"))
    play(state, TRADING, CloseFundAccount(POWER))
    play(state, TRADING, RequestPayout(POWER, 500, 1))
    assert play(state, ANN, InstructPayout(1, "icbc")) == [PayoutInstructed(1, POWER, "icbc")]
    assert play(state, ICBC, RecordPayoutPaid(1, "p1"))
    assert state.funds.pool_fen == 0


def instructed(bank: str = "icbc") -> State:
    """Power's 200 fen are on their way out, instructed to a bank."""
    state = open_books(power_fen=500)
    play(state, TRADING, RequestPayout(POWER, 200, 1))
    play(state, ANN, InstructPayout(1, bank))
    return state


# fmt: off
REVOKING: list[Line] = [
    (ANN,  RevokePayoutInstruction(1, ""),              "TEXT_MALFORMED"),
    (ANN,  RevokePayoutInstruction(2, "a slip"),        "PAYOUT_UNKNOWN"),
    (ANN,  InstructPayout(1, "ccb"),              "PAYOUT_ALREADY_INSTRUCTED"),
]
REVOKED: list[Line] = [
    (BOB,  RevokePayoutInstruction(1, "a slip"),        "PAYOUT_NOT_INSTRUCTED"),
    (ICBC, RecordPayoutReturned(1, "no account"), "PAYOUT_INSTRUCTION_REVOKED"),
    (CCB,  RecordPayoutPaid(1, "c1"),             "PAYOUT_OF_ANOTHER_BANK"),
    (ANN,  InstructPayout(1, "ccb"),              [PayoutInstructed(1, POWER, "ccb")]),
    (CCB,  RecordPayoutPaid(1, "c1"),             [PayoutPaid(1, POWER, "ccb", "c1")]),
    (BOB,  RevokePayoutInstruction(1, "once more"),     "PAYOUT_CLOSED"),
    (ICBC, RecordPayoutPaid(1, "i1"),             "PAYOUT_CLOSED"),
]
# fmt: on


def test_two_people_take_a_payout_back_from_its_bank_and_another_pays_it_once() -> None:
    state = instructed()
    climb(state, REVOKING)
    revoked = PayoutInstructionRevoked(1, POWER, "icbc", "a slip", ANN, BOB)
    assert by_two(state, RevokePayoutInstruction(1, "a slip")) == [revoked]
    climb(state, REVOKED)
    assert balances(state)[POWER] == 300
    assert state.payouts.open == {}


def test_what_two_people_revoke_is_the_instruction_to_the_bank_that_the_proposal_shows() -> None:
    state = instructed()
    on = engine_of(CLEARING, state)
    proposed = on.decide(asked(ANN, "", proposal_of(RevokePayoutInstruction(1, "a slip"), COMMANDS)), {}, NOW_MS)
    assert isinstance(proposed, Done)
    (effect,) = proposed.only(CommandProposed).effects
    assert pb.PayoutInstructionRevoked.FromString(effect.data).bank == "icbc"
    by_two(state, RevokePayoutInstruction(1, "another proposal"))
    play(state, ANN, InstructPayout(1, "ccb"))
    outdated = on.decide(asked(BOB, "", ApproveProposal(proposed.position)), {}, NOW_MS)
    assert isinstance(outdated, Rejected)
    assert (outdated.reason, outdated.facts["changed"]) == ("PROPOSAL_OUTDATED", "PayoutInstructionRevoked.bank")
    assert state.payouts.open[1].bank == "ccb"


def test_a_proposal_to_revoke_an_instruction_concerns_no_later_one_to_the_same_bank() -> None:
    on = engine_of(CLEARING, instructed())
    on.decide(asked(REGISTRAR, "", SetSettlementBanks(FRIDAY, ("ccb", "icbc"), "announcement 7")), {}, NOW_MS)
    revoke = proposal_of(RevokePayoutInstruction(1, "a slip"), COMMANDS)
    older = on.decide(asked(ANN, "", revoke), {}, NOW_MS)
    assert isinstance(older, Done)
    by_two_people(on, RevokePayoutInstruction(1, "a slip"), ANN, BOB, NOW_MS, COMMANDS)
    on.decide(asked(ANN, "", InstructPayout(1, "icbc")), {}, NOW_MS)
    assert on.state.payouts.open[1].bank == "icbc"
    outdated = on.decide(asked(BOB, "", ApproveProposal(older.position)), {}, NOW_MS)
    assert isinstance(outdated, Rejected)
    assert (outdated.reason, outdated.facts["changed"]) == ("PROPOSAL_OUTDATED", "PayoutInstructionRevoked")
    assert on.state.payouts.open[1].bank == "icbc"
    by_two_people(on, RevokePayoutInstruction(1, "of the newer one"), ANN, BOB, NOW_MS, COMMANDS)
    assert on.state.payouts.open[1].bank == ""


def test_a_bank_that_paid_after_its_instruction_was_revoked_is_believed_and_no_other_pays() -> None:
    for told_meanwhile in (False, True):
        state = instructed()
        by_two(state, RevokePayoutInstruction(1, "a slip"))
        if told_meanwhile:
            play(state, ANN, InstructPayout(1, "ccb"))
        assert play(state, ICBC, RecordPayoutPaid(1, "i1")) == [PayoutPaid(1, POWER, "icbc", "i1")]
        climb(
            state, [(ANN, InstructPayout(1, "ccb"), "PAYOUT_CLOSED"), (CCB, RecordPayoutPaid(1, "c1"), "PAYOUT_CLOSED")]
        )


def test_a_bank_that_is_no_settlement_bank_any_more_still_answers_what_it_was_told() -> None:
    state = instructed()
    play(state, REGISTRAR, SetSettlementBanks(FRIDAY, ("ccb",), "announcement 8"))
    play(state, ICBC, RecordPayoutPaid(1, "i1"))
