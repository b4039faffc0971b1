"""The tables of the life of payments: enrolments, debts, events of payments, sendings, notices, and what is shown."""

from __future__ import annotations

import pyarrow as pa

from cape_engine.schema.column import CENTS, DAY, TEXT, WORD, Column, arrow_schema
from cape_engine.schema.facts import ACH_ENROLLED, IMPORTER_NUMBER
from cape_engine.schema.ledger import COUNT, LINK, ON_DAY, REASON
from cape_engine.schema.life import COHORT_VERSION, EVENT_ROW, EVENT_SOURCE, PAID_PART, PAID_PARTS, PAYMENT, REFUND
from cape_engine.schema.payment_files import TRACE
from cape_engine.schema.results import (
    AMOUNT_CENTS,
    INTEREST_CENTS,
    PRINCIPAL_CENTS,
    RECIPIENT,
    RESULT_LIQUIDATION_DATE,
)

RECIPIENT_KEY = Column("recipient_key", TEXT, "recipient without dashes and blanks, upper case")
SINCE_DATE = Column("since_date", DAY, "day from which the fact holds")
ACCOUNT_TAIL = Column("account_tail", TEXT, "last four characters of the account; never more of it", nullable=True)
ACCOUNT_DIGEST = Column(
    "account_digest", TEXT, "fingerprint of routing number and account, to notice another account", nullable=True
)
ENROLMENTS: tuple[Column, ...] = (RECIPIENT_KEY, ACH_ENROLLED, SINCE_DATE, ACCOUNT_TAIL, ACCOUNT_DIGEST)
"""Who is enrolled for ACH refunds; of a recipient the latest row counts."""

DEBT = Column("debt", TEXT, "identity of the debt, as its creditor names it")
CREDITOR = Column(
    "creditor", WORD, "whose debt it is, in the order in which they are served", source="19 CFR 24.72",
    words=("cbp", "federal", "treasury"),
)  # fmt: skip
DEBT_ORDER = Column("debt_order", COUNT, "place among the debts of one creditor; the lowest is served first", low=0)
DEBTS_FILE: tuple[Column, ...] = (RECIPIENT, DEBT, CREDITOR, AMOUNT_CENTS, Column("order", COUNT, "debt_order"))
"""Columns of a file of debts; `order` may be left out or blank."""
DEBTS: tuple[Column, ...] = (
    DEBT, RECIPIENT_KEY, CREDITOR, DEBT_ORDER, AMOUNT_CENTS, ON_DAY, EVENT_SOURCE, EVENT_ROW,
)  # fmt: skip
OFFSETS: tuple[Column, ...] = (DEBT, REFUND, ON_DAY, AMOUNT_CENTS)
"""What was taken for debts, refund by refund."""

PAYMENT_STATE = Column("payment_state", WORD, "where the payment stands", source="handbook 7.4")
REPLACED_BY = Column("replaced_by", TEXT, "payment that took its place", nullable=True)
PAYMENT_REASON = Column("payment_reason", WORD, "why; reason code of a return", nullable=True)
PAYMENT_EVENTS: tuple[Column, ...] = (PAYMENT, AMOUNT_CENTS, TRACE, PAYMENT_REASON, REPLACED_BY, EVENT_ROW)
"""What happened on one day to payments that came to the same state."""
REPLACES = Column("replaces", TEXT, "payment whose place it took; null for a first one", nullable=True)
PARTS_KEPT: tuple[Column, ...] = (PAYMENT, REFUND, PAID_PART, PAID_PARTS, AMOUNT_CENTS, REPLACES)
"""Payments with what they replace."""

SENDING = Column("sending", COUNT, "number of the sending, from 1", low=1)
EFFECTIVE_DAY = Column("effective_day", DAY, "Fed day on which the payments are to be settled")
FILE_FORMAT = Column("file_format", WORD, "format of the files")
SENT_COUNT = Column("payments", COUNT, "how many payments")
SENDINGS: tuple[Column, ...] = (SENDING, LINK, ON_DAY, EFFECTIVE_DAY, FILE_FORMAT, SENT_COUNT, AMOUNT_CENTS)
SEND_FROM = Column("send_from", DAY, "first day on which they may be sent", source="Treasury Financial Manual")
LEAD_DAYS = Column("lead_days", COUNT, "business days of notice: two from $50 million, five above $500 million")
NOTICES: tuple[Column, ...] = (ON_DAY, SEND_FROM, LEAD_DAYS, SENT_COUNT, AMOUNT_CENTS)
"""Notices to Treasury of schedules that hold large payments."""

PAID_ON = Column("paid_on", DAY, "day of payment that was reckoned with: the effective day of the sending")
BEARING_DAYS = Column(
    "bearing_days", COUNT, "days since the (re)liquidation that bear interest for late payment", low=1
)
BALANCE_CENTS = Column("balance_cents", CENTS, "the payment that was late, principal and interest")
LATE: tuple[Column, ...] = (PAYMENT, REFUND, ON_DAY, PAID_ON, BEARING_DAYS, BALANCE_CENTS, AMOUNT_CENTS)
"""Interest for late payment, by the payment that was late; `refund` is the one that pays it (19 USC 1505(d))."""

