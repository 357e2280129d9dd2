-- Does what the function of 0001_log.sql does, and less for nothing: a table for which the append has no rows is not
-- touched, and the arrays of the records are read side by side, without a copy of each.
CREATE OR REPLACE FUNCTION log_append(
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
    IF host_ms IS NOT NULL AND (
        abs(database_ms - host_ms) > skew_ms_max OR recorded[cardinality(recorded)] > database_ms + skew_ms_max
    ) THEN
        outcome := 'skewed';
        RETURN;
    END IF;
    IF cardinality(positions) = 0 THEN
        UPDATE leadership SET proofs = proofs + 1;
    ELSE
        INSERT INTO log
        SELECT unnest(positions), unnest(types), unnest(datas), unnest(recorded), unnest(subjects), unnest(roles),
               unnest(accounts), unnest(approvals), unnest(request_ids), unnest(traceparents), unnest(source_log_ids),
               unnest(source_positions), unnest(digests), unnest(command_digests), unnest(command_counts), unnest(formats);
    END IF;
    IF cardinality(heard_log_ids) > 0 THEN
        INSERT INTO heard
        SELECT * FROM unnest(heard_log_ids, heard_positions, heard_digests)
        ON CONFLICT (log_id) DO UPDATE SET position = excluded.position, digest = excluded.digest;
    END IF;
    IF cardinality(claim_kinds) > 0 THEN
        INSERT INTO claims
        SELECT * FROM unnest(claim_kinds, claim_scopes, claim_names, claim_facts);
    END IF;
    outcome := 'appended';
END $$;
