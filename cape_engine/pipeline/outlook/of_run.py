"""Trial removal and principal of every entry, taken from the results of a finished run over the same entries."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge, intake, mass_processing, rules
from cape_engine.bridge import NO_DAY, Bools, Partition
from cape_engine.claim_portal.conditions import PRESENCE, phase_3
from cape_engine.claim_portal.entry_checks import INPUT_REFUSED, OWN_REASONS, in_force_on
from cape_engine.dates import date_of
from cape_engine.errors import InputError, UsageError
from cape_engine.outputs.files import MANIFEST, sha256_of
from cape_engine.outputs.result_groups import ResultGroups, table_path
from cape_engine.pipeline.outlook.classes import liquidated_days
from cape_engine.pipeline.outlook.days import Law
from cape_engine.pipeline.outlook.known import Known, computed, files_below
from cape_engine.pipeline.outlook.request import OutlookRequest
from cape_engine.schema import results as r
from cape_engine.schema.codes import Flag, Trial
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.store import Store
from cape_engine.store.picking import pick_entries

UInt64s = npt.NDArray[np.uint64]

_OF_THE_DAY = (
    Flag.HELD
    | Flag.IN_REVIEW
    | Flag.WINDOW_MISSED
    | Flag.DEEMED_LIMIT
    | Flag.SCHEDULED_LIQUIDATION
    | Flag.INTEREST_RATE_MISSING
    | Flag.SMALL_DIFFERENCE
)
"""Flags that schedule and interest set: another day may set others."""
_STANDS_FOR: dict[str, Trial] = {
    "section_122_only": Trial.SECTION_122_ONLY,
    "hts_relationship_sequence": Trial.ORDER_BROKEN,
    "goods_value_missing_base": Trial.VALUE_MISSING_BASE,
    "goods_value_on_ieepa": Trial.VALUE_ON_IEEPA,
    "invalid_hts": Trial.NUMBER_INACTIVE,
    "hts_relationship": Trial.PARTNER_MISSING,
    "unable_to_calculate": Trial.UNABLE,
}
"""A fault that makes a rule fail, for rules about what the trial removal finds."""
_PASSED_BY = {"invalid_hts": "hts_relationship_sequence", "hts_relationship": "hts_relationship_sequence"}
"""Rules that no entry fails which passed another one: it tests the same and more (CSMS 69056483)."""
NOTHING_OWED = ("no_ieepa_hts", "section_122_only", "unable_to_calculate")
"""Rules about entries of which no duty to give back is known; they hold on every day."""
_BY_DATE = frozenset({"final_liquidation", "final_liquidation_phase3"})
_SETTINGS = ("mass.", "claim.", "phase.", "refund.netting", "schedule.accept_window", "schedule.reliq_basis")
"""Settings that reasons and principal depend on."""


class OfRun:
    """Takes what is asked for from the entries table of a run; what the run left open is computed.

    A run writes no principal for an entry that it rejected. Where the entry fails only rules that may pass on one of
    the days asked for, its lines are read from the store and it is computed.

    Args:
        request: names the folder.
        law: rules, settings and days.
        store: the entries.
        headers: header files laid over them.
        column1: the user's own column 1 rates.
        owed_too: the duty of entries that are accepted on none of the days matters too, as in a risk report.

    Raises:
        InputError: no results of a run are there, or they are of other entries.
        UsageError: the run had other settings, rules or files, or cannot tell what the days asked for need.
    """

    source = "results of a run"

    def __init__(
        self,
        request: OutlookRequest,
        law: Law,
        store: Store,
        headers: pa.Table | None,
        column1: mass_processing.Column1Table | None,
        *,
        owed_too: bool,
    ) -> None:
        folder = request.results or Path()
        self._request, self._law, self._store = request, law, store
        self._headers, self._column1 = headers, column1
        manifest = _manifest(folder)
        _refuse_other(folder, manifest, request, law.ruleset, store)
        self._results = ResultGroups.of(table_path(folder, "entries"))
        self._groups = _groups(self._results, store)
        self._places = {rule.reason_code: place for place, rule in enumerate(law.ruleset.eligibility)}
        self._places |= {code: place for place, (code, _) in OWN_REASONS.items()}
        self._open = self._may_pass()
        self._owed_too, self._reach = owed_too, law.reach()
        rules_of = {rule.rule_id: place for place, rule in enumerate(law.ruleset.eligibility)}
        self._nothing_owed = np.uint64(sum(1 << rules_of[rule] for rule in NOTHING_OWED if rule in rules_of))
        self._faults = self._faults_by_rule(dt.date.fromisoformat(manifest["as_of"]))

    def of(self, place: int, partition: Partition) -> Known:
        """The row group of the partition, with what the run left open computed."""
        group = self._groups[place]
        if group is None:
            return Known(np.zeros(0, np.uint32), np.zeros(0, np.uint32), np.zeros(0, np.int64))
        reasons, flags, principal = self._read(group)
        trial = np.zeros(len(reasons), np.uint32)
        for bit, fault in self._faults.items():
            trial[(reasons >> np.uint64(bit) & np.uint64(1)) != 0] |= np.uint32(fault)
        unsure = np.flatnonzero(self._unsure(reasons, partition))
        if len(unsure):
            numbers = bridge.single(partition.entries, ENTRY_NUMBER).take(pa.array(unsure)).to_pylist()
            picked = pick_entries(self._store, numbers)
            if self._headers is not None:
                picked, _ = intake.overlay_headers(picked, self._headers)
            anew = computed(picked, self._request, self._law.ruleset, self._column1)
            trial[unsure], flags[unsure], principal[unsure] = anew.trial, anew.flags, anew.principal_cents
        return Known(trial, flags, principal)

    def finish(self) -> None:
        """Nothing is left to do."""

    def _unsure(self, reasons: UInt64s, partition: Partition) -> Bools:
        """Rejected entries whose principal matters on one of the days, and is not in the results."""
        if self._owed_too:
            lacking: Bools = (reasons != 0) & (reasons & self._nothing_owed == 0)
            return lacking
        found: Bools = (reasons != 0) & (reasons & ~self._open == 0)
        if not found.any() or phase_3(self._law.settings, self._request.last):
            return found
        # Whoever was liquidated so long before the first day that no window holds on any of them stays out.
        day = liquidated_days(partition.entries, self._law.settings)
        found &= (day == NO_DAY) | (day > self._reach.oldest)
        return found

    def _read(self, group: int) -> tuple[UInt64s, npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """Reasons as bits, flags of mass processing, principal."""
        lists = [str(r.REASON_CODES), str(r.FLAGS)]
        table = self._results.read(
            group, [*lists, str(r.PRINCIPAL_CENTS)], words=[f"{name}.list.element" for name in lists]
        )
        reasons = _bits(bridge.single(table, r.REASON_CODES), self._places)
        flags = _bits(bridge.single(table, r.FLAGS), {flag.name or "": flag.bit_length() - 1 for flag in Flag})
        own = flags.astype(np.uint32) & ~np.uint32(_OF_THE_DAY)
        return reasons, own, bridge.integers(table, r.PRINCIPAL_CENTS).copy()

    def _may_pass(self) -> np.uint64:
        """Rules (bits) that an entry may fail on one day and pass on another of the days asked for."""
        law = self._law
        types: dict[str, set[str]] = {}
        for row in law.ruleset.table("entry_types.csv"):
            types.setdefault(row.code, set()).add(row.rule_id)
        by_type = {rule for rules_of_type in types.values() if len(rules_of_type) > 1 for rule in rules_of_type}
        found = np.uint64(1 << INPUT_REFUSED)  # a liquidation after the filing day lies before a later one
        for place, rule in enumerate(law.ruleset.eligibility):
            always = all(in_force_on(rule, law.settings, date_of(day)) for day in law.days)
            if not always or rule.rule_id in _BY_DATE or rule.rule_id in by_type:
                found |= np.uint64(1 << place)
        return found

    def _faults_by_rule(self, as_of: dt.date) -> dict[int, Trial]:
        """For each rule that the run tested on what the trial removal found, a fault that makes it fail.

        Raises:
            UsageError: a rule in force on one of the days was not tested on the day of the run.
        """
        settings = self._law.settings
        stands_for = {**_STANDS_FOR, "no_ieepa_hts": PRESENCE[settings.text("claim.presence_rule")]}
        found: dict[int, Trial] = {}
        for place, rule in enumerate(self._law.ruleset.eligibility):
            if rule.rule_id not in stands_for:
                continue
            found[place] = stands_for[rule.rule_id]
            known = {rule.rule_id, _PASSED_BY.get(rule.rule_id, rule.rule_id)}
            tested = any(
                in_force_on(other, settings, as_of) for other in self._law.ruleset.eligibility if other.rule_id in known
            )
            asked = [day for day in self._law.days if in_force_on(rule, settings, date_of(day))]
            if asked and not tested:
                raise UsageError(
                    f"the run of {as_of} did not test {rule.reason_code}, which is in force on {date_of(asked[0])}: "
                    f"run as of {date_of(asked[0])}, or leave --results away"
                )
        return found


def _bits(lists: pa.ListArray, places: dict[str, int]) -> UInt64s:
    """Lists of words as bits; no word stands twice in a list."""
    words = lists.flatten()
    if not pa.types.is_dictionary(words.type):
        words = words.dictionary_encode()
    values = np.array([1 << places[word] for word in words.dictionary.to_pylist()], np.uint64)
    sums = np.zeros(len(words) + 1, np.uint64)
    if len(words):
        np.cumsum(values[words.indices.to_numpy(zero_copy_only=False)], out=sums[1:])
    ends = lists.offsets.to_numpy().astype(np.int64) - lists.offsets[0].as_py()
    found: UInt64s = sums[ends[1:]] - sums[ends[:-1]]
    return found


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run.

    Raises:
        InputError: there is none.
    """
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if {"as_of", "inputs", "settings", "ruleset_hash"} <= found.keys():
            return dict(found)
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{folder} holds no results of a run ({error}); give the --out of `cape run`") from error
    raise InputError(f"{folder} holds no results of a run; give the --out of `cape run`")


