"""The rules of trading, pure: commands, events, state, decide, evolve; one module per concept.

Read in this order: values, calendar, rules, accounts, instruments, prices, book, trades, admission, listed, block with
negotiations, custody, winding_up, settlement, confirmation, suspension, opening, closing; then market (the state,
whole) and decider (the tables, merged).
"""
