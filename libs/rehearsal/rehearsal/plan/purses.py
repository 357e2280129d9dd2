"""What every account of the cast must own beforehand, found by keeping its books while the plan is cast.

Money and tonnes start at nothing. Whenever an account must spend or lock more than it has, the lack is written down as
needed from the beginning; had it been there, the spending would have been covered, and so it is. Purchases become
sellable on the next day (T+1); sale money can be spent from the next wave on (rulebook 3.6, Articles 11, 12 and 14).

Invariant: no balance is ever negative; needed + received = spent + locked + balance, per account and instrument.
"""

from collections import defaultdict


class Purse:
    """One account's money (fen) or tonnes of one instrument: available now, received but not yet usable, needed
    beforehand."""

    __slots__ = ("available", "coming", "needed")

    def __init__(self) -> None:
        self.available = 0
        self.coming = 0
        self.needed = 0

    def spend(self, amount: int) -> None:
        lack = max(0, amount - self.available)
        self.needed += lack
        self.available += lack - amount

    def receive(self, amount: int) -> None:
        self.coming += amount

    def release(self) -> None:
        self.available += self.coming
        self.coming = 0


class Purses:
    """All purses: `money[account]` and `tonnes[instrument][account]`, by the account's index."""

    def __init__(self, accounts: int) -> None:
        self.money = [Purse() for _ in range(accounts)]
        self.tonnes: defaultdict[str, list[Purse]] = defaultdict(lambda: [Purse() for _ in range(accounts)])
        self._paid: set[Purse] = set()

    def pay(self, account: int, amount_fen: int) -> None:
        """Money that the account may spend from the next wave on."""
        purse = self.money[account]
        purse.receive(amount_fen)
        self._paid.add(purse)

    def end_wave(self) -> None:
        for purse in self._paid:
            purse.release()
        self._paid.clear()

    def end_day(self) -> None:
        self.end_wave()
        for purses in self.tonnes.values():
            for purse in purses:
                purse.release()
