"""The rules of trading, pure: commands, events, state, decide, evolve; one module per concept.

Read in this order: values, arithmetic, state (the whole of it) with balances and book; then calendar, rules, accounts,
instruments, prices, fees, trades, admission, listed, block with negotiations, custody, restriction, settlement,
confirmation, suspension, overriding, opening, closing; then decider (the tables, merged).
"""
