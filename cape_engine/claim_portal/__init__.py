"""Claim portal: reads declarations and tests the claimed entries against the dated rules of CBP."""

from cape_engine.claim_portal.declaration import (
    ClaimedEntries,
    Declaration,
    claimed_entries,
    declared_numbers,
    read_declaration,
)
from cape_engine.claim_portal.entry_checks import ClaimResult, check, check_days, reason_lists

__all__ = [
    "ClaimResult",
    "ClaimedEntries",
    "Declaration",
    "check",
    "check_days",
    "claimed_entries",
    "declared_numbers",
    "read_declaration",
    "reason_lists",
]
