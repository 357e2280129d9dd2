"""The interfaces of a process to the outside besides its log: the protocols, and the real implementation of each.

protocols names every interface of a replica; broker is Kafka, remote is outgoing gRPC, postgres_tables the service's
tables. A simulation has its own implementations (tests/support/simulation). Code that waits, retries or decides does
not belong here.

Imports log, core and say.
"""
