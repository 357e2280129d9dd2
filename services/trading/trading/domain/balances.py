"""An account with its units of each instrument and its money. They change only by the moves below.

A move is one step of the market and is named after it; its amount is never negative. Each move ends with assertions
over all fields, so that one that forgets a field fails at once:

- no field is negative;
- available + locked + bought + blocked units = custody + bought unsettled - sold unsettled;
- bought unsettled units are part of the bought units, and sold unsettled units are part of custody;
- available + locked + blocked money - owed = settled + received unsettled - paid unsettled.

The left sides say what the account may do with its units and money. The right sides are the registry's and clearing's
books as far as trading has heard them, plus and minus the trades that are not settled in those books yet.

`held_elsewhere` is what those books must have, by the left sides. Trading commits to it (commitments.py): whoever gets
an account's units or money to change them touches their key.
"""

from dataclasses import dataclass, field

from chassis.core.commitment import Touched
from chassis.core.sum_tree import Quantities


@dataclass(slots=True)
class Units:
    """One account's units of one instrument, in tonnes."""

    available_tonnes: int = 0
    locked_tonnes: int = 0
    # Bought and not yet released for sale.
    bought_tonnes: int = 0
    blocked_tonnes: int = 0
    # The registry's figure, as far as its events and settlements were heard.
    custody_tonnes: int = 0
    bought_unsettled_tonnes: int = 0
    sold_unsettled_tonnes: int = 0
    # Returned, and not yet booked by the registry as far as trading has heard.
    returning_tonnes: int = 0

    @property
    def held_elsewhere(self) -> tuple[Quantities, Quantities]:
        """In the registry's custody for trading, and in clearing's book, in the order of commitments.py's forms."""
        custody_tonnes = (
            self.total_tonnes - self.bought_unsettled_tonnes + self.sold_unsettled_tonnes + self.returning_tonnes
        )
        due = (self.bought_unsettled_tonnes, self.sold_unsettled_tonnes, self.blocked_tonnes)
        return (custody_tonnes,), due

    @property
    def total_tonnes(self) -> int:
        return self.available_tonnes + self.locked_tonnes + self.bought_tonnes + self.blocked_tonnes

    def credit(self, quantity_tonnes: int) -> None:
        """The registry transferred units to trading."""
        self.available_tonnes += quantity_tonnes
        self.custody_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def give_back(self, quantity_tonnes: int) -> None:
        """Units return to the registry."""
        self.available_tonnes -= quantity_tonnes
        self.custody_tonnes -= quantity_tonnes
        self.returning_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def acknowledge_return(self, quantity_tonnes: int) -> None:
        """The registry booked units that returned."""
        self.returning_tonnes -= quantity_tonnes
        self.check(quantity_tonnes)

    def lock(self, quantity_tonnes: int) -> None:
        """A listing or the terms of a block need the units."""
        self.available_tonnes -= quantity_tonnes
        self.locked_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def unlock(self, quantity_tonnes: int) -> None:
        self.locked_tonnes -= quantity_tonnes
        self.available_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def sell_locked(self, quantity_tonnes: int) -> None:
        """The maker of a trade sells the units locked for it."""
        self.locked_tonnes -= quantity_tonnes
        self.sold_unsettled_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def sell_available(self, quantity_tonnes: int) -> None:
        """The taker of a trade sells at once."""
        self.available_tonnes -= quantity_tonnes
        self.sold_unsettled_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def buy(self, quantity_tonnes: int) -> None:
        """Bought units wait for their release (T+1)."""
        self.bought_tonnes += quantity_tonnes
        self.bought_unsettled_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def settle_bought(self, quantity_tonnes: int) -> None:
        """The registry delivered the units to this account."""
        self.bought_unsettled_tonnes -= quantity_tonnes
        self.custody_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def settle_sold(self, quantity_tonnes: int) -> None:
        """The registry delivered the units to the buyer."""
        self.sold_unsettled_tonnes -= quantity_tonnes
        self.custody_tonnes -= quantity_tonnes
        self.check(quantity_tonnes)

    def release(self, quantity_tonnes: int) -> None:
        """A settled purchase may be sold from now on."""
        self.bought_tonnes -= quantity_tonnes
        self.available_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def exclude_bought(self, quantity_tonnes: int) -> None:
        """The purchase was excluded from its run: the units will not come."""
        self.bought_tonnes -= quantity_tonnes
        self.bought_unsettled_tonnes -= quantity_tonnes
        self.check(quantity_tonnes)

    def block_sold(self, quantity_tonnes: int) -> None:
        """The sale was excluded from its run: the units stay, and cannot be used."""
        self.sold_unsettled_tonnes -= quantity_tonnes
        self.blocked_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def check(self, moved_tonnes: int = 0) -> None:
        assert moved_tonnes >= 0
        assert self.available_tonnes >= 0
        assert self.locked_tonnes >= 0
        assert self.bought_tonnes >= self.bought_unsettled_tonnes >= 0
        assert self.blocked_tonnes >= 0
        assert self.returning_tonnes >= 0
        assert self.custody_tonnes >= self.sold_unsettled_tonnes >= 0
        assert self.total_tonnes == self.custody_tonnes + self.bought_unsettled_tonnes - self.sold_unsettled_tonnes, (
            "units came from nowhere"
        )


