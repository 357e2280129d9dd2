"""How fast the services are: rows with ratios against a floor or a peer taken in the same round.

__main__.py  the command line              harness/     rounds, repeats, table, bench.json, check; knows no market
rows/        the rows, one module each     floors/      the same bytes through the bare library
market.py    a market to trade on          logs.py      markets with long logs, decided by the engines
plan.py      P1's list of commands         usage.py     processor time and memory of all processes
stages.py    where P1's time goes          packages.py  the peer and the profiler, in a folder of their own
parts.py     parts that are looked into one by one: append, codec, commands, day, evening, snapshots,
             stages, supply, waiting
"""
