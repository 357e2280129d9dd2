"""What queries answer with out of the live state, as messages."""
