"""How a small market begins: what its people do before the first trading day. The demo tells it, `market` just does it.

Figures are the real market's of 2021 where it published them (rulebook 3); the entities are invented.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time

from carbonmarket.trading.v1 import trading_types_pb2 as types
from carbonmarket_client.values import money, tonnes
from carbonmarket_client.words import AccountKind
from rehearsal.people import (
    BANK,
    EXCHANGE_OPERATOR,
    REGISTRY_OPERATOR,
    SETTLEMENT_BANK,
    People,
    china_ms,
    wait_until_heard,
)

INSTRUMENT = "CEA"
COMPLIANCE_YEAR = 2020
FIRST_REFERENCE_FEN = 48_00
"""The base of the price limits on the market's first day. Source: rulebook 3.3."""

PROVINCE = "hubei"
DAY_BEFORE = date(2021, 7, 15)
FIRST_DAY = date(2021, 7, 16)
NEXT_DAY = date(2021, 7, 19)
TRADING_DAYS = tuple(f"2021-07-{day}" for day in (16, 19, 20, 21, 22, 23, 26, 27, 28, 29, 30))
MORNING = time(9, 30)
CLOCK_START = f"{DAY_BEFORE}T08:00:00+08:00"
ISSUED_TONNES = 1_000_000

Tell = Callable[[str, str], None]
"""Takes who acted and what was done."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One account and what it begins with: allowances given by its province, what of them it makes tradable, money."""

    account: str
    kind: AccountKind
    name: str
    allocated_tonnes: int = 0
    tradable_tonnes: int = 0
    deposit_fen: int = 0
    eligible_to_trade: bool = True


ENTITIES = (
    Entity("power-0001", "key_emitting_entity", "Red Bluff Power", 400_000, 300_000),
    Entity("power-0002", "key_emitting_entity", "East Lake Power", 300_000, 60_000),
    Entity("power-0003", "key_emitting_entity", "White Cloud Power", 50_000, 0, 12_000_000_00),
    Entity("power-0004", "key_emitting_entity", "Three Gorges Heat", 60_000, 20_000, 900_000_00),
    Entity("fund-0001", "institution", "Yellow Crane Carbon Fund", deposit_fen=500_000_00, eligible_to_trade=False),
)


async def open_accounts(people: People, tell: Tell) -> None:
    """Open the province's account and then every entity's."""
    registry = people.acting_as(REGISTRY_OPERATOR).registry
    await registry.open_account(PROVINCE, "province", "Hubei, ecology department", eligible_to_trade=False)
    for entity in ENTITIES:
        province = PROVINCE if entity.kind == "key_emitting_entity" else ""
        await registry.open_account(
            entity.account, entity.kind, entity.name, province=province, eligible_to_trade=entity.eligible_to_trade
        )
    tell(REGISTRY_OPERATOR, f"opens accounts: the province {PROVINCE}, four power companies, a fund")


async def issue(people: People, tell: Tell) -> None:
    """Make the vintage, issue it to the province, allocate it, and make a part of it tradable."""
    registry = people.acting_as(REGISTRY_OPERATOR).registry
    await registry.create_vintage(INSTRUMENT, COMPLIANCE_YEAR)
    await registry.issue_allowances(INSTRUMENT, PROVINCE, ISSUED_TONNES, "allocation plan for 2019-2020")
    tell(
        REGISTRY_OPERATOR, f"creates the vintage {INSTRUMENT} and issues {tonnes(ISSUED_TONNES)} t of it to {PROVINCE}"
    )
    for entity in ENTITIES:
        if entity.allocated_tonnes:
            await people.acting_as(f"province:{PROVINCE}").registry.allocate_allowances(
                INSTRUMENT, PROVINCE, entity.account, entity.allocated_tonnes, "list of key emitting entities"
            )
    allocated = sum(entity.allocated_tonnes for entity in ENTITIES)
    tell(f"province:{PROVINCE}", f"allocates {tonnes(allocated)} t to its four power companies")
    for entity in ENTITIES:
        if entity.tradable_tonnes:
            participant = people.participant(entity.account)
            await participant.registry.transfer_to_trading(entity.account, INSTRUMENT, entity.tradable_tonnes)
            tell(f"participant:{entity.account}", f"transfers {tonnes(entity.tradable_tonnes)} t to trading")


async def fund(people: People, tell: Tell) -> None:
    """Let the bank record the first deposits, as soon as clearing knows the accounts."""
    await wait_until_heard(people, "clearing", "trading")
    await people.acting_as(REGISTRY_OPERATOR).clearing.set_settlement_banks(
        DAY_BEFORE.isoformat(), [BANK], "the registry's announcement"
    )
    tell(REGISTRY_OPERATOR, f"names {BANK} as the settlement bank")
    bank = people.acting_as(SETTLEMENT_BANK).clearing
    for number, entity in enumerate(ENTITIES, 1):
        if entity.deposit_fen:
            await bank.record_deposit(f"{BANK}-{DAY_BEFORE}-{number:04d}", entity.account, entity.deposit_fen)
            tell(SETTLEMENT_BANK, f"records a deposit of {money(entity.deposit_fen)} for {entity.account}")
    await wait_until_heard(people, "trading", "clearing")


async def announce(people: People, tell: Tell) -> None:
    """Announce the trading days, set the rules of 2021 and list the vintage."""
    exchange = people.acting_as(EXCHANGE_OPERATOR).trading
    await wait_until_heard(people, "trading", "registry")
    await exchange.announce_trading_days(TRADING_DAYS)
    await exchange.set_trading_rules(rules_of_2021(FIRST_DAY))
    tell(EXCHANGE_OPERATOR, f"announces {len(TRADING_DAYS)} trading days and the rules: ±10 % listed, ±30 % in blocks")
    await exchange.admit_instrument(INSTRUMENT, FIRST_DAY.isoformat(), reference_price_fen=FIRST_REFERENCE_FEN)
    tell(EXCHANGE_OPERATOR, f"lists {INSTRUMENT} at a reference price of {money(FIRST_REFERENCE_FEN)}")


async def open_first_day(people: People, tell: Tell) -> None:
    """Open the market's first day, half an hour before its first session."""
    await people.move_clocks(china_ms(FIRST_DAY, time(9)))
    await people.acting_as(EXCHANGE_OPERATOR).trading.open_day(FIRST_DAY.isoformat())
    tell(EXCHANGE_OPERATOR, f"opens {FIRST_DAY}")


def rules_of_2021(first_day: date) -> types.TradingRules:
    """The rules the market began with, valid from a day."""
    return types.TradingRules(
        valid_from_day=first_day.isoformat(),
        source="SEEE notices of 2021-06-22",
        listed_band_bp=1_000,
        block_band_bp=3_000,
        price_tick_fen=1,
        quantity_tick_tonnes=1,
        listed_tonnes_max=99_999,
        block_tonnes_min=100_000,
        listed_sessions=[session(time(9, 30), time(11, 30)), session(time(13), time(15))],
        block_sessions=[session(time(13), time(15))],
        book_levels=5,
    )


def session(opens: time, closes: time) -> types.Session:
    """A session of the day, in minutes since midnight."""
    return types.Session(open_minute=opens.hour * 60 + opens.minute, close_minute=closes.hour * 60 + closes.minute)


def tell_nothing(actor: str, sentence: str) -> None:
    """For those who want the market and not its story."""


async def open_market(people: People) -> None:
    """Everything up to the open first day, quietly."""
    for step in (open_accounts, issue, announce, fund, open_first_day):
        await step(people, tell_nothing)
