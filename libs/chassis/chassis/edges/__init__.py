"""Where the process touches the world besides its log: the protocols, and the real thing behind each of them.

protocols names every edge of a replica; broker is Kafka, remote is gRPC out, postgres_tables the service's tables. A
simulation makes its own of each (tests/support/simulation). What waits, retries or decides does not belong here.

Imports log, core and say.
"""
