"""Payment files: instructions to a bank, the accounts that they go to, and writers of bank formats (handbook 7.5)."""

from cape_engine.intake.masking import masked
from cape_engine.refund.payment_files.accounts import Account, Accounts, checked_accounts, read_accounts
from cape_engine.refund.payment_files.instructions import Instructing, PaymentInstruction, PaymentInstructions

__all__ = [
    "Account",
    "Accounts",
    "Instructing",
    "PaymentInstruction",
    "PaymentInstructions",
    "checked_accounts",
    "masked",
    "read_accounts",
]
