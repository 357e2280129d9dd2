-- The shell's own tables. One database per service, so names need no prefix.

CREATE TABLE log (
    position bigint PRIMARY KEY CHECK (position > 0),
    type text NOT NULL,
    data bytea NOT NULL,
    recorded_ms bigint NOT NULL,
    -- Who caused it: a person, service or timer, in which role, for which account, on whose approval.
    subject text NOT NULL,
    role text NOT NULL,
    account text NOT NULL,
    approval text NOT NULL,
    request_id text NOT NULL,
    traceparent text NOT NULL,
    source_log_id text NOT NULL,
    source_position bigint NOT NULL,
    digest bytea NOT NULL,
    -- Only on the first record of a command: what answers its repeat.
    command_digest bytea NOT NULL,
    command_events integer NOT NULL,
    -- Which fields a record has and how its digest is made.
    format integer NOT NULL
);

CREATE UNIQUE INDEX log_command ON log (subject, account, request_id) WHERE command_events > 0;

-- How far the other services' logs were heard; written in the append's transaction.
CREATE TABLE heard (
    log_id text PRIMARY KEY,
    position bigint NOT NULL,
    digest bytea NOT NULL
);

-- Names that are taken once and for ever (a bank's reference, another log's record), and what a later request for one is answered with;
-- written in the append's transaction, and looked up like a command's key.
CREATE TABLE claims (
    kind text NOT NULL,
    scope text NOT NULL,
    name text NOT NULL,
    facts text NOT NULL,
    PRIMARY KEY (kind, scope, name)
);

-- What ended the process when it was decided, by the release that could not apply its events: it is not decided again before there is
-- another release.
CREATE TABLE culprits (
    name text NOT NULL,
    release text NOT NULL,
    why text NOT NULL,
    PRIMARY KEY (name, release)
);

CREATE TABLE snapshots (
    position bigint PRIMARY KEY,
    digest bytea NOT NULL,
    fold_version text NOT NULL
);

-- A snapshot's bytes in parts, so that none is more than a value may hold, or a statement that holds up its sender.
CREATE TABLE snapshot_parts (
    position bigint NOT NULL REFERENCES snapshots ON DELETE CASCADE,
    part integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (position, part)
);

-- The heads of this log that were signed: never two digests for one position.
CREATE TABLE seals (
    position bigint PRIMARY KEY,
    digest bytea NOT NULL,
    seal text NOT NULL
);

-- The ends of accounts' feeds that were signed: never two digests for one sequence of an account. The feeds are derived from the log, this
-- is not.
CREATE TABLE feed_seals (
    account text NOT NULL,
    sequence bigint NOT NULL,
    digest bytea NOT NULL,
    position bigint NOT NULL,
    seal text NOT NULL,
    PRIMARY KEY (account, sequence)
);

-- The signed heads of the logs that are heard here, as they were met first.
CREATE TABLE heard_heads (
    log_id text NOT NULL,
    position bigint NOT NULL,
    digest bytea NOT NULL,
    seal text NOT NULL,
    PRIMARY KEY (log_id, position)
);

-- Two signed heads of another log for one position: the proof that its service showed two histories as its own.
CREATE TABLE fork_proofs (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    log_id text NOT NULL,
    position bigint NOT NULL,
    digest bytea NOT NULL,
    seal text NOT NULL,
    other_digest bytea NOT NULL,
    other_seal text NOT NULL,
    UNIQUE (log_id, position, digest, other_digest)
);

-- How far each follower of this log has come.
CREATE TABLE checkpoints (
    follower text PRIMARY KEY,
    position bigint NOT NULL
);

-- How often `rebuild-tables` has emptied the tables that follow the log: one row.
CREATE TABLE tables_emptied (times bigint NOT NULL);
INSERT INTO tables_emptied VALUES (0);

-- Each account's own gapless sequence over the records that concern it, and its chain of digests.
CREATE TABLE feed (
    account text NOT NULL,
    sequence bigint NOT NULL,
    position bigint NOT NULL,
    digest bytea NOT NULL,
    PRIMARY KEY (account, sequence)
);

-- The end of each account's feed, so that a new leader knows it without reading the feeds.
CREATE TABLE feed_heads (
    account text PRIMARY KEY,
    sequence bigint NOT NULL,
    digest bytea NOT NULL
) WITH (fillfactor = 70);

-- The one row that a proof of leadership writes: an append of no records is a commit like any other, so that a primary without its
-- synchronous replica answers nothing. Every update is a HOT one (no index has the column), pruned on its page by the next; the
-- vacuum below takes what a long transaction kept from that.
CREATE TABLE leadership (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    proofs bigint NOT NULL
) WITH (
    fillfactor = 10,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_threshold = 1000000
);

INSERT INTO leadership (proofs) VALUES (0);

-- The database's clock, in milliseconds. A function of its own, so that a test can set it.
CREATE FUNCTION clock_ms() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

-- Extends the log if its head is the one the caller knows: position and digest. Answers 'appended', 'repeated' (the rows are there
-- already, a retry after a lost answer), 'fenced', or 'skewed' where the host's clock (NULL in a rehearsal) or the last record's time is too far
-- from the database's, as chassis.log.clocks.may_extend has it; database_ms is what that clock showed. One statement, hence one transaction, and one that writes: also without records.
CREATE FUNCTION log_append(
    head_position bigint, head_digest bytea,
    positions bigint[], types text[], datas bytea[], recorded bigint[], subjects text[], roles text[], accounts text[],
    approvals text[], request_ids text[], traceparents text[], source_log_ids text[], source_positions bigint[],
    digests bytea[], command_digests bytea[], command_counts integer[], formats integer[],
    heard_log_ids text[], heard_positions bigint[], heard_digests bytea[],
    claim_kinds text[], claim_scopes text[], claim_names text[], claim_facts text[],
    host_ms bigint, skew_ms_max bigint,
    OUT outcome text, OUT database_ms bigint
) LANGUAGE plpgsql AS $$
DECLARE
    last_position bigint;
    last_digest bytea;
BEGIN
    database_ms := clock_ms();
    SELECT log.position, log.digest INTO last_position, last_digest FROM log ORDER BY log.position DESC LIMIT 1;
    IF coalesce(last_position, 0) <> head_position OR (last_position IS NOT NULL AND last_digest <> head_digest) THEN
        IF cardinality(positions) > 0 AND EXISTS (
            SELECT FROM log
            WHERE log.position = positions[cardinality(positions)] AND log.digest = digests[cardinality(digests)]
        ) THEN
            outcome := 'repeated';
            RETURN;
        END IF;
        outcome := 'fenced';
        RETURN;
    END IF;
    IF host_ms IS NOT NULL AND (abs(database_ms - host_ms) > skew_ms_max OR recorded[cardinality(recorded)] > database_ms + skew_ms_max) THEN
        outcome := 'skewed';
        RETURN;
    END IF;
    IF cardinality(positions) = 0 THEN
        UPDATE leadership SET proofs = proofs + 1;
    END IF;
    INSERT INTO log
    SELECT * FROM unnest(positions, types, datas, recorded, subjects, roles, accounts, approvals, request_ids, traceparents,
                         source_log_ids, source_positions, digests, command_digests, command_counts, formats);
    INSERT INTO heard
    SELECT * FROM unnest(heard_log_ids, heard_positions, heard_digests)
    ON CONFLICT (log_id) DO UPDATE SET position = excluded.position, digest = excluded.digest;
    INSERT INTO claims
    SELECT * FROM unnest(claim_kinds, claim_scopes, claim_names, claim_facts);
    outcome := 'appended';
END $$;
