-- Rows stay as they were written: SQLite refuses to change or remove them.

CREATE TRIGGER schema_version_stay BEFORE UPDATE ON schema_version
BEGIN SELECT RAISE(ABORT, 'schema_version: rows of the ledger are never changed'); END

CREATE TRIGGER schema_version_remain BEFORE DELETE ON schema_version
BEGIN SELECT RAISE(ABORT, 'schema_version: rows of the ledger are never removed'); END

CREATE TRIGGER states_stay BEFORE UPDATE ON states
BEGIN SELECT RAISE(ABORT, 'states: rows of the ledger are never changed'); END

CREATE TRIGGER states_remain BEFORE DELETE ON states
BEGIN SELECT RAISE(ABORT, 'states: rows of the ledger are never removed'); END

CREATE TRIGGER links_stay BEFORE UPDATE ON links
BEGIN SELECT RAISE(ABORT, 'links: rows of the ledger are never changed'); END

CREATE TRIGGER links_remain BEFORE DELETE ON links
BEGIN SELECT RAISE(ABORT, 'links: rows of the ledger are never removed'); END

CREATE TRIGGER declarations_stay BEFORE UPDATE ON declarations
BEGIN SELECT RAISE(ABORT, 'declarations: rows of the ledger are never changed'); END

CREATE TRIGGER declarations_remain BEFORE DELETE ON declarations
BEGIN SELECT RAISE(ABORT, 'declarations: rows of the ledger are never removed'); END

CREATE TRIGGER statuses_stay BEFORE UPDATE ON statuses
BEGIN SELECT RAISE(ABORT, 'statuses: rows of the ledger are never changed'); END

CREATE TRIGGER statuses_remain BEFORE DELETE ON statuses
BEGIN SELECT RAISE(ABORT, 'statuses: rows of the ledger are never removed'); END

CREATE TRIGGER steps_stay BEFORE UPDATE ON steps
BEGIN SELECT RAISE(ABORT, 'steps: rows of the ledger are never changed'); END

CREATE TRIGGER steps_remain BEFORE DELETE ON steps
BEGIN SELECT RAISE(ABORT, 'steps: rows of the ledger are never removed'); END

CREATE TRIGGER runs_stay BEFORE UPDATE ON runs
BEGIN SELECT RAISE(ABORT, 'runs: rows of the ledger are never changed'); END

CREATE TRIGGER runs_remain BEFORE DELETE ON runs
BEGIN SELECT RAISE(ABORT, 'runs: rows of the ledger are never removed'); END

CREATE TRIGGER decisions_stay BEFORE UPDATE ON decisions
BEGIN SELECT RAISE(ABORT, 'decisions: rows of the ledger are never changed'); END

CREATE TRIGGER decisions_remain BEFORE DELETE ON decisions
BEGIN SELECT RAISE(ABORT, 'decisions: rows of the ledger are never removed'); END

CREATE TRIGGER schedules_stay BEFORE UPDATE ON schedules
BEGIN SELECT RAISE(ABORT, 'schedules: rows of the ledger are never changed'); END

CREATE TRIGGER schedules_remain BEFORE DELETE ON schedules
BEGIN SELECT RAISE(ABORT, 'schedules: rows of the ledger are never removed'); END

CREATE TRIGGER refunds_stay BEFORE UPDATE ON refunds
BEGIN SELECT RAISE(ABORT, 'refunds: rows of the ledger are never changed'); END

CREATE TRIGGER refunds_remain BEFORE DELETE ON refunds
BEGIN SELECT RAISE(ABORT, 'refunds: rows of the ledger are never removed'); END

CREATE TRIGGER payments_stay BEFORE UPDATE ON payments
BEGIN SELECT RAISE(ABORT, 'payments: rows of the ledger are never changed'); END

CREATE TRIGGER payments_remain BEFORE DELETE ON payments
BEGIN SELECT RAISE(ABORT, 'payments: rows of the ledger are never removed'); END

CREATE TRIGGER claim_entries_stay BEFORE UPDATE OF declaration, entry_number, importer_number, principal_cents ON claim_entries
BEGIN SELECT RAISE(ABORT, 'claim_entries: only state, live and step change'); END

CREATE TRIGGER claim_entries_remain BEFORE DELETE ON claim_entries
BEGIN SELECT RAISE(ABORT, 'claim_entries: rows of the ledger are never removed'); END
