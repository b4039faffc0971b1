"""The entry checks of the claim portal: every dated rule on every claimed entry, all failures kept in order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import Bools
from cape_engine.claim_portal.conditions import ASSUMED_TYPE, CONDITIONS, Case, Condition, past_window, phase_3
from cape_engine.dates import date_of
from cape_engine.errors import RuleFileError, UsageError
from cape_engine.findings import Findings
from cape_engine.findings.grouped import add_where
from cape_engine.listed import Lists, distinct
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
        reasons: lists of reason codes (clarification 1), empty for accepted and unclaimed entries.
        messages: CBP's words for each reason, else ours.
        findings: what a person should look at.
    """

    claimed: Bools
    accepted: Bools
    failed: UInt64s
    reasons: Lists
    messages: Lists
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
    unread = bridge.said(entries, rows.INPUT_REFUSED)
    if unread is not None and unread.any():
        trial = np.where(unread, np.uint32(0), trial)  # no lines were read: nothing is known of them
    case = Case(
        entries=entries,
        trial=trial,
        standing=standing,
        refused_by=_refused_types(findings, entries, numbers, who, ruleset, as_of),
        settings=settings,
        as_of=as_of,
        accepted_on=accepted_on,
        accept_window=accept_window(ruleset, settings, as_of),
    )
    failed = np.zeros(len(numbers), np.uint64)
    for place, rule in enumerate(ruleset.eligibility):
        if in_force_on(rule, settings, as_of):
            _mark(failed, place, _condition(rule)(case))
            if rule.rule_id in case.refused_by:
                _mark(failed, place, case.refused_by[rule.rule_id])
    if settings.text("phase.hold_policy") == "reject":
        _mark(failed, HOLD_NOT_IN_PHASE, standing.held_by_plan)
    _mark(failed, INPUT_REFUSED, standing.refused if unread is None else unread | standing.refused)
    if claimed is not None:
        failed[~who] = 0
    accepted: Bools = who & (failed == 0)
    _report(findings, numbers, case, failed, accepted, ruleset)
    reasons, messages = reason_lists(failed, ruleset)
    return ClaimResult(who, accepted, bridge.readonly(failed), reasons, messages, findings)


def _mark(failed: UInt64s, place: int, where: Bools) -> None:
    """Set bit `place` where the rule fails."""
    places = np.flatnonzero(where) if where.any() else ()
    if len(places):
        failed[places] |= np.uint64(1 << place)


def _condition(rule: EligibilityRule) -> Condition:
    """The test of a rule."""
    found = CONDITIONS.get(rule.rule_id)
    if found is None:
        raise RuleFileError(f"eligibility_rules.csv: {rule.rule_id} refuses entries, and the engine has no test for it")
    return found


def in_force_on(rule: EligibilityRule, settings: Settings, as_of: dt.date) -> bool:
    """Whether a rule is tested on a filing day; settings move the end of the value checks, or switch a rule on.

    Args:
        rule: of the eligibility table.
        settings: `claim.value_check_until`, `claim.under_review_message` and `phase.3_*` are read.
        as_of: filing day.
    """
    live = rule.applies(as_of)
    if rule.rule_id in _VALUE_RULES:
        live = rule.effective_from <= as_of <= settings.day("claim.value_check_until")
    elif rule.rule_id == "final_liquidation_phase3":
        live = phase_3(settings, as_of)
    elif rule.rule_id == "final_liquidation":
        live &= not phase_3(settings, as_of)  # from the start of Phase 3 its own rule stands in its place
    rejects = rule.outcome == "reject_entry"
    if rule.rule_id == "summary_under_review" and rule.outcome == _OFF:
        rejects = settings.switch("claim.under_review_message")
    return live and rejects and rule.level == "entry" and rule.stage in _ENTRY_STAGES