@dataclass(slots=True)
class Funds:
    """One account's money, in fen."""

    available_fen: int = 0
    locked_fen: int = 0
    blocked_fen: int = 0
    # Proceeds of an excluded sale that were spent already. Money that comes in covers them first, as a rule because the
    # purchase that they paid is excluded too.
    owed_fen: int = 0
    # Clearing's balance, as far as its events were heard.
    settled_fen: int = 0
    paid_unsettled_fen: int = 0
    # Proceeds of unsettled sales: of the last day opened, and of earlier days.
    received_today_fen: int = 0
    received_earlier_fen: int = 0
    # Released, and not yet taken out of the balance by clearing as far as trading has heard.
    releasing_fen: int = 0

    @property
    def held_elsewhere(self) -> tuple[Quantities]:
        """In clearing's book, in the order of commitments.py's form."""
        balance_fen = self.total_fen + self.paid_unsettled_fen - self.received_unsettled_fen + self.releasing_fen
        return ((balance_fen, self.paid_unsettled_fen, self.received_unsettled_fen, self.blocked_fen),)

    @property
    def total_fen(self) -> int:
        return self.available_fen + self.locked_fen + self.blocked_fen - self.owed_fen

    @property
    def received_unsettled_fen(self) -> int:
        return self.received_today_fen + self.received_earlier_fen

    @property
    def buying_power_fen(self) -> int:
        """Money that an order may use. It includes proceeds of today's sales (rulebook 3.6), and those of earlier days
        only when they are settled.
        """
        return max(0, self.available_fen - self.received_earlier_fen - self.owed_fen)

    @property
    def withdrawable_fen(self) -> int:
        """Money that may leave the market: available less unsettled proceeds and what is owed (rulebook 3.6).

        It equals min(available, settled - bought today - locked), as available is settled + received - paid - locked.
        """
        return max(0, self.available_fen - self.received_unsettled_fen - self.owed_fen)

    def credit(self, amount_fen: int) -> None:
        """Clearing booked a deposit, or a payout that came back."""
        self.settled_fen += amount_fen
        self._give(amount_fen)
        self.check(amount_fen)

    def release(self, amount_fen: int) -> None:
        """Money leaves the market through clearing."""
        self.available_fen -= amount_fen
        self.settled_fen -= amount_fen
        self.releasing_fen += amount_fen
        self.check(amount_fen)

    def acknowledge_release(self, amount_fen: int) -> None:
        """Clearing took released money out of the balance."""
        self.releasing_fen -= amount_fen
        self.check(amount_fen)

    def lock(self, amount_fen: int) -> None:
        """A listing or the terms of a block need the money."""
        self.available_fen -= amount_fen
        self.locked_fen += amount_fen
        self.check(amount_fen)

    def unlock(self, amount_fen: int) -> None:
        self.locked_fen -= amount_fen
        self.available_fen += amount_fen
        self.check(amount_fen)

    def pay_locked(self, amount_fen: int) -> None:
        """The maker of a trade pays with the money locked for it."""
        self.locked_fen -= amount_fen
        self.paid_unsettled_fen += amount_fen
        self.check(amount_fen)

    def pay_available(self, amount_fen: int) -> None:
        """The taker of a trade pays at once."""
        self.available_fen -= amount_fen
        self.paid_unsettled_fen += amount_fen
        self.check(amount_fen)

    def receive(self, amount_fen: int) -> None:
        """The proceeds of a sale of today can be spent at once."""
        self.available_fen += amount_fen
        self.received_today_fen += amount_fen
        self.check(amount_fen)

    def begin_day(self) -> None:
        """From now on unsettled proceeds cannot be used to buy."""
        self.received_earlier_fen += self.received_today_fen
        self.received_today_fen = 0
        self.check()

    def settle_paid(self, amount_fen: int) -> None:
        """Clearing took the cost of the purchase out of the balance."""
        self.paid_unsettled_fen -= amount_fen
        self.settled_fen -= amount_fen
        self.check(amount_fen)

    def settle_received(self, amount_fen: int, *, sold_today: bool) -> None:
        """Clearing added the proceeds to the balance."""
        self._end_received(amount_fen, sold_today)
        self.settled_fen += amount_fen
        self.check(amount_fen)

    def exclude_paid(self, amount_fen: int, *, blocked_fen: int) -> None:
        """The purchase was excluded from its run: as much of its cost stays blocked as clearing stated."""
        assert 0 <= blocked_fen <= amount_fen
        self.paid_unsettled_fen -= amount_fen
        self.blocked_fen += blocked_fen
        self._give(amount_fen - blocked_fen)
        self.check(amount_fen)

    def exclude_received(self, amount_fen: int, *, sold_today: bool) -> None:
        """The sale was excluded from its run: its proceeds are taken back, and what was spent of them is owed."""
        self._end_received(amount_fen, sold_today)
        taken_fen = min(self.available_fen, amount_fen)
        self.available_fen -= taken_fen
        self.owed_fen += amount_fen - taken_fen
        self.check(amount_fen)

    def _give(self, amount_fen: int) -> None:
        """Money becomes available, after it has covered what is owed."""
        covered_fen = min(self.owed_fen, amount_fen)
        self.owed_fen -= covered_fen
        self.available_fen += amount_fen - covered_fen

    def _end_received(self, amount_fen: int, sold_today: bool) -> None:
        """The proceeds of a trade no longer await settlement."""
        if sold_today:
            self.received_today_fen -= amount_fen
        else:
            self.received_earlier_fen -= amount_fen

    def check(self, moved_fen: int = 0) -> None:
        assert moved_fen >= 0
        assert self.available_fen >= 0
        assert self.locked_fen >= 0
        assert self.blocked_fen >= 0
        assert self.owed_fen >= 0
        assert self.settled_fen >= 0
        assert self.paid_unsettled_fen >= 0
        assert self.received_today_fen >= 0
        assert self.received_earlier_fen >= 0
        assert self.releasing_fen >= 0
        assert self.total_fen == self.settled_fen + self.received_unsettled_fen - self.paid_unsettled_fen, (
            "money came from nowhere"
        )


