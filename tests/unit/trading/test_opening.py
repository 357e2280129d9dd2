"""Opening a day: what keeps it closed, who may override that, and what it fixes and releases."""

from carbonmarket.trading.v1 import trading_events_pb2 as pb
from chassis.core.decider import Context, Rejected
from chassis.core.engine import Done
from chassis.core.proposals import ApproveProposal, CommandProposed
from support.domains.trading_floor import (
    ANN,
    BOB,
    CEMENT,
    CLEARING,
    DAYS,
    FRIDAY,
    MONDAY,
    POWER,
    REGISTRY,
    RULES,
    STEEL,
    TUESDAY,
    Floor,
    Line,
    moment,
    open_floor,
    quiet_floor,
    settled,
)
from support.shell.asking import acting, asked
from support.shell.two_people import by_two, engine_of, proposal_of
from trading.__main__ import TRADING
from trading.domain.calendar import AnnounceTradingDays, unfinished
from trading.domain.closing import CloseDay
from trading.domain.instruments import AdmitInstrument, InstrumentAdmitted, NoteVintage
from trading.domain.listed import PlaceOrder, TakeListing
from trading.domain.opening import DayOpened, OpenDay
from trading.domain.overriding import OpeningOverridden, OverrideOpening, obstacles
from trading.domain.rules import SetCompositeWeights, SetTradingRules
from trading.domain.settlement import AllowancesReleased, NoteBooksAgreement, NoteSettlementDay
from trading.domain.state import DayPhase, Limits, Obstacle, Weight
from trading.domain.values import Side
from trading.wire import COMMANDS

FIRST_LIMITS = Limits("CEA", 4_800, 4_320, 5_280, 3_360, 6_240)
NO_DOUBTS = Context(0, acting(ANN))
NOT_SETTLED = Obstacle("EARLIER_DAY_NOT_SETTLED", FRIDAY)
GROUND = "clearing is away, the exchange's committee decided"

# fmt: off
LISTING: list[Line] = [
    ("08:00", ANN, AdmitInstrument("", FRIDAY, 4_800),              "INSTRUMENT_MALFORMED"),
    ("08:00", ANN, AdmitInstrument("CEA", "16 July", 4_800),        "DAY_MALFORMED"),
    ("08:00", ANN, AdmitInstrument("CEA", "2021-07-17", 4_800),     "DAY_ON_WEEKEND"),
    ("08:00", ANN, AdmitInstrument("CEA", FRIDAY, -1),              "PRICE_OUT_OF_RANGE"),
    ("08:00", ANN, AdmitInstrument("CEA", FRIDAY, 2**62),           "PRICE_OUT_OF_RANGE"),
    ("08:00", ANN, AdmitInstrument("CEA99", FRIDAY, 4_800),         "INSTRUMENT_UNKNOWN"),
    ("08:00", ANN, AdmitInstrument("CEA", FRIDAY, 4_800),           "INSTRUMENT_ALREADY_ADMITTED"),
    ("08:00", REGISTRY, NoteVintage("CEA21"),                      None),
    ("08:00", REGISTRY, NoteVintage("CEA21"),                      "INSTRUMENT_ALREADY_KNOWN"),
    ("08:00", REGISTRY, NoteVintage("CEA22"),                      None),
    ("08:00", ANN, AdmitInstrument("CEA21", FRIDAY, 0),             "REFERENCE_PRICE_MISSING"),
    ("08:00", ANN, AdmitInstrument("CEA21", FRIDAY, 4_700),         [InstrumentAdmitted("CEA21", FRIDAY, 4_700)]),
    ("09:00", ANN, OpenDay(FRIDAY),                                None),
    ("09:00", ANN, AdmitInstrument("CEA22", FRIDAY, 0),             "DAY_ALREADY_OPENED"),
    ("09:00", ANN, AdmitInstrument("CEA22", MONDAY, 4_700),         "REFERENCE_PRICE_IS_COMPOSITE_CLOSE"),
    ("09:00", ANN, AdmitInstrument("CEA22", MONDAY, 0),             [InstrumentAdmitted("CEA22", MONDAY, 0)]),
]

