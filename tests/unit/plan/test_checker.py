"""The checker of plans can fail: for every rule a small day that breaks it."""

from datetime import date

import pytest

from rehearsal.plan import Action, Block, CancelListing, DayPlan, DayRow, PlaceListing, Side, TakeListing, Wave
from support.opinions.plan_checker import RuleBroken, open_market, play_day

DAY = date(2030, 1, 2)
ROW = DayRow(DAY, "CEA29", 50_00, 50_00, 50_00, 50_00, 0, 0, 0, 0)
ALLOCATIONS = {"ann": {"CEA29": 300_000}, "bob": {"CEA29": 300_000}}
DEPOSITS = {"ann": 300_000 * 50_00, "bob": 300_000 * 50_00, "cas": 1_000 * 50_00}


def sell(
    id: str,
    wave: Wave = Wave.OPENING_POSTED,
    account: str = "ann",
    price_fen: int = 50_00,
    tonnes: int = 100,
    side: Side = Side.SELL,
) -> PlaceListing:
    return PlaceListing(id, wave, "CEA29", account, side, price_fen, tonnes)


def take(
    id: str,
    listing: str,
    wave: Wave = Wave.OPENING_TAKEN,
    account: str = "bob",
    price_fen: int = 50_00,
    tonnes: int = 100,
) -> TakeListing:
    return TakeListing(id, wave, "CEA29", listing, account, price_fen, tonnes)


def block(
    id: str,
    wave: Wave = Wave.AFTERNOON_POSTED,
    initiator: str = "ann",
    counterparty: str = "bob",
    price_fen: int = 50_00,
    tonnes: int = 100_000,
) -> Block:
    return Block(id, wave, "CEA29", initiator, counterparty, Side.SELL, price_fen, tonnes)


def cancel(id: str, listing: str, account: str = "ann") -> CancelListing:
    return CancelListing(id, Wave.AFTERNOON_POSTED, "CEA29", listing, account)


OPENED: tuple[Action, ...] = (sell("1"), take("2", "1"))
LADDER = tuple(sell(f"l{step}", price_fen=50_00 + step) for step in range(6))

ALLOWED: list[tuple[Action, ...]] = [
    (),
    OPENED,
    (*OPENED, block("3")),
    (sell("1"), cancel("2", "1")),
    (sell("1"), sell("2", price_fen=49_99, side=Side.BUY), take("3", "1", tonnes=1)),
    (*LADDER, take("7", "l4", price_fen=50_04)),
    (*OPENED, sell("3", Wave.MORNING_POSTED, "cas", 50_00, 1_000, Side.BUY)),
    # Ann's sale money buys in the next wave.
    (*OPENED, sell("3", Wave.MORNING_POSTED, "ann", 50_00, 99_999, Side.BUY)),
]

# the rule that is broken      by these actions
BROKEN: list[tuple[str, tuple[Action, ...]]] = [
    ("AN_ID_IS_USED_ONCE",        (sell("1"), take("1", "1"))),
    ("WAVES_RISE",                (*OPENED, sell("3"))),
    ("LISTED_SIZE",               (sell("1", tonnes=0),)),
    ("LISTED_SIZE",               (sell("1", tonnes=100_000),)),
    ("PRICE_WITHIN_DAILY_LIMIT",  (sell("1", price_fen=55_01),)),
    ("PRICE_WITHIN_DAILY_LIMIT",  (sell("1", price_fen=44_99),)),
    ("PRICE_WITHIN_DAILY_LIMIT",  (block("1", price_fen=65_01),)),
    ("PRICE_WITHIN_DAILY_LIMIT",  (block("1", price_fen=34_99),)),
    ("MONEY_IS_THERE",            (sell("1", account="cas", tonnes=1_001, side=Side.BUY),)),
    ("MONEY_IS_THERE",            (sell("1", tonnes=1_001), take("2", "1", account="cas", tonnes=1_001))),
    ("MONEY_IS_THERE",            (block("1", counterparty="cas"),)),
    ("TONNES_ARE_THERE",          (sell("1", account="cas"),)),
    ("TONNES_ARE_THERE",          (sell("1", side=Side.BUY), take("2", "1", account="cas"))),
    ("TONNES_ARE_THERE",          (sell("1"), take("2", "1", account="cas"),
                                   sell("3", Wave.MORNING_POSTED, "cas", tonnes=1))),
    ("TAKEN_IN_A_LATER_WAVE",     (sell("1", Wave.OPENING_TAKEN), take("2", "1"))),
    ("AS_THE_TAKER_SAW_IT",       (sell("1"), take("2", "1", price_fen=50_01))),
    ("TAKER_IS_NOT_MAKER",        (sell("1"), take("2", "1", account="ann"))),
    ("NOT_MORE_THAN_IS_LEFT",     (sell("1"), take("2", "1", tonnes=60), take("3", "1", tonnes=41))),
    ("NOT_MORE_THAN_IS_LEFT",     (sell("1"), take("2", "1", tonnes=0))),
    ("WITHIN_BEST_FIVE_LEVELS",   (*LADDER, take("7", "l5", price_fen=50_05))),
    ("THE_BOOK_DOES_NOT_CROSS",   (sell("1"), sell("2", side=Side.BUY), take("3", "1"))),
    ("THE_OPENING_COMES_FIRST",   (sell("1"), block("2"), take("3", "1", Wave.AFTERNOON_TAKEN))),
    ("THE_OPENING_IS_ALONE",      (sell("1"), take("2", "1", tonnes=1), take("3", "1", tonnes=1))),
    ("ONLY_THE_MAKER_CANCELS",    (sell("1"), cancel("2", "1", account="bob"))),
    ("CANCELLED_WHILE_IT_RESTS",  (*OPENED, cancel("3", "1"))),
    ("BLOCKS_IN_THE_AFTERNOON",   (block("1", Wave.MORNING_POSTED),)),
    ("BLOCK_SIZE",                (block("1", tonnes=99_999),)),
    ("TWO_SIDES",                 (block("1", counterparty="ann"),)),
]  # fmt: skip


def play(actions: tuple[Action, ...]) -> None:
    market = open_market(ALLOCATIONS, DEPOSITS, {"CEA29": 50_00})
    play_day(market, DayPlan(DAY, (ROW,), (ROW,), actions))


@pytest.mark.parametrize("actions", ALLOWED)
def test_a_day_within_the_rules_is_accepted(actions: tuple[Action, ...]) -> None:
    play(actions)


@pytest.mark.parametrize(("rule", "actions"), BROKEN)
def test_a_day_that_breaks_a_rule_is_refused_by_its_name(rule: str, actions: tuple[Action, ...]) -> None:
    with pytest.raises(RuleBroken) as refused:
        play(actions)
    assert refused.value.rule == rule
