-- Clearing's books as queries read them: money by account, every obligation, the runs with their steps, the reconciliations.
-- Kinds, states and phases are the numbers of the public language (clearing_types.proto).

CREATE TABLE fund_accounts (
    account text COLLATE "C" PRIMARY KEY
);

-- amount_fen is net of fee_fen and signed: positive into the balance. `entry_number` is zero for settlements, which trading hears otherwise.
CREATE TABLE entries (
    account text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    kind smallint NOT NULL,
    day text COLLATE "C" NOT NULL,
    amount_fen bigint NOT NULL,
    fee_fen bigint NOT NULL DEFAULT 0,
    entry_number bigint NOT NULL DEFAULT 0,
    bank text NOT NULL DEFAULT '',
    bank_reference text NOT NULL DEFAULT '',
    payout_id bigint NOT NULL DEFAULT 0,
    trade_id bigint NOT NULL DEFAULT 0,
    recorded_ms bigint NOT NULL,
    PRIMARY KEY (account, position, kind)
);

CREATE INDEX entries_by_day ON entries (account, day);

CREATE TABLE payouts (
    payout_id bigint PRIMARY KEY,
    account text COLLATE "C" NOT NULL,
    amount_fen bigint NOT NULL,
    state smallint NOT NULL,
    release_id bigint NOT NULL,
    bank text NOT NULL DEFAULT '',
    bank_reference text NOT NULL DEFAULT '',
    ground text NOT NULL DEFAULT '',
    requested_ms bigint NOT NULL,
    closed_ms bigint NOT NULL DEFAULT 0
);

CREATE INDEX payouts_by_account ON payouts (account, payout_id);
CREATE INDEX payouts_by_account_and_state ON payouts (account, state, payout_id);
CREATE INDEX payouts_by_bank ON payouts (bank, payout_id);
CREATE INDEX payouts_by_bank_and_state ON payouts (bank, state, payout_id);
CREATE INDEX payouts_by_state ON payouts (state, payout_id);

CREATE TABLE obligations (
    trade_id bigint PRIMARY KEY,
    day text COLLATE "C" NOT NULL,
    instrument text COLLATE "C" NOT NULL,
    method smallint NOT NULL,
    price_fen bigint NOT NULL,
    quantity_tonnes bigint NOT NULL,
    value_fen bigint NOT NULL,
    buyer text COLLATE "C" NOT NULL,
    seller text COLLATE "C" NOT NULL,
    buyer_fee_fen bigint NOT NULL,
    seller_fee_fen bigint NOT NULL,
    -- What an excluded one blocks of the buyer's balance.
    blocked_fen bigint NOT NULL DEFAULT 0,
    state smallint NOT NULL,
    run_id bigint NOT NULL DEFAULT 0,
    executed_ms bigint NOT NULL,
    closed_ms bigint NOT NULL DEFAULT 0,
    trace_id text NOT NULL
);

CREATE INDEX obligations_of_day ON obligations (day, trade_id);
-- The few trades that were taken out of their runs (state 3): every statement looks for those of its account.
CREATE INDEX obligations_excluded ON obligations (day) WHERE state = 3;

CREATE TABLE trading_days (
    day text COLLATE "C" PRIMARY KEY
);

-- totals and legs are those of the latest attempt that got past the barrier.
CREATE TABLE runs (
    run_id bigint PRIMARY KEY,
    day text COLLATE "C" NOT NULL,
    attempt bigint NOT NULL DEFAULT 0,
    computed_attempt bigint NOT NULL DEFAULT 0,
    phase smallint NOT NULL,
    blocked_because text NOT NULL DEFAULT '',
    facts jsonb NOT NULL DEFAULT '{}',
    trades bigint NOT NULL,
    quantity_tonnes bigint NOT NULL,
    value_fen bigint NOT NULL,
    fees_fen bigint NOT NULL DEFAULT 0,
    excluded_trades bigint NOT NULL DEFAULT 0,
    totals jsonb NOT NULL DEFAULT '[]',
    opened_ms bigint NOT NULL,
    completed_ms bigint NOT NULL DEFAULT 0
);

CREATE TABLE run_legs (
    run_id bigint NOT NULL,
    attempt bigint NOT NULL,
    trade_id bigint NOT NULL,
    instrument text COLLATE "C" NOT NULL,
    quantity_tonnes bigint NOT NULL,
    seller text COLLATE "C" NOT NULL,
    buyer text COLLATE "C" NOT NULL,
    buyer_pays_fen bigint NOT NULL,
    seller_receives_fen bigint NOT NULL,
    PRIMARY KEY (run_id, attempt, trade_id)
);

-- attempt is zero for a step that belongs to the latest.
CREATE TABLE run_steps (
    run_id bigint NOT NULL,
    position bigint NOT NULL,
    attempt bigint NOT NULL,
    step text NOT NULL,
    reason text NOT NULL,
    facts jsonb NOT NULL,
    recorded_ms bigint NOT NULL,
    PRIMARY KEY (run_id, position)
);

CREATE TABLE exclusions (
    exclusion_id bigint PRIMARY KEY,
    run_id bigint NOT NULL,
    trade_ids bigint[] NOT NULL,
    ground text NOT NULL,
    proposed_by text NOT NULL,
    approved_by text NOT NULL
);

CREATE INDEX exclusions_of_run ON exclusions (run_id, exclusion_id);

CREATE TABLE reconciliations (
    position bigint PRIMARY KEY,
    day text COLLATE "C" NOT NULL,
    agreed boolean NOT NULL,
    registry_position bigint NOT NULL,
    trading_position bigint NOT NULL,
    clearing_entry_number bigint NOT NULL,
    rows_compared bigint NOT NULL,
    difference_count bigint NOT NULL,
    differences jsonb NOT NULL,
    in_flight_count bigint NOT NULL,
    in_flight jsonb NOT NULL,
    -- Where clearing's own log was when its books were read for the comparison.
    clearing_position bigint NOT NULL,
    recorded_ms bigint NOT NULL
);

CREATE INDEX reconciliations_of_day ON reconciliations (day, position);
