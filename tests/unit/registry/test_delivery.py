"""Delivery: a run whole or not at all, once, in order; a refusal is a recorded answer."""

import copy

import pytest

from registry.domain.decider import DECIDER
from registry.domain.delivery import (
    RUNS_AHEAD_MAX,
    TRADES_AHEAD_MAX,
    VOID_ATTEMPTS_MAX,
    AllowancesDelivered,
    DeliverAllowances,
    DeliveryCompleted,
    DeliveryRefused,
    DeliveryRepeated,
)
from registry.domain.holdings import holding_of
from registry.domain.restrictions import RestrictAccount
from registry.domain.staging import LEGS_MAX, LEGS_PER_PAGE_MAX, StageDeliveryLegs
from registry.domain.state import Holding, Leg, Registry
from support.domains.registry_books import (
    CLEARING,
    OPERATOR,
    POWER,
    TRADING,
    Delivery,
    Line,
    climb,
    close,
    delivery_of,
    digest_of,
    facts_of_refusal,
    open_books,
    play,
)

DAY, NEXT_DAY = "2021-07-16", "2021-07-19"


def leg(trade_id: int, quantity_tonnes: int, seller: str = "power-0001", buyer: str = "steel-0002") -> Leg:
    return Leg(trade_id, "CEA", quantity_tonnes, seller, buyer)


def deliver(run_id: int, attempt: int, *legs: Leg, day: str = DAY) -> Delivery:
    return delivery_of(run_id, attempt, legs, day)


def delivered(run_id: int, attempt: int, one: Leg, day: str = DAY) -> AllowancesDelivered:
    return AllowancesDelivered(
        run_id, attempt, one.trade_id, one.vintage, one.quantity_tonnes, one.seller, one.buyer, day
    )


def completed(run_id: int, attempt: int, *legs: Leg) -> DeliveryCompleted:
    quantity_tonnes = sum(one.quantity_tonnes for one in legs)
    return DeliveryCompleted(run_id, attempt, DAY, len(legs), quantity_tonnes, digest_of(legs))


def evolve(registry: Registry, event: object) -> None:
    DECIDER.evolve[type(event)](registry, event)


def refused(run_id: int, attempt: int, reason: str, /, **facts: object) -> list[object]:
    return [DeliveryRefused(run_id, attempt, DAY, reason, tuple(sorted((k, str(v)) for k, v in facts.items())))]


# fmt: off
SHAPES: list[Line] = [
    (CLEARING, deliver(0, 1, leg(1, 5)),                                  "RUN_ID_OUT_OF_RANGE"),
    (CLEARING, deliver(1, 0, leg(1, 5)),                                  "ATTEMPT_OUT_OF_RANGE"),
    (CLEARING, deliver(1, 1, leg(1, 5), day=""),                          "DAY_MALFORMED"),
    (CLEARING, deliver(1, 1, leg(1, 5), day="20210716"),                  "DAY_MALFORMED"),
    (CLEARING, deliver(1, 1, leg(1, 5), day="2021-02-30"),                "DAY_MALFORMED"),
    (CLEARING, deliver(1, 1),                                             "LEGS_OUT_OF_RANGE"),
    (CLEARING, deliver(1, 1, *[leg(1, 5)] * (LEGS_PER_PAGE_MAX + 1)),     "LEGS_OUT_OF_RANGE"),
    (CLEARING, DeliverAllowances(1, 1, DAY, LEGS_MAX + 1, 5, bytes(32)),  "LEGS_OUT_OF_RANGE"),
    (CLEARING, DeliverAllowances(1, 1, DAY, 1, 5, b""),                   "DIGEST_MALFORMED"),
    (CLEARING, StageDeliveryLegs(1, 1, 0, (leg(1, 5),)),                  "PAGE_OUT_OF_RANGE"),
    (CLEARING, StageDeliveryLegs(1, 1, 2, (leg(1, 5),)),                  "PAGE_OUT_OF_ORDER"),
    (TRADING,  StageDeliveryLegs(1, 1, 1, (leg(1, 5),)),                  "NOT_THE_CLEARING_SERVICE"),
    (CLEARING, deliver(1, 1, leg(0, 5)),                                  "TRADE_ID_OUT_OF_RANGE"),
    (CLEARING, deliver(1, 1, Leg(1, "cea", 5, "power-0001", "steel-0002")), "VINTAGE_MALFORMED"),
    (CLEARING, deliver(1, 1, leg(1, 5, seller="")),                       "ACCOUNT_MALFORMED"),
    (CLEARING, deliver(1, 1, leg(1, 5, buyer="Steel")),                   "ACCOUNT_MALFORMED"),
    (CLEARING, deliver(1, 1, leg(1, 0)),                                  "QUANTITY_OUT_OF_RANGE"),
    (CLEARING, deliver(1, 1, leg(1, -5)),                                 "QUANTITY_OUT_OF_RANGE"),
    (CLEARING, deliver(1, 1, leg(1, 5, buyer="power-0001")),              "SELLER_IS_BUYER"),
    (CLEARING, deliver(1, 1, leg(2, 5), leg(1, 5)),                       "LEGS_NOT_ASCENDING"),
    (CLEARING, deliver(1, 1, leg(2, 5), leg(2, 5)),                       "LEGS_NOT_ASCENDING"),
    (TRADING,  deliver(1, 1, leg(1, 5)),                                  "NOT_THE_CLEARING_SERVICE"),
]

