"""What the tests in tests/tidy read: the project's own files, and what its code can refuse with."""
