"""A statement's allowances: what the registry recorded between two days' settlements, per vintage, and it adds up."""

from typing import Any

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as clearing
from carbonmarket.registry.v1 import registry_query_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as types
from carbonmarket_client.statement import VintageLine, vintage_lines

KINDS = types.MovementKind
BOUGHT, SOLD = KINDS.MOVEMENT_KIND_DELIVERED_IN, KINDS.MOVEMENT_KIND_DELIVERED_OUT
ALLOCATED, GIVEN = KINDS.MOVEMENT_KIND_ALLOCATED_IN, KINDS.MOVEMENT_KIND_ALLOCATED_OUT
TRANSFERRED, RETURNED = KINDS.MOVEMENT_KIND_TRANSFERRED_TO_TRADING, KINDS.MOVEMENT_KIND_RETURNED_FROM_TRADING
ISSUED = KINDS.MOVEMENT_KIND_ISSUED

Moved = tuple[types.MovementKind.ValueType, str, int, int]
"""Kind, vintage, change in the registry, change in trading."""


def lines_of(
    movements: list[Moved],
    holdings: dict[str, tuple[int, int]],
    blocked: dict[str, int] | None = None,
    state: Any = types.ACCOUNT_STATE_OPEN,
) -> list[VintageLine]:
    """The lines of an account that holds so much in the registry and in trading when the day is settled."""
    stated = clearing.GetStatementResponse(
        instruments=[
            clearing.StatementInstrument(instrument=name, blocked_tonnes=tonnes)
            for name, tonnes in (blocked or {}).items()
        ]
    )
    held = registry.GetStatementResponse(
        account=registry.Account(state=state),
        holdings=[
            registry.Holding(vintage=vintage, registry_available_tonnes=available, trading_tonnes=trading)
            for vintage, (available, trading) in holdings.items()
        ],
    )
    moved = [
        registry.Movement(
            vintage=vintage, kind=kind, registry_available_change_tonnes=available, trading_change_tonnes=trading
        )
        for kind, vintage, available, trading in movements
    ]
    return list(vintage_lines(stated, held, moved))


def test_every_kind_of_movement_has_its_figure_and_they_lead_from_opening_to_closing() -> None:
    (line,) = lines_of(
        [
            (ALLOCATED, "CEA", 500, 0),
            (TRANSFERRED, "CEA", -300, 300),
            (RETURNED, "CEA", 40, -40),
            (BOUGHT, "CEA", 0, 70),
            (BOUGHT, "CEA", 0, 5),
            (SOLD, "CEA", 0, -100),
        ],
        {"CEA": (1_240, 235)},
    )
    assert line == VintageLine(
        vintage="CEA",
        opening_tonnes=1_000,
        issued_tonnes=0,
        allocated_tonnes=500,
        bought_tonnes=75,
        sold_tonnes=100,
        closing_tonnes=1_475,
        registry_available_tonnes=1_240,
        trading_tonnes=235,
        blocked_tonnes=0,
        sellable_next_day_tonnes=235,
        transferred_to_trading_tonnes=300,
        returned_from_trading_tonnes=40,
    )


def test_a_province_sees_what_was_issued_to_it_less_what_it_gave_away() -> None:
    (line,) = lines_of([(ISSUED, "CEA", 900, 0), (GIVEN, "CEA", -250, 0)], {"CEA": (650, 0)})
    assert (line.opening_tonnes, line.issued_tonnes, line.allocated_tonnes, line.closing_tonnes) == (0, 900, -250, 650)


def test_vintages_are_stated_apart_and_only_those_that_were_held_on_the_day() -> None:
    lines = lines_of([(SOLD, "CEA", 0, -10)], {"CEA": (0, 0), "CEA21": (3, 0), "CEA22": (0, 0)})
    assert [(line.vintage, line.opening_tonnes, line.closing_tonnes) for line in lines] == [
        ("CEA", 10, 0),
        ("CEA21", 3, 3),
    ]


def test_what_an_excluded_trade_sold_is_in_trading_and_cannot_be_sold() -> None:
    (line,) = lines_of([], {"CEA": (0, 100)}, {"CEA": 30})
    assert (line.trading_tonnes, line.blocked_tonnes, line.sellable_next_day_tonnes) == (100, 30, 70)


def test_a_restricted_account_can_sell_nothing_on_the_next_day() -> None:
    (line,) = lines_of([], {"CEA": (0, 100)}, state=types.ACCOUNT_STATE_RESTRICTED)
    assert (line.trading_tonnes, line.sellable_next_day_tonnes) == (100, 0)