ORDER: list[Line] = [
    (CLEARING, deliver(2, 3, leg(1, 501)),
        refused(2, 3, "INSUFFICIENT_ALLOWANCES",
                account="power-0001", vintage="CEA", quantity_tonnes=501, trading_tonnes=500)),
    (CLEARING, deliver(2, 3, leg(1, 5)),  refused(2, 3, "ATTEMPT_OUT_OF_ORDER", run_id=2, attempt=3, last_attempt=3)),
    (CLEARING, deliver(2, 2, leg(1, 501)),
        refused(2, 2, "INSUFFICIENT_ALLOWANCES",
                account="power-0001", vintage="CEA", quantity_tonnes=501, trading_tonnes=500)),
    (CLEARING, deliver(2, 2, leg(1, 5)),  refused(2, 2, "ATTEMPT_OUT_OF_ORDER", run_id=2, attempt=2, last_attempt=3)),
    (CLEARING, deliver(2, 4, leg(1, 5), leg(3, 7)),
        [completed(2, 4, leg(1, 5), leg(3, 7)), delivered(2, 4, leg(1, 5)), delivered(2, 4, leg(3, 7))]),
    (CLEARING, deliver(2, 5, leg(4, 5)),  "RUN_ALREADY_DELIVERED"),
    (CLEARING, deliver(2, 4, leg(1, 5)),  "RUN_ALREADY_DELIVERED"),
    (CLEARING, deliver(2, 5, leg(1, 5), leg(3, 8)), "RUN_ALREADY_DELIVERED"),
    (CLEARING, deliver(2, 5, leg(1, 5), leg(3, 7)), [DeliveryRepeated(2, 5, DAY, 4, 2, 12)]),
    (CLEARING, deliver(2, 1, leg(1, 5), leg(3, 7)), [DeliveryRepeated(2, 1, DAY, 4, 2, 12)]),
    (CLEARING, deliver(1, 1, leg(4, 5)),  "RUN_OUT_OF_ORDER"),
    (CLEARING, deliver(3, 1, leg(2, 5)),  "TRADE_OUT_OF_ORDER"),
    (CLEARING, deliver(3, 2, leg(4, 5)),  [completed(3, 2, leg(4, 5)), delivered(3, 2, leg(4, 5))]),
]

NAMES: list[Line] = [
    (CLEARING, deliver(1, 1, leg(1, 5), Leg(2, "CEA99", 5, "power-0001", "steel-0002")),
        refused(1, 1, "VINTAGE_UNKNOWN", trade_id=2, vintage="CEA99")),
    (CLEARING, deliver(1, 2, leg(1, 5, seller="power-9999")),
        refused(1, 2, "ACCOUNT_UNKNOWN", trade_id=1, account="power-9999")),
    (CLEARING, deliver(1, 3, leg(1, 5), leg(2, 5, buyer="power-9999")),
        refused(1, 3, "ACCOUNT_UNKNOWN", trade_id=2, account="power-9999")),
    (CLEARING, deliver(1, 4, leg(1, 5, seller="steel-0002", buyer="power-0001")),
        refused(1, 4, "INSUFFICIENT_ALLOWANCES",
                account="steel-0002", vintage="CEA", quantity_tonnes=5, trading_tonnes=0)),
]
# fmt: on


def test_a_delivery_that_is_ill_written_or_not_clearings_leaves_no_trace() -> None:
    climb(open_books(), SHAPES)


