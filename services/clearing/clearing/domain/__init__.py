"""The rules of clearing as pure functions: one module per concept over one state.

values          the shapes of a request's values
state           all that clearing keeps in memory
banks           who may hold the money, as dated data
balances        all money, and the moves that change it
funds           accounts, deposits
payouts         money on its way out
trades          a trade as it is recorded and kept
obligations     every trade, recorded gross
legs            the trades of a day that are to be settled
cash            can every buyer pay, trade by trade?
barrier         was everything heard?
run             a day's clearing: opened, tried, blocked
settlement      confirmed, cash legs proven, delivered against payment
pages           work for every leg of a run, page by page
exclusion       two people take trades out of a run
books           the figures of the three books that are compared
reconciliation  the three books compared
decider         the tables of all of them
"""
