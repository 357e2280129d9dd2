"""The rules of trading, pure: commands, events, state, decide, evolve; one module per concept.

Read in this order: values, calendar, rules, arithmetic, accounts, instruments, prices, book, trades, admission, listed,
block with negotiations, custody, restriction, settlement, confirmation, suspension, overriding, opening, closing; then
market (the state, whole) and decider (the tables, merged).
"""
