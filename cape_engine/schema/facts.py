"""Facts about a whole entry, an importer or a deposit: what the header, importers and deposits files may carry.

A null means that no input says anything (an unknown fact); the empty string in `LIQUIDATION_STATUS` and
`PROTEST_STATUS` means that the column is there and the cell is blank.
"""

from __future__ import annotations

from cape_engine.schema.column import CENTS, DAY, FLAG, TEXT, WORD, Column

MAX_CENTS = 9_999_999_999_99  # eleven positions with two decimals (CATAIR AE record 90), and one spare

ENTRY_NUMBER = Column(
    "entry_number",
    TEXT,
    "entry number: filer code, seven digits, check digit",
    source="CATAIR Appendix E",
    required=True,
)
IMPORTER_NUMBER = Column(
    "importer_number",
    WORD,
    "importer of record number, as given",
    source="form 7501 box 27; CATAIR AE 11",
    nullable=True,
)
IMPORTER_KIND = Column(
    "importer_kind",
    WORD,
    "corporate or noncorporate: decides the overpayment interest rate",
    source="26 USC 6621(a)(1)",
    nullable=True,
    words=("corporate", "noncorporate"),
)
FILER_CODE = Column(
    "filer_code", WORD, "first three characters of the entry number", source="CATAIR Appendix E", nullable=True
)
ENTRY_TYPE = Column("entry_type", WORD, "two-digit entry type code", source="CATAIR Appendix B", nullable=True)
ENTRY_DATE = Column("entry_date", DAY, "date of entry", source="form 7501 box 7", nullable=True)
SUMMARY_DATE = Column("summary_date", DAY, "entry summary date", source="form 7501 box 3", nullable=True)
IMPORT_DATE = Column("import_date", DAY, "date of importation", source="form 7501 box 11", nullable=True)
INBOND_DATE = Column("inbond_date", DAY, "in-bond date", source="CATAIR AE 20, 52-57", nullable=True)
DEPOSIT_DATE = Column(
    "deposit_date", DAY, "day the estimated duty was paid; interest starts on it", source="19 CFR 24.36", nullable=True
)
SUMMARY_STATUS = Column(
    "summary_status",
    WORD,
    "status of the entry summary",
    source="ACE report",
    nullable=True,
    words=("Accepted", "Cancelled", "Rejected"),
)
CONTROL_STATUS = Column(
    "control_status", WORD, "who holds the summary", source="ACE report", nullable=True, words=("CBP", "Filer")
)
STATEMENT_COMPLETE = Column(
    "statement_complete", FLAG, "the daily or monthly statement is finished", source="ACE report", nullable=True
)
LIQUIDATION_STATUS = Column(
    "liquidation_status",
    WORD,
    "liquidation status word",
    source="ACE report; clarification 6",
    nullable=True,
    words=("", "Unliquidated", "Liquidated", "Reliquidated", "Extended", "Suspended", "Under Review", "Open", "Closed"),
)
LIQUIDATION_DATE = Column(
    "liquidation_date", DAY, "day of the (latest) liquidation", source="19 CFR 159.9", nullable=True
)
ORIGINAL_LIQUIDATION_DATE = Column(
    "original_liquidation_date",
    DAY,
    "day of the first liquidation, used when schedule.reliq_basis = original",
    source="19 USC 1501",
    nullable=True,
)
SCHEDULED_LIQUIDATION_DATE = Column(
    "scheduled_liquidation_date",
    DAY,
    "day for which the ordinary liquidation is already scheduled",
    source="ACE report",
    nullable=True,
)
LAST_WITHDRAWAL_DATE = Column(
    "last_withdrawal_date",
    DAY,
    "last withdrawal from warehouse; starts the year of 19 USC 1504(a)",
    source="19 USC 1504(a)",
    nullable=True,
)
RECONCILIATION_FLAG = Column(
    "reconciliation_flag", FLAG, "entry carries a reconciliation flag", source="CATAIR AE 10, 47-49", nullable=True
)
RECONCILIATION_ENTRY_FILED = Column(
    "reconciliation_entry_filed", FLAG, "a type 09 entry is on file", source="CSMS 69035485", nullable=True
)
DRAWBACK_FLAG = Column(
    "drawback_flag", FLAG, "entry is designated on a drawback claim", source="ACE report", nullable=True
)
PROTEST_STATUS = Column(
    "protest_status",
    WORD,
    "status of a protest; blank is none",
    source="clarification 6",
    nullable=True,
    words=("", "Open", "Suspended", "Closed", "Denied", "Approved", "Withdrawn"),
)
ADCVD_PENDING = Column(
    "adcvd_pending", FLAG, "pending liquidation after Commerce instructions", source="19 USC 1504(d)", nullable=True
)
NOTIFY_PARTY = Column("notify_party", WORD, "number in box 28 of the 7501", source="CATAIR AE 11, 27-38", nullable=True)
NOTIFY_PARTY_ON_PROFILE = Column(
    "notify_party_on_profile",
    FLAG,
    "the 4811 party stands on the importer's ACE profile",
    source="CSMS 67648307",
    nullable=True,
)
SURETY_PAID = Column("surety_paid", FLAG, "the surety paid the IEEPA duty", source="clarification 2", nullable=True)
PRIOR_REFUND_CENTS = Column(
    "prior_refund_cents",
    CENTS,
    "duty already given back (PSC, protest, 1520(d))",
    source="handbook 5.10",
    nullable=True,
    low=0,
    high=MAX_CENTS,
)
PAID_DUTY_CENTS = Column(
    "paid_duty_cents",
    CENTS,
    "all class 001 money paid; else the filed duty",
    source="handbook 5.10",
    nullable=True,
    low=0,
    high=MAX_CENTS,
)
EXTENSION_SUSPENSION_CODE = Column(
    "extension_suspension_code", WORD, "ESQ extension or suspension code", source="CATAIR ESQ JC 71-78", nullable=True
)
MODE_OF_TRANSPORT = Column(
    "mode_of_transport", WORD, "mode of transport code", source="CATAIR AE 10, 36-37", nullable=True
)
VERSION = Column(
    "version", WORD, "summary version: three digits major, two minor", source="CATAIR ESQ JB 16-20", nullable=True
)
PSC_PENDING = Column("psc_pending", FLAG, "a post summary correction is pending", source="ACE report", nullable=True)
CIT_PLAINTIFF = Column(
    "cit_plaintiff", FLAG, "importer named by an order of the CIT (Phase 3)", source="handbook 1.3", nullable=True
)
FEE_496_CENTS = Column(
    "fee_496_cents", CENTS, "dutiable mail fee", source="CATAIR AE (p)", nullable=True, low=0, high=MAX_CENTS
)
FEE_499_CENTS = Column(
    "fee_499_cents", CENTS, "merchandise processing fee", source="CATAIR AE (w)", nullable=True, low=0, high=MAX_CENTS
)
FEE_501_CENTS = Column(
    "fee_501_cents", CENTS, "harbor maintenance fee", source="CATAIR AE (o)", nullable=True, low=0, high=MAX_CENTS
)
AD_CENTS = Column("ad_cents", CENTS, "antidumping duty", source="CATAIR AE 88", nullable=True, low=0, high=MAX_CENTS)
CVD_CENTS = Column(
    "cvd_cents", CENTS, "countervailing duty", source="CATAIR AE 88", nullable=True, low=0, high=MAX_CENTS
)
TAX_CENTS = Column(
    "tax_cents", CENTS, "internal revenue tax", source="CATAIR AE 60", nullable=True, low=0, high=MAX_CENTS
)
OTHER_REVENUE_CENTS = Column(
    "other_revenue_cents", CENTS, "other revenue", source="CATAIR AE 61", nullable=True, low=0, high=MAX_CENTS
)

