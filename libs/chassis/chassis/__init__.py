"""The event-sourcing shell: one service is one log with one writer. It knows no domain word.

Its folders are layers; each imports only those below it (.importlinter keeps it so):

    process      a replica as a process: settings, composition, life, status
    serving      gRPC in
    followers    what follows a log: caller, publisher, projections, timers, hearing
    edges        the world besides the log: Kafka, gRPC out, tables; a protocol for each
    log          the log, its one writer, snapshots, signed heads
    core         pure: decide and evolve, the engine, records, bytes
    say          traces, metrics, logs

An hour's reading, in this order: core.decider (what a domain is), core.record and log.protocol (what is kept),
core.engine (a batch, as a plain function), log.writer (asyncio around it), then the followers; process.composition puts
them together and process.replica is their life. The rest is to be read when it is the question.
"""
