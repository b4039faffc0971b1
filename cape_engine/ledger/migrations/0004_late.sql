-- Interest for late payment (19 USC 1505(d)), one row for each payment that was sent late: refund names the version of
-- the cohort, without entries, that pays it. The key is what refuses it a second time. No foreign keys, as in 0002.
CREATE TABLE late_interest (
    payment TEXT /*C*/ NOT NULL PRIMARY KEY,
    link BIGINT NOT NULL,
    refund TEXT NOT NULL,
    on_day TEXT NOT NULL,
    paid_on TEXT NOT NULL,
    bearing_days BIGINT NOT NULL CHECK (bearing_days > 0),
    balance_cents BIGINT NOT NULL CHECK (balance_cents > 0),
    amount_cents BIGINT NOT NULL CHECK (amount_cents > 0)
) /*CLUSTERED*/
