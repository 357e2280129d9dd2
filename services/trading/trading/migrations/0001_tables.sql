-- Trading's history, as queries read it. The present (book, holdings, prices) is read from the live state instead.

CREATE TABLE orders (
    order_id bigint PRIMARY KEY,
    account text COLLATE "C" NOT NULL,
    instrument text NOT NULL,
    side smallint NOT NULL,
    price_fen bigint NOT NULL,
    quantity_tonnes bigint NOT NULL,
    day text COLLATE "C" NOT NULL,
    placed_ms bigint NOT NULL,
    -- OPEN, CANCELLED or EXPIRED; FILLED is not stored, queries find it by summing the order's trades.
    state smallint NOT NULL,
    ended_ms bigint NOT NULL DEFAULT 0,
    trace_id text NOT NULL
);

CREATE INDEX orders_of_account ON orders (account, order_id);
CREATE INDEX orders_of_day ON orders (day, order_id);

CREATE TABLE trades (
    trade_id bigint PRIMARY KEY,
    day text COLLATE "C" NOT NULL,
    instrument text NOT NULL,
    method smallint NOT NULL,
    price_fen bigint NOT NULL,
    quantity_tonnes bigint NOT NULL,
    value_fen bigint NOT NULL,
    buyer text COLLATE "C" NOT NULL,
    seller text COLLATE "C" NOT NULL,
    buyer_fee_fen bigint NOT NULL,
    seller_fee_fen bigint NOT NULL,
    maker_account text NOT NULL,
    taker_account text NOT NULL,
    maker_order_id bigint NOT NULL,
    block_id bigint NOT NULL,
    executed_ms bigint NOT NULL,
    state smallint NOT NULL,
    trace_id text NOT NULL
);

CREATE INDEX trades_of_buyer ON trades (buyer, trade_id);
CREATE INDEX trades_of_seller ON trades (seller, trade_id);
CREATE INDEX trades_of_order ON trades (maker_order_id);
CREATE INDEX trades_of_day ON trades (day, trade_id);

CREATE TABLE blocks (
    block_id bigint PRIMARY KEY,
    day text COLLATE "C" NOT NULL,
    instrument text NOT NULL,
    buyer text COLLATE "C" NOT NULL,
    seller text COLLATE "C" NOT NULL,
    proposer text NOT NULL,
    price_fen bigint NOT NULL,
    quantity_tonnes bigint NOT NULL,
    state smallint NOT NULL,
    trade_id bigint NOT NULL DEFAULT 0,
    offered_ms bigint NOT NULL,
    ended_ms bigint NOT NULL DEFAULT 0
);

CREATE INDEX blocks_of_buyer ON blocks (buyer, block_id);
CREATE INDEX blocks_of_seller ON blocks (seller, block_id);

CREATE TABLE bulletins (
    day text COLLATE "C" PRIMARY KEY,
    trades bigint NOT NULL,
    quantity_tonnes bigint NOT NULL,
    value_fen bigint NOT NULL
);

CREATE TABLE bulletin_lines (
    day text COLLATE "C" NOT NULL,
    instrument text COLLATE "C" NOT NULL,
    open_fen bigint NOT NULL,
    high_fen bigint NOT NULL,
    low_fen bigint NOT NULL,
    close_fen bigint NOT NULL,
    previous_close_fen bigint NOT NULL,
    change_bp bigint NOT NULL,
    listed_tonnes bigint NOT NULL,
    listed_value_fen bigint NOT NULL,
    block_tonnes bigint NOT NULL,
    block_value_fen bigint NOT NULL,
    trades bigint NOT NULL,
    year_tonnes bigint NOT NULL,
    year_value_fen bigint NOT NULL,
    total_tonnes bigint NOT NULL,
    total_value_fen bigint NOT NULL,
    PRIMARY KEY (day, instrument)
);

CREATE TABLE composites (
    day text COLLATE "C" PRIMARY KEY,
    open_fen bigint NOT NULL,
    high_fen bigint NOT NULL,
    low_fen bigint NOT NULL,
    close_fen bigint NOT NULL,
    previous_close_fen bigint NOT NULL,
    change_bp bigint NOT NULL
);
