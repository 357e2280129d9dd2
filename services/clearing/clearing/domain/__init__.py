"""The rules of clearing, pure: shapes, then one module per concept over one state.

state           what clearing remembers
funds           accounts, deposits, the balance
payouts         money on its way out
obligations     every trade, recorded gross
cash            can every buyer pay, trade by trade?
run             a day's clearing, from its close to delivery against payment
exclusion       two people take trades out of a run
reconciliation  the three books compared
decider         the tables of all of them
"""
