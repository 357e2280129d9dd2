"""The event-sourcing shell: one service is one log with one writer. It knows no domain word.

An hour's reading, in this order: decider (what a domain is), record and log (what is kept), engine (a batch, as a plain
function), writer (the asyncio shell around it), then the followers: publisher, caller, hearing, projections; service
puts them together. The rest is edges, to be read when one of them is the question: server and heading (an rpc's frame),
broker (Kafka), remote (gRPC), postgres_log (SQL), telemetry and tracing, process (start and end).
"""
