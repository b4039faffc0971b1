-- Rows stay as they were written: SQLite refuses to change or remove them.

CREATE TRIGGER facts_stay BEFORE UPDATE ON facts
BEGIN SELECT RAISE(ABORT, 'facts: rows of the ledger are never changed'); END

CREATE TRIGGER facts_remain BEFORE DELETE ON facts
BEGIN SELECT RAISE(ABORT, 'facts: rows of the ledger are never removed'); END

CREATE TRIGGER plans_stay BEFORE UPDATE ON plans
BEGIN SELECT RAISE(ABORT, 'plans: rows of the ledger are never changed'); END

CREATE TRIGGER plans_remain BEFORE DELETE ON plans
BEGIN SELECT RAISE(ABORT, 'plans: rows of the ledger are never removed'); END

CREATE TRIGGER occurrences_stay BEFORE UPDATE ON occurrences
BEGIN SELECT RAISE(ABORT, 'occurrences: rows of the ledger are never changed'); END

CREATE TRIGGER occurrences_remain BEFORE DELETE ON occurrences
BEGIN SELECT RAISE(ABORT, 'occurrences: rows of the ledger are never removed'); END

CREATE TRIGGER reviews_stay BEFORE UPDATE ON reviews
BEGIN SELECT RAISE(ABORT, 'reviews: rows of the ledger are never changed'); END

CREATE TRIGGER reviews_remain BEFORE DELETE ON reviews
BEGIN SELECT RAISE(ABORT, 'reviews: rows of the ledger are never removed'); END

CREATE TRIGGER decisions_stay BEFORE UPDATE ON decisions
BEGIN SELECT RAISE(ABORT, 'decisions: rows of the ledger are never changed'); END

CREATE TRIGGER decisions_remain BEFORE DELETE ON decisions
BEGIN SELECT RAISE(ABORT, 'decisions: rows of the ledger are never removed'); END

CREATE TRIGGER days_stay BEFORE UPDATE ON days
BEGIN SELECT RAISE(ABORT, 'days: rows of the ledger are never changed'); END

CREATE TRIGGER days_remain BEFORE DELETE ON days
BEGIN SELECT RAISE(ABORT, 'days: rows of the ledger are never removed'); END