OPENING: list[Line] = [
    ("09:00", ANN, OpenDay(""),                                    "DAY_MALFORMED"),
    ("09:00", ANN, OpenDay("2021-07-17"),                          "DAY_UNKNOWN"),
    ("09:00", ANN, OpenDay(MONDAY),                                "DAY_NOT_TODAY"),
    ("15:00", ANN, OpenDay(FRIDAY),                                "DAY_IS_OVER"),
    ("09:00", ANN, OpenDay(FRIDAY), [DayOpened(FRIDAY, moment(FRIDAY, "09:00"), (FIRST_LIMITS,), 4_800, ())]),
    ("09:00", ANN, OpenDay(FRIDAY),                                "DAY_STILL_OPEN"),
    ("09:00", ANN, OpenDay(MONDAY),                                "DAY_STILL_OPEN"),
    ("15:00", ANN, CloseDay(FRIDAY),                               None),
    ("15:00", ANN, OpenDay(FRIDAY),                                "DAY_ALREADY_OPENED"),
]

OVERRIDING: list[Line] = [
    ("09:00", ANN, OpenDay(MONDAY),                                "EARLIER_DAY_NOT_SETTLED"),
    ("09:00", ANN, OverrideOpening("monday", GROUND),              "DAY_MALFORMED"),
    ("09:00", ANN, OverrideOpening(MONDAY, ""),                    "TEXT_MALFORMED"),
    ("09:00", ANN, OverrideOpening(MONDAY, "x" * 201),             "TEXT_MALFORMED"),
    ("09:00", ANN, OverrideOpening("2021-07-17", GROUND),          "DAY_UNKNOWN"),
    ("09:00", ANN, OverrideOpening(FRIDAY, GROUND),                "DAY_ALREADY_OPENED"),
]
# fmt: on


def test_an_instrument_is_listed_once_and_has_its_price_from_the_exchange_only_before_the_first_day() -> None:
    quiet_floor().climb(LISTING)


def test_a_day_opens_once_on_its_own_date_after_the_one_before_closed() -> None:
    quiet_floor().climb(OPENING)


def test_two_operators_override_what_keeps_a_day_closed() -> None:
    floor = open_floor()
    floor.close()
    floor.day = MONDAY
    floor.climb(OVERRIDING)
    overridden = OpeningOverridden(MONDAY, GROUND, (NOT_SETTLED,), ANN, BOB)
    assert floor.play(BOB, OverrideOpening(MONDAY, GROUND), proposed_by=ANN) == [overridden]
    assert floor.refusal(BOB, OverrideOpening(MONDAY, GROUND))[0] == "OVERRIDE_ALREADY_APPROVED"
    floor.play(ANN, OpenDay(MONDAY))
    assert floor.market.calendar.days[MONDAY].phase is DayPhase.OPEN
    assert floor.refusal(BOB, OverrideOpening(TUESDAY, GROUND))[0] == "DAY_STILL_OPEN"


def test_one_operator_alone_does_not_override() -> None:
    floor = open_floor()
    floor.close()
    on = engine_of(TRADING, floor.market)
    alone = on.decide(asked(ANN, "", OverrideOpening(MONDAY, GROUND)), {}, floor.now_ms)
    assert isinstance(alone, Rejected)
    assert alone.reason == "APPROVAL_REQUIRED"
    malformed = on.decide(asked(ANN, "", OverrideOpening(MONDAY, "")), {}, floor.now_ms)
    assert isinstance(malformed, Rejected)
    assert malformed.reason == "TEXT_MALFORMED", "what is wrong with the command itself comes first"


def test_a_proposed_override_shows_what_it_covers_and_is_approved_only_while_that_is_the_same() -> None:
    floor = open_floor()
    floor.close()
    on = engine_of(TRADING, floor.market)
    proposed = on.decide(asked(ANN, "", proposal_of(OverrideOpening(MONDAY, GROUND), COMMANDS)), {}, floor.now_ms)
    assert isinstance(proposed, Done)
    (effect,) = proposed.only(CommandProposed).effects
    shown = pb.OpeningOverridden(day=MONDAY, ground=GROUND)
    shown.obstacles.add(reason="EARLIER_DAY_NOT_SETTLED", subject=FRIDAY)
    assert pb.OpeningOverridden.FromString(effect.data) == shown
    floor.play(CLEARING, NoteSettlementDay(FRIDAY))
    outdated = on.decide(asked(BOB, "", ApproveProposal(proposed.position)), {}, floor.now_ms)
    assert isinstance(outdated, Rejected)
    assert outdated.reason == "PROPOSAL_OUTDATED"
    assert outdated.facts == {"proposal_id": proposed.position, "changed": "OpeningOverridden.obstacles"}
    again = by_two(on, OverrideOpening(MONDAY, GROUND), ANN, BOB, floor.now_ms, COMMANDS)
    assert again.only(OpeningOverridden).obstacles == (Obstacle("BOOKS_NOT_COMPARED", FRIDAY),)


