"""The registry's books from its events: accounts, vintages, holdings by state.

Invariants recomputed: no holding is negative; per vintage issued = held after every event; a delivery is whole; each
trade is delivered once; who moves allowances may do so.
"""

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256

from google.protobuf.message import Message

from carbonmarket.log.v1.log_service_pb2 import Record
from carbonmarket.registry.v1 import registry_events_pb2 as pb
from carbonmarket.registry.v1 import registry_types_pb2 as types
from support.auditor.book import Book, Handler
from support.auditor.chain import actor_of, acts_for
from support.auditor.commitments import Commitments
from support.auditor.findings import Findings
from support.auditor.pairs import Pairs
from support.auditor.supplies import Supplies, Vintage


@dataclass(slots=True)
class Account:
    kind: int
    province: str
    eligible_to_trade: bool
    restriction_number: int = 0
    restricted: bool = False
    wound_up: int = 0
    closed: bool = False


@dataclass(slots=True)
class Holding:
    registry_available_tonnes: int = 0
    trading_tonnes: int = 0


@dataclass(slots=True)
class Staged:
    """Pages of a run that may be ordered: they move nothing."""

    key: tuple[int, int]
    pages: int = 0
    legs: list[types.DeliveryLeg] = field(default_factory=list)


@dataclass(slots=True)
class DeliveredLegs:
    last_run_id: int = 0
    last_trade_id: int = 0
    staged: Staged = field(default_factory=lambda: Staged((0, 0)))
    unreported: dict[int, tuple[int, int, str, types.DeliveryLeg]] = field(default_factory=dict)


