-- The ledger's tables, the same text on SQLite and PostgreSQL. Statements are separated by blank lines.
-- /*C*/ marks text that is compared byte by byte (PostgreSQL: COLLATE "C"); /*CLUSTERED*/ tables that are kept in the
-- order of their key (SQLite: WITHOUT ROWID). Foreign keys are tested at the end of a transaction, because its link is
-- written last, when its hash is known. Days are ISO text, money is whole cents.

CREATE TABLE schema_version (
    version BIGINT PRIMARY KEY,
    applied_by TEXT NOT NULL
)

-- entry_states.csv as this ledger keeps it; a code never changes its meaning.
CREATE TABLE states (
    code BIGINT PRIMARY KEY,
    state TEXT NOT NULL UNIQUE,
    live BIGINT NOT NULL CHECK (live IN (0, 1))
)

-- One link for each transaction: hash = SHA-256 (hash before, rows of the transaction).
CREATE TABLE links (
    link BIGINT PRIMARY KEY,
    recorded_at TEXT NOT NULL,
    engine TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64)
)

-- One row for each uploaded file; digest covers its entries as they were declared.
CREATE TABLE declarations (
    declaration BIGINT PRIMARY KEY,
    link BIGINT NOT NULL REFERENCES links (link) DEFERRABLE INITIALLY DEFERRED,
    file_name TEXT NOT NULL,
    file_sha256 TEXT NOT NULL CHECK (length(file_sha256) = 64),
    account TEXT NOT NULL CHECK (account IN ('importer', 'filer', 'broker')),
    submitter TEXT NOT NULL,
    attempt BIGINT NOT NULL CHECK (attempt >= 1),
    filed_on TEXT NOT NULL,
    received_at TEXT NOT NULL,
    entries BIGINT NOT NULL CHECK (entries >= 0),
    principal_cents BIGINT NOT NULL,
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    UNIQUE (file_sha256, account, submitter, attempt)
)

-- What the portal says about a declaration; the last row counts.
CREATE TABLE statuses (
    declaration BIGINT NOT NULL REFERENCES declarations (declaration) DEFERRABLE INITIALLY DEFERRED,
    number BIGINT NOT NULL,
    link BIGINT NOT NULL REFERENCES links (link) DEFERRABLE INITIALLY DEFERRED,
    status TEXT NOT NULL,
    claim_number TEXT,
    on_day TEXT NOT NULL,
    who TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (declaration, number)
)

CREATE INDEX statuses_of_claim ON statuses (claim_number) WHERE claim_number IS NOT NULL

-- Entries on declarations: the only rows that change, and only in state, live and step. No foreign keys here: they
-- would cost a fifth of a commit, and `verify` tests what they would.
CREATE TABLE claim_entries (
    declaration BIGINT NOT NULL,
    entry_number TEXT /*C*/ NOT NULL,
    state BIGINT NOT NULL,
    live BIGINT NOT NULL CHECK (live IN (0, 1)),
    step BIGINT NOT NULL,
    importer_number TEXT,
    principal_cents BIGINT,
    PRIMARY KEY (declaration, entry_number)
) /*CLUSTERED*/

-- Nothing is claimed twice: at most one live claim for each entry.
CREATE UNIQUE INDEX one_live_claim ON claim_entries (entry_number) WHERE live = 1

-- A step that entries of one declaration took together: their numbers, sorted, 11 characters each, stand one after the
-- other in entry_numbers (a row for each of them took ten times as long; the view events gives them one by one).
CREATE TABLE steps (
    step BIGINT PRIMARY KEY,
    link BIGINT NOT NULL REFERENCES links (link) DEFERRABLE INITIALLY DEFERRED,
    declaration BIGINT NOT NULL REFERENCES declarations (declaration) DEFERRABLE INITIALLY DEFERRED,
    from_state BIGINT NOT NULL REFERENCES states (code),
    to_state BIGINT NOT NULL REFERENCES states (code),
    on_day TEXT NOT NULL,
    who TEXT NOT NULL,
    reason TEXT NOT NULL,
    entries BIGINT NOT NULL CHECK (entries > 0),
    entry_numbers TEXT NOT NULL,
    CHECK (length(entry_numbers) = 11 * entries)
)

