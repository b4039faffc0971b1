"""Refund: principal and interest of every entry, who is paid, and one payment per recipient and day (handbook 7)."""

from cape_engine.refund import conventions
from cape_engine.refund.amounts import InterestSegment, explain_interest, interest
from cape_engine.refund.cohorts import Accumulator, Batch, Consolidated, Refunded, consolidate
from cape_engine.refund.keys import later_key, payment_key
from cape_engine.refund.late import Undeliverable, late_interest, late_interest_of_many
from cape_engine.refund.pricing import Priced, price
from cape_engine.refund.rates import LARGE_ABOVE_CENTS, MissingRateError
from cape_engine.refund.register import Register, key_of
from cape_engine.refund.sums import SUMS_SCHEMA, Sums
from cape_engine.refund.tally import Tally

__all__ = [
    "LARGE_ABOVE_CENTS",
    "SUMS_SCHEMA",
    "Accumulator",
    "Batch",
    "Consolidated",
    "InterestSegment",
    "MissingRateError",
    "Priced",
    "Refunded",
    "Register",
    "Sums",
    "Tally",
    "Undeliverable",
    "consolidate",
    "conventions",
    "explain_interest",
    "interest",
    "key_of",
    "late_interest",
    "late_interest_of_many",
    "later_key",
    "payment_key",
    "price",
]
