-- Rows stay as they were written: SQLite refuses to change or remove them.

CREATE TRIGGER late_interest_stay BEFORE UPDATE ON late_interest
BEGIN SELECT RAISE(ABORT, 'late_interest: rows of the ledger are never changed'); END

CREATE TRIGGER late_interest_remain BEFORE DELETE ON late_interest
BEGIN SELECT RAISE(ABORT, 'late_interest: rows of the ledger are never removed'); END
