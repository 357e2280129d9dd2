"""Incoming gRPC: what happens around every rpc, and the one service that every log offers (log_service).

door is the gRPC server, health says whether it serves, connections ends what it accepted, heading reads who calls,
places bounds how many calls wait, server wraps each method, command_service answers commands, errors turns an exception
into a status with its facts, pages and bulk are lists and streams of commands.

Imports every folder but process. Nothing below knows that calls arrive by gRPC.
"""
