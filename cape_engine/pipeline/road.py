"""The order of the components over every partition; this is the only place that knows it."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge, claim_portal, intake, mass_processing, refund, rules
from cape_engine.errors import RuleFileError, UsageError
from cape_engine.execution.threads import map_ordered
from cape_engine.findings import Findings
from cape_engine.outputs import assemble
from cape_engine.outputs.files import refuse_other_results
from cape_engine.outputs.part_sources import refuse_files_of_others
from cape_engine.outputs.progress import Progress, Silent, Stoppable
from cape_engine.pipeline.collecting import Collector, InFolder, InMemory
from cape_engine.pipeline.finish import finished
from cape_engine.pipeline.keys import partition_keys as keys_of_partitions
from cape_engine.pipeline.part import Share, Totals
from cape_engine.pipeline.request import DETAILS, LAYOUTS, TABLES, Request, RunResult
from cape_engine.pipeline.stages import Context, processed
from cape_engine.schema import facts as f
from cape_engine.store import Store, is_store
from cape_engine.store.announcing import Announcer
from cape_engine.store.store import PARTIES

_OWN_BYTES = 400 << 20  # the interpreter with its libraries, compiled code and the sums of refunds
_ROW_BYTES = 80  # of a partition under way, for each of its tariff numbers


@dataclass(slots=True)
class _Clock:
    """Seconds spent in each stage, for the manifest."""

    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        """Close the stage that just ended."""
        now = time.perf_counter()
        self.seconds[name] = round(now - self._since, 6)
        self._since = now


def execute(request: Request, *, progress: Progress | None = None, stop: threading.Event | None = None) -> RunResult:
    """Carry out a request; see `run`."""
    if request.detail not in DETAILS:
        raise UsageError(f"detail is one of {', '.join(DETAILS)}, not {request.detail!r}")
    if request.layout not in LAYOUTS:
        raise UsageError(f"layout is one of {', '.join(LAYOUTS)}, not {request.layout!r}")
    if not request.sources:
        raise UsageError("no source given; name an export, a folder or a store")
    refuse_other_results(request.out, "run", request.sources)
    refuse_files_of_others(request.out, TABLES)
    watcher = Stoppable(progress or Silent(), stop)
    clock = _Clock()
    findings = Findings()
    ruleset = rules.load(request.rules)
    claim_portal.check_days(ruleset, request.as_of, request.accepted_on)
    with ExitStack() as stack:
        watcher.stage("reading sources")
        store = open_store(request, ruleset, findings, stack, watcher)
        context, declarations = _context(request, ruleset, store, findings)
        clock.lap("intake")
        watcher.stage("processing entries", len(store.partitions))
        keys = keys_of_partitions(store, context) if request.out is not None else list(store.partitions)
        collector = _collector(request, keys, context)
        stack.enter_context(collector)
        totals = Totals(context.register, request.settings)
        for share in _shares(store, context, collector, keys, stop):
            totals.add(share)
            watcher.advance()
        clock.lap("entries")
        watcher.stage("consolidating refunds")
        if context.headers is not None and request.only_entry is None:
            findings.extend(intake.headers_without_rows(context.headers, entry_numbers(store, context.headers)))
        absent = _absent(store, declarations, ruleset, findings)
        clock.lap("consolidation")
        watcher.stage("writing results")
        return finished(
            request,
            ruleset,
            store,
            totals,
            collector,
            findings=findings,
            absent=absent,
            seconds=clock.seconds,
        )


def _collector(request: Request, keys: Sequence[str], context: Context) -> InMemory | InFolder:
    """Where the parts go: into the folder of the request, or into memory."""
    if request.out is None:
        return InMemory()
    return InFolder(request.out, keys, context.register, full=request.full, apart=request.layout == "parts")


def _shares(
    store: Store, context: Context, collector: Collector, keys: Sequence[str], stop: threading.Event | None
) -> Iterator[Share]:
    """The share of each partition in order, its rows handed to the collector; finished ones are taken over.

    Those that are at hand take no turn of the threads, so that the threads find the few others side by side.
    """
    threads = _threads(context, store)
    todo = [place for place, key in enumerate(keys) if not collector.at_hand(key)]

    def work(turn: int) -> tuple[Any, Share]:
        place = todo[turn]
        done = collector.known(keys[place])
        if done is not None:
            return None, done
        following = turn + threads
        if following < len(todo) and not collector.holds(keys[todo[following]]):
            announcer.announce(store.partitions[todo[following]])
        partition = store.opened(store.partitions[place], context.ahead, announcer.loaded(store.partitions[place]))
        part = processed(partition, context)
        context.learn(partition)
        announcer.passed(store.partitions[place])
        return collector.prepared(part), part.share

    with Announcer(store, context.ahead) as announcer:
        made, turns = map_ordered(work, range(len(todo)), threads=threads, stop=stop), frozenset(todo)
        for place, key in enumerate(keys):
            ready, share = next(made) if place in turns else (None, collector.known(key))
            assert share is not None  # noqa: S101 - made, or at hand
            if ready is None:
                collector.reuse(key)
            else:
                collector.append(key, ready, share)
            yield share


def _threads(context: Context, store: Store) -> int:
    """Threads that the memory limit leaves room for; at least one."""
    limit = context.request.memory_limit_bytes
    if limit is None:
        return context.request.threads
    largest = max((part["tariffs"] for part in store.manifest["partitions"]), default=0)
    room = (limit - _OWN_BYTES) // max(largest * _ROW_BYTES, 1)
    return max(1, min(context.request.threads, int(room)))


def entry_numbers(store: Store, among: pa.Table) -> Iterator[pa.Array]:
    """Entry numbers of each partition that may hold an entry of a table."""
    numbers = bridge.single(among, f.ENTRY_NUMBER).cast(pa.binary())
    wanted = np.sort(np.asarray(numbers.to_numpy(zero_copy_only=False), "S"))
    for record in store.manifest["partitions"]:
        first, last = record["first_entry"], record["last_entry"]
        if first is None or last is None:
            continue
        place = int(np.searchsorted(wanted, first.encode()))
        if place < len(wanted) and wanted[place] <= last.encode():
            yield bridge.single(store.opened(record["name"]).entries, f.ENTRY_NUMBER)


def open_store(
    request: Request, ruleset: rules.Ruleset, findings: Findings, stack: ExitStack, progress: Progress
) -> Store:
    """The store given, or a temporary one built from the files given."""
    stores = [path for path in request.sources if is_store(path)]
    if stores and len(request.sources) > 1:
        raise UsageError(f"{stores[0]} is a store; a run takes one store, or files and folders, not both")
    if stores:
        store = Store.open(stores[0])
        return store if request.only_entry is None else intake.select_entry(store, request.only_entry, stack)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cape-store-")))
    store, found = intake.build_store(
        request.sources,
        folder,
        headers=(),
        mapping=request.mapping,
        ruleset=ruleset,
        settings=request.settings,
        partition_lines=request.partition_lines,
        only_entry=request.only_entry,
        memory_limit=request.memory_limit_bytes,
        progress=progress,
    )
    findings.extend(found)
    return store


def _context(
    request: Request, ruleset: rules.Ruleset, store: Store, findings: Findings
) -> tuple[Context, tuple[claim_portal.Declaration, ...]]:
    """Everything beside the store that the run reads."""
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
    declarations = tuple(
        claim_portal.read_declaration(path, ruleset=ruleset, settings=request.settings) for path in request.declarations
    )
    for declaration in declarations:
        findings.extend(declaration.findings)
    declared = claim_portal.declared_numbers(declarations) if declarations else None
    column1 = None if request.column1 is None else mass_processing.load_column1(request.column1)
    register = refund.Register(importers)
    register.learn(store.parties())
    if headers is not None:
        for column in PARTIES:
            register.learn(bridge.codes(headers, column)[1])
    context = Context(request, ruleset, column1, headers, importers, deposits, declared, register)
    return context, declarations


def _absent(
    store: Store,
    declarations: tuple[claim_portal.Declaration, ...],
    ruleset: rules.Ruleset,
    findings: Findings,
) -> pa.Table | None:
    """Rows for entries that were declared but stand in no source (rule NOT_IN_ACE); duplicates become findings."""
    if not declarations:
        return None
    wanted = claim_portal.declared_numbers(declarations)
    listed = pa.table({str(f.ENTRY_NUMBER): wanted})
    found = [numbers.filter(pc.is_in(numbers, wanted)) for numbers in entry_numbers(store, listed)]
    declared = claim_portal.claimed_entries(
        declarations, pa.concat_arrays(found) if found else pa.array([], pa.string())
    )
    findings.extend(declared.findings)
    rule = ruleset.rule("not_in_ace")
    if rule is None:
        raise RuleFileError("eligibility_rules.csv has no rule not_in_ace, which entries that no source knows need")
    return assemble.absent_entries(list(declared.not_in_sources), rule)
