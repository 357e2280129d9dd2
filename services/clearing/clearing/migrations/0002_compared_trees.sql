-- The commitments that a reconciliation compared, by tree; none where release 1 compared the books row by row.

ALTER TABLE reconciliations ADD COLUMN trees jsonb NOT NULL DEFAULT '[]';
