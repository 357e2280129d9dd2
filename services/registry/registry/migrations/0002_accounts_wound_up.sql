-- The restrictions under which trading has said that no trade of the account awaits settlement any more.

CREATE TABLE accounts_wound_up (
    account text COLLATE "C" NOT NULL,
    restriction bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (account, restriction)
);