ENTRY_FACTS: tuple[Column, ...] = (
    IMPORTER_NUMBER,
    IMPORTER_KIND,
    FILER_CODE,
    ENTRY_TYPE,
    ENTRY_DATE,
    SUMMARY_DATE,
    IMPORT_DATE,
    INBOND_DATE,
    DEPOSIT_DATE,
    SUMMARY_STATUS,
    CONTROL_STATUS,
    STATEMENT_COMPLETE,
    LIQUIDATION_STATUS,
    LIQUIDATION_DATE,
    ORIGINAL_LIQUIDATION_DATE,
    SCHEDULED_LIQUIDATION_DATE,
    LAST_WITHDRAWAL_DATE,
    RECONCILIATION_FLAG,
    RECONCILIATION_ENTRY_FILED,
    DRAWBACK_FLAG,
    PROTEST_STATUS,
    ADCVD_PENDING,
    NOTIFY_PARTY,
    NOTIFY_PARTY_ON_PROFILE,
    SURETY_PAID,
    PRIOR_REFUND_CENTS,
    PAID_DUTY_CENTS,
    EXTENSION_SUSPENSION_CODE,
    MODE_OF_TRANSPORT,
    VERSION,
    PSC_PENDING,
    CIT_PLAINTIFF,
    FEE_496_CENTS,
    FEE_499_CENTS,
    FEE_501_CENTS,
    AD_CENTS,
    CVD_CENTS,
    TAX_CENTS,
    OTHER_REVENUE_CENTS,
)
"""Facts of an entry: optional columns of the header file, of canonical rows and (some) of ES-003."""

HEADER_FILE: tuple[Column, ...] = (ENTRY_NUMBER, *ENTRY_FACTS)

ACH_ENROLLED = Column("ach_enrolled", FLAG, "recipient is enrolled for ACH refunds", source="91 FR 21", nullable=True)
ROUTING_NUMBER = Column("routing_number", TEXT, "U.S. bank routing number", nullable=True)
ACCOUNT_NUMBER = Column("account_number", TEXT, "bank account number; never printed", nullable=True)
ACCOUNT_KIND = Column("account_kind", WORD, "checking or savings", nullable=True, words=("checking", "savings"))
NAME = Column("name", TEXT, "name of the account's owner; never carried into outputs", nullable=True)

IMPORTERS_FILE: tuple[Column, ...] = (
    IMPORTER_NUMBER,
    IMPORTER_KIND,
    ACH_ENROLLED,
    ROUTING_NUMBER,
    ACCOUNT_NUMBER,
    ACCOUNT_KIND,
    NAME,
)

AMOUNT_CENTS = Column("amount_cents", CENTS, "money", low=0, high=MAX_CENTS)
DEPOSITS_FILE: tuple[Column, ...] = (ENTRY_NUMBER, DEPOSIT_DATE, AMOUNT_CENTS)