def test_an_opening_that_nothing_blocks_is_not_overridden() -> None:
    floor = quiet_floor()
    assert floor.refusal(ANN, OverrideOpening(FRIDAY, GROUND))[0] == "OPENING_NOT_BLOCKED"


def test_a_day_opens_when_the_last_one_is_settled_and_the_books_agree() -> None:
    floor = open_floor()
    floor.close()
    floor.day = MONDAY
    floor.at("09:00")
    assert floor.refusal(ANN, OpenDay(MONDAY))[0] == "EARLIER_DAY_NOT_SETTLED"
    floor.play(CLEARING, NoteSettlementDay(FRIDAY))
    assert floor.refusal(ANN, OpenDay(MONDAY)) == ("BOOKS_NOT_COMPARED", {"day": MONDAY, "earlier_day": FRIDAY})
    floor.play(CLEARING, NoteBooksAgreement(FRIDAY, False, "a fen"))
    assert floor.refusal(ANN, OpenDay(MONDAY)) == ("BOOKS_NOT_AGREED", {"day": MONDAY, "earlier_day": FRIDAY})
    floor.play(CLEARING, NoteBooksAgreement(FRIDAY, True))
    floor.play(CLEARING, NoteBooksAgreement(FRIDAY, False, "a fen"))
    assert floor.refusal(ANN, OpenDay(MONDAY))[0] == "BOOKS_NOT_AGREED", "a later comparison found a difference"
    floor.play(CLEARING, NoteBooksAgreement(FRIDAY, True))
    opened = floor.play(ANN, OpenDay(MONDAY))[0]
    assert isinstance(opened, DayOpened)
    assert opened.overridden == ()


def test_an_override_that_is_no_longer_needed_leaves_no_mark_on_the_day() -> None:
    floor = open_floor()
    floor.close()
    floor.play(BOB, OverrideOpening(MONDAY, GROUND), proposed_by=ANN)
    floor.settle()
    opened = floor.open(MONDAY)[0]
    assert isinstance(opened, DayOpened)
    assert opened.overridden == ()


def override(floor: Floor, day: str) -> None:
    floor.day = day
    floor.at("09:00").play(BOB, OverrideOpening(day, GROUND), proposed_by=ANN)


def opened_over(floor: Floor, day: str) -> list[str]:
    """The reasons that were covered when the day opened."""
    opened = floor.open(day)[0]
    assert isinstance(opened, DayOpened)
    return [obstacle.reason for obstacle in opened.overridden]


def test_an_override_covers_what_it_names_and_a_new_obstacle_needs_another() -> None:
    floor = open_floor()
    floor.close()
    override(floor, MONDAY)
    floor.set_aside, floor.set_aside_last = 1, 37
    assert floor.refusal(ANN, OpenDay(MONDAY)) == ("SET_ASIDE_PENDING", {"set_aside": 1})
    assert floor.play(BOB, OverrideOpening(MONDAY, GROUND), proposed_by=ANN) == [
        OpeningOverridden(MONDAY, GROUND, (Obstacle("SET_ASIDE_PENDING", "37"),), ANN, BOB)
    ]
    assert opened_over(floor, MONDAY) == ["EARLIER_DAY_NOT_SETTLED", "SET_ASIDE_PENDING"]
    floor.close()
    floor.day = TUESDAY
    assert [one.subject for one in obstacles(floor.market, TUESDAY, NO_DOUBTS)] == [FRIDAY, MONDAY]
    assert floor.at("09:00").refusal(ANN, OpenDay(TUESDAY)) == (
        "EARLIER_DAY_NOT_SETTLED",
        {"day": TUESDAY, "earlier_day": MONDAY},
    )


def end_day(floor: Floor, disagreement: str) -> None:
    """The day closes and is settled; the comparison after it finds so much."""
    floor.close()
    floor.play(CLEARING, NoteSettlementDay(floor.day))
    floor.play(CLEARING, NoteBooksAgreement(floor.day, not disagreement, disagreement))


