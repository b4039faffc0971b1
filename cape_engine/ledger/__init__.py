"""What was ever filed, decided and paid: declarations, claims on entries, and every step of each, in a hash chain."""

from cape_engine.ledger.ledger import Ledger
from cape_engine.ledger.records import Moved, Recorded, Report, Status, Submission, Summary
from cape_engine.ledger.stepping import Stepped

__all__ = ["Ledger", "Moved", "Recorded", "Report", "Status", "Stepped", "Submission", "Summary"]
