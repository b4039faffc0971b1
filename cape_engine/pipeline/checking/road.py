"""The road of a check: read, pick and judge, answer, record and write, in one transaction of the ledger."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from contextlib import ExitStack, nullcontext
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

import cape_engine
from cape_engine import claim_portal, intake, mass_processing, rules
from cape_engine.claim_portal import Declaration
from cape_engine.errors import UsageError
from cape_engine.findings import Findings
from cape_engine.ledger import Ledger
from cape_engine.outputs import manifest as counting
from cape_engine.outputs import result_hash
from cape_engine.outputs.files import MANIFEST, refuse_other_results, sha256_of
from cape_engine.outputs.progress import Progress, Silent
from cape_engine.pipeline.checking import answering, files, recording, tables
from cape_engine.pipeline.checking.answering import Answer
from cape_engine.pipeline.checking.filing import Filing
from cape_engine.pipeline.checking.judging import Bench, judge
from cape_engine.pipeline.checking.request import CheckRequest, CheckResult
from cape_engine.schema import claims as c
from cape_engine.schema import facts as f
from cape_engine.schema import results as r
from cape_engine.store import Store, is_store

KIND = "check"


def execute_check(request: CheckRequest, *, progress: Progress | None = None) -> CheckResult:
    """Check declarations, and record and write what comes of it; see `check`."""
    watcher, began = progress or Silent(), time.perf_counter()
    if not request.files:
        raise UsageError("no declaration given; name the CSV files that list the entries")
    if not request.sources:
        raise UsageError("no entries given; name a store (--store) or exports (--source) that hold them")
    refuse_other_results(request.out, KIND)
    if request.ledger is not None:
        Ledger.look(request.ledger)  # what cannot be recorded is said before the entries are read, not after
    ruleset = _builtin() if request.rules is None else rules.load(request.rules)
    claim_portal.check_days(ruleset, request.as_of, request.accepted_on)
    findings = Findings()
    with ExitStack() as stack:
        watcher.stage("reading declarations", len(request.files))
        declarations = [_read(path, request, ruleset) for path in request.files]
        watcher.stage("reading entries")
        bench = _bench(request, ruleset, stack, findings, watcher)
        read = time.perf_counter()
        watcher.stage("checking entries")
        declarations = [answering.access_checked(one, bench) for one in declarations]
        judged = judge(bench, recording.first_reading(declarations), request.as_of, request.accepted_on)
        found = time.perf_counter()
        watcher.stage("answering")
        ledger = None if request.ledger is None else stack.enter_context(Ledger.open(request.ledger))
        with nullcontext() if ledger is None else ledger.transaction(request.received_at):
            filing = Filing(judged, bench, ledger, declarations)
            for path, one in zip(request.files, declarations, strict=True):
                filing.file(path, one)
            filing.settle()
            answers = filing.answers
            seconds = {"reading": read - began, "checking": found - read}
            result = _result(answers, bench, findings, seconds)
            if ledger is not None:
                _register(ledger, answers, result, request)
    return result


@cache
def _builtin() -> rules.Ruleset:
    """The project's own rules, read once in a process: a portal that stays up checks many declarations."""
    return rules.load()


