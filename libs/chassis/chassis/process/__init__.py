"""One replica of a service as a process: main starts and ends it, configuration reads its settings, service is what a
service's __main__ declares.

composition puts the parts of a replica together, replica is its life (start, follow, lead, end), status and gauges
report on it. Nothing but a service's __main__, its api's declaration and tests imports this folder; it imports all the
others.
"""
