"""The road of `cape schedule`: what a run decided goes into the ledger as facts, plans and states."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cape_engine import bridge, intake, refund, rules
from cape_engine.errors import InputError
from cape_engine.findings import Findings
from cape_engine.findings.grouped import add_grouped
from cape_engine.ledger import Ledger, Stepped
from cape_engine.ledger.states import default_life
from cape_engine.outputs.files import MANIFEST
from cape_engine.outputs.progress import Silent
from cape_engine.outputs.result_groups import table_path
from cape_engine.pipeline.living.facts import Beside, Scheduled, scheduled
from cape_engine.pipeline.living.request import ScheduleRequest, ScheduleResult
from cape_engine.pipeline.request import Request
from cape_engine.pipeline.road import open_store
from cape_engine.schema import facts as f
from cape_engine.schema import ledger as led
from cape_engine.schema import life
from cape_engine.schema import results as r
from cape_engine.settings import Settings

ACCEPTED = ("ACCEPTED", "STRIPPED")
"""States of a claim that was accepted and has no place in the schedule; CBP's answer may tell of the second at once."""
_EARLIER = ("DECLARED", "CLAIMED")
_READ = [
    str(column)
    for column in (
        f.ENTRY_NUMBER, r.DISPOSITION, r.FLAGS, r.PRINCIPAL_CENTS, r.BILL_CENTS, r.RECIPIENT, r.NEW_VERSION
    )
]  # fmt: skip
STRIPPED = "STRIPPED"
STATES = ("STRIPPED_WAITING", "IN_REVIEW", "SCHEDULED", "WINDOW_MISSED")
"""States that scheduling leads to."""
ROADS = {state: (state,) for state in STATES} | {"WINDOW_MISSED": ("SCHEDULED", "WINDOW_MISSED")}
"""The way there from `STRIPPED`."""


def execute_schedule(request: ScheduleRequest) -> ScheduleResult:
    """Schedule what a run decided; see `schedule`."""
    record, decided = _results(request.results)
    settings = Settings.build({**record["settings"], **request.changes})
    ruleset = rules.load(request.rules)
    findings = Findings()
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger.open(request.ledger, create=False))
        asked = Request(
            sources=request.sources, out=None, as_of=_day(record, "as_of"), accepted_on=_day(record, "accepted_on"),
            settings=settings, headers=request.headers, mapping=request.mapping,
        )  # fmt: skip
        store = open_store(asked, ruleset, findings, stack, Silent())
        beside = _beside(request, ruleset, settings, findings)
        beside.register.learn(store.parties())
        with ledger.transaction():
            wanted, known = _wanted(ledger, decided, findings)
            counts = dict.fromkeys(STATES, 0)
            found = []
            for name in store.partitions:
                partition = store.opened(name)
                if beside.headers is not None:
                    partition, _ = intake.overlay_headers(partition, beside.headers)
                found.extend(scheduled(partition.entries, wanted, asked, beside, findings))
            _lacking(wanted, found, findings)
            for each, number in _recorded(ledger, found).items():
                counts[each] = number
    return ScheduleResult({**counts, "known": known}, findings.to_table())


def _results(folder: Path) -> tuple[dict[str, Any], pa.Table]:
    """The manifest of a run, and its entries.

    Raises:
        InputError: the folder holds no results of a run.
    """
    try:
        record = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        rows = pq.read_table(table_path(folder, "entries"), columns=_READ)
        return {name: record[name] for name in ("settings", "as_of", "accepted_on")}, rows
    except (OSError, ValueError, KeyError) as error:  # Arrow's errors are among them
        raise InputError(f"{folder}: no results of a run. Name the folder that `cape run --out` wrote.") from error


def _day(record: dict[str, Any], name: str) -> dt.date:
    """A day of a manifest."""
    return dt.date.fromisoformat(record[name])


def _beside(request: ScheduleRequest, ruleset: rules.Ruleset, settings: Settings, findings: Findings) -> Beside:
    """The files beside the store."""
    headers = importers = deposits = None
    if request.headers:
        headers, found = intake.read_headers(request.headers, ruleset)
        findings.extend(found)
    if request.importers:
        importers, found = intake.read_importers(request.importers)
        findings.extend(found)
    if request.deposits:
        deposits, found = intake.read_deposits(request.deposits)
        findings.extend(found)
    return Beside(ruleset, settings, headers, deposits, refund.Register(importers))


