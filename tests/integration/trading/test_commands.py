"""Every command of the running service with each kind of bad input: the answer names the rule and changes nothing."""

from typing import Any

import pytest

from carbonmarket.trading.v1 import trading_service_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from chassis.core.call import Refused
from support.domains.trading_floor import BOB, DAYS, FRIDAY, MONDAY, RULES, TUESDAY
from support.processes.one_service import OneService
from support.processes.running_trading import ANN, Venue, offer, order, take
from support.suites.commands import FORBIDDEN, INVALID, NOT_FOUND, REFUSED, Acceptance, CommandSuite, Refusal
from trading.answers import live

POWER, STEEL, CEMENT = "participant:power", "participant:steel", "participant:cement"
FUND, HELD = "participant:fund", "participant:held"
CLEARING, REGISTRY = "service:clearing", "service:registry"
HUGE = 2**63 - 1
LONG = "x" * 100_000


def rules(valid_from_day: str = TUESDAY, **changes: Any) -> pb.SetTradingRulesRequest:
    message = live.RULES.encode(RULES)
    message.MergeFrom(types.TradingRules(valid_from_day=valid_from_day, **changes))
    return pb.SetTradingRulesRequest(rules=message)


def fees(**changes: Any) -> pb.SetFeesRequest:
    right: dict[str, Any] = {"valid_from_day": TUESDAY, "buyer_fee_ppm": 10, "seller_fee_ppm": 10, "source": "tariff"}
    return pb.SetFeesRequest(**(right | changes))


def weights(*of: tuple[str, int], **changes: Any) -> pb.SetCompositeWeightsRequest:
    right: dict[str, Any] = {"valid_from_day": TUESDAY, "source": "notice"}
    weighed = [types.CompositeWeight(instrument=instrument, weight=weight) for instrument, weight in of]
    return pb.SetCompositeWeightsRequest(weights=weighed, **(right | changes))


def listing(instrument: str = "CEA21", day: str = MONDAY, reference_price_fen: int = 0) -> pb.AdmitInstrumentRequest:
    return pb.AdmitInstrumentRequest(instrument=instrument, day=day, reference_price_fen=reference_price_fen)


def quote(block_id: int = 1, price_fen: int = 3_900, quantity_tonnes: int = 100_000) -> pb.QuoteBlockRequest:
    return pb.QuoteBlockRequest(block_id=block_id, price_fen=price_fen, quantity_tonnes=quantity_tonnes)


def confirm(block_id: int = 1, price_fen: int = 4_000, quantity_tonnes: int = 100_000) -> pb.ConfirmBlockRequest:
    return pb.ConfirmBlockRequest(block_id=block_id, price_fen=price_fen, quantity_tonnes=quantity_tonnes)


def back(account: str = "power", instrument: str = "CEA", quantity_tonnes: int = 10) -> pb.ReturnToRegistryRequest:
    return pb.ReturnToRegistryRequest(account=account, instrument=instrument, quantity_tonnes=quantity_tonnes)


def release(account: str = "steel", amount_fen: int = 10) -> pb.ReleaseFundsRequest:
    return pb.ReleaseFundsRequest(account=account, amount_fen=amount_fen)


def run(**changes: Any) -> pb.ConfirmClearingRunRequest:
    right: dict[str, Any] = {"run_id": 1, "day": FRIDAY, "attempt": 1}
    return pb.ConfirmClearingRunRequest(**(right | changes))


