"""The largest day that a run takes: settled and delivered page by page, so that no single decision costs its trades."""

from collections.abc import Iterator
from typing import Any

from chassis.core.decider import Context, Decider
from chassis.core.wire import DATA_BYTES_MAX, Wire
from clearing.domain.banks import SetSettlementBanks
from clearing.domain.barrier import RUN_TRADES_MAX
from clearing.domain.decider import DECIDER as CLEARING
from clearing.domain.funds import OpenFundAccount, RecordDeposit
from clearing.domain.obligations import RecordObligation
from clearing.domain.run import LEGS_PER_PAGE_MAX, ClearingRunLegsListed, OpenRun
from clearing.domain.settlement import DeliveryOrdered, RecordConfirmation, RecordDelivery
from clearing.domain.state import Method, State
from clearing.wire import WIRE as CLEARING_WIRE
from registry.domain.accounts import OpenAccount
from registry.domain.decider import DECIDER as REGISTRY
from registry.domain.delivery import AllowancesDelivered, DeliverAllowances, DeliveryCompleted
from registry.domain.holdings import check_books, holding_of
from registry.domain.issuance import AllocateAllowances, IssueAllowances
from registry.domain.staging import StageDeliveryLegs
from registry.domain.state import AccountKind, Leg, Registry
from registry.domain.transfers import TransferToTrading
from registry.domain.vintages import CreateVintage
from registry.wire import WIRE as REGISTRY_WIRE
from support.shell.asking import acting

DAY = "2021-07-16"
ACCOUNTS = 100
EVENTS_PER_DECISION_MAX = LEGS_PER_PAGE_MAX + 3
"""A page of events, and what opens or ends a phase."""


class Log:
    """The events of one domain, decided one after another; how many each decision made, and how large they are."""

    def __init__(self, decider: Decider[Any], wire: Wire) -> None:
        self.decider = decider
        self.wire = wire
        self.state: Any = decider.initial()
        self.events: list[object] = []
        self.most = 0

    def play(self, actor: str, command: object) -> list[object]:
        context = Context(1_626_400_000_000, acting(actor), next_position=len(self.events) + 1)
        events = self.decider.decide[type(command)](self.state, command, context)
        for event in events:
            self.decider.evolve[type(event)](self.state, event)
        self.events += events
        self.most = max(self.most, len(events))
        return events

    def restart(self) -> None:
        """A process that was killed folds its log again."""
        before, self.state = self.state, self.decider.initial()
        for event in self.events:
            self.decider.evolve[type(event)](self.state, event)
        assert self.state == before

    def do_due(self, restarts: bool = False) -> Iterator[list[object]]:
        while (timer := self.decider.due(self.state)) is not None:
            yield self.play("timer:own", timer.command)
            if restarts:
                self.restart()


