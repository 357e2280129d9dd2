"""What tests share, in folders by what it is for.

auditor      everything recomputed from the published events alone: shares no code with the services
opinions     smaller second opinions: a book of listings, a checker of plans
processes    services as real processes, with their PostgreSQL, broker and traces
simulation   the shipped services over simulated edges and virtual time
days         market days, played through public calls
domains      one service's domain, in memory
shell        what tests of the chassis need
suites       one suite of tests for every service
golden       bytes, digests and logs that are kept for ever
planted      faults planted in a copy of the source
client       fake services and their answers
source       the project's own files, for tests/tidy
"""