# Who asks for what, and how it is refused: of each command one line for each status code and for each check of who may,
# and what only the wire can get wrong. The whole of each ladder, with the field that each refusal names, is in
# tests/unit/trading.
# fmt: off
REFUSALS: list[Refusal] = [
    (ANN,    pb.AnnounceTradingDaysRequest(),                        INVALID,   "DAYS_MISSING"),
    (ANN,    pb.AnnounceTradingDaysRequest(days=["2021-07-\x00"]),   INVALID,   "TEXT_HAS_NUL"),
    (ANN,    pb.AnnounceTradingDaysRequest(days=DAYS),               REFUSED,   "DAY_ALREADY_ANNOUNCED"),
    (ANN,    pb.SetTradingRulesRequest(),                            INVALID,   "DAY_MALFORMED"),
    (ANN,    rules(listed_sessions=[types.Session(open_minute=-5)]), INVALID,   "RULES_MALFORMED"),
    (ANN,    rules(valid_from_day=FRIDAY),                           REFUSED,   "DAY_ALREADY_OPENED"),
    (ANN,    pb.SetFeesRequest(),                                    INVALID,   "DAY_MALFORMED"),
    (ANN,    fees(valid_from_day=FRIDAY),                            REFUSED,   "DAY_ALREADY_OPENED"),
    (ANN,    weights(("CEA", 1), valid_from_day=""),                 INVALID,   "DAY_MALFORMED"),
    (ANN,    weights(("CEA99", 1)),                                  NOT_FOUND, "INSTRUMENT_UNKNOWN"),
    (ANN,    weights(("CEA", 1), valid_from_day=FRIDAY),             REFUSED,   "DAY_ALREADY_OPENED"),
    (ANN,    pb.AdmitInstrumentRequest(),                             INVALID,   "INSTRUMENT_MALFORMED"),
    (ANN,    listing("CEA99"),                                       NOT_FOUND, "INSTRUMENT_UNKNOWN"),
    (ANN,    listing("CEA"),                                         REFUSED,   "INSTRUMENT_ALREADY_ADMITTED"),
    (ANN,    pb.OpenDayRequest(),                                    INVALID,   "DAY_MALFORMED"),
    (ANN,    pb.OpenDayRequest(day="2021-07-17"),                    NOT_FOUND, "DAY_UNKNOWN"),
    (ANN,    pb.OpenDayRequest(day=MONDAY),                          REFUSED,   "DAY_STILL_OPEN"),
    (ANN,    pb.OverrideOpeningRequest(ground="late"),               INVALID,   "DAY_MALFORMED"),
    (ANN,    pb.OverrideOpeningRequest(day="2021-07-17", ground="l"), NOT_FOUND, "DAY_UNKNOWN"),
    (ANN,    pb.OverrideOpeningRequest(day=MONDAY, ground="late"),   REFUSED,   "DAY_STILL_OPEN"),
    (ANN,    pb.CloseDayRequest(),                                   INVALID,   "DAY_MALFORMED"),
    (ANN,    pb.CloseDayRequest(day="2021-07-17"),                   NOT_FOUND, "DAY_UNKNOWN"),
    (ANN,    pb.CloseDayRequest(day=MONDAY),                         REFUSED,   "DAY_NOT_OPEN"),
    (ANN,    pb.SuspendTradingRequest(),                             INVALID,   "TEXT_MALFORMED"),
    (ANN,    pb.SuspendTradingRequest(instrument="CEA99", ground="a"), NOT_FOUND, "INSTRUMENT_UNKNOWN"),
    (ANN,    pb.ResumeTradingRequest(),                              REFUSED,   "NOT_SUSPENDED"),
    (ANN,    pb.ResumeTradingRequest(instrument=LONG),               INVALID,   "INSTRUMENT_MALFORMED"),
    (ANN,    pb.ResumeTradingRequest(instrument="CEA99"),            NOT_FOUND, "INSTRUMENT_UNKNOWN"),
    (POWER,  pb.PlaceOrderRequest(),                                 INVALID,   "ACCOUNT_MALFORMED"),
    (POWER,  order(LONG),                                            INVALID,   "ACCOUNT_MALFORMED"),
    (POWER,  order("po\0wer"),                                       INVALID,   "TEXT_HAS_NUL"),
    (POWER,  order(side=77),                                         INVALID,   "ENUM_VALUE_UNKNOWN"),
    (POWER,  order(quantity_tonnes=HUGE),                            INVALID,   "QUANTITY_OUT_OF_RANGE"),
    (POWER,  order("nobody"),                                        NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (STEEL,  order(),                                                FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (FUND,   order("fund"),                                          REFUSED,   "ACCOUNT_NOT_ELIGIBLE_TO_TRADE"),
    (STEEL,  pb.TakeListingRequest(),                                INVALID,   "ACCOUNT_MALFORMED"),
    (STEEL,  take(1, "nobody"),                                      NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (POWER,  take(1),                                                FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (STEEL,  take(7),                                                REFUSED,   "LISTING_GONE"),
    (CEMENT, pb.CancelOrderRequest(),                                INVALID,   "ORDER_ID_OUT_OF_RANGE"),
    (CEMENT, pb.CancelOrderRequest(order_id=HUGE),                   NOT_FOUND, "ORDER_UNKNOWN"),
    (CEMENT, pb.CancelOrderRequest(order_id=7),                      REFUSED,   "ORDER_NOT_OPEN"),
    (POWER,  pb.CancelOrderRequest(order_id=1),                      FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (POWER,  pb.OfferBlockRequest(),                                 INVALID,   "ACCOUNT_MALFORMED"),
    (POWER,  offer("nobody"),                                        NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (STEEL,  offer(),                                                FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (POWER,  offer(counterparty="power"),                            REFUSED,   "OWN_COUNTERPARTY"),
    (STEEL,  pb.QuoteBlockRequest(),                                 INVALID,   "BLOCK_ID_OUT_OF_RANGE"),
    (STEEL,  quote(HUGE),                                            NOT_FOUND, "BLOCK_UNKNOWN"),
    (STEEL,  quote(2),                                               REFUSED,   "BLOCK_NOT_OPEN"),
    (CEMENT, quote(),                                                FORBIDDEN, "NOT_PARTY_TO_BLOCK"),
    (STEEL,  pb.ConfirmBlockRequest(),                               INVALID,   "BLOCK_ID_OUT_OF_RANGE"),
    (STEEL,  confirm(99),                                            NOT_FOUND, "BLOCK_UNKNOWN"),
    (STEEL,  confirm(2),                                             REFUSED,   "BLOCK_NOT_OPEN"),
    (CEMENT, confirm(),                                              FORBIDDEN, "NOT_PARTY_TO_BLOCK"),
    (STEEL,  pb.DeclineBlockRequest(),                               INVALID,   "BLOCK_ID_OUT_OF_RANGE"),
    (STEEL,  pb.DeclineBlockRequest(block_id=99),                    NOT_FOUND, "BLOCK_UNKNOWN"),
    (STEEL,  pb.DeclineBlockRequest(block_id=2),                     REFUSED,   "BLOCK_NOT_OPEN"),
    (CEMENT, pb.DeclineBlockRequest(block_id=1),                     FORBIDDEN, "NOT_PARTY_TO_BLOCK"),
    (POWER,  pb.WithdrawBlockRequest(block_id=-1),                   INVALID,   "BLOCK_ID_OUT_OF_RANGE"),
    (POWER,  pb.WithdrawBlockRequest(block_id=99),                   NOT_FOUND, "BLOCK_UNKNOWN"),
    (POWER,  pb.WithdrawBlockRequest(block_id=2),                    REFUSED,   "BLOCK_NOT_OPEN"),
    (CEMENT, pb.WithdrawBlockRequest(block_id=1),                    FORBIDDEN, "NOT_PARTY_TO_BLOCK"),
    (POWER,  pb.ReturnToRegistryRequest(),                           INVALID,   "ACCOUNT_MALFORMED"),
    (POWER,  back("nobody"),                                         NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (STEEL,  back(),                                                 FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (HELD,   back("held"),                                           REFUSED,   "ACCOUNT_RESTRICTED"),
    (STEEL,  pb.ReleaseFundsRequest(),                               INVALID,   "ACCOUNT_MALFORMED"),
    (STEEL,  release("nobody"),                                      NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (POWER,  release(),                                              FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (HELD,   release("held"),                                        REFUSED,   "ACCOUNT_RESTRICTED"),
    (CLEARING, pb.ConfirmClearingRunRequest(),                       INVALID,   "RUN_ID_OUT_OF_RANGE"),
    (REGISTRY, run(),                                                FORBIDDEN, "NOT_THE_CLEARING_SERVICE"),
]
# fmt: on

# A command that is accepted, and another body, which must be refused under the same request id.
ACCEPTED: list[Acceptance] = [
    (
        ANN,
        pb.AnnounceTradingDaysRequest(days=["2021-07-23"]),
        pb.AnnounceTradingDaysRequest(days=["2021-07-26"]),
    ),
    (ANN, rules(), rules(MONDAY)),
    (ANN, fees(), fees(buyer_fee_ppm=11)),
    (ANN, weights(("CEA", 1)), weights(("CEA", 2))),
    (ANN, listing(), listing("CEA")),
    (ANN, pb.SuspendTradingRequest(instrument="CEA", ground="a fault"), pb.SuspendTradingRequest(ground="a fault")),
    (ANN, pb.ResumeTradingRequest(instrument="CEA"), pb.ResumeTradingRequest()),
    (POWER, order(), order(price_fen=4_901)),
    (STEEL, take(1, quantity_tonnes=3), take(1, quantity_tonnes=4)),
    (CEMENT, pb.CancelOrderRequest(order_id=6), pb.CancelOrderRequest(order_id=1)),
    (POWER, offer(counterparty="cement"), offer(counterparty="poor")),
    (CEMENT, quote(3), quote(3, price_fen=3_901)),
    (POWER, confirm(3, price_fen=3_900), confirm(3)),
    (STEEL, pb.DeclineBlockRequest(block_id=1), pb.DeclineBlockRequest(block_id=2)),
    (POWER, offer(counterparty="cement"), offer(counterparty="poor")),
    (POWER, pb.WithdrawBlockRequest(block_id=4), pb.WithdrawBlockRequest(block_id=1)),
    (POWER, back(), back(quantity_tonnes=11)),
    (STEEL, release(), release(amount_fen=11)),
    (CLEARING, run(), run(attempt=2)),
    (ANN, pb.OpenDayRequest(day=MONDAY), pb.OpenDayRequest(day=TUESDAY)),
]


@pytest.fixture
def service(busy: Venue) -> OneService:
    return busy.service


async def test_a_refusal_carries_the_facts_that_mend_the_request(busy: Venue) -> None:
    with pytest.raises(Refused) as refused:
        await busy.ask(POWER, order(price_fen=5_281))
    assert refused.value.facts == {"price_fen": "5281", "low_fen": "4320", "high_fen": "5280"}


class TestCommands(CommandSuite):
    api = pb.DESCRIPTOR
    refusals = REFUSALS
    accepted = ACCEPTED
    # The clock closes a day as soon as anybody could; an override takes two people.
    never_accepted = frozenset({"CloseDay", "OverrideOpening"})
    one_more = STEEL, take(2, quantity_tonnes=5)
    many_by = POWER
    many = (
        (order(), ""),
        (order("steel"), "NOT_OWNER_OF_ACCOUNT"),
        (pb.OpenDayRequest(day=MONDAY), "ROLE_NOT_ALLOWED"),
        (order(price_fen=5_281), "PRICE_OUTSIDE_DAILY_LIMIT"),
        (back(), ""),
    )

    @pytest.fixture
    async def due(self, busy: Venue, request_: Any) -> None:
        """Friday is over, two people override that it is not settled, and Monday has come before it is opened."""
        match request_:
            case pb.OpenDayRequest(day=day):
                await busy.at("15:00")
                await busy.service.ask_by_two(ANN, BOB, pb.OverrideOpeningRequest(day=day, ground="late"))
                busy.day = day
                await busy.at("09:00")
