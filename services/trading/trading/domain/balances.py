"""An account and what it has here: its units of each instrument, and its money. They change by the moves below and in
no other way.

A move is a step of the market's, named after it, and moves an amount that is not negative. Each ends by asserting over
all fields, so that a move that forgets one of them fails where it is made:

- no field is negative;
- available + locked + bought + blocked units = custody + bought unsettled - sold unsettled;
- units bought and not settled are among those that wait for their release, and what is sold and not settled is in
  custody;
- available + locked + blocked money - owed = settled + received unsettled - paid unsettled.

The left sides are what the account may do with what it has. The right sides are what the registry's and clearing's
books say, as far as trading has heard them, corrected by the trades that those books do not have yet.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Units:
    """One account's units of one instrument, in tonnes."""

    available_tonnes: int = 0
    locked_tonnes: int = 0
    # Bought and not yet released for sale.
    bought_tonnes: int = 0
    blocked_tonnes: int = 0
    # What the registry's books say, as far as settlements were heard.
    custody_tonnes: int = 0
    bought_unsettled_tonnes: int = 0
    sold_unsettled_tonnes: int = 0

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
        self.check(quantity_tonnes)

    def lock(self, quantity_tonnes: int) -> None:
        """An order or the terms of a block need them."""
        self.available_tonnes -= quantity_tonnes
        self.locked_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def unlock(self, quantity_tonnes: int) -> None:
        self.locked_tonnes -= quantity_tonnes
        self.available_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def sell_locked(self, quantity_tonnes: int) -> None:
        """The maker of a trade sells what was locked for it."""
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
        """The registry delivered them to this account."""
        self.bought_unsettled_tonnes -= quantity_tonnes
        self.custody_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def settle_sold(self, quantity_tonnes: int) -> None:
        """The registry delivered them to the buyer."""
        self.sold_unsettled_tonnes -= quantity_tonnes
        self.custody_tonnes -= quantity_tonnes
        self.check(quantity_tonnes)

    def release(self, quantity_tonnes: int) -> None:
        """A settled purchase may be sold from now on."""
        self.bought_tonnes -= quantity_tonnes
        self.available_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def exclude_bought(self, quantity_tonnes: int) -> None:
        """The purchase was taken out of its run: the units will not come."""
        self.bought_tonnes -= quantity_tonnes
        self.bought_unsettled_tonnes -= quantity_tonnes
        self.check(quantity_tonnes)

    def block_sold(self, quantity_tonnes: int) -> None:
        """The sale was taken out of its run: the units stay, and cannot be used."""
        self.sold_unsettled_tonnes -= quantity_tonnes
        self.blocked_tonnes += quantity_tonnes
        self.check(quantity_tonnes)

    def check(self, moved_tonnes: int = 0) -> None:
        assert moved_tonnes >= 0
        assert self.available_tonnes >= 0
        assert self.locked_tonnes >= 0
        assert self.bought_tonnes >= self.bought_unsettled_tonnes >= 0
        assert self.blocked_tonnes >= 0
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
    # Proceeds of a sale that was taken out of its run, spent already, until the purchase that they paid is taken out.
    owed_fen: int = 0
    # What clearing's books say, as far as settlements were heard.
    settled_fen: int = 0
    paid_unsettled_fen: int = 0
    # Proceeds of sales that are not settled, of the last day opened and of earlier ones.
    received_today_fen: int = 0
    received_earlier_fen: int = 0

    @property
    def total_fen(self) -> int:
        return self.available_fen + self.locked_fen + self.blocked_fen - self.owed_fen

    @property
    def received_unsettled_fen(self) -> int:
        return self.received_today_fen + self.received_earlier_fen

    @property
    def buying_power_fen(self) -> int:
        """What an order may use: proceeds of the same day's sales (rulebook 3.6), of earlier days only when they are
        settled.
        """
        return max(0, self.available_fen - self.received_earlier_fen - self.owed_fen)

    @property
    def withdrawable_fen(self) -> int:
        """min(available, settled - bought today - locked): since available is settled + received - paid - locked,
        what is available less the unsettled proceeds.
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
        self.check(amount_fen)

    def lock(self, amount_fen: int) -> None:
        """An order or the terms of a block need it."""
        self.available_fen -= amount_fen
        self.locked_fen += amount_fen
        self.check(amount_fen)

    def unlock(self, amount_fen: int) -> None:
        self.locked_fen -= amount_fen
        self.available_fen += amount_fen
        self.check(amount_fen)

    def pay_locked(self, amount_fen: int) -> None:
        """The maker of a trade pays with what was locked for it."""
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
        """Proceeds that are not settled by now stop being buying power."""
        self.received_earlier_fen += self.received_today_fen
        self.received_today_fen = 0
        self.check()

    def settle_paid(self, amount_fen: int) -> None:
        """Clearing took it out of the balance for the purchase."""
        self.paid_unsettled_fen -= amount_fen
        self.settled_fen -= amount_fen
        self.check(amount_fen)

    def settle_received(self, amount_fen: int, *, sold_today: bool) -> None:
        """Clearing added the proceeds to the balance."""
        self._end_received(amount_fen, sold_today)
        self.settled_fen += amount_fen
        self.check(amount_fen)

    def exclude_paid(self, amount_fen: int, *, blocked_fen: int) -> None:
        """The purchase was taken out of its run: clearing said how much of its cost stays blocked."""
        assert 0 <= blocked_fen <= amount_fen
        self.paid_unsettled_fen -= amount_fen
        self.blocked_fen += blocked_fen
        self._give(amount_fen - blocked_fen)
        self.check(amount_fen)

    def exclude_received(self, amount_fen: int, *, sold_today: bool) -> None:
        """The sale was taken out of its run: its proceeds are taken back, and what was spent of them is owed."""
        self._end_received(amount_fen, sold_today)
        taken_fen = min(self.available_fen, amount_fen)
        self.available_fen -= taken_fen
        self.owed_fen += amount_fen - taken_fen
        self.check(amount_fen)

    def _give(self, amount_fen: int) -> None:
        """Money becomes available; what is owed is covered first."""
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
        assert self.total_fen == self.settled_fen + self.received_unsettled_fen - self.paid_unsettled_fen, (
            "money came from nowhere"
        )


@dataclass(slots=True)
class Account:
    account: str
    eligible_to_trade: bool
    # Why the registry restricted it, and the number of that restriction; empty while it is not.
    stopped_ground: str = ""
    restriction: int = 0
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
    # Trades, bought or sold, that two people took out of their run.
    trades_blocked: int = 0

    @property
    def unsettled_tonnes(self) -> int:
        """Bought and sold together, in all instruments; zero when no trade of the account awaits settlement."""
        return sum(units.bought_unsettled_tonnes + units.sold_unsettled_tonnes for units in self.units.values())

    def awaits_only(self, unsettled_tonnes: int) -> bool:
        """Whether so much is all that awaits settlement, and no trade that two people took out waits for its end."""
        return self.unsettled_tonnes == unsettled_tonnes and not self.trades_blocked

    @property
    def awaits_nothing(self) -> bool:
        return self.awaits_only(0)

    def units_of(self, instrument: str) -> Units:
        units = self.units.get(instrument)
        if units is None:
            units = self.units[instrument] = Units()
        return units

    def begin_day(self) -> None:
        assert self.bidding_fen == 0, "no purchase is open overnight"
        self.bought_today_fen = self.sold_today_fen = 0
        self.funds.begin_day()

    def open_purchase(self, value_fen: int, *, locked_fen: int) -> None:
        """An open purchase locks its value and the fee of it (fees.py)."""
        assert 0 <= value_fen <= locked_fen
        self.bidding_fen += value_fen
        self.funds.lock(locked_fen)

    def end_open_purchase(self, value_fen: int, *, unlocked_fen: int) -> None:
        """What is left of an open purchase ends without a trade."""
        assert 0 <= value_fen <= min(unlocked_fen, self.bidding_fen)
        self.bidding_fen -= value_fen
        self.funds.unlock(unlocked_fen)

    def pay_open_purchase(self, value_fen: int, *, paid_fen: int) -> None:
        """So much of an open purchase is traded, and paid from what it locked."""
        assert 0 <= value_fen <= min(paid_fen, self.bidding_fen)
        self.bidding_fen -= value_fen
        self.funds.pay_locked(paid_fen)

    def buy(self, instrument: str, quantity_tonnes: int, value_fen: int) -> None:
        """The units of a purchase wait for T+1."""
        self.units_of(instrument).buy(quantity_tonnes)
        self.bought_today_fen += value_fen

    def receive(self, value_fen: int, *, proceeds_fen: int) -> None:
        """The proceeds of a sale can be spent at once."""
        self.funds.receive(proceeds_fen)
        self.sold_today_fen += value_fen

    def check(self) -> None:
        assert self.bidding_fen >= 0
        self.funds.check()
        for units in self.units.values():
            units.check()
