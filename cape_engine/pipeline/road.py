"""The order of the components over every partition; this is the only place that knows it."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from cape_engine import bridge, claim_portal, intake, mass_processing, refund, rules
from cape_engine.errors import RuleFileError, UsageError
from cape_engine.execution.threads import map_ordered
from cape_engine.findings import Findings
from cape_engine.outputs import assemble
from cape_engine.outputs.progress import Progress, Silent, Stoppable
from cape_engine.pipeline.finish import Part, consolidated, finished
from cape_engine.pipeline.request import DETAILS, Request, RunResult
from cape_engine.pipeline.stages import Context, processed
from cape_engine.schema import facts as f
from cape_engine.store import Store, is_store


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
    if not request.sources:
        raise UsageError("no source given; name an export, a folder or a store")
    watcher = Stoppable(progress or Silent(), stop)
    clock = _Clock()
    findings = Findings()
    ruleset = rules.load(request.rules)
    claim_portal.check_days(ruleset, request.as_of, request.accepted_on)
    with ExitStack() as stack:
        watcher.stage("reading sources")
        store = _open_store(request, ruleset, findings, stack, watcher)
        context, declarations = _context(request, ruleset, store, findings)
        clock.lap("intake")
        watcher.stage("processing entries", len(store.partitions))
        parts: list[Part] = []
        results = map_ordered(
            lambda name: processed(store.read(name), context), store.partitions, threads=request.threads, stop=stop
        )
        for part in results:
            parts.append(part)
            findings.extend(part.findings)
            watcher.advance()
        clock.lap("entries")
        watcher.stage("consolidating refunds")
        if context.headers is not None and request.only_entry is None:
            numbers = [bridge.single(part.entries, f.ENTRY_NUMBER) for part in parts]
            findings.extend(intake.headers_without_rows(context.headers, numbers))
        absent = _absent(parts, declarations, ruleset, findings)
        answer = consolidated(parts, findings, settings=request.settings, importers=context.importers, absent=absent)
        clock.lap("consolidation")
        watcher.stage("writing results")
        return finished(request, ruleset, store, answer, clock.seconds)


def _open_store(
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
    spellings = refund.spellings(_parties(store, headers), importers)
    context = Context(request, ruleset, column1, headers, importers, deposits, declared, spellings)
    return context, declarations


def _parties(store: Store, headers: pa.Table | None) -> Iterator[list[str]]:
    """Importer and 4811 party numbers as given, of every partition and of the header files."""
    columns = (f.IMPORTER_NUMBER, f.NOTIFY_PARTY)
    tables = (store.read(name, columns).entries for name in store.partitions)
    for table in (*([] if headers is None else [headers]), *tables):
        for column in columns:
            yield bridge.codes(table, column)[1]


def _absent(
    parts: list[Part],
    declarations: tuple[claim_portal.Declaration, ...],
    ruleset: rules.Ruleset,
    findings: Findings,
) -> pa.Table | None:
    """Rows for entries that were declared but stand in no source (rule NOT_IN_ACE); duplicates become findings."""
    if not declarations:
        return None
    numbers = [bridge.single(part.entries, f.ENTRY_NUMBER) for part in parts]
    known = pa.concat_arrays(numbers) if numbers else pa.array([], pa.string())
    declared = claim_portal.claimed_entries(declarations, known)
    findings.extend(declared.findings)
    rule = ruleset.rule("not_in_ace")
    if rule is None:
        raise RuleFileError("eligibility_rules.csv has no rule not_in_ace, which entries that no source knows need")
    return assemble.absent_entries(list(declared.not_in_sources), rule)
