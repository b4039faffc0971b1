"""The portal's judgement of declared entries: picked from the store, trial removal, dated checks, deadlines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge, claim_portal, intake, liquidation, mass_processing, rules
from cape_engine.claim_portal import Deadlines
from cape_engine.findings import Findings
from cape_engine.pipeline.checking.request import CheckRequest
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.store import Store, pick_entries

UInt64s = npt.NDArray[np.uint64]

_NEVER_ASKED = frozenset(
    {
        f.IMPORTER_KIND,
        f.SUMMARY_DATE,
        f.ORIGINAL_LIQUIDATION_DATE,
        f.NOTIFY_PARTY,
        f.NOTIFY_PARTY_ON_PROFILE,
        f.MODE_OF_TRANSPORT,
        f.PSC_PENDING,
        f.CIT_PLAINTIFF,
    }
)
AHEAD: dict[str, tuple[str, ...]] = {
    "entries": tuple(
        str(column)
        for column in (f.ENTRY_NUMBER, *f.ENTRY_FACTS, s.INPUT_REFUSED, s.LINE_COUNT)
        if column not in _NEVER_ASKED
    ),
    "lines": tuple(str(column) for column in (s.TARIFF_COUNT, *s.LINE_FACTS)),
    "tariffs": tuple(str(column) for column in (s.HTS_NUMBER, s.VALUE_DOLLARS, s.DUTY_CENTS)),
}
"""Columns that a check asks for, but for settings that are seldom used; they are read together."""


@dataclass(frozen=True)
class Judged:
    """What the portal says of entries on a filing day, whoever declares them; one value per entry.

    Attributes:
        as_of: the filing day.
        entries: the entries, in entry number order (`schema.rows.STORE_ENTRIES`).
        numbers: their entry numbers, text.
        failed: bits of the failed rules (`claim_portal.ClaimResult.failed`).
        principal_cents: duty to give back if the entry is accepted.
        action: int8 `codes.Action` of accepted entries.
        liquidation_day: int32 planned day of accepted entries.
        days: last days that matter.
        findings: everything found.
    """

    as_of: dt.date
    entries: pa.Table
    numbers: pa.Array
    failed: UInt64s
    principal_cents: npt.NDArray[np.int64]
    action: npt.NDArray[np.int8]
    liquidation_day: npt.NDArray[np.int32]
    days: Deadlines
    findings: Findings

    @cached_property
    def _records(self) -> npt.NDArray[np.bytes_]:
        """The entry numbers as fixed bytes."""
        return np.array(self.numbers.to_pylist(), "S11")

    def places(self, numbers: Collection[str]) -> npt.NDArray[np.int64]:
        """Where entries stand, -1 for those that no source holds."""
        records = self._records
        wanted = np.array(list(numbers), "S11")
        if len(records) == 0:
            return np.full(len(wanted), -1, np.int64)
        place = np.searchsorted(records, wanted)
        place[place == len(records)] = 0
        return np.where(records[place] == wanted, place, -1).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything beside the entries that judgement needs."""

    request: CheckRequest
    ruleset: rules.Ruleset
    store: Store
    headers: pa.Table | None
    column1: mass_processing.Column1Table | None


def judge(bench: Bench, numbers: Collection[str], as_of: dt.date, accepted_on: dt.date) -> Judged:
    """Pick the declared entries and judge them as if declared on a day, all of them by one who may.

    Args:
        bench: store, law, settings and files beside.
        numbers: entry numbers as declared.
        as_of: filing day.
        accepted_on: acceptance day.
    """
    request, ruleset, settings = bench.request, bench.ruleset, bench.request.settings
    findings = Findings()
    partition = pick_entries(bench.store, numbers, ahead=AHEAD, threads=request.threads)
    if bench.headers is not None:
        partition, found = intake.overlay_headers(partition, bench.headers)
        findings.extend(found)
    entries = partition.entries
    mass = mass_processing.process(
        partition, ruleset=ruleset, settings=settings, as_of=as_of, column1=bench.column1, detail=False
    )
    standing, found = liquidation.standing(
        entries, ruleset=ruleset, settings=settings, as_of=as_of, accepted_on=accepted_on
    )
    claim = claim_portal.check(
        entries, mass.trial, standing, ruleset=ruleset, settings=settings, as_of=as_of, accepted_on=accepted_on
    )
    plan = liquidation.plan(
        entries,
        standing,
        accepted=claim.accepted,
        flags=mass.flags,
        principal_cents=mass.principal_cents,
        ruleset=ruleset,
        settings=settings,
        accepted_on=accepted_on,
    )
    for more in (mass.findings, found, claim.findings, plan.findings, mass_processing.tally_findings([mass.tallies])):
        findings.extend(more)
    return Judged(
        as_of,
        entries,
        bridge.single(entries, f.ENTRY_NUMBER),
        claim.failed,
        mass.principal_cents,
        plan.action,
        plan.liquidation_day,
        claim_portal.deadlines(entries, standing, ruleset=ruleset, settings=settings, as_of=as_of),
        findings,
    )