def parties(trade_id: int) -> tuple[str, str]:
    """Even accounts sell to odd ones."""
    seller = 2 * (trade_id % (ACCOUNTS // 2))
    return f"account-{seller + 1:03}", f"account-{seller:03}"


def settle(trades: int, *, restarts: bool = False) -> tuple[Log, Log]:
    clearing, registry = Log(CLEARING, CLEARING_WIRE), Log(REGISTRY, REGISTRY_WIRE)
    operator, clerk = "registry_operator:ann", "province:hubei"
    registry.play(operator, OpenAccount("hubei", AccountKind.PROVINCE, "Hubei", "", False))
    registry.play(operator, CreateVintage("CEA", 2020))
    registry.play(operator, IssueAllowances("CEA", "hubei", ACCOUNTS * trades, "plan 1"))
    clearing.play(operator, SetSettlementBanks(DAY, ("icbc",), "announcement 7"))
    for number in range(ACCOUNTS):
        account = f"account-{number:03}"
        kind = AccountKind.KEY_EMITTING_ENTITY
        registry.play(operator, OpenAccount(account, kind, f"Entity {number}", "hubei", True))
        registry.play(clerk, AllocateAllowances("CEA", "hubei", account, trades, "list 1"))
        registry.play(f"participant:{account}", TransferToTrading(account, "CEA", trades))
        clearing.play("service:trading", OpenFundAccount(account))
        clearing.play("settlement_bank:icbc", RecordDeposit(f"opening-{account}", account, 2 * trades))
    for trade_id in range(1, trades + 1):
        buyer, seller = parties(trade_id)
        clearing.play(
            "service:trading",
            RecordObligation(trade_id, DAY, "CEA", Method.LISTED, 1, 1, 1, buyer, seller, 0, 0, trade_id, 1),
        )
    clearing.most = registry.most = 0
    clearing.play("service:trading", OpenRun(DAY, trades, trades, trades, 1, trades, trades + 1))
    for _ in clearing.do_due(restarts):
        pass
    clearing.play("service:clearing", RecordConfirmation(1, 1, agreed=True))
    for _ in clearing.do_due(restarts):
        pass
    order = clearing.events[-1]
    assert isinstance(order, DeliveryOrdered)
    deliver(registry, clearing, order, restarts)
    clearing.play("service:clearing", RecordDelivery(1, 1, delivered=True, registry_position=1))
    for _ in clearing.do_due(restarts):
        pass
    return clearing, registry


def deliver(registry: Log, clearing: Log, order: DeliveryOrdered, restarts: bool) -> None:
    """What calls.py sends: the pages that the order names, then the order."""
    for number, position in enumerate(order.page_positions, start=1):
        page = clearing.events[position - 1]
        assert isinstance(page, ClearingRunLegsListed)
        legs = tuple(Leg(one.trade_id, one.instrument, one.quantity_tonnes, one.seller, one.buyer) for one in page.legs)
        registry.play("service:clearing", StageDeliveryLegs(1, 1, number, legs))
        if restarts:
            registry.restart()
    command = DeliverAllowances(1, 1, DAY, order.legs, order.quantity_tonnes, order.legs_digest)
    (completed,) = registry.play("service:clearing", command)
    assert isinstance(completed, DeliveryCompleted), completed
    for _ in registry.do_due(restarts):
        pass


def test_the_largest_run_settles_and_no_decision_makes_more_than_a_page_of_events() -> None:
    clearing, registry = settle(RUN_TRADES_MAX)
    books, holdings = clearing.state, registry.state
    assert isinstance(books, State)
    assert isinstance(holdings, Registry)
    assert books.runs.settled_day == DAY
    assert not books.obligations.unsettled
    assert clearing.most <= EVENTS_PER_DECISION_MAX
    assert registry.most <= EVENTS_PER_DECISION_MAX
    assert sum(isinstance(event, AllowancesDelivered) for event in registry.events) == RUN_TRADES_MAX
    check_books(holdings)
    each = RUN_TRADES_MAX // (ACCOUNTS // 2)
    assert holding_of(holdings, "account-001", "CEA").trading_tonnes == RUN_TRADES_MAX + each
    assert books.funds.accounts["account-001"].balance_fen == 2 * RUN_TRADES_MAX - each
    large = [event for event in clearing.events if not hasattr(event, "trade_id")]
    assert max(len(CLEARING_WIRE.encode(event)[1]) for event in large) < DATA_BYTES_MAX
    pages = [event for event in registry.events if type(event).__name__ == "DeliveryLegsStaged"]
    assert max(len(REGISTRY_WIRE.encode(event)[1]) for event in pages) < DATA_BYTES_MAX


def test_a_process_killed_between_any_two_pages_goes_on_where_its_log_ends() -> None:
    clearing, registry = settle(3 * LEGS_PER_PAGE_MAX + 1, restarts=True)
    assert isinstance(clearing.state, State)
    assert clearing.state.runs.settled_day == DAY
    assert isinstance(registry.state, Registry)
    assert not registry.state.untold
