"""Where domain events and protobuf meet, spelled out: what is stored is what you read here. wire.py lists them all."""
