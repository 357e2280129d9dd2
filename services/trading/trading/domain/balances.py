"""An account's units and money."""

from dataclasses import dataclass


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


@dataclass(slots=True)
class Funds:
    """One account's money, in fen."""

    available_fen: int = 0
    locked_fen: int = 0
    blocked_fen: int = 0
    # Spent proceeds of a sale that was taken out of its run, until the purchase that they paid is taken out too.
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


def assert_units(units: Units) -> None:
    assert units.available_tonnes >= 0
    assert units.locked_tonnes >= 0
    assert units.bought_tonnes >= units.bought_unsettled_tonnes >= 0
    assert units.sold_unsettled_tonnes >= 0
    assert units.blocked_tonnes >= 0
    assert units.total_tonnes == (units.custody_tonnes + units.bought_unsettled_tonnes - units.sold_unsettled_tonnes), (
        "units came from nowhere"
    )


def assert_funds(funds: Funds) -> None:
    assert funds.available_fen >= 0
    assert funds.locked_fen >= 0
    assert funds.blocked_fen >= 0
    assert funds.owed_fen >= 0
    assert funds.paid_unsettled_fen >= 0
    assert funds.received_today_fen >= 0
    assert funds.received_earlier_fen >= 0
    assert funds.total_fen == (funds.settled_fen + funds.received_unsettled_fen - funds.paid_unsettled_fen), (
        "money came from nowhere"
    )


def lock_units(units: Units, quantity_tonnes: int) -> None:
    units.available_tonnes -= quantity_tonnes
    units.locked_tonnes += quantity_tonnes
    assert_units(units)


def unlock_units(units: Units, quantity_tonnes: int) -> None:
    units.locked_tonnes -= quantity_tonnes
    units.available_tonnes += quantity_tonnes
    assert_units(units)


def lock_funds(funds: Funds, amount_fen: int) -> None:
    funds.available_fen -= amount_fen
    funds.locked_fen += amount_fen
    assert_funds(funds)


def unlock_funds(funds: Funds, amount_fen: int) -> None:
    funds.locked_fen -= amount_fen
    funds.available_fen += amount_fen
    assert_funds(funds)


def give_funds(funds: Funds, amount_fen: int) -> None:
    """Money becomes available; what is owed is covered first."""
    covered_fen = min(funds.owed_fen, amount_fen)
    funds.owed_fen -= covered_fen
    funds.available_fen += amount_fen - covered_fen


def take_back_funds(funds: Funds, amount_fen: int) -> None:
    """Money is available no longer; what was spent of it is owed."""
    taken_fen = min(funds.available_fen, amount_fen)
    funds.available_fen -= taken_fen
    funds.owed_fen += amount_fen - taken_fen
