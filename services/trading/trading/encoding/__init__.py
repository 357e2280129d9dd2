"""Domain values and their messages, both ways; wire.py is their table, and what is stored is what you read here."""
