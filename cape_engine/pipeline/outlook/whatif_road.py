"""The road of a what-if: every entry sorted into its class, every class judged on every day, the money added up."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import Int32s, Int64s
from cape_engine.execution.threads import map_ordered
from cape_engine.outputs.progress import Progress, Silent, Stoppable
from cape_engine.pipeline.outlook import tables
from cape_engine.pipeline.outlook.days import Answers, State, answers
from cape_engine.pipeline.outlook.gather import Bench, Gathered, gathered, opened_bench
from cape_engine.pipeline.outlook.request import OutlookRequest, OutlookResult
from cape_engine.pipeline.outlook.writing import finished
from cape_engine.refund.deposits import slices
from cape_engine.refund.outlook import FIELDS, Claimed, Outlook, Stretches, refunds_by_day
from cape_engine.refund.pricing import DISREGARDED_CENTS
from cape_engine.refund.recipients import Parties, kinds, parties
from cape_engine.report.day_chart import day_chart
from cape_engine.schema import outlook as s
from cape_engine.schema import results as r
from cape_engine.schema.facts import FILER_CODE
from cape_engine.settings import Settings


class Money(NamedTuple):
    """What one partition adds.

    Attributes:
        sums: int64[1, FIELDS, days].
        entries, principal_cents: by class.
        refunds: who shares a refund, and class, of entries that are paid on some day; each pair once.
        groups: for each kind of group those met, as they are shown, and their sums.
    """

    sums: Int64s
    entries: Int64s
    principal_cents: Int64s
    refunds: tuple[Int64s, Int32s]
    groups: dict[str, tuple[pa.Array, Int64s]]


def execute_whatif(
    request: OutlookRequest, *, progress: Progress | None = None, stop: threading.Event | None = None
) -> OutlookResult:
    """Carry out a what-if; see `whatif`."""
    watcher = Stoppable(progress or Silent(), stop)
    seconds: dict[str, float] = {}
    with ExitStack() as stack:
        since = time.perf_counter()
        bench = opened_bench(request, stack, watcher, owed_too=False)
        watcher.stage("reading entries", len(bench.store.partitions))
        found = gathered(bench, stop, watcher.advance)
        seconds["entries"] = time.perf_counter() - since
        watcher.stage("judging days")
        judged = answers(found.classes, bench.law, threads=request.threads, stop=stop)
        seconds["days"] = time.perf_counter() - since - seconds["entries"]
        watcher.stage("adding up", len(bench.store.partitions))
        made = _added(bench, found, judged, stop, watcher)
        seconds["money"] = time.perf_counter() - since - sum(seconds.values())
        return finished(
            bench,
            made,
            {"entries": sum(len(part.place) for part in found.parts), "classes": len(found.classes)},
            {name: round(value, 6) for name, value in seconds.items()},
            _chart(made["days"]),
        )


def _chart(days: pa.Table) -> str:
    """Principal and interest that are paid, by acceptance day."""
    series = {"principal": s.REFUND_PRINCIPAL_CENTS, "interest": r.INTEREST_CENTS}
    return day_chart(
        "Refunds by acceptance day",
        days.column(s.ACCEPTANCE_DATE).to_pylist(),
        {name: days.column(column).to_pylist() for name, column in series.items()},
    )


def _added(
    bench: Bench, found: Gathered, judged: Answers, stop: threading.Event | None, watcher: Stoppable
) -> dict[str, pa.Table]:
    """The tables of a what-if."""
    request, days = bench.request, len(bench.law.days)
    stretches = Stretches.of((judged.state != State.NOT_ACCEPTED).T, np.ascontiguousarray(judged.day.T))
    outlook = Outlook(stretches, ruleset=bench.law.ruleset, settings=request.settings)
    paid_once = np.diff(stretches.plans.paid) > 0
    count = len(found.classes)

    def work(place: int) -> Money:
        return _of_partition(bench, found, place, outlook, paid_once)

    sums = np.zeros((FIELDS, days), np.int64)
    entries, principal = np.zeros(count, np.int64), np.zeros(count, np.int64)
    pairs: list[tuple[Int64s, Int32s]] = []
    groups = tables.Groups(request.by, days)
    for money in map_ordered(work, range(len(found.parts)), threads=request.threads, stop=stop):
        sums += money.sums[0]
        entries += money.entries
        principal += money.principal_cents
        pairs.append(money.refunds)
        groups.add(money.groups)
        watcher.advance()
    paid, refunds = _refunds(pairs, count, stretches)
    made = {
        "days": tables.days_table(bench.law, sums, refunds, judged, entries, paid),
        "changes": tables.changes_table(bench.law, judged.changes, entries, principal),
    }
    return made | groups.tables(bench.law)


def _refunds(pairs: list[tuple[Int64s, Int32s]], count: int, stretches: Stretches) -> tuple[bridge.Bools, Int64s]:
    """(classes with an entry that is paid on some day, refunds of each acceptance day)."""
    paid = np.zeros(count, np.bool_)
    for _, plans in pairs:
        paid[plans] = True
    if not pairs:
        return paid, np.zeros(stretches.days, np.int64)
    _, share = bridge.first_of_each(np.concatenate([who for who, _ in pairs]))
    return paid, refunds_by_day(share, np.concatenate([plans for _, plans in pairs]), stretches)


def _of_partition(bench: Bench, found: Gathered, place: int, outlook: Outlook, paid_once: bridge.Bools) -> Money:
    """What the entries of one partition come to."""
    part, settings = found.parts[place], bench.request.settings
    plan = found.plans(place)
    count, classes = len(plan), len(found.classes)
    entries, principal = np.bincount(plan, minlength=classes), np.zeros(classes, np.int64)
    np.add.at(principal, plan, part.principal_cents)
    partition = bench.opened(place)
    who = parties(partition.entries, bench.register)
    owed = owed_cents(part.principal_cents, settings)
    paid = (owed > 0) & paid_once[plan]
    parts = slices(partition.entries, part.principal_cents, paid, deposits=bench.deposits, settings=settings)
    kind, _ = kinds(partition.entries, who, settings)
    claimed = Claimed(plan, np.zeros(count, np.int32), kind, part.principal_cents, owed, parts)
    groups = {}
    for name in bench.request.by:
        met, group = _group(name, partition.entries, who)
        groups[name] = met, outlook.sums(claimed._replace(group=group), len(met))
    first, _ = bridge.first_of_each(_sharing(who, settings)[paid] * classes + plan[paid])
    bench.learn(partition)
    rows = np.flatnonzero(paid)[first]
    return Money(outlook.sums(claimed), entries, principal, (_sharing(who, settings)[rows], plan[rows]), groups)


def _sharing(who: Parties, settings: Settings) -> Int64s:
    """A number for whoever shares a refund: the recipient, or each importer of one (`refund.consolidate_4811`)."""
    share = who.recipient.astype(np.int64)
    return (
        share if settings.text("refund.consolidate_4811") == "recipient" else share * len(who.register) + who.importer
    )


def _group(name: str, entries: pa.Table, who: Parties) -> tuple[pa.Array, Int32s]:
    """(the importers or filers met, as they are shown; which of them each entry belongs to)."""
    if name == "importer":
        first, which = bridge.first_of_each(who.importer.astype(np.int64))
        return who.register.shown(who.importer[first]), which.astype(np.int32)
    codes, words = bridge.codes(entries, FILER_CODE)
    return pa.array([*words, ""], pa.string()), np.where(codes < 0, np.int32(len(words)), codes)


def owed_cents(principal_cents: Int64s, settings: Settings) -> Int64s:
    """What is paid out on a liquidation: small sums may be disregarded (19 CFR 159.6)."""
    if settings.text("refund.small_difference") != "disregard_lt_20":
        return principal_cents
    return np.where(principal_cents < DISREGARDED_CENTS, 0, principal_cents)
