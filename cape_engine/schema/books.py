"""Tables of `cape refund accrual`, `cape refund statement` and `cape forecast`."""

from __future__ import annotations

import pyarrow as pa

from cape_engine.schema.column import CENTS, DAY, TEXT, WORD, Column, arrow_schema
from cape_engine.schema.facts import ENTRY_NUMBER, IMPORTER_NUMBER
from cape_engine.schema.life import ACCEPTED_DATE, PAYMENT, REFUND
from cape_engine.schema.payment_files import TRACE
from cape_engine.schema.payments import (
    DEBT,
    HELD_CENTS,
    OFFSET_CENTS,
    ON_THE_WAY_CENTS,
    PAID_CENTS,
    PAYMENT_STATE,
    RETURNED_CENTS,
    STATE_SINCE,
)
from cape_engine.schema.results import (
    ACTION,
    AMOUNT_CENTS,
    INTEREST_CENTS,
    INTEREST_FROM,
    INTEREST_TO,
    PAYMENT_ID,
    PRINCIPAL_CENTS,
    RECIPIENT,
    RESULT_LIQUIDATION_DATE,
)

_COUNT = pa.int64()

STANDINGS = ("planned", "decided", "paid", "waiting", "none")
STANDING = Column(
    "standing",
    WORD,
    "planned day ahead; decided (liquidated) on the day of the report; paid; waiting without a day; nothing is paid",
    words=STANDINGS,
)
POSITION_STATE = Column(
    "position_state", WORD, "state in the ledger; of a run the status of the refund, or why there is no day"
)

PERIOD_START = Column("period_start", DAY, "first day of the period")
PERIOD_END = Column("period_end", DAY, "last day of the period that counts; the cut-off where it ends before")
DEPOSITED = Column("deposited_cents", CENTS, "principal deposited in the period, of what is refunded")
EARNED = Column("earned_cents", CENTS, "interest earned by the days of the period", source="26 USC 6622")
DUE_PRINCIPAL = Column("due_principal_cents", CENTS, "principal of entries (re)liquidated in the period")
DUE_INTEREST = Column("due_interest_cents", CENTS, "their interest, to the day of (re)liquidation")
OPEN_PRINCIPAL = Column("open_principal_cents", CENTS, "principal deposited and not yet due at the end of the period")
OPEN_INTEREST = Column("open_interest_cents", CENTS, "interest earned and not yet due at the end of the period")
EARNING_ENTRIES = Column("earning_entries", _COUNT, "entries that earn interest in the period")
DUE_ENTRIES = Column("due_entries", _COUNT, "entries (re)liquidated in the period")
_MONEY = (
    DEPOSITED,
    EARNED,
    DUE_PRINCIPAL,
    DUE_INTEREST,
    OPEN_PRINCIPAL,
    OPEN_INTEREST,
    EARNING_ENTRIES,
    DUE_ENTRIES,
)
ACCRUAL_PERIODS: tuple[Column, ...] = (PERIOD_START, PERIOD_END, *_MONEY)
"""One row per period. What is open at its end is what was open before, and deposited or earned, less what is due."""
ACCRUAL_IMPORTERS: tuple[Column, ...] = (IMPORTER_NUMBER, PERIOD_START, PERIOD_END, *_MONEY)
"""The same by importer, periods in which nothing moves and nothing is open left out."""

POSITION_ENTRIES = Column("position_entries", _COUNT, "entries")
WITHOUT_DAY: tuple[Column, ...] = (IMPORTER_NUMBER, STANDING, POSITION_STATE, POSITION_ENTRIES, PRINCIPAL_CENTS)
"""Principal that has no day, and so no interest that could be promised: holds, reviews, missed windows."""

DAYS_OF_INTEREST = Column("interest_days", pa.int32(), "days that bear interest, from the first deposit", nullable=True)
RATES_TEXT = Column("interest_rates", WORD, "days and yearly rates, of the first deposit", nullable=True)
STATEMENT_ENTRIES: tuple[Column, ...] = (
    IMPORTER_NUMBER,
    ENTRY_NUMBER,
    STANDING,
    POSITION_STATE,
    RESULT_LIQUIDATION_DATE,
    PRINCIPAL_CENTS,
    INTEREST_CENTS,
    INTEREST_FROM,
    INTEREST_TO,
    DAYS_OF_INTEREST,
    RATES_TEXT,
    RECIPIENT,
    PAYMENT_ID,
)
"""One row per entry with duty to give back, by importer and entry number."""
DATED_PRINCIPAL = Column("dated_principal_cents", CENTS, "principal of entries that are paid on a day")
DATED_INTEREST = Column("dated_interest_cents", CENTS, "their interest, as far as it is known")
STATEMENT_IMPORTERS: tuple[Column, ...] = (
    IMPORTER_NUMBER,
    POSITION_ENTRIES,
    PRINCIPAL_CENTS,
    DATED_PRINCIPAL,
    DATED_INTEREST,
    AMOUNT_CENTS,
)
"""One row per importer; the amount is dated principal and interest."""

