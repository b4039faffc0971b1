"""The end of the road: what all partitions add up to becomes refunds, payments, one hash and the manifest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

import cape_engine
from cape_engine import mass_processing, rules
from cape_engine.findings import Findings
from cape_engine.outputs import facts_not_given, manifest
from cape_engine.outputs import result_hash as hashing
from cape_engine.outputs.files import sha256_of
from cape_engine.pipeline.collecting import Collector
from cape_engine.pipeline.part import Totals, add_nested, hash_of
from cape_engine.pipeline.request import TABLES, Request, RunResult
from cape_engine.store import Store


def finished(
    request: Request,
    ruleset: rules.Ruleset,
    store: Store,
    totals: Totals,
    collector: Collector,
    *,
    findings: Findings,
    absent: pa.Table | None,
    seconds: dict[str, float],
) -> RunResult:
    """The result with its manifest, written to the folder of the request if it names one.

    Args:
        request: what was asked.
        ruleset: the law.
        store: what was read.
        totals: the shares of all partitions.
        collector: has their rows.
        findings: everything found that belongs to no partition; the last ones are added here.
        absent: rows for entries that were declared but stand in no source.
        seconds: spent in each stage so far.
    """
    unknown = facts_not_given.report(totals.unknown, findings)
    together = totals.refunds.finish(threads=request.threads)
    findings.extend(together.findings)
    findings.extend(mass_processing.tally_findings(totals.numbers))
    tails = {"findings": findings.to_table()}
    words = list(totals.hash_words)
    if absent is not None:
        tails["entries"] = absent
        words.append(hashing.partial(absent))
    small = {"refunds": together.refunds, "payments": together.payments}
    for tables in (tails, small):
        add_nested(totals.counts, manifest.partial(tables))
    counts = {name: dict(sorted(group.items())) for name, group in totals.counts.items()}
    counts["rows"] = {name: counts["rows"].get(name, 0) for name in TABLES}
    money = {**dict.fromkeys(map(str, manifest.MONEY), 0), **counts.pop("totals_cents")}
    record: dict[str, object] = {
        "engine": "cape_engine",
        "engine_version": cape_engine.__version__,
        "command": request.command,
        "as_of": request.as_of.isoformat(),
        "accepted_on": request.accepted_on.isoformat(),
        "detail": request.detail,
        "layout": request.layout,
        "threads": request.threads,
        "settings": request.settings.in_force(),
        "inputs": [*(asdict(source) for source in store.sources), *_file_records(request)],
        "ruleset_hash": ruleset.hash,
        "rule_files": dict(sorted(ruleset.files.items())),
        "partitions": len(store.partitions),
        "partitions_reused": collector.reused,
        "earlier_results_not_used": collector.ignored,
        "counts": counts,
        "facts_unknown": unknown,
        "totals_cents": money,
        "seconds": seconds,
        "peak_memory_bytes": manifest.peak_memory_bytes(),
    }
    with ThreadPoolExecutor(1, thread_name_prefix="cape-hash") as pool:
        result_hash = pool.submit(hash_of, words, together.refunds, together.payments)
        return collector.finish(
            small, tails, lambda: {**record, "result_hash": result_hash.result()}, totals.refunds.sums
        )


def _file_records(request: Request) -> list[dict[str, object]]:
    """Name and hash of every file beside the sources; a folder counts as the files in it."""
    kinds: dict[str, tuple[Path, ...]] = {
        "declaration": request.declarations,
        "headers": request.headers,
        "importers": request.importers,
        "deposits": request.deposits,
        "mapping": () if request.mapping is None else (request.mapping,),
        "column1": () if request.column1 is None else (request.column1,),
    }
    return [
        {"kind": kind, "name": path.name, "sha256": sha256_of(path)}
        for kind, paths in kinds.items()
        for given in paths
        for path in (sorted(p for p in given.rglob("*") if p.is_file()) if given.is_dir() else [given])
    ]
