"""`make year`: a plan of rehearsal.plan, played day after day through the running services, and compared with them.

main.py      from the command line to the exit code
opening.py   accounts, allowances, money, calendar and rules, before the first day
player.py    one day: its clocks, its waves of orders, its end
compare.py   what the services say of a day and of all days, against the plan and the published figures
results.py   the figures of year.json, all read from the services
progress.py  what is seen while it runs
chart.py     year.png
"""
