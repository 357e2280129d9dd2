"""How the rows are measured, shown, kept and compared; knows nothing of the market.

figures.py   what a row reports, against what, and its goal     rounds.py    value and floor in turn, repeats, time
machine.py   where it was measured; what the host took away     budget.py    an hour for all rows together
report.py    build/bench.json and the table                     check.py     against the recorded ratios
row.py       a row: figures, rounds, and how a round is played
"""
