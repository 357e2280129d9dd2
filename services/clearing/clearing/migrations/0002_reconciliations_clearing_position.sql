-- Where clearing's own log was when its books were read for a comparison; zero in records from before it was stated.

ALTER TABLE reconciliations ADD COLUMN clearing_position bigint NOT NULL DEFAULT 0;
