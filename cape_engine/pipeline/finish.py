"""The end of the road: partial answers of all partitions become refunds, payments, one hash and the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

import cape_engine
from cape_engine import mass_processing, refund, rules
from cape_engine.findings import Findings
from cape_engine.outputs import assemble, facts_not_given, manifest
from cape_engine.outputs.files import sha256_of, write_results
from cape_engine.outputs.result_hash import result_hash
from cape_engine.pipeline.request import Request, RunResult
from cape_engine.schema import facts as f
from cape_engine.schema import results as r
from cape_engine.settings import Settings
from cape_engine.store import Store

_ANSWER = ("entries", "refunds", "payments")


@dataclass(frozen=True, slots=True)
class Part:
    """What a run found out about one partition, before payments are known."""

    entries: pa.Table
    outcome: assemble.EntryOutcome
    changes: pa.Table
    priced: refund.Priced
    tallies: mass_processing.Tallies
    findings: Findings


@dataclass(frozen=True, slots=True)
class Answer:
    """The tables of a run and the counts that only the parts know."""

    tables: dict[str, pa.Table]
    unknown_facts: dict[str, int]


def consolidated(
    parts: Sequence[Part],
    findings: Findings,
    *,
    settings: Settings,
    importers: pa.Table | None,
    absent: pa.Table | None = None,
) -> Answer:
    """All partitions as the promised tables, with refunds by (recipient, day) and their payments.

    Args:
        parts: one for each partition, in the store's order.
        findings: everything found so far; the last ones are added here.
        settings: in force.
        importers: the importers file, if one was given.
        absent: rows for entries that were declared but stand in no source.
    """
    unknown = facts_not_given.report([part.entries for part in parts], findings)
    together = refund.consolidate(
        [part.priced.sums for part in parts],
        [part.priced.tally for part in parts],
        settings=settings,
        importers=importers,
    )
    findings.extend(together.findings)
    findings.extend(mass_processing.tally_findings(part.tallies for part in parts))
    entries = [assemble.entries_table(part.entries, part.outcome, part.priced.payment_id) for part in parts]
    changes = [part.changes for part in parts]
    if absent is not None:
        entries.append(absent)
    tables = {
        "entries": _ordered(entries, r.RESULT_ENTRIES_SCHEMA, (f.ENTRY_NUMBER,)),
        "changes": _ordered(changes, r.RESULT_CHANGES_SCHEMA, (f.ENTRY_NUMBER,)),
        "refunds": together.refunds,
        "payments": together.payments,
        "findings": findings.to_table(),
    }
    return Answer(tables, unknown)


def finished(
    request: Request, ruleset: rules.Ruleset, store: Store, answer: Answer, seconds: dict[str, float]
) -> RunResult:
    """The result with its manifest, written to the folder of the request if it names one."""
    tables = answer.tables
    record: dict[str, object] = {
        "engine": "cape_engine",
        "engine_version": cape_engine.__version__,
        "command": request.command,
        "as_of": request.as_of.isoformat(),
        "accepted_on": request.accepted_on.isoformat(),
        "detail": request.detail,
        "threads": request.threads,
        "settings": request.settings.in_force(),
        "inputs": [*(asdict(source) for source in store.sources), *_file_records(request)],
        "ruleset_hash": ruleset.hash,
        "rule_files": dict(sorted(ruleset.files.items())),
        "partitions": len(store.partitions),
        "counts": manifest.counts(tables),
        "facts_unknown": answer.unknown_facts,
        "totals_cents": manifest.totals_cents(tables),
        "result_hash": result_hash({name: tables[name] for name in _ANSWER}),
        "seconds": seconds,
        "peak_memory_bytes": manifest.peak_memory_bytes(),
    }
    if request.out is not None:
        record = write_results(request.out, tables, record)
    return RunResult(**tables, manifest=record)


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


def _ordered(tables: Sequence[pa.Table], schema: pa.Schema, keys: Sequence[str]) -> pa.Table:
    """Tables end to end, in the order of `keys`; partitions that already follow each other are not sorted again."""
    whole = pa.concat_tables(tables).unify_dictionaries() if tables else schema.empty_table()
    whole = whole.combine_chunks()
    key = whole.column(str(keys[0]))
    if len(key) > 1 and not pc.all(pc.less_equal(key.slice(0, len(key) - 1), key.slice(1))).as_py():
        whole = whole.take(pc.sort_indices(key.combine_chunks()))
    return whole
