"""How fast the services are: rows with ratios against a floor or a peer taken in the same round.

__main__.py  the command line          harness/   rounds, repeats, the table, bench.json, the check; knows no market
rows/        the rows, one module each floors/    the same bytes through the bare library
market.py    a market to trade on      usage.py   processor time and memory of all its processes
parts.py     parts that are looked into one by one: append, codec, commands, day, snapshots, waiting
"""
