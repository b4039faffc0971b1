"""The entry checks of the claim portal: every dated rule on every claimed entry, all failures kept in order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import Bools
from cape_engine.claim_portal.conditions import ASSUMED_TYPE, CONDITIONS, Case, Condition, past_window, phase_3
from cape_engine.dates import date_of
from cape_engine.errors import RuleFileError, UsageError
from cape_engine.findings import Findings
from cape_engine.findings.grouped import add_grouped
from cape_engine.rules import Ruleset
from cape_engine.rules.rows import EligibilityRule
from cape_engine.schema import facts as f
from cape_engine.schema import rows
from cape_engine.schema.codes import Standing
from cape_engine.settings import Settings, catalogue

UInt32s = npt.NDArray[np.uint32]
UInt64s = npt.NDArray[np.uint64]

INPUT_REFUSED = 63
"""Bit of `failed` for entries that intake or their standing refused; it stands first in the reasons."""
HOLD_NOT_IN_PHASE = 62
"""Bit of `failed` for the scope announced in March 2026; it follows the rules of the file (clarification 36)."""
MOST_RULES = HOLD_NOT_IN_PHASE

OWN_REASONS = {
    INPUT_REFUSED: ("INPUT_REFUSED", "The entry's data contradict each other or cannot be read; see the findings."),
    HOLD_NOT_IN_PHASE: ("HOLD_NOT_IN_PHASE", "The entry is on hold; the scope announced in March 2026 refuses it."),
}
"""Reasons that are no rule of CBP's: code and our words."""

UNKNOWN_TYPE_RULE = "entry_type_not_allowed"
PROTEST_DAYS = 180
"""Days after a (re)liquidation in which it may be protested (19 USC 1514)."""

_VALUE_RULES = frozenset({"goods_value_missing_base", "goods_value_on_ieepa"})
_ENTRY_STAGES = frozenset({"claim", "mass"})
_OFF = "off"


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """What the portal answers, one value per entry.

    Attributes:
        claimed: whether the entry was declared.
        accepted: whether it was declared and no rule failed.
        failed: uint64 bits; bit i is rule i of `ruleset.eligibility`, the two highest are ours (`OWN_REASONS`).
        reasons: list of reason codes (clarification 1), empty for accepted and unclaimed entries.
        messages: CBP's words for each reason, else ours.
        findings: what a person should look at.
    """

    claimed: Bools
    accepted: Bools
    failed: UInt64s
    reasons: pa.ListArray
    messages: pa.ListArray
    findings: Findings


def check_days(ruleset: Ruleset, as_of: dt.date, accepted_on: dt.date) -> None:
    """Refuse days on which there was no portal, and an acceptance before the filing.

    Raises:
        UsageError: one of the two.
    """
    opened = min(rule.effective_from for rule in ruleset.eligibility)
    if as_of < opened:
        raise UsageError(f"the portal opened on {opened}; --as-of must be that day or later, not {as_of}")
    if accepted_on < as_of:
        raise UsageError(
            f"--accepted-on {accepted_on} lies before the filing day {as_of}; give that day or a later one"
        )


def check(
    entries: pa.Table,
    trial: UInt32s,
    standing: Standing,
    *,
    ruleset: Ruleset,
    settings: Settings,
    as_of: dt.date,
    accepted_on: dt.date,
    claimed: Bools | None = None,
) -> ClaimResult:
    """Test the claimed entries against every rule in force on the filing day (handbook 4.4).

    Args:
        entries: entries of the store (`schema.rows.STORE_ENTRIES`), n rows.
        trial: `codes.Trial` bits of the trial removal, shape (n,).
        standing: where the entries stand.
        ruleset: dated rules and entry types.
        settings: `claim.*`, `phase.*` and `mass.invalid_hts_scope` are read.
        as_of: filing day; every date of a rule is judged on it (clarification 3).
        accepted_on: day of acceptance.
        claimed: which entries were declared, shape (n,); None for all.

    Raises:
        UsageError: a day before the portal opened, or an acceptance before the filing.
        RuleFileError: a rule in force that the engine cannot test.
    """
    check_days(ruleset, as_of, accepted_on)
    findings = Findings()
    numbers = bridge.single(entries, f.ENTRY_NUMBER)
    who = np.ones(len(numbers), np.bool_) if claimed is None else claimed
    unread = bridge.flags(entries, rows.INPUT_REFUSED) == 1
    case = Case(
        entries=entries,
        trial=np.where(unread, np.uint32(0), trial).astype(np.uint32),  # no lines were read: nothing is known of them
        standing=standing,
        refused_by=_refused_types(findings, entries, numbers, who, ruleset, as_of),
        settings=settings,
        as_of=as_of,
        accepted_on=accepted_on,
        accept_window=_accept_window(ruleset, settings, as_of),
    )
    failed = np.zeros(len(numbers), np.uint64)
    for place, rule in enumerate(ruleset.eligibility):
        if _in_force(rule, case):
            _mark(failed, place, _condition(rule)(case))
            if rule.rule_id in case.refused_by:
                _mark(failed, place, case.refused_by[rule.rule_id])
    if settings.text("phase.hold_policy") == "reject":
        _mark(failed, HOLD_NOT_IN_PHASE, standing.held_by_plan)
    _mark(failed, INPUT_REFUSED, unread | standing.refused)
    failed[~who] = 0
    accepted: Bools = who & (failed == 0)
    _report(findings, numbers, case, failed, accepted, ruleset)
    reasons, messages = reason_lists(failed, ruleset)
    return ClaimResult(who, accepted, bridge.readonly(failed), reasons, messages, findings)


def _mark(failed: UInt64s, place: int, where: Bools) -> None:
    """Set bit `place` where the rule fails."""
    failed |= where.astype(np.uint64) << np.uint64(place)


