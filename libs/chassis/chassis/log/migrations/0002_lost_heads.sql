-- The records of this log that another service said it had heard, and that the log does not have: it was restored older. A row is there
-- until that service says otherwise, so that a restart meanwhile forgets nothing.
CREATE TABLE lost_heads (
    witness text PRIMARY KEY,
    position bigint NOT NULL,
    digest bytea NOT NULL
);
