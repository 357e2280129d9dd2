"""The rules of trading as pure functions: commands, events, state, decide, evolve; one module per concept.

Read in this order: values, arithmetic, state (all of it) with balances, commitments and book; then calendar, rules,
accounts, instruments, prices, fees, trades, admission, listed, block with negotiations, custody, restriction,
settlement, confirmation, suspension, overriding, opening, closing; then decider (the tables, merged).
"""
