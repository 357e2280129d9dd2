"""One suite of tests for every service: its commands, its lists, its stored events."""
