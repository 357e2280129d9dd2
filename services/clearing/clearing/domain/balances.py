"""All money: each account's balance, what it still owes and is owed, and the pool that the banks hold for all of them.

It changes by the moves of `Funds` and in no other way. A move is a step of the market's, named after it, and moves an
amount that is not negative. Each ends by asserting over all fields of the funds and of the accounts that it touched, so
that a move that forgets one of them fails where it is made:

- no field is negative, and no balance is less than what excluded trades block of it;
- what the banks hold = balances + open payouts + fees.

Clearing commits to each account's money (books.py): a move that changes what it commits to touches the account.

Deposits, payouts and restored payouts are numbered without gaps by `entry_number`, so that trading, which follows them,
can say how far it has come.
"""

from dataclasses import dataclass, field

from chassis.core.commitment import Commitment
from chassis.core.sum_tree import Form, Key, Quantities

MONEY = Form("money", 1, ("balance_fen", "payable_fen", "receivable_fen", "blocked_fen"))
"""By account. The same form is in trading, whose view of it must be the same."""


@dataclass(slots=True)
class Account:
    """An account's money. Excluded trades are in neither unsettled figure; blocked_fen is what they block of the
    balance. deposits_fen is all that was ever paid in.
    """

    balance_fen: int = 0
    deposits_fen: int = 0
    unsettled_out_fen: int = 0
    unsettled_in_fen: int = 0
    blocked_fen: int = 0
    payouts_open_fen: int = 0
    restricted: bool = False
    closed: bool = False

    def check(self) -> None:
        assert self.balance_fen >= self.blocked_fen >= 0
        assert self.deposits_fen >= 0
        assert self.unsettled_out_fen >= 0
        assert self.unsettled_in_fen >= 0
        assert self.payouts_open_fen >= 0


@dataclass(frozen=True, slots=True)
class FundEntry:
    """A change of a balance that trading follows: positive in, negative out."""

    entry_number: int
    account: str
    amount_fen: int


@dataclass(slots=True)
class Funds:
    """All money. pool_fen is what the banks hold: deposits less what they paid.

    entries_recent are those after the last that trading is known, from a reconciliation, to have heard.
    """

    accounts: dict[str, Account] = field(default_factory=dict)
    entry_last: int = 0
    entries_recent: list[FundEntry] = field(default_factory=list)
    pool_fen: int = 0
    balances_fen: int = 0
    payouts_open_fen: int = 0
    fees_fen: int = 0
    commitment: Commitment = field(default_factory=lambda: Commitment((MONEY,)))

    # What banks pay in and out

    def deposit(self, entry: int, account: str, amount_fen: int) -> None:
        assert amount_fen >= 0
        holder = self.accounts[account]
        holder.deposits_fen += amount_fen
        self.pool_fen += amount_fen
        self._enter(entry, account, amount_fen)
        self.check(holder)

    def request_payout(self, entry: int, account: str, amount_fen: int) -> None:
        """Money leaves the balance for an open payout; what unsettled and excluded trades need stays."""
        assert amount_fen >= 0
        holder = self.accounts[account]
        self._enter(entry, account, -amount_fen)
        holder.payouts_open_fen += amount_fen
        self.payouts_open_fen += amount_fen
        assert holder.balance_fen >= holder.unsettled_out_fen + holder.blocked_fen
        self.check(holder)

    def pay_out(self, account: str, amount_fen: int) -> None:
        """A bank paid an open payout."""
        assert amount_fen >= 0
        holder = self.accounts[account]
        holder.payouts_open_fen -= amount_fen
        self.payouts_open_fen -= amount_fen
        self.pool_fen -= amount_fen
        self.check(holder)

    def restore(self, entry: int, account: str, amount_fen: int) -> None:
        """A payout could not be paid: its money is back in the balance."""
        assert amount_fen >= 0
        holder = self.accounts[account]
        holder.payouts_open_fen -= amount_fen
        self.payouts_open_fen -= amount_fen
        self._enter(entry, account, amount_fen)
        self.check(holder)

    # What trades cause

    def owe(self, buyer: str, pays_fen: int, seller: str, receives_fen: int) -> None:
        """A trade awaits settlement."""
        assert 0 <= receives_fen <= pays_fen
        self._touch(buyer, seller)
        paying, receiving = self.accounts[buyer], self.accounts[seller]
        paying.unsettled_out_fen += pays_fen
        receiving.unsettled_in_fen += receives_fen
        self.check(paying, receiving)

    def settle(self, buyer: str, pays_fen: int, seller: str, receives_fen: int) -> None:
        """The money of a trade changes hands; the difference is the fees of both sides."""
        assert 0 <= receives_fen <= pays_fen
        self._touch(buyer, seller)
        paying, receiving = self.accounts[buyer], self.accounts[seller]
        paying.unsettled_out_fen -= pays_fen
        receiving.unsettled_in_fen -= receives_fen
        paying.balance_fen -= pays_fen
        receiving.balance_fen += receives_fen
        self.balances_fen -= pays_fen - receives_fen
        self.fees_fen += pays_fen - receives_fen
        self.check(paying, receiving)

    def exclude(self, buyer: str, pays_fen: int, seller: str, receives_fen: int, *, blocked_fen: int) -> None:
        """A trade is taken out of its run: it awaits no settlement, and blocks so much of the buyer's balance."""
        assert 0 <= receives_fen <= pays_fen
        assert 0 <= blocked_fen <= pays_fen
        self._touch(buyer, seller)
        paying, receiving = self.accounts[buyer], self.accounts[seller]
        paying.unsettled_out_fen -= pays_fen
        paying.blocked_fen += blocked_fen
        receiving.unsettled_in_fen -= receives_fen
        self.check(paying, receiving)

    def forget_entries(self, heard_entry: int) -> None:
        """Trading is known to have heard all entries up to this one."""
        self.entries_recent = [one for one in self.entries_recent if one.entry_number > heard_entry]

    def _enter(self, entry: int, account: str, amount_fen: int) -> None:
        """A change of a balance that trading follows."""
        assert entry == self.entry_last + 1
        self.entry_last = entry
        self.entries_recent.append(FundEntry(entry, account, amount_fen))
        self._touch(account)
        self.accounts[account].balance_fen += amount_fen
        self.balances_fen += amount_fen

    def committed(self, key: Key) -> Quantities:
        """In the order of MONEY."""
        (account,) = key
        money = self.accounts[account]
        return money.balance_fen, money.unsettled_out_fen, money.unsettled_in_fen, money.blocked_fen

    def _touch(self, *accounts: str) -> None:
        for account in accounts:
            self.commitment.touched[(account,)] = None

    def check(self, *touched: Account) -> None:
        """All sums, and the accounts touched: the cost does not grow with their number."""
        for account in touched:
            account.check()
        assert self.balances_fen >= 0
        assert self.payouts_open_fen >= 0
        assert self.fees_fen >= 0
        assert self.pool_fen == self.balances_fen + self.payouts_open_fen + self.fees_fen, "money came from nowhere"

    def check_all(self) -> None:
        """Adds up all accounts afresh."""
        accounts = self.accounts.values()
        self.check(*accounts)
        assert self.balances_fen == sum(account.balance_fen for account in accounts)
        assert self.payouts_open_fen == sum(account.payouts_open_fen for account in accounts)