ACCRUAL_PERIODS_SCHEMA = arrow_schema(ACCRUAL_PERIODS)
ACCRUAL_IMPORTERS_SCHEMA = arrow_schema(ACCRUAL_IMPORTERS)
WITHOUT_DAY_SCHEMA = arrow_schema(WITHOUT_DAY)
STATEMENT_ENTRIES_SCHEMA = arrow_schema(STATEMENT_ENTRIES)
STATEMENT_IMPORTERS_SCHEMA = arrow_schema(STATEMENT_IMPORTERS)

WEEK = Column("week", DAY, "Monday of the week in which the money arrives")
_QUANTILES = (("low", "in a tenth of cases at most"), ("middle", "in half of them"), ("high", "in nine tenths"))
EXPECTED_PRINCIPAL = Column("expected_principal_cents", CENTS, "principal, mean over all cases")
EXPECTED_INTEREST = Column("expected_interest_cents", CENTS, "interest to the shifted days, mean over all cases")
WEEK_RANGE = tuple(Column(f"{name}_cents", CENTS, f"cash of the week: {meaning}") for name, meaning in _QUANTILES)
TO_DATE_RANGE = tuple(
    Column(f"{name}_to_date_cents", CENTS, f"cash up to the end of the week: {meaning}") for name, meaning in _QUANTILES
)
PLANNED_CASH = Column("planned_cents", CENTS, "cash where every day comes as planned and money follows in two Fed days")
FORECAST_WEEKS: tuple[Column, ...] = (
    WEEK,
    PLANNED_CASH,
    EXPECTED_PRINCIPAL,
    EXPECTED_INTEREST,
    *WEEK_RANGE,
    *TO_DATE_RANGE,
)
"""One row per week; low, middle and high are the 100th, 500th and 900th of a thousand drawn cases, each for itself."""
LAG_STEP = Column("lag_step", WORD, "step of the road", words=("liquidate", "reliquidate", "issue", "settle"))
LAG_FROM = Column("lag_from", TEXT, "what its days come from")
LAG_OBSERVED = Column("observed", _COUNT, "entries whose days were observed")
LAG_DAYS = tuple(Column(f"{name}_days", pa.int32(), f"days: {meaning}", nullable=True) for name, meaning in _QUANTILES)
FORECAST_LAGS: tuple[Column, ...] = (LAG_STEP, LAG_FROM, LAG_OBSERVED, *LAG_DAYS)
"""How long each step took, and where that is known from."""
FORECAST_APART: tuple[Column, ...] = (STANDING, POSITION_STATE, POSITION_ENTRIES, PRINCIPAL_CENTS, DATED_INTEREST)
"""What no week is promised for: holds, reviews, no bank data, unknown rates, money sent back."""
FORECAST_WEEKS_SCHEMA = arrow_schema(FORECAST_WEEKS)
FORECAST_LAGS_SCHEMA = arrow_schema(FORECAST_LAGS)
FORECAST_APART_SCHEMA = arrow_schema(FORECAST_APART)


HISTORY_LIQUIDATED = Column("liquidated_date", DAY, "day of the (re)liquidation", nullable=True)
HISTORY_ISSUED = Column("issued_date", DAY, "day on which Treasury paid", nullable=True)
HISTORY_SETTLED = Column("settled_date", DAY, "day of the credit at the bank", nullable=True)
STATEMENT_HELD = Column("held_date", DAY, "day on which it was held for want of an account", nullable=True)
STATEMENT_SENT = Column("sent_date", DAY, "day on which it went to Treasury", nullable=True)
STATEMENT_RETURNED = Column("returned_date", DAY, "day on which it came back", nullable=True)
STATEMENT_SHARE = Column(
    "share_cents", CENTS, "what the importer has in it; null where another payment took its place", nullable=True
)
STATEMENT_LATE = Column("late_interest_cents", CENTS, "of it interest for late payment", source="19 USC 1505(d)")
STATEMENT_PAYMENTS: tuple[Column, ...] = (
    IMPORTER_NUMBER, RECIPIENT, RESULT_LIQUIDATION_DATE, REFUND, PAYMENT, DEBT,
    PAYMENT_STATE, STATE_SINCE, STATEMENT_HELD, STATEMENT_SENT, HISTORY_ISSUED, HISTORY_SETTLED, STATEMENT_RETURNED,
    TRACE, AMOUNT_CENTS, STATEMENT_SHARE,
)  # fmt: skip
"""Every payment of a ledger, and what was taken for debts, by importer: one row for each importer of the refund."""
STATEMENT_MONEY: tuple[Column, ...] = (
    IMPORTER_NUMBER, AMOUNT_CENTS, STATEMENT_LATE, PAID_CENTS, HELD_CENTS, OFFSET_CENTS, RETURNED_CENTS,
    ON_THE_WAY_CENTS,
)  # fmt: skip
"""Where the money of each importer's refunds is: the last five add up to the amount."""
STATEMENT_PAYMENTS_SCHEMA = pa.schema([c.field.with_nullable(nullable=True) for c in STATEMENT_PAYMENTS])
STATEMENT_MONEY_SCHEMA = arrow_schema(STATEMENT_MONEY)
HISTORY_FILE: tuple[Column, ...] = (
    ACCEPTED_DATE,
    HISTORY_LIQUIDATED,
    HISTORY_ISSUED,
    HISTORY_SETTLED,
    ACTION,
)
"""Columns of a history file, one row an entry; days that are not known stay blank, and action may be left out."""