CREATE INDEX steps_of_declaration ON steps (declaration, step)

-- Folders of results that count.
CREATE TABLE runs (
    run BIGINT PRIMARY KEY,
    link BIGINT NOT NULL REFERENCES links (link) DEFERRABLE INITIALLY DEFERRED,
    kind TEXT NOT NULL,
    folder TEXT NOT NULL,
    result_hash TEXT NOT NULL,
    manifest_sha256 TEXT NOT NULL,
    on_day TEXT NOT NULL,
    totals TEXT NOT NULL,
    files TEXT NOT NULL,
    UNIQUE (kind, result_hash, manifest_sha256)
)

CREATE TABLE decisions (
    declaration BIGINT NOT NULL REFERENCES declarations (declaration) DEFERRABLE INITIALLY DEFERRED,
    entry_number TEXT /*C*/ NOT NULL,
    link BIGINT NOT NULL REFERENCES links (link) DEFERRABLE INITIALLY DEFERRED,
    on_day TEXT NOT NULL,
    action TEXT NOT NULL,
    principal_cents BIGINT NOT NULL,
    interest_cents BIGINT NOT NULL,
    refund TEXT,
    PRIMARY KEY (declaration, entry_number, link)
) /*CLUSTERED*/

CREATE TABLE schedules (
    declaration BIGINT NOT NULL REFERENCES declarations (declaration) DEFERRABLE INITIALLY DEFERRED,
    entry_number TEXT /*C*/ NOT NULL,
    link BIGINT NOT NULL REFERENCES links (link) DEFERRABLE INITIALLY DEFERRED,
    liquidation_date TEXT,
    action TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (declaration, entry_number, link)
) /*CLUSTERED*/

CREATE TABLE refunds (
    refund TEXT PRIMARY KEY,
    link BIGINT NOT NULL REFERENCES links (link) DEFERRABLE INITIALLY DEFERRED,
    recipient TEXT NOT NULL,
    liquidation_date TEXT NOT NULL,
    version BIGINT NOT NULL,
    entries BIGINT NOT NULL CHECK (entries >= 0),
    principal_cents BIGINT NOT NULL CHECK (principal_cents >= 0),
    interest_cents BIGINT NOT NULL CHECK (interest_cents >= 0),
    amount_cents BIGINT NOT NULL,
    CHECK (amount_cents = principal_cents + interest_cents),
    UNIQUE (recipient, liquidation_date, version)
)

CREATE TABLE payments (
    payment TEXT PRIMARY KEY,
    link BIGINT NOT NULL REFERENCES links (link) DEFERRABLE INITIALLY DEFERRED,
    refund TEXT NOT NULL REFERENCES refunds (refund) DEFERRABLE INITIALLY DEFERRED,
    part BIGINT NOT NULL CHECK (part >= 1),
    parts BIGINT NOT NULL,
    amount_cents BIGINT NOT NULL CHECK (amount_cents > 0),
    trace TEXT,
    replaces TEXT REFERENCES payments (payment) DEFERRABLE INITIALLY DEFERRED,
    CHECK (part <= parts)
)

-- For people with a database client.
CREATE VIEW claims AS
SELECT c.entry_number, c.declaration, s.state, c.live, p.on_day AS since, c.importer_number, c.principal_cents
FROM claim_entries c JOIN states s ON s.code = c.state JOIN steps p ON p.step = c.step

CREATE VIEW events AS
WITH RECURSIVE place (step, i, entries) AS (
    SELECT step, 0, entries FROM steps
    UNION ALL SELECT step, i + 1, entries FROM place WHERE i + 1 < entries
)
SELECT substr(p.entry_numbers, 11 * place.i + 1, 11) AS entry_number, p.step, p.link, p.declaration,
    f.state AS from_state, t.state AS to_state, p.on_day, p.who, p.reason
FROM place JOIN steps p ON p.step = place.step
JOIN states f ON f.code = p.from_state JOIN states t ON t.code = p.to_state