BANK_KIND = Column("kind", WORD, "what happened", words=("issued", "settled", "returned"))
BANK_DATE = Column("date", DAY, "day on which it happened")
CURRENCY = Column("currency", WORD, "USD where it is given")
BANK_FILE: tuple[Column, ...] = (PAYMENT, TRACE, BANK_KIND, BANK_DATE, AMOUNT_CENTS, REASON, CURRENCY)
"""Columns of a file of the bank or Treasury; payment or trace, reason and currency may be left out or blank."""

REQUEST: tuple[Column, ...] = (
    PAYMENT, TRACE, RECIPIENT, RESULT_LIQUIDATION_DATE, PAID_PART, PAID_PARTS, AMOUNT_CENTS, EFFECTIVE_DAY,
    ACCOUNT_TAIL,
)  # fmt: skip
"""The payment request, the file of format `request`: what a certifying officer hands to Treasury, without accounts."""

PAID_CENTS = Column("paid_cents", CENTS, "settled")
HELD_CENTS = Column("held_cents", CENTS, "held until the recipient is enrolled")
OFFSET_CENTS = Column("offset_cents", CENTS, "taken for debts")
RETURNED_CENTS = Column("returned_cents", CENTS, "came back and is not paid again yet")
ON_THE_WAY_CENTS = Column("on_the_way_cents", CENTS, "everything else: to be released, to be sent, sent, issued")
REFUND_STATE = Column("refund_state", WORD, "state of the entries of the refund")
SHOWN_REFUNDS: tuple[Column, ...] = (
    REFUND, RECIPIENT, RESULT_LIQUIDATION_DATE, COHORT_VERSION, REFUND_STATE, PRINCIPAL_CENTS, INTEREST_CENTS,
    PAID_CENTS, HELD_CENTS, OFFSET_CENTS, RETURNED_CENTS, ON_THE_WAY_CENTS,
)  # fmt: skip
"""Refunds with where their money is: the last five add up to principal and interest."""
STATE_SINCE = Column("state_since", DAY, "day on which the payment came to its state", nullable=True)
SHOWN_PAYMENTS: tuple[Column, ...] = (
    PAYMENT, REFUND, RECIPIENT, PAID_PART, PAID_PARTS, AMOUNT_CENTS, PAYMENT_STATE, STATE_SINCE, TRACE, PAYMENT_REASON,
    REPLACES, REPLACED_BY,
)  # fmt: skip
SHARE_ENTRIES = Column("share_entries", COUNT, "entries of the importer in the refund")
SHOWN_SHARES: tuple[Column, ...] = (REFUND, RECIPIENT, IMPORTER_NUMBER, SHARE_ENTRIES, PRINCIPAL_CENTS, INTEREST_CENTS)
"""What each importer has in a refund; several share one where a 4811 party is paid for them."""

ENROLMENTS_SCHEMA = pa.schema([column.field.with_nullable(nullable=True) for column in ENROLMENTS])
DEBTS_SCHEMA = arrow_schema(DEBTS)
OFFSETS_SCHEMA = pa.schema([column.field.with_nullable(nullable=True) for column in OFFSETS])
PAYMENT_EVENTS_SCHEMA = arrow_schema(PAYMENT_EVENTS)
PARTS_KEPT_SCHEMA = pa.schema([column.field.with_nullable(nullable=True) for column in PARTS_KEPT])
SENDINGS_SCHEMA = arrow_schema(SENDINGS)
NOTICES_SCHEMA = arrow_schema(NOTICES)
LATE_SCHEMA = pa.schema([column.field.with_nullable(nullable=True) for column in LATE])
REQUEST_SCHEMA = pa.schema([column.field.with_nullable(nullable=True) for column in REQUEST])
SHOWN_REFUNDS_SCHEMA = pa.schema([column.field.with_nullable(nullable=True) for column in SHOWN_REFUNDS])
SHOWN_PAYMENTS_SCHEMA = pa.schema([column.field.with_nullable(nullable=True) for column in SHOWN_PAYMENTS])
SHOWN_SHARES_SCHEMA = pa.schema([column.field.with_nullable(nullable=True) for column in SHOWN_SHARES])

PAYMENT_STATES: tuple[str, ...] = (
    "CONSOLIDATED", "HELD_NO_ACH", "CERTIFIED", "SENT_TO_TREASURY", "ISSUED", "SETTLED", "RETURNED", "REISSUED",
    "REPLACED",
)  # fmt: skip
"""States of a payment; its place is its code. REISSUED: another payment was made for it; REPLACED: it was cut anew."""
PAYMENT_STEPS: frozenset[tuple[str, str]] = frozenset(
    {
        ("CONSOLIDATED", "HELD_NO_ACH"), ("CONSOLIDATED", "CERTIFIED"), ("CONSOLIDATED", "REPLACED"),
        ("HELD_NO_ACH", "CERTIFIED"), ("HELD_NO_ACH", "REPLACED"), ("CERTIFIED", "SENT_TO_TREASURY"),
        ("SENT_TO_TREASURY", "ISSUED"), ("ISSUED", "SETTLED"), ("ISSUED", "RETURNED"), ("SETTLED", "RETURNED"),
        ("RETURNED", "REISSUED"),
    }
)  # fmt: skip
"""Steps of a payment."""
