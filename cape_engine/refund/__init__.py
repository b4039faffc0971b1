"""Refund: principal and interest of every entry, who is paid, and one payment per recipient and day (handbook 7)."""

from cape_engine.refund.amounts import InterestSegment, explain_interest, interest
from cape_engine.refund.cohorts import Cohorts, Consolidated, consolidate, payment_key
from cape_engine.refund.pricing import Priced, price
from cape_engine.refund.rates import MissingRateError
from cape_engine.refund.recipients import key_of, spellings
from cape_engine.refund.tally import Tally

__all__ = [
    "Cohorts",
    "Consolidated",
    "InterestSegment",
    "MissingRateError",
    "Priced",
    "Tally",
    "consolidate",
    "explain_interest",
    "interest",
    "key_of",
    "payment_key",
    "price",
    "spellings",
]
