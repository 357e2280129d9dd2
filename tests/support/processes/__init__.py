"""Services as real processes, and what they need: a PostgreSQL, a broker, the logs of others, telemetry."""
