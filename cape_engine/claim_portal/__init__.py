"""Claim portal: reads declarations and tests the claimed entries against the dated rules of CBP."""

from cape_engine.claim_portal.check import ClaimResult, check, check_days, reason_lists
from cape_engine.claim_portal.declaration import (
    ClaimedEntries,
    Declaration,
    claimed_entries,
    declared_numbers,
    read_declaration,
)

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
