-- What the service said once under a name, and signs: never two bodies for one name. The secret is what the body was made with.
CREATE TABLE attestations (
    purpose text NOT NULL,
    name text NOT NULL,
    body bytea NOT NULL,
    secret bytea NOT NULL,
    PRIMARY KEY (purpose, name)
);