def _wanted(ledger: Ledger, decided: pa.Table, findings: Findings) -> tuple[pa.Table, int]:
    """Rows of the run that are to be scheduled, with declaration and acceptance day; how many were scheduled before."""
    live = ledger.live()
    accepted = decided.filter(pc.equal(decided.column(str(r.DISPOSITION)).cast(pa.string()), "accepted"))
    numbers = bridge.single(accepted, f.ENTRY_NUMBER).cast(pa.string())
    claimed = bridge.single(live, f.ENTRY_NUMBER)
    place = pc.index_in(numbers, value_set=claimed)
    free = pc.is_null(place)
    _each(findings, "SCHEDULE_NOT_CLAIMED", numbers.filter(free))
    states = live.column(str(led.STATE)).combine_chunks().cast(pa.string())
    state = states.take(place)
    early = pc.fill_null(pc.is_in(state, value_set=pa.array(_EARLIER)), fill_value=False)
    _each(findings, "SCHEDULE_NOT_ACCEPTED", numbers.filter(early))
    due = pc.fill_null(pc.is_in(state, value_set=pa.array(ACCEPTED)), fill_value=False)
    ready = pc.is_in(states, value_set=pa.array(ACCEPTED))
    without = claimed.filter(pc.and_(ready, pc.invert(pc.is_in(claimed, value_set=numbers))))
    _each(findings, "SCHEDULE_NOT_DECIDED", without)
    rows = accepted.filter(due)
    held = live.take(place.filter(due))
    for column in (led.DECLARATION, f.IMPORTER_NUMBER, f.FILER_CODE):
        if str(column) not in rows.column_names:
            rows = rows.append_column(str(column), held.column(str(column)))
    rows = rows.append_column(str(life.ACCEPTED_DATE), held.column(str(led.SINCE)))
    known = pc.sum(pc.invert(pc.or_(pc.or_(free, early), due)), min_count=0).as_py()
    return rows.sort_by(str(f.ENTRY_NUMBER)), int(known)


def _lacking(wanted: pa.Table, found: list[Scheduled], findings: Findings) -> None:
    """Entries that the run decided about and the store does not hold: another store."""
    seen = [bridge.single(one.facts, f.ENTRY_NUMBER) for one in found]
    numbers = bridge.single(wanted, f.ENTRY_NUMBER).cast(pa.string())
    there = pc.is_in(numbers, value_set=pa.concat_arrays([pa.array([], pa.string()), *seen]))
    _each(findings, "SCHEDULE_NOT_IN_STORE", numbers.filter(pc.invert(there)))


def _each(findings: Findings, code: str, numbers: pa.Array) -> None:
    """The same finding for many entries."""
    add_grouped(findings, code, numbers, np.zeros(len(numbers), np.int64), lambda _: {})


def _recorded(ledger: Ledger, found: list[Scheduled]) -> dict[str, int]:
    """Facts, plans and steps of what was scheduled; entries by the state they came to."""
    counts: dict[str, int] = {}
    if not found:
        return counts
    played, standing = ledger.last_day(), ledger.standing()
    soonest = None if played is None else played + dt.timedelta(days=1)
    facts = pa.concat_tables([one.facts for one in found]).unify_dictionaries()
    plans = pa.concat_tables([one.plans for one in found]).unify_dictionaries()
    states = pa.concat_arrays([one.states for one in found])
    first = pc.min(facts.column(str(life.ACCEPTED_DATE))).as_py()
    homes = plans.column(str(led.DECLARATION)).to_numpy()
    order = np.argsort(homes, kind="stable")
    edges = np.flatnonzero(np.diff(homes[order])) + 1
    for places in np.split(order, edges):
        ledger.record_facts(int(homes[places[0]]), facts.take(pa.array(places)), on_day=first)
    ledger.record_plans(plans, on_day=first)
    days = facts.column(str(life.ACCEPTED_DATE)).combine_chunks()
    reasons = bridge.single(plans, led.REASON)
    for state in STATES:
        for day in days.filter(pc.equal(states, state)).unique().to_pylist():
            here = pc.and_(pc.equal(states, state), pc.equal(days, day))
            numbers = bridge.single(facts, f.ENTRY_NUMBER).filter(here)
            # A day that was played is closed: what is scheduled afterwards happens on the next one.
            on_day = day if soonest is None else max(day, soonest)
            steps = _steps(standing, numbers, reasons.filter(here), state)
            ledger.step_known(steps, on_day=on_day)
            counts[state] = counts.get(state, 0) + len(numbers)
    return counts


def _steps(standing: pa.Table, numbers: pa.Array, reasons: pa.Array, state: str) -> Stepped:
    """The steps of entries to one state, by way of `STRIPPED` where they do not stand there yet."""
    order = pc.sort_indices(numbers)
    numbers = numbers.take(order)
    told = reasons.take(order).dictionary_encode()
    place = pc.index_in(numbers, value_set=bridge.single(standing, f.ENTRY_NUMBER))
    codes = standing.column(str(led.STATE)).take(place).to_numpy()
    stripped = codes == default_life().code(STRIPPED)
    return Stepped(
        numbers,
        standing.column(str(led.DECLARATION)).take(place).to_numpy(),
        codes,
        stripped.astype(np.int64),
        told.indices.to_numpy().astype(np.int64),
        ((STRIPPED, *ROADS[state]), ROADS[state]),
        tuple(told.dictionary.to_pylist()),
    )
