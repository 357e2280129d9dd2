"""Pure code: what is decided, recorded and read, as plain functions and values. No network, no files, no clock, no
waiting.

decider is what a domain is made of; engine is what the writer does to a batch; shell has the shell's own commands, with
proposals, set_aside, corrections and releases; record and submission are what goes in and out; codec, wire, commands
and command_digest turn it into bytes; shapes and request_values state what a value may be.

A domain imports decider and shapes, and nothing else of the chassis. Every other folder may import this one. This one
imports of them only say.tracing, because an event is recorded with its trace.
"""
