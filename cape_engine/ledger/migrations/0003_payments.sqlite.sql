-- Rows stay as they were written: SQLite refuses to change or remove them.

CREATE TRIGGER enrolments_stay BEFORE UPDATE ON enrolments
BEGIN SELECT RAISE(ABORT, 'enrolments: rows of the ledger are never changed'); END

CREATE TRIGGER enrolments_remain BEFORE DELETE ON enrolments
BEGIN SELECT RAISE(ABORT, 'enrolments: rows of the ledger are never removed'); END

CREATE TRIGGER debts_stay BEFORE UPDATE ON debts
BEGIN SELECT RAISE(ABORT, 'debts: rows of the ledger are never changed'); END

CREATE TRIGGER debts_remain BEFORE DELETE ON debts
BEGIN SELECT RAISE(ABORT, 'debts: rows of the ledger are never removed'); END

CREATE TRIGGER offsets_stay BEFORE UPDATE ON offsets
BEGIN SELECT RAISE(ABORT, 'offsets: rows of the ledger are never changed'); END

CREATE TRIGGER offsets_remain BEFORE DELETE ON offsets
BEGIN SELECT RAISE(ABORT, 'offsets: rows of the ledger are never removed'); END

CREATE TRIGGER payment_events_stay BEFORE UPDATE ON payment_events
BEGIN SELECT RAISE(ABORT, 'payment_events: rows of the ledger are never changed'); END

CREATE TRIGGER payment_events_remain BEFORE DELETE ON payment_events
BEGIN SELECT RAISE(ABORT, 'payment_events: rows of the ledger are never removed'); END

CREATE TRIGGER sendings_stay BEFORE UPDATE ON sendings
BEGIN SELECT RAISE(ABORT, 'sendings: rows of the ledger are never changed'); END

CREATE TRIGGER sendings_remain BEFORE DELETE ON sendings
BEGIN SELECT RAISE(ABORT, 'sendings: rows of the ledger are never removed'); END

CREATE TRIGGER sent_payments_stay BEFORE UPDATE ON sent_payments
BEGIN SELECT RAISE(ABORT, 'sent_payments: rows of the ledger are never changed'); END

CREATE TRIGGER sent_payments_remain BEFORE DELETE ON sent_payments
BEGIN SELECT RAISE(ABORT, 'sent_payments: rows of the ledger are never removed'); END

CREATE TRIGGER notices_stay BEFORE UPDATE ON notices
BEGIN SELECT RAISE(ABORT, 'notices: rows of the ledger are never changed'); END

CREATE TRIGGER notices_remain BEFORE DELETE ON notices
BEGIN SELECT RAISE(ABORT, 'notices: rows of the ledger are never removed'); END
