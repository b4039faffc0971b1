-- The life of payments. Packed tables as in 0002: content is a table in Arrow's IPC format, digest covers its values and
-- goes into the chain in its place. No foreign keys, as in 0002: `verify` tests what they would.

-- Who is enrolled for ACH refunds; of a recipient the latest row counts. Accounts: last four characters and a digest.
CREATE TABLE enrolments (
    enrolment BIGINT PRIMARY KEY,
    link BIGINT NOT NULL,
    on_day TEXT NOT NULL,
    source TEXT NOT NULL,
    recipients BIGINT NOT NULL CHECK (recipients > 0),
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    content BYTEA NOT NULL
)

-- Debts of recipients (19 CFR 24.72); recipient as it is compared, without dashes and blanks.
CREATE TABLE debts (
    debt TEXT PRIMARY KEY,
    link BIGINT NOT NULL,
    recipient TEXT NOT NULL,
    creditor TEXT NOT NULL CHECK (creditor IN ('cbp', 'federal', 'treasury')),
    debt_order BIGINT NOT NULL CHECK (debt_order >= 0),
    amount_cents BIGINT NOT NULL CHECK (amount_cents > 0),
    on_day TEXT NOT NULL,
    source TEXT NOT NULL,
    source_row BIGINT NOT NULL
)

-- What was taken for them: a debt takes from a refund once.
CREATE TABLE offsets (
    debt TEXT NOT NULL,
    refund TEXT NOT NULL,
    link BIGINT NOT NULL,
    on_day TEXT NOT NULL,
    amount_cents BIGINT NOT NULL CHECK (amount_cents > 0),
    PRIMARY KEY (debt, refund)
) /*CLUSTERED*/

-- Payments that came to one state on one day. The last event of a payment says where it stands.
CREATE TABLE payment_events (
    event BIGINT PRIMARY KEY,
    link BIGINT NOT NULL,
    on_day TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('HELD_NO_ACH', 'CERTIFIED', 'SENT_TO_TREASURY', 'ISSUED', 'SETTLED', 'RETURNED', 'REISSUED', 'REPLACED')),
    source TEXT NOT NULL,
    payments BIGINT NOT NULL CHECK (payments > 0),
    amount_cents BIGINT NOT NULL CHECK (amount_cents > 0),
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    content BYTEA NOT NULL
)

-- One row for each sending to Treasury.
CREATE TABLE sendings (
    sending BIGINT PRIMARY KEY,
    link BIGINT NOT NULL,
    on_day TEXT NOT NULL,
    effective_day TEXT NOT NULL,
    file_format TEXT NOT NULL,
    payments BIGINT NOT NULL CHECK (payments > 0),
    amount_cents BIGINT NOT NULL CHECK (amount_cents > 0)
)

-- What was sent: the database refuses a payment, and a trace, a second time. `verify` compares with the events.
CREATE TABLE sent_payments (
    payment TEXT /*C*/ NOT NULL PRIMARY KEY,
    sending BIGINT NOT NULL,
    trace TEXT /*C*/ NOT NULL
) /*CLUSTERED*/

CREATE UNIQUE INDEX one_trace ON sent_payments (trace)

-- Notices to Treasury of schedules that hold large payments.
CREATE TABLE notices (
    notice BIGINT PRIMARY KEY,
    link BIGINT NOT NULL,
    on_day TEXT NOT NULL,
    send_from TEXT NOT NULL,
    lead_days BIGINT NOT NULL CHECK (lead_days IN (2, 5)),
    payments BIGINT NOT NULL CHECK (payments > 0),
    amount_cents BIGINT NOT NULL CHECK (amount_cents > 0)
)

-- A payment gives its place to one other at most: nothing is reissued twice.
CREATE UNIQUE INDEX one_successor ON payments (replaces) WHERE replaces IS NOT NULL
