"""The road of a risk report: what leaves the windows of claim, reliquidation, protest and suit, day by day."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge, claim_portal, liquidation
from cape_engine.bridge import NO_DAY, Bools, Int32s, Int64s
from cape_engine.claim_portal.conditions import phase_3
from cape_engine.claim_portal.entry_checks import INPUT_REFUSED
from cape_engine.execution.threads import map_ordered
from cape_engine.intake.entries import keys_of_texts
from cape_engine.ledger import Ledger
from cape_engine.liquidation.days import year_ends
from cape_engine.liquidation.policy import BEFORE, BEYOND, in_force
from cape_engine.outputs.progress import Progress, Silent, Stoppable
from cape_engine.pipeline.outlook import risk_tables as tables
from cape_engine.pipeline.outlook.classes import lifted
from cape_engine.pipeline.outlook.gather import Bench, opened_bench
from cape_engine.pipeline.outlook.of_run import NOTHING_OWED
from cape_engine.pipeline.outlook.request import OutlookRequest, OutlookResult
from cape_engine.pipeline.outlook.writing import finished
from cape_engine.report.day_chart import day_chart
from cape_engine.schema import facts as f
from cape_engine.schema import outlook as s
from cape_engine.schema.codes import Standing

CLAIM, RELIQUIDATION, PROTEST, COURT = range(len(s.RISK_WINDOWS))


class Windows(NamedTuple):
    """Last days of entries, day numbers, `NO_DAY` where a window has none.

    Attributes:
        last: int32[windows, n], in the order of `RISK_WINDOWS`.
        by_law: whether the claim window is counted from the anniversary of 19 USC 1504(a), not from a liquidation.
    """

    last: npt.NDArray[np.int32]
    by_law: Bools


class Exposed(NamedTuple):
    """Entries of one partition with duty to give back, n rows.

    Attributes:
        numbers: entry numbers.
        importer, filer: as they are shown.
        windows: their last days.
        principal_cents: duty to give back.
        fileable: whether CAPE takes the entry on the day of the report.
        live: how many entries of the partition are on a live claim.
    """

    numbers: pa.Array
    importer: pa.DictionaryArray
    filer: pa.DictionaryArray
    windows: Windows
    principal_cents: Int64s
    fileable: Bools
    live: int


def execute_risk(
    request: OutlookRequest, *, progress: Progress | None = None, stop: threading.Event | None = None
) -> OutlookResult:
    """Carry out a risk report; see `risk`."""
    watcher = Stoppable(progress or Silent(), stop)
    since = time.perf_counter()
    with ExitStack() as stack:
        bench = opened_bench(request, stack, watcher, owed_too=True)
        live = _live_keys(request.ledger, stack)
        watcher.stage("reading entries", len(bench.store.partitions))
        book = tables.Book(request.by, bench.law, in_order=_in_order(bench))
        places = range(len(bench.store.partitions))

        def work(place: int) -> tables.Share:
            return tables.share_of(exposed(bench, place, live), bench.law, request.by)

        for share in map_ordered(work, places, threads=request.threads, stop=stop):
            book.add(share)
            watcher.advance()
        bench.provider.finish()
        made = book.tables()
        seconds = {"all": round(time.perf_counter() - since, 6)}
        return finished(bench, made, book.counts(), seconds, _chart(made["days"], request))


def _live_keys(ledger: str | None, stack: ExitStack) -> Int64s:
    """Entry numbers on live claims, as ascending keys."""
    if ledger is None:
        return np.zeros(0, np.int64)
    opened = stack.enter_context(Ledger.open(ledger, create=False))
    numbers = bridge.single(opened.live(), f.ENTRY_NUMBER).cast(pa.string())
    return np.unique(keys_of_texts(numbers)[0])


def _in_order(bench: Bench) -> bool:
    """Whether the partitions follow each other in entry number order, as nearly always."""
    edges = [
        edge
        for record in bench.store.manifest["partitions"]
        for edge in (record["first_entry"], record["last_entry"])
        if edge is not None
    ]
    return edges == sorted(edges)


def exposed(bench: Bench, place: int, live: Int64s) -> Exposed:
    """The entries of one partition with duty to give back, and when they leave their windows.

    Args:
        bench: the question.
        place: number of the partition.
        live: keys of entries on live claims, ascending: they are not to be filed again.
    """
    partition = bench.opened(place)
    known = bench.provider.of(place, partition)
    entries, law, day = partition.entries, bench.law, bench.request.first
    standing, _ = liquidation.standing(entries, ruleset=law.ruleset, settings=law.settings, as_of=day, accepted_on=day)
    claim = claim_portal.check(
        entries, known.trial, standing, ruleset=law.ruleset, settings=law.settings, as_of=day, accepted_on=day
    )
    rules = {rule.rule_id: np.uint64(1 << at) for at, rule in enumerate(law.ruleset.eligibility)}
    spoilt = np.uint64(1 << INPUT_REFUSED)
    for rule in NOTHING_OWED:
        spoilt |= rules.get(rule, np.uint64(0))
    rows = np.flatnonzero((known.principal_cents > 0) & ((claim.failed & spoilt) == 0))
    windows = _windows(entries, standing, (claim.failed & rules.get("protest_open", np.uint64(0))) != 0, bench)
    numbers = bridge.single(entries, f.ENTRY_NUMBER)
    claimed = np.zeros(len(numbers), np.bool_)
    if len(live):
        claimed = np.isin(keys_of_texts(numbers)[0], live)
    bench.learn(partition)
    taken = pa.array(rows)
    return Exposed(
        numbers.take(taken),
        bridge.single(entries, f.IMPORTER_NUMBER).take(taken),
        bridge.single(entries, f.FILER_CODE).take(taken),
        Windows(np.ascontiguousarray(windows.last[:, rows]), windows.by_law[rows]),
        known.principal_cents[rows],
        (claim.accepted & ~claimed)[rows],
        int(claimed.sum()),
    )


def _windows(entries: pa.Table, standing: Standing, protested: Bools, bench: Bench) -> Windows:
    """The last day of every window of each entry, whether anything is owed on it or not."""
    law, day = bench.law, bench.request.first
    found = claim_portal.deadlines(entries, standing, ruleset=law.ruleset, settings=law.settings, as_of=day)
    liquidated = standing.liquidated_day
    # What nobody liquidates before its anniversary is liquidated by law on it (clarification 30).
    by_law = (liquidated == NO_DAY) & ~(standing.held | standing.no_status | standing.refused)
    year = year_ends(entries)
    by_law &= year != NO_DAY
    reach = claim_portal.window_reach(law.ruleset, law.settings, day)
    claim = np.where(by_law, year + np.int32(reach), found.window)
    if phase_3(law.settings, day):
        claim = np.where(lifted(entries, law.settings), np.int32(NO_DAY), claim)
    policy = in_force(law.ruleset, law.settings, day)
    run = policy.up_to_day(liquidated.astype(np.int64) + policy.reliq_reach)
    run = np.where((liquidated == NO_DAY) | (run == BEYOND) | (run == BEFORE), np.int32(NO_DAY), run)
    protest: Int32s = np.where(protested, np.int32(NO_DAY), found.protest)
    return Windows(np.stack([claim, run, protest, found.court]).astype(np.int32), by_law)


def _chart(days: pa.Table, request: OutlookRequest) -> str:
    """Dollars that leave the claim window by day."""
    rows = [row for row in days.to_pylist() if row[s.WINDOW] == s.RISK_WINDOWS[CLAIM]]
    return day_chart(
        f"Duty that leaves the claim window from {request.first}",
        [row[s.LAST_DATE] for row in rows],
        {"fileable": [row[s.FILEABLE_PRINCIPAL_CENTS] for row in rows]},
    )
