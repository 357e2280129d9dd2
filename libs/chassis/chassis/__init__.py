"""The event-sourcing shell: one service is one log with one writer. It knows no domain word.

An hour's reading, in this order: decider (what a domain is), record and log (what is kept), engine (a batch, as a plain
function), writer (asyncio around it), then the followers: publisher, caller, hearing, projections; composition
puts them together and replica lives their life. The rest is edges, small protocols in edges, to be read when one of
them is the question: server and heading (an rpc's frame), door (gRPC in), remote (gRPC out), broker (Kafka),
postgres_log and postgres_tables (SQL), telemetry and tracing, process (start and end).
"""
