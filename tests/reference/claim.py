"""The slow twin of the entry checks: the rules of the handbook 4.4, one entry at a time, each with its dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping

from reference.liquidation import Stands

D = dt.date
NOT_IN_ACE = {"04", "05", "24", "25", "26", "33"}
NOT_ALLOWED = {"08", "09", "41", "42", "43", "44", "45", "46", "47"}
NO_STATUS = {"23", "61", "62", "63", "64", "65", "66", "86"}
KNOWN = (
    NOT_IN_ACE
    | NOT_ALLOWED
    | NO_STATUS
    | {"01", "02", "03", "06", "07", "11", "12", "13", "21", "22", "31", "32", "34", "38", "51", "52"}
)

DEFAULTS: Mapping[str, object] = {
    "claim.accept_window_basis": "filing",
    "claim.accept_window_inclusive": True,
    "claim.presence_rule": "kind_duty",
    "claim.under_review_message": False,
    "claim.value_check_until": D(2026, 6, 24),
    "phase.hold_policy": "accept_and_wait",
    "phase.3_enabled": False,
    "phase.3_start": D(2026, 10, 6),
    "phase.3_importers": (),
    "mass.invalid_hts_scope": "remaining",
    "schedule.accept_window": 80,
}


def _same_importer(one: object, others: Collection[str]) -> bool:
    def plain(number: str) -> str:
        return number.replace("-", "").upper()

    return isinstance(one, str) and plain(one) in {plain(other) for other in others}


def failed(  # noqa: PLR0912, PLR0915 - one sentence of the handbook after another
    facts: Mapping[str, object],
    trial: Collection[str],
    stands: Stands,
    as_of: dt.date,
    accepted_on: dt.date,
    settings: Mapping[str, object] | None = None,
) -> list[str]:
    """Reason codes of an entry with these facts (missing = unknown), in the order of the rules' file."""
    have = {**DEFAULTS, **(settings or {})}
    lines = not facts.get("input_refused")
    trial = set(trial) if lines else set()
    kind = facts.get("entry_type") or "01"
    found = []
    if facts.get("input_refused") or stands.refused:
        found.append("INPUT_REFUSED")
    if kind in NOT_IN_ACE:
        found.append("NOT_IN_ACE")
    if facts.get("summary_status") not in {None, "Accepted"}:
        found.append("SUMMARY_NOT_ACCEPTED")
    if facts.get("control_status") not in {None, "CBP"}:
        found.append("CONTROL_STATUS_NOT_CBP")
    if facts.get("statement_complete") is False:
        found.append("STATEMENT_NOT_COMPLETE")
    if kind in NOT_ALLOWED or kind not in KNOWN:
        found.append("ENTRY_TYPE_NOT_ALLOWED")
    if as_of >= D(2026, 7, 7) and kind in {"21", "22"}:
        found.append("WAREHOUSE_TYPES_REFUSED")
    flagged = facts.get("reconciliation_flag")
    filed = facts.get("reconciliation_entry_filed")
    if as_of <= D(2026, 6, 28):
        if flagged:
            found.append("RECON_FLAGGED")
    elif (flagged and kind not in {"01", "02", "06"}) or (filed and flagged is not False):
        found.append("RECON_NOT_PHASE2")
    if facts.get("drawback_flag"):
        found.append("ON_DRAWBACK")
    if facts.get("protest_status") in {"Open", "Suspended"}:
        found.append("PROTEST_OPEN")
    if facts.get("adcvd_pending"):
        found.append("ADCVD_PENDING")
    if stands.no_status or kind in NO_STATUS:
        found.append("NO_LIQUIDATION_STATUS")
    if stands.liquidated is not None:
        counted = as_of if have["claim.accept_window_basis"] == "filing" else accepted_on
        window = have["schedule.accept_window"]
        assert isinstance(window, int)
        reach = window if have["claim.accept_window_inclusive"] else window - 1
        if (counted - stands.liquidated).days > reach:
            start = have["phase.3_start"]
            assert isinstance(start, dt.date)
            named = have["phase.3_importers"]
            assert isinstance(named, tuple)
            if not have["phase.3_enabled"] or as_of < start:
                found.append("FINAL_LIQUIDATION")
            elif not facts.get("cit_plaintiff") and not _same_importer(facts.get("importer_number"), named):
                found.append("FINAL_LIQUIDATION_PHASE3")
    presence = {"kind_duty": "NO_CHARGING_NUMBER", "any": "NO_IEEPA_NUMBER", "amount": "NO_IEEPA_AMOUNT"}
    if presence[str(have["claim.presence_rule"])] in trial:
        found.append("NO_IEEPA_HTS")
    if "SECTION_122_ONLY" in trial:
        found.append("SECTION_122_ONLY")
    if facts.get("surety_paid"):
        found.append("SURETY_PAID")
    if have["claim.under_review_message"] and facts.get("liquidation_status") == "Under Review":
        found.append("SUMMARY_UNDER_REVIEW")
    inactive = "NUMBER_INACTIVE" in trial or (have["mass.invalid_hts_scope"] == "all" and "IEEPA_INACTIVE" in trial)
    until = have["claim.value_check_until"]
    assert isinstance(until, dt.date)
    if as_of <= D(2026, 6, 24) and (inactive or trial & {"ORDER_BROKEN", "PARTNER_MISSING"}):
        found.append("HTS_RELATIONSHIP_SEQUENCE")
    if as_of <= until and "VALUE_MISSING_BASE" in trial:
        found.append("GOODS_VALUE_MISSING_BASE")
    if as_of <= until and "VALUE_ON_IEEPA" in trial:
        found.append("GOODS_VALUE_ON_IEEPA")
    if as_of >= D(2026, 6, 25) and inactive:
        found.append("INVALID_HTS")
    if as_of >= D(2026, 6, 25) and "PARTNER_MISSING" in trial:
        found.append("HTS_RELATIONSHIP")
    if "UNABLE" in trial:
        found.append("UNABLE_TO_CALCULATE")
    if have["phase.hold_policy"] == "reject" and (
        stands.held or (not stands.refused and facts.get("entry_type") in {"21", "22", "31", "32", "34", "38"})
    ):
        found.append("HOLD_NOT_IN_PHASE")
    return found


def check_digit(first_ten: str) -> int:
    """The check digit of CATAIR Appendix E over filer code and seven digits."""
    total = 0
    for place, character in enumerate(reversed(first_ten)):
        if character.isdigit():
            digit = int(character)
        else:
            letters = "ABCDEFGHI JKLMNOPQR  STUVWXYZ".replace(" ", "")
            index = letters.index(character)
            digit = index + 1 if index < 9 else index - 8 if index < 18 else index - 16
        product = digit * (2 if place % 2 == 0 else 1)
        total += product // 10 + product % 10
    return (10 - total % 10) % 10
