"""gRPC in: what happens around every rpc, and the one service that every log offers (log_service).

door is the gRPC server, heading says who calls, places how many may wait, server is the frame around each method,
errors turns an exception into a status with its facts, pages and bulk are lists and streams of commands.

Imports every folder but process. Nothing below knows that gRPC calls come in.
"""
