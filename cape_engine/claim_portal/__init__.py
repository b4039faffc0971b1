"""Claim portal: reads declarations and tests the claimed entries against the dated rules of CBP."""

from cape_engine.claim_portal.account import Account, account_of, may_declare, plain_number
from cape_engine.claim_portal.deadlines import Deadlines, deadlines, window_reach
from cape_engine.claim_portal.declaration import HEADER, Declaration, read_declaration
from cape_engine.claim_portal.entry_checks import ClaimResult, check, check_days, reason_lists
from cape_engine.claim_portal.meeting import ClaimedEntries, claimed_entries, declared_numbers
from cape_engine.claim_portal.routes import Routed, routed

__all__ = [
    "HEADER",
    "Account",
    "ClaimResult",
    "ClaimedEntries",
    "Deadlines",
    "Declaration",
    "Routed",
    "account_of",
    "check",
    "check_days",
    "claimed_entries",
    "deadlines",
    "declared_numbers",
    "may_declare",
    "plain_number",
    "read_declaration",
    "reason_lists",
    "routed",
    "window_reach",
]
