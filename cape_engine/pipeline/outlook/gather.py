"""One pass over the entries of a store: the class of each, with what does not depend on the filing day."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from cape_engine import bridge, claim_portal, intake, liquidation, mass_processing, refund, rules
from cape_engine.bridge import NO_DAY, Int32s, Int64s, Partition
from cape_engine.dates import day_number
from cape_engine.errors import UsageError
from cape_engine.execution.threads import map_ordered
from cape_engine.findings import Findings
from cape_engine.outputs.files import refuse_other_results
from cape_engine.outputs.progress import Stoppable
from cape_engine.pipeline.outlook.classes import Kinds, class_keys, kinds_of
from cape_engine.pipeline.outlook.days import Classes, Law, classes_of
from cape_engine.pipeline.outlook.known import Computed, Kept, Provider, key_of
from cape_engine.pipeline.outlook.of_run import OfRun
from cape_engine.pipeline.outlook.request import OutlookRequest
from cape_engine.pipeline.request import Request
from cape_engine.pipeline.road import open_store
from cape_engine.schema import facts as f
from cape_engine.store import Store
from cape_engine.store.store import PARTIES

MOST_DAYS = 1100
"""Three years: what the calendar reaches."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that a question about a store needs.

    Attributes:
        request: what was asked.
        law: rules, settings and days.
        store: the entries.
        headers, importers, deposits: files beside it.
        register: the numbers of importers and recipients.
        provider: what does not depend on the filing day.
        findings: grows.
        ahead: columns by table that earlier partitions asked for.
    """

    request: OutlookRequest
    law: Law
    store: Store
    headers: pa.Table | None
    deposits: pa.Table | None
    register: refund.Register
    provider: Provider
    findings: Findings
    ahead: dict[str, set[str]] = field(default_factory=dict)

    def opened(self, place: int) -> Partition:
        """A partition with the header files laid over it."""
        partition = self.store.opened(self.store.partitions[place], self.ahead)
        if self.headers is None:
            return partition
        whole, _ = intake.overlay_headers(partition, self.headers)
        return whole

    def learn(self, partition: Partition) -> None:
        """Remember which columns of entries were asked for: the next partition reads them at once."""
        if not isinstance(partition.entries, pa.Table):
            self.ahead["entries"] = self.ahead.get("entries", set()) | partition.entries.asked


def opened_bench(request: OutlookRequest, stack: ExitStack, watcher: Stoppable, *, owed_too: bool) -> Bench:
    """Store, files beside it and law of a request.

    Args:
        request: what was asked.
        stack: closes a temporary store.
        watcher: told where the work is.
        owed_too: the duty of entries that are accepted on none of the days matters too.

    Raises:
        UsageError: days before the portal opened or in the wrong order, or two sources of the same knowledge.
    """
    if not request.sources:
        raise UsageError("no source given; name a store, an export or a folder")
    refuse_other_results(request.out, request.command.replace(".", " ").split()[-1], request.sources)
    if request.last < request.first:
        raise UsageError(f"the last day {request.last} lies before the first one {request.first}")
    if (request.last - request.first).days > MOST_DAYS:
        raise UsageError(f"the days asked for lie too far apart; ask for {MOST_DAYS} at most")
    if request.results is not None and request.facts is not None:
        raise UsageError("give either --results or --facts")
    ruleset, findings = rules.load(request.rules), Findings()
    claim_portal.check_days(ruleset, request.first, request.first)
    law = Law(ruleset, request.settings, day_number(request.first), day_number(request.last))
    watcher.stage("reading sources")
    store = open_store(_asked(request), ruleset, findings, stack, watcher)
    tables: dict[str, pa.Table | None] = dict.fromkeys(("headers", "importers", "deposits"))
    for name, paths, read in (
        ("headers", request.headers, lambda paths: intake.read_headers(paths, ruleset)),
        ("importers", request.importers, intake.read_importers),
        ("deposits", request.deposits, intake.read_deposits),
    ):
        if paths:
            tables[name], found = read(paths)
            findings.extend(found)
    register = refund.Register(tables["importers"])
    register.learn(store.parties())
    if tables["headers"] is not None:
        for column in PARTIES:
            register.learn(bridge.codes(tables["headers"], column)[1])
    column1 = None if request.column1 is None else mass_processing.load_column1(request.column1)
    asked = replace(law, last=law.first) if owed_too else law  # a risk report judges its own day only
    provider = _provider(request, asked, store, tables["headers"], column1, owed_too=owed_too)
    return Bench(request, law, store, tables["headers"], tables["deposits"], register, provider, findings)


def _provider(
    request: OutlookRequest,
    law: Law,
    store: Store,
    headers: pa.Table | None,
    column1: mass_processing.Column1Table | None,
    *,
    owed_too: bool,
) -> Provider:
    """Who knows trial removal and principal: a finished run, a file, or the engine itself."""
    if request.results is not None:
        return OfRun(request, law, store, headers, column1, owed_too=owed_too)
    if request.facts is not None and request.facts.exists():
        return Kept(request.facts, key_of(request, law.ruleset, store))
    return Computed(request, law.ruleset, store, column1)


def _asked(request: OutlookRequest) -> Request:
    """The request as reading sources knows it."""
    return Request(
        sources=request.sources,
        out=None,
        as_of=request.first,
        accepted_on=request.first,
        settings=request.settings,
        mapping=request.mapping,
        rules=request.rules,
        partition_lines=request.partition_lines,
        memory_limit_bytes=request.memory_limit_bytes,
    )


class Part(NamedTuple):
    """One partition after the first pass.

    Attributes:
        keys: int64[m], the distinct classes of its entries.
        place: int32[n], which of them each entry is.
        principal_cents: int64[n].
    """

    keys: Int64s
    place: Int32s
    principal_cents: Int64s


@dataclass(frozen=True, slots=True)
class Gathered:
    """All entries of a store by class.

    Attributes:
        parts: one for each partition.
        classes: those of all partitions.
    """

    parts: list[Part]
    classes: Classes

    def plans(self, place: int) -> Int32s:
        """The class of each entry of a partition."""
        before = sum(len(part.keys) for part in self.parts[:place])
        part = self.parts[place]
        found: Int32s = self.classes.place[before : before + len(part.keys)][part.place]
        return found


def gathered(bench: Bench, stop: threading.Event | None, advance: Callable[[], None]) -> Gathered:
    """Read every entry once and sort it into its class.

    Args:
        bench: what is needed.
        stop: set it to stop between partitions.
        advance: called behind each partition.
    """
    kinds, reach, settings = Kinds(), bench.law.reach(), bench.request.settings
    sample = settings.number("schedule.review_sample")
    undated = [0]

    def work(place: int) -> Part:
        partition = bench.opened(place)
        known = bench.provider.of(place, partition)
        entries = partition.entries
        # Only a sample looks at entry numbers, which are the largest column of all.
        numbers = bridge.single(entries, f.ENTRY_NUMBER) if sample else pa.array([], pa.string())
        ruleset = bench.law.ruleset
        picked = liquidation.review.picked(numbers, known.flags, known.principal_cents, ruleset, settings)
        kind, dated = kinds_of(entries, known.trial, picked, settings, kinds)
        keys = class_keys(entries, kind, dated, reach, settings)
        first, which = bridge.first_of_each(keys)
        undated[0] += _without_rate_date(entries)
        bench.learn(partition)
        return Part(keys[first], which.astype(np.int32), known.principal_cents)

    parts = []
    for part in in_order(work, bench, stop):
        parts.append(part)
        advance()
    bench.provider.finish()
    if undated[0] and bench.request.first != bench.request.last:
        bench.findings.add("RATE_DATE_UNKNOWN", value=undated[0])
    every = np.concatenate([part.keys for part in parts]) if parts else np.zeros(0, np.int64)
    return Gathered(parts, classes_of(every, kinds, bench.law, reach))


def in_order(work: Callable[[int], Part], bench: Bench, stop: threading.Event | None) -> Iterator[Part]:
    """The partitions in order, by the threads of the request."""
    return map_ordered(work, range(len(bench.store.partitions)), threads=bench.request.threads, stop=stop)


def _without_rate_date(entries: pa.Table) -> int:
    """Entries without any day on which their column 1 rates are looked up: those of the filing day count then."""
    entered = bridge.days(entries, f.ENTRY_DATE)
    if (entered != NO_DAY).all():
        return 0
    return int(((entered == NO_DAY) & (bridge.days(entries, f.INBOND_DATE) == NO_DAY)).sum())
