"""What is written down once and then kept: bytes of events, digests of commands, whole logs."""
