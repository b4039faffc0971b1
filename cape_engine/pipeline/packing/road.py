"""The road of a packing: pre-check, what the ledger holds, files, lists, and one transaction in which they count."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import ExitStack, nullcontext
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import cape_engine
from cape_engine import bridge, claim_portal, intake, mass_processing, rules
from cape_engine.bridge import NO_DAY, Bools
from cape_engine.claim_portal import packing, precheck
from cape_engine.claim_portal.entry_checks import INPUT_REFUSED
from cape_engine.dates import day_number
from cape_engine.errors import Stopped, UsageError
from cape_engine.findings import Findings
from cape_engine.findings.grouped import add_where
from cape_engine.intake.entries import keys_of_texts
from cape_engine.ledger import Ledger
from cape_engine.outputs.files import MANIFEST, refuse_other_results, sha256_of
from cape_engine.outputs.progress import Progress, Silent, Stoppable
from cape_engine.outputs.result_hash import result_hash
from cape_engine.pipeline.packing import tables
from cape_engine.pipeline.packing.holding import read_holds
from cape_engine.pipeline.packing.precheck import Arrays, Bench, Importers, prechecked
from cape_engine.pipeline.packing.recording import ledger_name, record_files
from cape_engine.pipeline.packing.request import PackRequest, PackResult
from cape_engine.pipeline.packing.writing import contents_of, fresh_sequences, refuse_other_ledger, write_packing
from cape_engine.pipeline.request import Request
from cape_engine.pipeline.road import entry_numbers, open_store
from cape_engine.schema import ledger as l
from cape_engine.schema import results as r
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.store import Store

_HELD = "duplicate_claim"


class Work(NamedTuple):
    """What the pre-check gave, before anything is decided."""

    request: PackRequest
    bench: Bench
    store: Store
    arrays: Arrays
    importers: Importers
    findings: Findings


def execute_pack(
    request: PackRequest, *, progress: Progress | None = None, stop: threading.Event | None = None
) -> PackResult:
    """Carry out a packing; see `pack`."""
    if not request.sources:
        raise UsageError("no source given; name a store with --store, or files with --source")
    if request.ledger is not None and request.out is None:
        raise UsageError("what is packed against a ledger is recorded there: give --out for the declarations")
    refuse_other_results(request.out, "pack")
    if request.out is not None:
        refuse_other_ledger(request.out, ledger_name(request.ledger))
    if request.ledger is not None:
        Ledger.look(request.ledger)  # before an hour of reading rather than after it
    begun = time.perf_counter()
    watcher = Stoppable(progress or Silent(), stop)
    ruleset = rules.load(request.rules)
    claim_portal.check_days(ruleset, request.as_of, request.as_of)
    packing.Limits.of(request.settings)  # as above
    with ExitStack() as stack:
        work = _prechecked(request, ruleset, stack, watcher, stop)
        checked = time.perf_counter()
        watcher.stage("packing declarations")
        if stop is not None and stop.is_set():
            raise Stopped("stopped by a signal; nothing was written: run the same command again")
        ledger = None
        if request.ledger is not None:
            ledger = stack.enter_context(Ledger.open(request.ledger))
        with nullcontext() if ledger is None else ledger.transaction(request.received_at):
            return _packed(work, ledger, began=(begun, checked))


def _prechecked(
    request: PackRequest,
    ruleset: rules.Ruleset,
    stack: ExitStack,
    watcher: Stoppable,
    stop: threading.Event | None,
) -> Work:
    """Sources, files beside them, and every entry through the rules of the day."""
    findings = Findings()
    watcher.stage("reading sources")
    asked = Request(
        sources=request.sources,
        out=None,
        as_of=request.as_of,
        accepted_on=request.as_of,
        settings=request.settings,
        mapping=request.mapping,
        rules=request.rules,
        partition_lines=request.partition_lines,
        memory_limit_bytes=request.memory_limit_bytes,
    )
    store = open_store(asked, ruleset, findings, stack, watcher)
    headers = None
    if request.headers:
        headers, found = intake.read_headers(request.headers, ruleset)
        findings.extend(found)
    column1 = None if request.column1 is None else mass_processing.load_column1(request.column1)
    bench = Bench(request, ruleset, headers, column1)
    held = read_holds(request.holds, findings)
    watcher.stage("checking entries", len(store.partitions))
    arrays, importers = prechecked(store, bench, findings, stop, watcher.advance)
    if headers is not None:
        findings.extend(intake.headers_without_rows(headers, entry_numbers(store, headers)))
    if len(held):
        kept = np.isin(arrays.keys, held)
        arrays.own[kept] |= np.uint32(precheck.HELD_BACK)
        strange = held[~np.isin(held, arrays.keys)]
        for number in packing.key_texts(strange).to_pylist():
            findings.add("HOLD_NOT_IN_SOURCES", value=number, entry=number)
    return Work(request, bench, store, arrays, importers, findings)


def _packed(work: Work, ledger: Ledger | None, *, began: tuple[float, float]) -> PackResult:
    """Everything behind the pre-check, in the transaction of the ledger if there is one.

    Args:
        work: what the pre-check gave.
        ledger: inside a transaction.
        began: when the pre-check began, and when it ended (`perf_counter`).
    """
    request, arrays, importers = work.request, work.arrays, work.importers
    live = None if ledger is None else ledger.live()
    declared = None if ledger is None else ledger.declared()
    if live is not None and live.num_rows:
        _fail_live(arrays, live, work.bench.ruleset)
    packed, chosen, own = _files(work, declared)
    arrays = arrays._replace(own=own)
    out = np.ones(len(arrays.keys), np.bool_)
    out[chosen] = False
    contents, hashes = contents_of(packed)
    candidates = arrays.rows(chosen)
    _warn_digits(work, candidates)
    made = {
        "declarations": tables.files_table(packed, hashes, candidates, importers),
        "packed_entries": tables.packed_entries_table(packed, candidates),
        "left_out": tables.left_out_table(arrays.rows(np.flatnonzero(out)), work.bench, importers, live),
        "corrections": tables.corrections_table(arrays.rows(_correctable(arrays, work)), work.bench, importers),
        "findings": work.findings.to_table(),
    }
    manifest = _manifest(work, made, hashes)
    begun, checked = began
    seconds = {"pre-check": round(checked - begun, 6), "packing": round(time.perf_counter() - checked, 6)}
    if request.out is None:
        return PackResult(manifest, made, contents=dict(contents), seconds=seconds)
    known = set() if declared is None else set(declared.column(str(l.FILE_SHA256)).to_pylist())
    manifest = write_packing(request.out, contents, made, manifest, known=known)
    if ledger is not None:
        record_files(ledger, request, packed, hashes, candidates, importers)
        ledger.register_run(
            request.out,
            kind="pack",
            result_hash=manifest["result_hash"],
            manifest_sha256=sha256_of(request.out / MANIFEST),
            totals={**manifest["totals_cents"], "entries": manifest["counts"]["packed"]},
            on_day=request.as_of,
            files=hashes,
        )
    return PackResult(manifest, made, request.out, seconds=seconds)


def _rule_bit(ruleset: rules.Ruleset, rule_id: str) -> np.uint64:
    """The bit of a rule in `failed`."""
    return np.uint64(1 << next(place for place, rule in enumerate(ruleset.eligibility) if rule.rule_id == rule_id))


def _fail_live(arrays: Arrays, live: pa.Table, ruleset: rules.Ruleset) -> None:
    """Fail what a live claim holds, whoever filed it (handbook 4.6 step 2)."""
    keys, _ = keys_of_texts(bridge.single(live, ENTRY_NUMBER))
    arrays.failed[np.isin(arrays.keys, keys)] |= _rule_bit(ruleset, _HELD)


def _files(work: Work, declared: pa.Table | None) -> tuple[packing.Packed, Any, Any]:
    """(declarations, rows of the entries in them, reasons of packing of every entry).

    A file that was filed on this day already, and whose entries all failed, says nothing new: it waits for a later day.
    """
    request, arrays = work.request, work.arrays
    own = arrays.own.copy()
    limits = packing.Limits.of(request.settings)
    today = _filed_on(declared, request.as_of)
    used = fresh_sequences(() if declared is None else declared.column(str(l.FILE_NAME)).to_pylist())
    chosen = np.flatnonzero((arrays.failed == 0) & (own == 0))
    while True:
        packed = packing.pack(_candidates(arrays.rows(chosen), work), limits=limits, as_of=request.as_of, used=used)
        repeated = [file for file, _, sha in packed.contents() if sha in today] if today else []
        if not repeated:
            return packed, chosen, own
        again = np.concatenate([packed.order[file.first : file.first + file.entries] for file in repeated])
        own[chosen[again]] |= np.uint32(precheck.FILED_TODAY)
        chosen = np.delete(chosen, again)


def _filed_on(declared: pa.Table | None, day: Any) -> set[str]:
    """Hashes of the declarations filed on a day or later."""
    if declared is None:
        return set()
    late = pc.greater_equal(declared.column(str(l.FILED_ON)), pa.scalar(day, pa.date32()))
    return set(declared.column(str(l.FILE_SHA256)).filter(late).to_pylist())


def _candidates(rows: Arrays, work: Work) -> packing.Candidates:
    """The entries as the packer takes them."""
    left = rows.window.astype(np.int64) - day_number(work.request.as_of)
    days_left = np.where((rows.window == NO_DAY) | (left < 0), packing.UNLIQUIDATED, left).astype(np.int32)
    return packing.Candidates(rows.keys, rows.importer, tuple(work.importers.places), days_left, rows.principal_cents)


def _correctable(arrays: Arrays, work: Work) -> Any:
    """Entries whose faults a correction could mend: those that no claim holds (ED 864) and that could be read."""
    held = (arrays.failed & _rule_bit(work.bench.ruleset, _HELD)) != 0
    unread = (arrays.failed >> np.uint64(INPUT_REFUSED)) & np.uint64(1) != 0
    return np.flatnonzero((arrays.trial != 0) & ~held & ~unread)


def _warn_digits(work: Work, candidates: Arrays) -> None:
    """A warning for each packed entry whose check digit does not fit (Appendix E)."""
    where: Bools = candidates.wrong_digit
    rule = work.bench.ruleset.rule("file_check_digit")
    words = "" if rule is None else rule.words
    add_where(
        work.findings,
        "DECLARATION_CHECK_DIGIT",
        packing.key_texts(candidates.keys),
        where,
        np.zeros(len(where), np.int64),
        lambda _: {"column": str(ENTRY_NUMBER), "words": words},
    )


def _manifest(work: Work, made: dict[str, pa.Table], hashes: dict[str, str]) -> dict[str, Any]:
    """The manifest, all but the files of the folder."""
    request, left = work.request, made["left_out"]
    codes = pc.list_flatten(left.column(str(r.REASON_CODES))).combine_chunks()
    counted = pc.value_counts(codes.cast(pa.string())).to_pylist()
    principal = {
        name: pc.sum(made[name].column(str(r.PRINCIPAL_CENTS))).as_py() or 0 for name in ("packed_entries", "left_out")
    }
    return {
        "engine": "cape_engine",
        "engine_version": cape_engine.__version__,
        "command": request.command,
        "as_of": request.as_of.isoformat(),
        "account": request.account,
        "ledger": ledger_name(request.ledger),
        "settings": request.settings.in_force(),
        "inputs": [asdict(source) for source in work.store.sources],
        "ruleset_hash": work.bench.ruleset.hash,
        "counts": {
            "entries": len(work.arrays.keys),
            "packed": made["packed_entries"].num_rows,
            "left_out": left.num_rows,
            "declarations": len(hashes),
            "corrections": made["corrections"].num_rows,
            "reasons": dict(sorted((str(one["values"]), one["counts"]) for one in counted)),
            "findings_by_severity": _counted(made["findings"], str(r.SEVERITY)),
            "findings_by_code": _counted(made["findings"], str(r.CODE)),
        },
        "totals_cents": {f"{name}_principal_cents": cents for name, cents in principal.items()},
        "result_hash": result_hash({name: table for name, table in made.items() if name != "findings"}),
    }


def _counted(table: pa.Table, column: str) -> dict[str, int]:
    """How often each word of a column stands in it."""
    return dict(sorted(Counter(table.column(column).to_pylist()).items()))