def accept_window(ruleset: Ruleset, settings: Settings, as_of: dt.date) -> int:
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
    known = _kinds_of(ruleset, as_of)
    read = [known(kind) for kind in kinds]
    places = codes.astype(np.int64)  # the code -1 takes the last one
    for code, status in (("ENTRY_TYPE_UNKNOWN", None), ("ENTRY_TYPE_UNDECIDED", "unknown")):
        chosen = np.array([found == status for found, _ in read], np.bool_)
        if chosen.any():
            where = chosen[places] & claimed
            add_where(
                findings, code, numbers, where, codes, lambda at: {"column": str(f.ENTRY_TYPE), "value": kinds[at]}
            )
    rules = sorted({rule for _, rule in read if rule})
    number = {rule: place for place, rule in enumerate(rules, 1)}
    of_entry = np.array([number.get(rule, 0) for _, rule in read], np.int8)[places]
    return {rule: of_entry == place for rule, place in number.items()}


def _kinds_of(ruleset: Ruleset, as_of: dt.date) -> Callable[[str], tuple[str | None, str]]:
    """What CAPE does with an entry type on a day: its status, None for a strange one, and the rule that refuses it."""
    known: dict[str, tuple[str | None, str]] = _latest_kinds.of(ruleset, as_of)

    def read(kind: str) -> tuple[str | None, str]:
        if kind not in known:
            row = ruleset.entry_types(kind, as_of)
            refused = row is not None and row.cape_status == "refused"
            rule = UNKNOWN_TYPE_RULE if row is None else row.rule_id if refused else ""
            known[kind] = (None if row is None else row.cape_status, rule)
        return known[kind]

    return read


class _Latest:
    """What was found out for the latest ruleset and day: every partition of a run asks for the same."""

    def __init__(self) -> None:
        self._kept: tuple[object, object, dict[Any, Any]] = (None, None, {})

    def of(self, ruleset: Ruleset, day: dt.date | None = None) -> dict[Any, Any]:
        """The dictionary of this ruleset and day, empty for other ones than the latest."""
        kept = self._kept
        if kept[0] is not ruleset or kept[1] != day:
            kept = (ruleset, day, {})
            self._kept = kept
        return kept[2]


_latest_kinds, _latest_reasons = _Latest(), _Latest()


def reason_lists(failed: UInt64s, ruleset: Ruleset) -> tuple[Lists, Lists]:
    """Reason codes and messages of each entry, made once for each distinct set of failures.

    Args:
        failed: bits as in `ClaimResult.failed`, shape (n,).
        ruleset: rules that bits 0 to 61 count.
    """
    if len(ruleset.eligibility) > MOST_RULES:
        raise RuleFileError(f"eligibility_rules.csv: {len(ruleset.eligibility)} rules; the engine counts {MOST_RULES}")
    spelt = _latest_reasons.of(ruleset)
    masks, which = distinct(failed)
    for mask in masks:
        if mask not in spelt:
            words = {place: (rule.reason_code, rule.words) for place, rule in enumerate(ruleset.eligibility)}
            order = [INPUT_REFUSED, *range(len(ruleset.eligibility)), HOLD_NOT_IN_PHASE]
            found = [(words | OWN_REASONS)[place] for place in order if mask >> place & 1]
            spelt[mask] = [code for code, _ in found], [message for _, message in found]
    codes, messages = zip(*(spelt[mask] for mask in masks), strict=True)
    reasons = Lists.of(which, codes)
    return reasons, reasons.saying(messages)


@lru_cache(maxsize=1 << 14)  # partition after partition asks for the same days
def _final_words(window: int, day: int) -> Mapping[str, object]:
    """What the findings of a final liquidation say of a day."""
    return {
        "column": str(f.LIQUIDATION_DATE),
        "value": date_of(day),
        "window": window,
        "protest": date_of(day + PROTEST_DAYS),
    }


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
    column = str(f.LIQUIDATION_DATE)
    for code, chosen in (
        ("FINAL_LIQUIDATION", where & ~case.standing.deemed),
        ("FINAL_BY_LAW", where & case.standing.deemed),
    ):
        add_where(
            findings,
            code,
            numbers,
            chosen,
            day,
            partial(_final_words, case.accept_window),
        )
    if case.accepted_on == case.as_of:
        return  # no entry can pass the window in between
    add_where(
        findings,
        "ACCEPTED_PAST_WINDOW",
        numbers,
        accepted & past_window(case, case.accepted_on) & ~past_window(case, case.as_of),
        day,
        lambda at: {
            "column": column,
            "value": date_of(at),
            "window": case.accept_window,
            "accepted_on": case.accepted_on,
        },
    )
