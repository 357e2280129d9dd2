"""Answers to queries that are read from the live state, as protobuf messages."""