def test_one_disagreement_needs_two_people_on_one_morning_only_and_a_new_one_needs_them_again() -> None:
    floor = open_floor()
    end_day(floor, "a tonne")
    override(floor, MONDAY)
    assert opened_over(floor, MONDAY) == ["BOOKS_NOT_AGREED"]
    end_day(floor, "a tonne")
    assert opened_over(floor, TUESDAY) == ["BOOKS_NOT_AGREED"], "the same is still covered"
    end_day(floor, "a tonne and a fen")
    floor.day = DAYS[3]
    assert floor.at("09:00").refusal(ANN, OpenDay(DAYS[3]))[0] == "BOOKS_NOT_AGREED"
    override(floor, DAYS[3])
    assert opened_over(floor, DAYS[3]) == ["BOOKS_NOT_AGREED"]
    end_day(floor, "")
    assert opened_over(floor, DAYS[4]) == []


def test_books_that_agree_agree_for_every_day_before() -> None:
    floor = open_floor()
    end_day(floor, "a tonne")
    override(floor, MONDAY)
    floor.open(MONDAY)
    assert not floor.market.calendar.days[FRIDAY].books_agreed
    end_day(floor, "")
    assert [floor.market.calendar.days[day].books_agreed for day in (FRIDAY, MONDAY)] == [True, True]
    assert unfinished(floor.market.calendar) == []
    assert opened_over(floor, TUESDAY) == []


def test_a_covered_obstacle_that_went_is_new_when_it_comes_back() -> None:
    floor = open_floor()
    end_day(floor, "a tonne")
    override(floor, MONDAY)
    floor.open(MONDAY)
    end_day(floor, "")
    floor.open(TUESDAY)
    end_day(floor, "a tonne")
    floor.day = DAYS[3]
    assert floor.at("09:00").refusal(ANN, OpenDay(DAYS[3]))[0] == "BOOKS_NOT_AGREED"


def test_an_override_of_what_is_set_aside_covers_up_to_the_last_that_it_named() -> None:
    floor = quiet_floor()
    floor.set_aside, floor.set_aside_last = 2, 37
    override(floor, FRIDAY)
    floor.set_aside, floor.set_aside_last = 1, 12
    assert opened_over(floor, FRIDAY) == ["SET_ASIDE_PENDING"], "the later one was dealt with"
    end_day(floor, "")
    assert opened_over(floor, MONDAY) == ["SET_ASIDE_PENDING"]
    end_day(floor, "")
    floor.set_aside, floor.set_aside_last = 2, 45
    floor.day = TUESDAY
    assert floor.at("09:00").refusal(ANN, OpenDay(TUESDAY))[0] == "SET_ASIDE_PENDING"


def test_heard_events_that_could_not_be_applied_keep_the_day_closed() -> None:
    floor = quiet_floor()
    floor.set_aside = 2
    assert floor.at("09:00").refusal(ANN, OpenDay(FRIDAY)) == ("SET_ASIDE_PENDING", {"set_aside": 2})


def test_a_source_that_is_not_heard_keeps_the_day_closed_unless_two_people_override_it() -> None:
    floor = quiet_floor()
    floor.halted = ("registry",)
    assert floor.at("09:00").refusal(ANN, OpenDay(FRIDAY)) == ("HEARING_HALTED", {"source": "registry"})
    floor.play(BOB, OverrideOpening(FRIDAY, GROUND), proposed_by=ANN)
    opened = floor.play(ANN, OpenDay(FRIDAY))[0]
    assert isinstance(opened, DayOpened)
    assert opened.overridden == (Obstacle("HEARING_HALTED", "registry"),)


def test_without_rules_or_instruments_no_day_opens() -> None:
    floor = Floor()
    floor.play(ANN, AnnounceTradingDays(DAYS))
    assert floor.at("09:00").refusal(ANN, OpenDay(FRIDAY))[0] == "RULES_MISSING"
    floor.play(ANN, SetTradingRules(RULES))
    assert floor.refusal(ANN, OpenDay(FRIDAY))[0] == "NO_INSTRUMENT_ADMITTED"


def test_an_announced_day_may_be_passed_over_and_stays_closed() -> None:
    floor = quiet_floor()
    floor.day = MONDAY
    floor.open(MONDAY)
    floor.close()
    assert floor.refusal(ANN, OpenDay(FRIDAY))[0] == "DAY_ALREADY_OPENED"


