-- The life of entries day by day. Tables 0001 made for it, one row per entry, were never filled; packed ones replace
-- them. BYTEA holds a table in Arrow's IPC format; digest covers its values, and goes into the chain in its place. No foreign keys here: SQLite would look through every table that names
-- a link whenever a link is written, last of all in its transaction; `verify` tests what they would.

DROP TABLE decisions

DROP TABLE schedules

-- What the life must know of the entries of a declaration. A later part replaces what an earlier one said of an entry.
CREATE TABLE facts (
    declaration BIGINT NOT NULL,
    part BIGINT NOT NULL CHECK (part >= 1),
    link BIGINT NOT NULL,
    entries BIGINT NOT NULL CHECK (entries > 0),
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    content BYTEA NOT NULL,
    PRIMARY KEY (declaration, part)
)

-- When entries of one declaration are to be decided; a later plan of an entry replaces an earlier one. basis_date and
-- limit_date are null where the plan leaves them as they were.
CREATE TABLE plans (
    plan BIGINT PRIMARY KEY,
    link BIGINT NOT NULL,
    declaration BIGINT NOT NULL,
    liquidation_date TEXT,
    action TEXT NOT NULL CHECK (action IN ('liquidate', 'reliquidate', 'wait', 'none')),
    basis_date TEXT,
    limit_date TEXT,
    reason TEXT NOT NULL,
    entries BIGINT NOT NULL CHECK (entries > 0),
    entry_numbers TEXT NOT NULL,
    CHECK (length(entry_numbers) = 11 * entries)
)

-- What happened outside (handbook 6.3), as it arrived; source_rows are lines of the source, one for each entry.
CREATE TABLE occurrences (
    occurrence BIGINT PRIMARY KEY,
    link BIGINT NOT NULL,
    kind TEXT NOT NULL,
    effective_date TEXT NOT NULL,
    liquidation_date TEXT,
    received_date TEXT NOT NULL,
    who TEXT NOT NULL,
    note TEXT NOT NULL,
    source TEXT NOT NULL,
    source_rows TEXT NOT NULL,
    entries BIGINT NOT NULL CHECK (entries > 0),
    entry_numbers TEXT NOT NULL,
    CHECK (length(entry_numbers) = 11 * entries)
)

CREATE INDEX occurrences_of_day ON occurrences (received_date)

-- What officers did with entries of one declaration in review (handbook 6.4): assigned them, or decided. before_cents and
-- principal_cents belong to a change; source_rows are lines of the source, one for each entry.
CREATE TABLE reviews (
    review BIGINT PRIMARY KEY,
    link BIGINT NOT NULL,
    declaration BIGINT NOT NULL,
    act TEXT NOT NULL CHECK (act IN ('assign', 'release', 'change', 'reject')),
    on_day TEXT NOT NULL,
    officer TEXT NOT NULL CHECK (length(officer) > 0),
    reason TEXT NOT NULL,
    before_cents BIGINT,
    principal_cents BIGINT CHECK (principal_cents >= 0),
    source TEXT NOT NULL,
    source_rows TEXT NOT NULL,
    entries BIGINT NOT NULL CHECK (entries > 0),
    entry_numbers TEXT NOT NULL,
    CHECK (length(entry_numbers) = 11 * entries),
    CHECK ((act = 'change') = (principal_cents IS NOT NULL AND before_cents IS NOT NULL))
)

-- The decisions of one run day, entry by entry.
CREATE TABLE decisions (
    decision BIGINT PRIMARY KEY,
    link BIGINT NOT NULL,
    on_day TEXT NOT NULL,
    entries BIGINT NOT NULL CHECK (entries > 0),
    principal_cents BIGINT NOT NULL,
    interest_cents BIGINT NOT NULL,
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    content BYTEA NOT NULL
)

CREATE INDEX decisions_of_day ON decisions (on_day)

-- One row for each day that was played: it is there whole, or the day was not played.
CREATE TABLE days (
    played_day TEXT PRIMARY KEY,
    link BIGINT NOT NULL,
    run_day BIGINT NOT NULL CHECK (run_day IN (0, 1)),
    counts TEXT NOT NULL,
    result_hash TEXT NOT NULL CHECK (length(result_hash) = 64)
)

-- For the foreign keys of 0001: without these every refund and payment is compared with all payments there are.
CREATE INDEX payments_of_refund ON payments (refund)

CREATE INDEX payments_replaced ON payments (replaces)

CREATE INDEX payments_of_link ON payments (link)

CREATE INDEX refunds_of_link ON refunds (link)

CREATE INDEX refunds_of_day ON refunds (liquidation_date)

CREATE INDEX steps_of_link ON steps (link)
