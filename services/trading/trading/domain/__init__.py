"""The rules of trading, pure: commands, events, state, decide, evolve; one module per concept.

Read in this order: values, calendar, rules, accounts, prices, instruments, book, trades, listed, block, custody,
settlement, suspension, day; then market (the state, whole) and decider (the tables, merged).
"""