@dataclass(slots=True)
class Account:
    account: str
    eligible_to_trade: bool
    # Why the registry restricted it, and the number of that restriction; empty while it is not.
    stopped_ground: str = ""
    restriction_number: int = 0
    closed: bool = False
    units: dict[str, Units] = field(default_factory=dict)
    funds: Funds = field(default_factory=Funds)
    # Open orders and negotiations, by id.
    orders: dict[int, None] = field(default_factory=dict)
    blocks: dict[int, None] = field(default_factory=dict)
    # Values of the last day opened, from which its fees are computed (fees.py): traded, and open to be bought.
    bought_today_fen: int = 0
    sold_today_fen: int = 0
    bidding_fen: int = 0
    # How many of its trades, bought or sold, two people excluded from their run.
    trades_blocked: int = 0
    # What of it was changed since trading's commitments were last brought up to date: shared by all accounts.
    touched_units: Touched = field(default_factory=dict, repr=False, compare=False)
    touched_money: Touched = field(default_factory=dict, repr=False, compare=False)

    @property
    def unsettled_tonnes(self) -> int:
        """Tonnes bought plus tonnes sold in all instruments; zero when no trade of the account awaits settlement."""
        return sum(units.bought_unsettled_tonnes + units.sold_unsettled_tonnes for units in self.units.values())

    def awaits_only(self, unsettled_tonnes: int) -> bool:
        """Whether exactly so many tonnes await settlement and no trade is blocked."""
        return self.unsettled_tonnes == unsettled_tonnes and not self.trades_blocked

    @property
    def awaits_nothing(self) -> bool:
        return self.awaits_only(0)

    def units_of(self, instrument: str) -> Units:
        """The units, to be changed by one of their moves."""
        self.touched_units[self.account, instrument] = None
        units = self.units.get(instrument)
        if units is None:
            units = self.units[instrument] = Units()
        return units

    def money(self) -> Funds:
        """The funds, to be changed by one of their moves. What a move leaves alone that clearing has needs no touch:
        a lock, its end, and the beginning of a day, which is one for every account.
        """
        self.touched_money[(self.account,)] = None
        return self.funds

    def begin_day(self) -> None:
        assert self.bidding_fen == 0, "no purchase is open overnight"
        self.bought_today_fen = self.sold_today_fen = 0
        self.funds.begin_day()

    def open_purchase(self, value_fen: int, *, locked_fen: int) -> None:
        """An open purchase locks its value and its fee (fees.py)."""
        assert 0 <= value_fen <= locked_fen
        self.bidding_fen += value_fen
        self.funds.lock(locked_fen)

    def end_open_purchase(self, value_fen: int, *, unlocked_fen: int) -> None:
        """The rest of an open purchase ends without a trade, and its lock ends."""
        assert 0 <= value_fen <= min(unlocked_fen, self.bidding_fen)
        self.bidding_fen -= value_fen
        self.funds.unlock(unlocked_fen)

    def pay_open_purchase(self, value_fen: int, *, paid_fen: int) -> None:
        """This value of an open purchase is traded, and paid with the money it locked."""
        assert 0 <= value_fen <= min(paid_fen, self.bidding_fen)
        self.bidding_fen -= value_fen
        self.money().pay_locked(paid_fen)

    def buy(self, instrument: str, quantity_tonnes: int, value_fen: int) -> None:
        """The bought units wait for their release (T+1)."""
        self.units_of(instrument).buy(quantity_tonnes)
        self.bought_today_fen += value_fen

    def receive(self, value_fen: int, *, proceeds_fen: int) -> None:
        """The proceeds of a sale can be spent at once."""
        self.money().receive(proceeds_fen)
        self.sold_today_fen += value_fen

    def check(self) -> None:
        assert self.bidding_fen >= 0
        self.funds.check()
        for units in self.units.values():
            units.check()
