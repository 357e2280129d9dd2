-- The registry's books as queries read them. Every row says at which position of the log it came to be, so that they can be read
-- as of any past position; only `holdings` and `issued_tonnes` are as of now.

CREATE TABLE accounts (
    account text COLLATE "C" PRIMARY KEY,
    kind smallint NOT NULL,
    province text NOT NULL,
    eligible_to_trade boolean NOT NULL,
    opened_position bigint NOT NULL,
    opened_ms bigint NOT NULL
);

CREATE TABLE account_names (
    account text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (account, position)
);

-- restriction_number is the number of the restriction that made the state, or zero.
CREATE TABLE account_states (
    account text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    state smallint NOT NULL,
    ground text NOT NULL,
    restriction_number bigint NOT NULL,
    since_ms bigint NOT NULL,
    PRIMARY KEY (account, position)
);

CREATE TABLE restrictions_in_effect (
    account text COLLATE "C" NOT NULL,
    restriction_number bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (account, restriction_number)
);

CREATE TABLE vintages (
    vintage text COLLATE "C" PRIMARY KEY,
    compliance_year integer NOT NULL,
    issued_tonnes bigint NOT NULL
);

CREATE TABLE holdings (
    account text COLLATE "C" NOT NULL,
    vintage text COLLATE "C" NOT NULL,
    registry_available_tonnes bigint NOT NULL,
    trading_tonnes bigint NOT NULL,
    PRIMARY KEY (account, vintage)
);

-- One event changes at most one holding of an account, but a delivery, which moves every leg of its run at one position.
CREATE TABLE movements (
    account text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    recorded_ms bigint NOT NULL,
    vintage text COLLATE "C" NOT NULL,
    kind smallint NOT NULL,
    registry_available_change_tonnes bigint NOT NULL,
    trading_change_tonnes bigint NOT NULL,
    counterparty text NOT NULL,
    trade_id bigint NOT NULL,
    run_id bigint NOT NULL,
    basis text NOT NULL,
    traceparent text NOT NULL,
    PRIMARY KEY (account, position, trade_id)
);

-- The legs of the delivery that clearing is about to order.
CREATE TABLE staged_legs (
    trade_id bigint PRIMARY KEY,
    vintage text COLLATE "C" NOT NULL,
    quantity_tonnes bigint NOT NULL,
    seller text COLLATE "C" NOT NULL,
    buyer text COLLATE "C" NOT NULL,
    traceparent text NOT NULL
);

CREATE INDEX movements_by_position ON movements (position);

-- The restrictions under which trading has said that no trade of the account awaits settlement any more.
CREATE TABLE accounts_wound_up (
    account text COLLATE "C" NOT NULL,
    restriction_number bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (account, restriction_number)
);
