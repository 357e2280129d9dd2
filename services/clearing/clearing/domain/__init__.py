"""The rules of clearing, pure: one module per concept over one state.

values          the shapes of a request's values
state           what clearing remembers
banks           who may hold the money, as dated data
balances        all money, and the moves that change it
funds           accounts, deposits
payouts         money on its way out
trades          a trade as it is recorded and kept
obligations     every trade, recorded gross
legs            what there is to settle of a day
cash            can every buyer pay, trade by trade?
barrier         was everything heard?
run             a day's clearing: opened, tried, blocked
settlement      confirmed, cash legs proven, delivered against payment
pages           what takes time for every leg, page by page
exclusion       two people take trades out of a run
books           what the three books say, as they are compared
reconciliation  the three books compared
decider         the tables of all of them
"""