def test_attempts_runs_and_trades_come_in_order_and_each_is_delivered_once() -> None:
    registry = open_books()
    climb(registry, ORDER)
    assert holding_of(registry, "power-0001", "CEA") == Holding(100, 483)
    assert holding_of(registry, "steel-0002", "CEA") == Holding(0, 17)


FAR = 2**62


def test_no_refused_order_stands_in_the_way_of_the_next_right_one_whatever_its_numbers() -> None:
    registry = open_books()
    play(registry, CLEARING, deliver(1, 1, leg(1, 5)))
    for run_id, attempt in ((RUNS_AHEAD_MAX, 1), (RUNS_AHEAD_MAX, FAR), (2, FAR), (2, 7)):
        (event,) = play(registry, CLEARING, deliver(run_id, attempt, leg(2, 10**9)))
        assert isinstance(event, DeliveryRefused)
    assert play(registry, CLEARING, deliver(2, 1, leg(2, 5)))[0] == completed(2, 1, leg(2, 5))
    assert play(registry, CLEARING, deliver(3, 1, leg(3, 5)))[0] == completed(3, 1, leg(3, 5))


def test_a_run_or_a_trade_far_beyond_what_was_delivered_is_refused_without_a_record() -> None:
    registry = open_books()
    play(registry, CLEARING, deliver(1, 1, leg(1, 5)))
    ladder: list[Line] = [
        (CLEARING, deliver(FAR, 1, leg(2, 5)), "RUN_TOO_FAR_AHEAD"),
        (CLEARING, deliver(2 + RUNS_AHEAD_MAX, 1, leg(2, 5)), "RUN_TOO_FAR_AHEAD"),
        (CLEARING, deliver(2, 1, leg(2 + TRADES_AHEAD_MAX, 5)), "TRADE_TOO_FAR_AHEAD"),
        (CLEARING, deliver(2, 1, leg(2, 5)), [completed(2, 1, leg(2, 5)), delivered(2, 1, leg(2, 5))]),
    ]
    climb(registry, ladder)


def test_an_attempt_that_was_refused_stays_void_however_many_were_and_the_next_right_one_is_delivered() -> None:
    registry = open_books()
    for number in range(1, VOID_ATTEMPTS_MAX + 1):
        play(registry, CLEARING, deliver(2, number, leg(1, 501)))
    full = list(registry.void_attempts)
    next_attempt = VOID_ATTEMPTS_MAX + 1
    for run_id, attempt in ((2, next_attempt), (3, 1)):
        assert facts_of_refusal(registry, CLEARING, deliver(run_id, attempt, leg(1, 501))) == {
            "run_id": run_id,
            "attempt": attempt,
            "attempts_max": VOID_ATTEMPTS_MAX,
            "obstacle": "INSUFFICIENT_ALLOWANCES",
        }
    assert registry.void_attempts == full
    for attempt in (1, VOID_ATTEMPTS_MAX):
        (event,) = play(registry, CLEARING, deliver(2, attempt, leg(1, 5)))
        assert isinstance(event, DeliveryRefused)
        assert event.reason == "ATTEMPT_OUT_OF_ORDER"
    assert play(registry, CLEARING, deliver(2, next_attempt, leg(1, 5)))[0] == completed(2, next_attempt, leg(1, 5))
    assert registry.void_attempts == []


def test_void_attempts_of_later_runs_leave_room_for_those_of_the_run_that_is_ordered() -> None:
    registry = open_books()
    for number in range(1, VOID_ATTEMPTS_MAX + 1):
        play(registry, CLEARING, deliver(3, number, leg(1, 501)))
    (event,) = play(registry, CLEARING, deliver(2, 1, leg(1, 501)))
    assert isinstance(event, DeliveryRefused)
    assert registry.void_attempts == [(2, 1), *((3, number) for number in range(1, VOID_ATTEMPTS_MAX))]


def test_a_delivered_run_ordered_again_is_delivered_and_moves_nothing_more() -> None:
    registry = open_books()
    play(registry, CLEARING, deliver(1, 1, leg(1, 300)))
    holdings = copy.deepcopy(registry.holdings)
    assert play(registry, CLEARING, deliver(1, 2, leg(1, 300))) == [DeliveryRepeated(1, 2, DAY, 1, 1, 300)]
    assert registry.holdings == holdings


def test_what_contradicts_a_delivery_is_never_recorded_as_refused() -> None:
    """A record of a refusal says that the trades were not delivered; these were."""
    registry = open_books()
    play(registry, CLEARING, deliver(4, 1, leg(9, 300)))
    for order in (deliver(4, 2, leg(9, 299)), deliver(3, 1, leg(9, 300)), deliver(5, 1, leg(9, 300))):
        facts = facts_of_refusal(registry, CLEARING, order)
        assert facts, "the facts name what contradicts what"


