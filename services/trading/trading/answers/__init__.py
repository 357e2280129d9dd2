"""What queries answer with, as messages: `live` makes them from the live state, `rows` from the tables."""
