-- The few trades that were taken out of their runs (state 3): every statement looks for those of its account.

CREATE INDEX obligations_excluded ON obligations (day) WHERE state = 3;