def test_pages_of_an_earlier_run_that_are_still_staged_do_not_void_a_later_order_for_good() -> None:
    registry = open_books()
    play(registry, CLEARING, deliver(1, 1, leg(9, 300)))
    play(registry, CLEARING, StageDeliveryLegs(2, 1, 1, (leg(9, 300),)))
    order = deliver(3, 1, leg(10, 5)).order
    (answer,) = play(registry, CLEARING, order)
    assert isinstance(answer, DeliveryRefused)
    assert answer.reason == "STAGED_LEGS_DIFFER", "recorded, so that clearing may make another attempt"
    assert play(registry, CLEARING, deliver(3, 2, leg(10, 5)))[0] == completed(3, 2, leg(10, 5))


def test_a_delivery_names_accounts_and_vintages_that_are_there() -> None:
    climb(open_books(), NAMES)


def test_a_seller_one_tonne_short_stops_every_leg_of_the_run() -> None:
    registry = open_books()
    holdings = copy.deepcopy(registry.holdings)
    (event,) = play(registry, CLEARING, deliver(1, 1, leg(1, 300), leg(2, 201)))
    assert isinstance(event, DeliveryRefused)
    assert event.facts == (
        ("account", "power-0001"),
        ("quantity_tonnes", "501"),
        ("trading_tonnes", "500"),
        ("vintage", "CEA"),
    )
    assert registry.holdings == holdings


def test_what_is_bought_in_a_run_is_not_sold_in_it() -> None:
    resold = deliver(1, 1, leg(1, 100), leg(2, 50, seller="steel-0002", buyer="power-0001"))
    (event,) = play(open_books(), CLEARING, resold)
    assert isinstance(event, DeliveryRefused)
    assert event.reason == "INSUFFICIENT_ALLOWANCES"


def test_what_stands_in_the_registry_holding_is_not_delivered() -> None:
    registry = open_books()
    play(registry, CLEARING, deliver(1, 1, leg(1, 500)))
    (event,) = play(registry, CLEARING, deliver(2, 1, leg(2, 1)))
    assert isinstance(event, DeliveryRefused)
    assert holding_of(registry, "power-0001", "CEA") == Holding(100, 0)


def test_a_leg_of_a_closed_account_stops_the_run() -> None:
    registry = open_books()
    close(registry, "steel-0002")
    climb(
        registry,
        [
            (
                CLEARING,
                deliver(1, 1, leg(1, 5)),
                refused(1, 1, "ACCOUNT_CLOSED", trade_id=1, account="steel-0002"),
            )
        ],
    )


def test_nothing_is_delivered_from_books_that_may_lack_what_trading_said() -> None:
    registry = open_books()
    order = deliver(1, 1, leg(1, 5))
    assert play(registry, CLEARING, order, set_aside=2) == refused(1, 1, "SET_ASIDE_PENDING", set_aside=2)
    order = deliver(1, 2, leg(1, 5))
    assert play(registry, CLEARING, order, halted=("trading",)) == refused(1, 2, "HEARING_HALTED", source="trading")
    assert len(play(registry, CLEARING, deliver(1, 3, leg(1, 5)))) == 2


@pytest.mark.parametrize("restricted", ["power-0001", "steel-0002"])
def test_trades_of_a_restricted_account_still_settle(restricted: str) -> None:
    registry = open_books()
    play(registry, OPERATOR, RestrictAccount(restricted, "under investigation"))
    play(registry, CLEARING, deliver(1, 1, leg(1, 500)))
    assert holding_of(registry, "steel-0002", "CEA") == Holding(0, 500)


def test_evolve_asserts_what_decide_promises() -> None:
    registry = open_books()
    play(registry, CLEARING, deliver(1, 1, leg(1, 5)))
    from_decider = delivered(1, 1, leg(1, 5))
    with pytest.raises(AssertionError):
        evolve(registry, from_decider)


def test_an_unbalanced_change_stops_the_fold() -> None:
    registry = open_books()
    registry.vintages["CEA"].trading_tonnes += 1
    with pytest.raises(AssertionError):
        evolve(registry, delivered(1, 1, leg(1, 5)))


def test_a_participant_cannot_deliver_to_itself() -> None:
    climb(open_books(), [(POWER, deliver(1, 1, leg(1, 5)), "NOT_THE_CLEARING_SERVICE")])
