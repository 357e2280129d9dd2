"""Trading's views of units and money, by account, as its events make them.

`free` is what is available less what is owed, so it is negative only between the records that take a spent sale and the
purchases that it paid out of their run. The total of each must at any time be what the owning book has, moved by what
is on its way.
"""

from dataclasses import dataclass, field

from support.auditor.findings import Findings


@dataclass(slots=True)
class Units:
    """One account's units of one instrument, in tonnes."""

    available: int = 0
    locked: int = 0
    bought: int = 0
    blocked: int = 0
    bought_unsettled: int = 0
    sold_unsettled: int = 0
    returning: int = 0

    @property
    def total(self) -> int:
        return self.available + self.locked + self.bought + self.blocked

    @property
    def in_registry(self) -> int:
        """What the registry must have in trading for the account."""
        return self.total - self.bought_unsettled + self.sold_unsettled + self.returning


@dataclass(slots=True)
class Funds:
    """One account's money, in fen. `proceeds` are of unsettled sales, by day."""

    free: int = 0
    locked: int = 0
    blocked: int = 0
    paid_unsettled: int = 0
    proceeds: dict[str, int] = field(default_factory=dict)
    releasing: int = 0

    @property
    def total(self) -> int:
        return self.free + self.locked + self.blocked

    @property
    def unsettled_proceeds(self) -> int:
        return sum(self.proceeds.values())

    @property
    def in_clearing(self) -> int:
        """What clearing must have as the account's balance."""
        return self.total + self.paid_unsettled - self.unsettled_proceeds + self.releasing


@dataclass(slots=True)
class CustodyAccount:
    eligible_to_trade: bool
    stopped: bool = False
    closed: bool = False


@dataclass(slots=True)
class Trade:
    """What is remembered of a trade until it is over."""

    day: str
    instrument: str
    quantity_tonnes: int
    buyer: str
    seller: str
    buyer_pays_fen: int
    seller_receives_fen: int
    settled: bool = False
    due: bool = False  # settled when the open day opened: to be released on it


class Custody:
    """All accounts."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.accounts: dict[str, CustodyAccount] = {}
        self.units: dict[tuple[str, str], Units] = {}
        self.funds: dict[str, Funds] = {}
        self.in_blocked_trades: set[str] = set()

    def units_of(self, account: str, instrument: str) -> Units:
        return self.units.setdefault((account, instrument), Units())

    def unsettled_tonnes(self, account: str) -> int:
        """Of its trades that await settlement, bought and sold together."""
        return sum(
            units.bought_unsettled + units.sold_unsettled for (of, _), units in self.units.items() if of == account
        )

    def funds_of(self, account: str) -> Funds:
        return self.funds.setdefault(account, Funds())

    def may_trade(self, account: str, actor: str) -> None:
        """The rules of who may place or take anything (rulebook 1.2, 1.4)."""
        known = self.accounts.get(account)
        if known is None or not known.eligible_to_trade or known.stopped or known.closed:
            self._findings.say("only an eligible, unrestricted account trades", f"{account}: {known}")
        if actor != f"participant:{account}":
            self._findings.say("only its holder uses an account", f"{actor} uses {account}")

    def spend_units(self, account: str, instrument: str, tonnes: int, to_lock: bool) -> None:
        """Takes available units. Bought ones are not among them before their release (T+1)."""
        units = self.units_of(account, instrument)
        units.available -= tonnes
        if to_lock:
            units.locked += tonnes
        if units.available < 0:
            self._findings.say(
                "a sale is covered by available units (T+1)",
                f"{account} {instrument}: {-units.available} t too many, {units.bought} t bought and not released",
            )

    def unlock_units(self, account: str, instrument: str, tonnes: int, give_back: bool) -> None:
        units = self.units_of(account, instrument)
        units.locked -= tonnes
        if give_back:
            units.available += tonnes
        if units.locked < 0:
            self._findings.say("no lock is negative", f"{account} {instrument}: {units.locked} t")

    def spend_funds(self, account: str, fen: int, day: str, to_lock: bool) -> None:
        """Takes free money. Proceeds of the same day may be spent, of earlier days only when they are settled."""
        funds = self.funds_of(account)
        earlier = sum(amount for of_day, amount in funds.proceeds.items() if of_day != day)
        if fen > funds.free - earlier:
            self._findings.say(
                "a purchase is covered by free money", f"{account}: needs {fen}, free {funds.free}, unsettled {earlier}"
            )
        funds.free -= fen
        if to_lock:
            funds.locked += fen

    def unlock_funds(self, account: str, fen: int, give_back: bool) -> None:
        funds = self.funds_of(account)
        funds.locked -= fen
        if give_back:
            funds.free += fen
        if funds.locked < 0:
            self._findings.say("no lock is negative", f"{account}: {funds.locked} fen")

    def change_lock(self, account: str, fen: int) -> None:
        """Free money is locked, or unlocked, for purchases that are open already."""
        funds = self.funds_of(account)
        funds.locked += fen
        funds.free -= fen

    def withdraw(self, account: str, fen: int) -> None:
        """Money leaves up to min(available, settled - bought today - locked), which is free less unsettled proceeds."""
        funds = self.funds_of(account)
        withdrawable = funds.free - funds.unsettled_proceeds
        if fen > withdrawable:
            self._findings.say("only settled money is withdrawn", f"{account}: {fen} of {withdrawable} withdrawable")
        funds.free -= fen
        funds.releasing += fen

    def give(self, trade: Trade) -> None:
        bought = self.units_of(trade.buyer, trade.instrument)
        bought.bought += trade.quantity_tonnes
        bought.bought_unsettled += trade.quantity_tonnes
        self.units_of(trade.seller, trade.instrument).sold_unsettled += trade.quantity_tonnes
        self.funds_of(trade.buyer).paid_unsettled += trade.buyer_pays_fen
        funds = self.funds_of(trade.seller)
        funds.free += trade.seller_receives_fen
        funds.proceeds[trade.day] = funds.proceeds.get(trade.day, 0) + trade.seller_receives_fen

    def settle(self, trade: Trade) -> None:
        """It awaits settlement no longer."""
        self.units_of(trade.buyer, trade.instrument).bought_unsettled -= trade.quantity_tonnes
        self.units_of(trade.seller, trade.instrument).sold_unsettled -= trade.quantity_tonnes
        self.funds_of(trade.buyer).paid_unsettled -= trade.buyer_pays_fen
        proceeds = self.funds_of(trade.seller).proceeds
        proceeds[trade.day] -= trade.seller_receives_fen
        if not proceeds[trade.day]:
            del proceeds[trade.day]

    def conclude(self) -> None:
        for account, funds in self.funds.items():
            amounts_of = (funds.free, funds.locked, funds.blocked, funds.paid_unsettled, funds.unsettled_proceeds)
            if min(*amounts_of, funds.releasing) < 0:
                self._findings.say("no money is negative", f"{account}: {funds}")
        for (account, instrument), units in self.units.items():
            known = self.accounts.get(account)
            if known is not None and known.stopped and units.available:
                self._findings.say("a stopped account's unsold units go back", f"{account} {instrument}: {units}")
            amounts = (units.available, units.locked, units.bought, units.blocked, units.returning)
            if min(amounts) < 0:
                self._findings.say("no units are negative", f"{account} {instrument}: {units}")