def _refuse_other(
    folder: Path, manifest: dict[str, Any], request: OutlookRequest, ruleset: rules.Ruleset, store: Store
) -> None:
    """Refuse results that do not fit the question.

    Raises:
        UsageError: other entries, rules, settings or files; or a declaration, which leaves entries unanswered.
    """
    settings = {name: value for name, value in request.settings.in_force().items() if name.startswith(_SETTINGS)}
    given = {name: value for name, value in manifest["settings"].items() if name.startswith(_SETTINGS)}
    other = sorted(name for name in settings if settings[name] != given.get(name))
    if other:
        raise UsageError(f"the run in {folder} had another {other[0]}; set it alike, or leave --results away")
    if manifest["ruleset_hash"] != ruleset.hash:
        raise UsageError(f"the run in {folder} had other rules; run again, or leave --results away")
    kinds = {"headers": request.headers, "column1": () if request.column1 is None else (request.column1,)}
    mine = sorted(
        (kind, sha256_of(file)) for kind, paths in kinds.items() for path in paths for file in files_below(path)
    )
    beside = {"declaration", "headers", "importers", "deposits", "mapping", "column1"}
    theirs = sorted((one["kind"], one["sha256"]) for one in manifest["inputs"] if one["kind"] in kinds)
    sources = [one for one in manifest["inputs"] if one["kind"] not in beside]
    if any(one["kind"] == "declaration" for one in manifest["inputs"]):
        raise UsageError(f"the run in {folder} was about declarations; give one about all entries")
    if mine != theirs or sources != store.sources_record():
        raise UsageError(f"the run in {folder} read other files; give the same, or leave --results away")


def _groups(results: ResultGroups, store: Store) -> list[int | None]:
    """Row group of each partition; None for one without entries.

    Raises:
        InputError: the row groups are not the partitions of the store.
    """
    rows = results.rows
    wanted = [int(record["entries"]) for record in store.manifest["partitions"]]
    if list(rows[: sum(count > 0 for count in wanted)]) != [count for count in wanted if count]:
        raise InputError(f"{results.path} does not hold the entries of {store.folder} part by part; run it again")
    places = iter(range(len(rows)))
    return [next(places) if count else None for count in wanted]