def _condition(rule: EligibilityRule) -> Condition:
    """The test of a rule."""
    found = CONDITIONS.get(rule.rule_id)
    if found is None:
        raise RuleFileError(f"eligibility_rules.csv: {rule.rule_id} refuses entries, and the engine has no test for it")
    return found


def _in_force(rule: EligibilityRule, case: Case) -> bool:
    """Whether a rule is tested on the filing day; settings move the end of the value checks, or switch a rule on."""
    live = rule.applies(case.as_of)
    if rule.rule_id in _VALUE_RULES:
        live = rule.effective_from <= case.as_of <= case.settings.day("claim.value_check_until")
    elif rule.rule_id == "final_liquidation_phase3":
        live = phase_3(case)
    elif rule.rule_id == "final_liquidation":
        live &= not phase_3(case)  # from the start of Phase 3 its own rule stands in its place
    rejects = rule.outcome == "reject_entry"
    if rule.rule_id == "summary_under_review" and rule.outcome == _OFF:
        rejects = case.settings.switch("claim.under_review_message")
    return live and rejects and rule.level == "entry" and rule.stage in _ENTRY_STAGES


def _accept_window(ruleset: Ruleset, settings: Settings, as_of: dt.date) -> int:
    """Days after a liquidation in which an entry is accepted: the dated figure, unless the user set another."""
    chosen = settings.number("schedule.accept_window")
    policy = ruleset.policy(as_of)
    return chosen if policy is None or chosen != catalogue()["schedule.accept_window"].default else policy.accept_window


def _refused_types(
    findings: Findings, entries: pa.Table, numbers: pa.Array, claimed: Bools, ruleset: Ruleset, as_of: dt.date
) -> Mapping[str, Bools]:
    """For each rule id the entries it refuses by type; an unknown type counts as 01, a strange one is not allowed."""
    codes, vocabulary = bridge.codes(entries, f.ENTRY_TYPE)
    kinds = [*(word.strip() for word in vocabulary), ASSUMED_TYPE]
    rule_of: list[str] = []
    strange, undecided = (np.zeros(len(kinds), np.bool_) for _ in range(2))
    for place, kind in enumerate(kinds):
        row = ruleset.entry_types(kind, as_of)
        strange[place] = row is None
        undecided[place] = row is not None and row.cape_status == "unknown"
        refused = row is not None and row.cape_status == "refused"
        rule_of.append(UNKNOWN_TYPE_RULE if row is None else row.rule_id if refused else "")
    for code, chosen in (("ENTRY_TYPE_UNKNOWN", strange), ("ENTRY_TYPE_UNDECIDED", undecided)):
        where = chosen[codes] & claimed
        add_grouped(
            findings,
            code,
            numbers.filter(pa.array(where)),
            codes[where],
            lambda at: {"column": str(f.ENTRY_TYPE), "value": kinds[at]},
        )
    ids = np.array(rule_of)
    return {rule_id: ids[codes] == rule_id for rule_id in sorted(set(rule_of)) if rule_id}


def reason_lists(failed: UInt64s, ruleset: Ruleset) -> tuple[pa.ListArray, pa.ListArray]:
    """Reason codes and messages of each entry, made once for each distinct set of failures.

    Args:
        failed: bits as in `ClaimResult.failed`, shape (n,).
        ruleset: rules that bits 0 to 61 count.
    """
    if len(ruleset.eligibility) > MOST_RULES:
        raise RuleFileError(f"eligibility_rules.csv: {len(ruleset.eligibility)} rules; the engine counts {MOST_RULES}")
    words = {place: (rule.reason_code, rule.words) for place, rule in enumerate(ruleset.eligibility)} | OWN_REASONS
    order = [INPUT_REFUSED, *range(len(ruleset.eligibility)), HOLD_NOT_IN_PHASE]
    masks, which = np.unique(failed, return_inverse=True)
    found = [[words[place] for place in order if mask >> place & 1] for mask in masks.tolist()]
    text = pa.list_(pa.string())
    take = pa.array(which.reshape(-1))
    codes = pa.array([[code for code, _ in one] for one in found], text).take(take)
    messages = pa.array([[message for _, message in one] for one in found], text).take(take)
    return codes, messages


def _report(
    findings: Findings, numbers: pa.Array, case: Case, failed: UInt64s, accepted: Bools, ruleset: Ruleset
) -> None:
    """Findings with the dates a filer needs: protest of a final liquidation (6.6), acceptance past the window (4.4)."""
    final = np.uint64(0)
    for place, rule in enumerate(ruleset.eligibility):
        if rule.rule_id in {"final_liquidation", "final_liquidation_phase3"}:
            final |= np.uint64(1 << place)
    day = case.standing.liquidated_day
    where = (failed & final) != 0
    for code, chosen in (
        ("FINAL_LIQUIDATION", where & ~case.standing.deemed),
        ("FINAL_BY_LAW", where & case.standing.deemed),
    ):
        add_grouped(
            findings,
            code,
            numbers.filter(pa.array(chosen)),
            day[chosen],
            lambda at: {
                "column": str(f.LIQUIDATION_DATE),
                "value": date_of(at),
                "window": case.accept_window,
                "protest": date_of(at + PROTEST_DAYS),
            },
        )
    late = accepted & past_window(case, case.accepted_on) & ~past_window(case, case.as_of)
    add_grouped(
        findings,
        "ACCEPTED_PAST_WINDOW",
        numbers.filter(pa.array(late)),
        day[late],
        lambda at: {
            "column": str(f.LIQUIDATION_DATE),
            "value": date_of(at),
            "window": case.accept_window,
            "accepted_on": case.accepted_on,
        },
    )