def test_a_new_instrument_starts_from_the_composite_close_of_the_day_before() -> None:
    floor = open_floor()
    trade_at(floor, 4_950)
    floor.play(REGISTRY, NoteVintage("CEA21"))
    floor.play(ANN, AdmitInstrument("CEA21", MONDAY, 0))
    floor.close()
    floor.settle()
    opened = floor.open(MONDAY)[0]
    assert isinstance(opened, DayOpened)
    assert [(limits.instrument, limits.previous_close_fen) for limits in opened.limits] == [
        ("CEA", 4_950),
        ("CEA21", 4_950),
    ]


def test_a_new_instrument_needs_a_composite_to_start_from() -> None:
    floor = Floor()
    floor.play(ANN, AnnounceTradingDays(DAYS))
    floor.play(ANN, SetTradingRules(RULES))
    floor.play(REGISTRY, NoteVintage("CEA"))
    floor.play(REGISTRY, NoteVintage("CEA21"))
    floor.play(ANN, AdmitInstrument("CEA", FRIDAY, 4_800))
    floor.open(FRIDAY)
    floor.play(ANN, AdmitInstrument("CEA21", MONDAY, 0))
    floor.close()
    floor.settle()
    floor.day = MONDAY
    unknown = ("COMPOSITE_UNKNOWN", {"day": MONDAY, "instrument": "CEA21"})
    assert floor.at("09:00").refusal(ANN, OpenDay(MONDAY)) == unknown
    floor.play(ANN, SetCompositeWeights(MONDAY, (Weight("CEA", 1),), "the exchange's notice"))
    floor.open(MONDAY)


def test_settled_purchases_can_be_sold_from_the_next_opening_on() -> None:
    floor = open_floor()
    trade_at(floor, 4_800)
    floor.close()
    floor.settle()
    units = floor.market.accounts["steel"].units["CEA"]
    assert (units.available_tonnes, units.bought_tonnes) == (0, 10)
    assert floor.open(MONDAY)[1:] == [AllowancesReleased(1, "steel", "CEA", 10)]
    assert (units.available_tonnes, units.bought_tonnes) == (10, 0)
    floor.at("10:00").play(STEEL, PlaceOrder("steel", "CEA", Side.SELL, 4_800, 10))


def test_what_settles_late_is_released_at_the_opening_after() -> None:
    floor = open_floor()
    trade_at(floor, 4_800)
    trade_at(floor, 4_800)
    floor.close()
    floor.play(CLEARING, settled(floor.market, 1))
    floor.day = MONDAY
    floor.at("09:00").play(BOB, OverrideOpening(MONDAY, GROUND), proposed_by=ANN)
    assert floor.play(ANN, OpenDay(MONDAY))[1:] == [AllowancesReleased(1, "steel", "CEA", 10)]
    floor.play(CLEARING, settled(floor.market, 2))
    units = floor.market.accounts["steel"].units["CEA"]
    assert (units.available_tonnes, units.bought_tonnes) == (10, 10)
    floor.close()
    floor.day = FRIDAY
    floor.settle()
    floor.day = MONDAY
    floor.settle()
    assert floor.open(TUESDAY)[1:] == [AllowancesReleased(2, "steel", "CEA", 10)]


def test_proceeds_of_an_unsettled_day_buy_nothing_on_an_overridden_one() -> None:
    floor = open_floor()
    trade_at(floor, 4_800)
    floor.play(CEMENT, PlaceOrder("cement", "CEA", Side.SELL, 4_800, 1))
    floor.close()
    floor.day = MONDAY
    floor.at("09:00").play(BOB, OverrideOpening(MONDAY, GROUND), proposed_by=ANN)
    floor.play(ANN, OpenDay(MONDAY))
    order = PlaceOrder("power", "CEA", Side.BUY, 4_800, 1)
    assert floor.at("10:00").refusal(POWER, order) == ("INSUFFICIENT_FUNDS", {"needed_fen": 4_800, "available_fen": 0})
    floor.play(CLEARING, settled(floor.market, 1))
    floor.play(POWER, order)


def trade_at(floor: Floor, price_fen: int) -> None:
    """Power sells ten tonnes to steel."""
    floor.at("10:00").play(POWER, PlaceOrder("power", "CEA", Side.SELL, price_fen, 10))
    floor.play(STEEL, TakeListing("steel", floor.market.order_id_last, 10, price_fen))