def _read(path: Path, request: CheckRequest, ruleset: rules.Ruleset) -> Declaration:
    """A declaration; a folder is none."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name the declaration files in it")
    return claim_portal.read_declaration(path, ruleset=ruleset, settings=request.settings, workbooks=True)


def _bench(
    request: CheckRequest, ruleset: rules.Ruleset, stack: ExitStack, findings: Findings, watcher: Progress
) -> Bench:
    """The store, and every file beside it."""
    store = _store(request, ruleset, stack, findings, watcher)
    headers = None
    if request.headers:
        headers, found = intake.read_headers(request.headers, ruleset)
        findings.extend(found)
    if request.importers:
        _importers, found = intake.read_importers(request.importers)
        findings.extend(found)
    column1 = None if request.column1 is None else mass_processing.load_column1(request.column1)
    return Bench(request, ruleset, store, headers, column1)


def _store(
    request: CheckRequest, ruleset: rules.Ruleset, stack: ExitStack, findings: Findings, watcher: Progress
) -> Store:
    """The store given, or a temporary one built from the files given."""
    stores = [path for path in request.sources if is_store(path)]
    if stores and len(request.sources) > 1:
        raise UsageError(f"{stores[0]} is a store; a check takes one store, or files and folders, not both")
    if stores:
        return Store.open(stores[0])
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cape-store-")))
    store, found = intake.build_store(
        request.sources,
        folder,
        headers=(),
        mapping=request.mapping,
        ruleset=ruleset,
        settings=request.settings,
        memory_limit=request.memory_limit_bytes,
        progress=watcher,
    )
    findings.extend(found)
    return store


def _result(answers: list[Answer], bench: Bench, findings: Findings, seconds: dict[str, float]) -> CheckResult:
    """The tables and the manifest, written if the request names a folder."""
    began, request = time.perf_counter(), bench.request
    for judged in {id(answer.judged): answer.judged for answer in answers}.values():
        findings.extend(judged.findings)
    for answer in answers:
        findings.extend(answer.findings)
    found = {
        "declarations": tables.declarations_table(answers, request),
        "claimed_entries": tables.claimed_entries_table(answers, bench.ruleset),
        "findings": findings.to_table(),
    }
    proof = result_hash.result_hash({name: found[name] for name in ("declarations", "claimed_entries")})
    record = {
        "engine": "cape_engine",
        "engine_version": cape_engine.__version__,
        "command": KIND,
        "called_as": request.command,
        "as_of": request.as_of.isoformat(),
        "accepted_on": request.accepted_on.isoformat(),
        "account": {
            "kind": request.account.kind,
            str(f.FILER_CODE): request.account.filer_code,
            str(f.IMPORTER_NUMBER): request.account.importer_number,
        },
        "settings": request.settings.in_force(),
        "inputs": [*(asdict(source) for source in bench.store.sources), *_file_records(answers, request)],
        "ruleset_hash": bench.ruleset.hash,
        "rule_files": dict(sorted(bench.ruleset.files.items())),
        "counts": _counts(answers, found),
        "totals_cents": {str(r.PRINCIPAL_CENTS): int(sum(int(tables.principal(answer).sum()) for answer in answers))},
        "result_hash": proof,
        "seconds": {**seconds, "answering": time.perf_counter() - began},
        "peak_memory_bytes": counting.peak_memory_bytes(),
    }
    record = files.written(answers, found, record, ruleset=bench.ruleset, request=request)
    return CheckResult(record, found, request.out)


def _counts(answers: list[Answer], found: dict[str, pa.Table]) -> dict[str, Any]:
    """What the manifest counts."""
    entries, findings = found["claimed_entries"], found["findings"]
    counted = counting.partial({"findings": findings})
    return {
        "rows": {name: table.num_rows for name, table in found.items()},
        "declarations": dict(sorted(Counter(answer.status or answer.upload for answer in answers).items())),
        "refused_files": sum(not answer.passed for answer in answers),
        "dispositions": counting.tally(entries, r.DISPOSITION),
        "reasons": counting.tally_lists(entries, r.REASON_CODES),
        "findings_by_severity": counted["findings_by_severity"],
        "findings_by_code": counted["findings_by_code"],
    }


def _file_records(answers: list[Answer], request: CheckRequest) -> list[dict[str, Any]]:
    """Name and hash of every file beside the sources."""
    kinds = {
        "headers": request.headers,
        "importers": request.importers,
        "mapping": () if request.mapping is None else (request.mapping,),
        "column1": () if request.column1 is None else (request.column1,),
    }
    beside = [
        {"kind": kind, "name": path.name, "sha256": sha256_of(path)}
        for kind, given in kinds.items()
        for place in given
        for path in (sorted(p for p in place.rglob("*") if p.is_file()) if place.is_dir() else [place])
    ]
    return [{"kind": "declaration", "name": a.declaration.name, "sha256": a.sha256} for a in answers] + beside


def _register(ledger: Ledger, answers: list[Answer], result: CheckResult, request: CheckRequest) -> None:
    """Make the written files count together with what was recorded; a repetition registers nothing."""
    if request.out is None or all(answer.recorded != "recorded" for answer in answers):
        return
    counts = result.manifest["counts"]
    ledger.register_run(
        request.out,
        kind=KIND,
        result_hash=result.manifest["result_hash"],
        manifest_sha256=sha256_of(request.out / MANIFEST),
        totals={
            "declarations": len(answers),
            str(c.ACCEPTED_ENTRIES): counts["dispositions"].get("accepted", 0),
            **result.manifest["totals_cents"],
        },
        on_day=request.as_of,
        files={name: about["sha256"] for name, about in result.manifest["files"].items()},
    )