class RegistryBook(Book):
    """Accounts, vintages and holdings, as of the last record taken."""

    def __init__(self, findings: Findings, pairs: Pairs, commitments: Commitments | None = None) -> None:
        super().__init__("registry", findings, pairs, commitments)
        self.accounts: dict[str, Account] = {}
        self.vintages: dict[str, Vintage] = {}
        self.holdings: dict[tuple[str, str], Holding] = {}
        self.delivered = DeliveredLegs()
        self.remember_at = 0
        self.remembered: dict[tuple[str, str], tuple[int, int]] = {}
        self.supplies = Supplies()

    def take(self, record: Record) -> None:
        """Holdings as of `remember_at` are kept, and the supply of each day, for the queries that look back."""
        self.supplies.end_days_before(record, self.vintages)
        super().take(record)
        if record.position == self.remember_at:
            self.remembered = {
                key: (holding.registry_available_tonnes, holding.trading_tonnes)
                for key, holding in self.holdings.items()
            }

    def table(self) -> dict[type[Message], Handler]:
        return {
            pb.AccountOpened: self.on_account_opened,
            pb.AccountDataChanged: self.on_known_account,
            pb.AccountRestricted: self.on_account_restricted,
            pb.RestrictionTookEffect: self.on_restriction_took_effect,
            pb.AccountWoundUp: self.on_account_wound_up,
            pb.AccountRestrictionLifted: self.on_account_restriction_lifted,
            pb.AccountClosed: self.on_account_closed,
            pb.VintageCreated: self.on_vintage_created,
            pb.AllowancesIssued: self.on_allowances_issued,
            pb.AllowancesAllocated: self.on_allowances_allocated,
            pb.TransferredToTrading: self.on_transferred_to_trading,
            pb.ReturnedFromTrading: self.on_returned_from_trading,
            pb.DeliveryLegsStaged: self.on_delivery_legs_staged,
            pb.AllowancesDelivered: self.on_allowances_delivered,
            pb.DeliveryCompleted: self.on_delivery_completed,
            pb.DeliveryRepeated: self.on_delivery_repeated,
            pb.DeliveryRefused: self.on_delivery_refused,
        }

    # Accounts

    def on_account_opened(self, event: pb.AccountOpened, record: Record) -> None:
        if event.account in self.accounts:
            self.say("one registration account per entity", event.account)
        if event.kind == types.ACCOUNT_KIND_KEY_EMITTING_ENTITY and event.province not in self.accounts:
            self.say("an entity's province has an account", f"{event.account}: {event.province}")
        self.accounts[event.account] = Account(event.kind, event.province, event.eligible_to_trade)
        self.pairs.say(
            "trading knows every account", "registry", event.account, event.eligible_to_trade, record.position
        )

    def on_known_account(self, event: pb.AccountDataChanged, record: Record) -> None:
        """Of an event that changes no book, but must name an account that was opened."""
        self._known(event.account)

    def on_account_restricted(self, event: pb.AccountRestricted, record: Record) -> None:
        account = self._known(event.account)
        if account.restricted or account.closed:
            self.say("only an open account is restricted", event.account)
        self.same("restrictions are counted", event.account, event.restriction_number, account.restriction_number + 1)
        account.restriction_number, account.restricted = event.restriction_number, True
        self.pairs.say(
            "trading hears every restriction", "registry", (event.account, event.restriction_number), record.position
        )

    def on_restriction_took_effect(self, event: pb.RestrictionTookEffect, record: Record) -> None:
        self.caused_by(record, "trading")
        key = (event.account, event.restriction_number)
        self.pairs.say(
            "a restriction takes effect when trading stops the account", "registry", key, event.trading_position
        )

    def on_account_wound_up(self, event: pb.AccountWoundUp, record: Record) -> None:
        self.caused_by(record, "trading")
        key = (event.account, event.restriction_number)
        self.pairs.say("the registry hears that an account is wound up", "registry", key, event.trading_position)
        self._known(event.account).wound_up = event.restriction_number

    def on_account_restriction_lifted(self, event: pb.AccountRestrictionLifted, record: Record) -> None:
        account = self._known(event.account)
        self.same(
            "a restriction is lifted",
            event.account,
            (event.restriction_number, True),
            (account.restriction_number, account.restricted),
        )
        account.restricted = False

    def on_account_closed(self, event: pb.AccountClosed, record: Record) -> None:
        account = self._known(event.account)
        if not account.restricted or account.wound_up != account.restriction_number:
            self.say("an account is wound up before it is closed", f"{event.account}: {account}")
        account.closed = True
        held = [key for key, holding in self.holdings.items() if key[0] == event.account and holding != Holding()]
        if held:
            self.say("a closed account is empty", f"{event.account} holds {held}")

    # Vintages and holdings

    def on_vintage_created(self, event: pb.VintageCreated, record: Record) -> None:
        if event.vintage in self.vintages:
            self.say("a vintage is created once", event.vintage)
        self.vintages[event.vintage] = Vintage()
        self.pairs.say("trading knows every vintage", "registry", event.vintage)

    def on_allowances_issued(self, event: pb.AllowancesIssued, record: Record) -> None:
        if self._known(event.account).kind != types.ACCOUNT_KIND_PROVINCE:
            self.say("allowances are issued to a province", event.account)
        self.vintages[event.vintage].issued_tonnes += event.quantity_tonnes
        self._move(event.account, event.vintage, available=event.quantity_tonnes)
        self._conserved(event.vintage)

    def on_allowances_allocated(self, event: pb.AllowancesAllocated, record: Record) -> None:
        receiver = self._known(event.account)
        if acts_for(record) != f"province:{event.from_account}":
            self.say("a province allocates from its own account", f"{actor_of(record)} from {event.from_account}")
        if (receiver.kind, receiver.province) != (types.ACCOUNT_KIND_KEY_EMITTING_ENTITY, event.from_account):
            self.say("a province allocates to its own entities", f"{event.from_account} to {event.account}")
        self._usable(event.from_account)
        self._move(event.from_account, event.vintage, available=-event.quantity_tonnes)
        self._move(event.account, event.vintage, available=event.quantity_tonnes)
        self._conserved(event.vintage)

    def on_transferred_to_trading(self, event: pb.TransferredToTrading, record: Record) -> None:
        if acts_for(record) != f"participant:{event.account}":
            self.say("only its holder moves a holding", f"{actor_of(record)} moves {event.account}")
        self._usable(event.account)
        if not self.accounts[event.account].eligible_to_trade:
            self.say("only who may trade transfers to trading", event.account)
        self._move(event.account, event.vintage, available=-event.quantity_tonnes, trading=event.quantity_tonnes)
        self._conserved(event.vintage)
        self.pairs.say(
            "every transfer is credited once",
            "registry",
            record.position,
            event.account,
            event.vintage,
            event.quantity_tonnes,
        )

    def on_returned_from_trading(self, event: pb.ReturnedFromTrading, record: Record) -> None:
        self.caused_by(record, "trading")
        self._move(event.account, event.vintage, available=event.quantity_tonnes, trading=-event.quantity_tonnes)
        self._conserved(event.vintage)
        what = (event.account, event.vintage, event.quantity_tonnes)
        self.pairs.say("every return is booked once", "registry", event.return_id, *what, event.trading_position)
        self.pairs.say("trading hears every booked return", "registry", event.return_id, *what, record.position)

    # Delivery

    def on_delivery_legs_staged(self, event: pb.DeliveryLegsStaged, record: Record) -> None:
        staged = self.delivered.staged
        if event.page == 1:
            staged = self.delivered.staged = Staged((event.run_id, event.attempt))
        self.same(
            "pages come in order", "page", ((event.run_id, event.attempt), event.page), (staged.key, staged.pages + 1)
        )
        staged.pages += 1
        staged.legs += event.legs
        if actor_of(record) != "service:clearing":
            self.say("only clearing orders a delivery", actor_of(record))

    def on_delivery_completed(self, event: pb.DeliveryCompleted, record: Record) -> None:
        """All that was staged moves, at once, and is reported to its accounts afterwards."""
        staged, self.delivered.staged = self.delivered.staged, Staged((0, 0))
        made = (staged.key, len(staged.legs), sum(leg.quantity_tonnes for leg in staged.legs))
        stated = ((event.run_id, event.attempt), event.legs, event.quantity_tonnes)
        self.same("a delivery is whole", "legs", stated, made)
        digest = bytes(32)
        for leg in staged.legs:
            values = (leg.trade_id, leg.vintage, leg.quantity_tonnes, leg.seller, leg.buyer)
            digest = sha256(digest + b"".join(f"{value}".encode() + bytes(1) for value in values)).digest()
        self.same("a delivery is what was ordered", "digest", event.legs_digest.hex(), digest.hex())
        if event.run_id <= self.delivered.last_run_id:
            self.say("a run is delivered once", f"run {event.run_id} after {self.delivered.last_run_id}")
        self.delivered.last_run_id = event.run_id
        sold: Counter[tuple[str, str]] = Counter()
        for leg in staged.legs:
            sold[leg.seller, leg.vintage] += leg.quantity_tonnes
            if leg.trade_id <= self.delivered.last_trade_id:
                self.say("each trade is delivered once", f"trade {leg.trade_id} after {self.delivered.last_trade_id}")
            self.delivered.last_trade_id = leg.trade_id
            self.delivered.unreported[leg.trade_id] = (event.run_id, event.attempt, event.day, leg)
            self.pairs.say(
                "delivered if and only if paid",
                "registry",
                leg.trade_id,
                event.run_id,
                event.day,
                leg.vintage,
                leg.quantity_tonnes,
                leg.buyer,
                leg.seller,
            )
        for (account, vintage), tonnes in sold.items():
            held = self.holdings.get((account, vintage))
            if held is None or held.trading_tonnes < tonnes:
                self.say("what is sold is there before the run", f"{account} {vintage}: {tonnes} of {held}")
        net: Counter[tuple[str, str]] = Counter()
        for leg in staged.legs:
            net[leg.seller, leg.vintage] -= leg.quantity_tonnes
            net[leg.buyer, leg.vintage] += leg.quantity_tonnes
        for (account, vintage), tonnes in net.items():
            self._move(account, vintage, trading=tonnes)
        for vintage in {vintage for _, vintage in net}:
            self._conserved(vintage)
        self.pairs.say(
            "clearing and registry agree on every delivery",
            "registry",
            (event.run_id, event.attempt),
            "",
            record.position,
        )

    def on_allowances_delivered(self, event: pb.AllowancesDelivered, record: Record) -> None:
        """It reports a leg that is delivered."""
        known = self.delivered.unreported.pop(event.trade_id, None)
        if known is None:
            self.say("a leg is reported once, after its delivery", f"trade {event.trade_id}")
            return
        run_id, attempt, day, leg = known
        stated = (
            event.run_id,
            event.attempt,
            event.day,
            event.vintage,
            event.quantity_tonnes,
            event.seller,
            event.buyer,
        )
        made = (run_id, attempt, day, leg.vintage, leg.quantity_tonnes, leg.seller, leg.buyer)
        self.same("a leg is reported as it was delivered", f"trade {event.trade_id}", stated, made)

    def on_delivery_repeated(self, event: pb.DeliveryRepeated, record: Record) -> None:
        if event.run_id != self.delivered.last_run_id:
            self.say("only what was delivered is answered as delivered", f"run {event.run_id}")
        self.pairs.say(
            "clearing and registry agree on every delivery",
            "registry",
            (event.run_id, event.attempt),
            "",
            record.position,
        )

    def on_delivery_refused(self, event: pb.DeliveryRefused, record: Record) -> None:
        self.delivered.staged = Staged((0, 0))
        self.pairs.say(
            "clearing and registry agree on every delivery", "registry", (event.run_id, event.attempt), event.reason, 0
        )

    # What the methods above are made of

    def _known(self, account: str) -> Account:
        if account not in self.accounts:
            self.say("an account is opened before it is used", account)
            self.accounts[account] = Account(types.ACCOUNT_KIND_UNSPECIFIED, "", False)
        return self.accounts[account]

    def _usable(self, account: str) -> None:
        known = self._known(account)
        if known.restricted or known.closed:
            self.say("a restricted or closed account is not used", account)

    def _move(self, account: str, vintage: str, available: int = 0, trading: int = 0) -> None:
        position = self.reader.position
        self.commitments.held["custody/1"].add(position, (account, vintage), "custody_tonnes", trading)
        if self._known(account).closed:
            self.say("a closed account does not move", account)
        holding = self.holdings.get((account, vintage))
        if holding is None:
            holding = self.holdings[account, vintage] = Holding()
        holding.registry_available_tonnes += available
        holding.trading_tonnes += trading
        line = self.vintages.setdefault(vintage, Vintage())
        line.held_tonnes += available + trading
        line.trading_tonnes += trading
        if holding.registry_available_tonnes < 0 or holding.trading_tonnes < 0:
            self.say("no holding is negative", f"{account} {vintage}: {holding}")

    def _conserved(self, vintage: str) -> None:
        line = self.vintages[vintage]
        if line.issued_tonnes != line.held_tonnes:
            self.say("issued = held", f"{vintage}: issued {line.issued_tonnes}, held {line.held_tonnes}")

    def conclude(self) -> None:
        """Sums everything once more, account by account."""
        self.findings.at = "registry, at the end"
        if self.delivered.unreported:
            self.say("every delivered leg is reported", f"{len(self.delivered.unreported)} are not")
        held: dict[str, int] = dict.fromkeys(self.vintages, 0)
        for (_, vintage), holding in self.holdings.items():
            held[vintage] += holding.registry_available_tonnes + holding.trading_tonnes
        for vintage, line in self.vintages.items():
            self.same("issued = held", vintage, line.issued_tonnes, held[vintage])
