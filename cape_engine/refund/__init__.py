"""Refund: principal and interest of every entry, who is paid, and one payment per recipient and day (handbook 7)."""

from cape_engine.refund import conventions
from cape_engine.refund.amounts import InterestSegment, explain_interest, interest
from cape_engine.refund.cohorts import Accumulator, Consolidated, consolidate
from cape_engine.refund.keys import payment_key
from cape_engine.refund.pricing import Priced, price
from cape_engine.refund.rates import MissingRateError
from cape_engine.refund.register import Register, key_of
from cape_engine.refund.sums import SUMS_SCHEMA, Sums
from cape_engine.refund.tally import Tally

__all__ = [
    "SUMS_SCHEMA",
    "Accumulator",
    "Consolidated",
    "InterestSegment",
    "MissingRateError",
    "Priced",
    "Register",
    "Sums",
    "Tally",
    "consolidate",
    "conventions",
    "explain_interest",
    "interest",
    "key_of",
    "payment_key",
    "price",
]
