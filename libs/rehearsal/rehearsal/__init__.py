"""The market on one machine: embedded database, embedded broker, the services as processes, and the plays on them."""
