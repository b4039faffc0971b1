"""The end of the road: partial answers of all partitions become refunds, payments, one hash and the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import cape_engine
from cape_engine import bridge, refund, rules
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
    payable: bridge.Bools
    findings: Findings


@dataclass(frozen=True, slots=True)
class Answer:
    """The tables of a run and the counts that only the parts know."""

    tables: dict[str, pa.Table]
    unknown_facts: dict[str, int]


def consolidated(
    parts: Sequence[Part],
    store: Store,
    findings: Findings,
    *,
    settings: Settings,
    importers: pa.Table | None,
    absent: pa.Table | None = None,
) -> Answer:
    """All partitions as the promised tables, with refunds by (recipient, day) and their payments.

    Args:
        parts: one for each partition of `store`, in its order.
        store: where the parts came from.
        findings: everything found so far; the last ones are added here.
        settings: in force.
        importers: the importers file, if one was given.
        absent: rows for entries that were declared but stand in no source.
    """
    unknown = facts_not_given.report([part.entries for part in parts], findings)
    del store
    together = refund.consolidate(
        recipient=_joined([part.outcome.recipient for part in parts]),
        importer=_joined([bridge.single(part.entries, f.IMPORTER_NUMBER) for part in parts]),
        liquidation_day=_stacked([part.outcome.liquidation_day for part in parts], np.int32),
        principal_cents=_stacked([part.outcome.principal_cents for part in parts], np.int64),
        interest_cents=_stacked([part.outcome.interest_cents for part in parts], np.int64),
        interest_known=_stacked([part.outcome.interest_known for part in parts], np.bool_),
        payable=_stacked([part.payable for part in parts], np.bool_),
        settings=settings,
        importers=importers,
    )
    findings.extend(together.findings)
    entries, changes, start = [], [], 0
    for part in parts:
        stop = start + part.entries.num_rows
        entries.append(
            assemble.entries_table(part.entries, part.outcome, together.payment_id.slice(start, stop - start))
        )
        changes.append(part.changes)
        start = stop
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
        "inputs": [*store.sources_record(), *_file_records(request)],
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
    """Name and hash of every file beside the sources."""
    kinds: dict[str, tuple[Path, ...]] = {
        "declaration": request.declarations,
        "headers": request.headers,
        "importers": request.importers,
        "deposits": request.deposits,
        "mapping": () if request.mapping is None else (request.mapping,),
        "column1": () if request.column1 is None else (request.column1,),
    }
    return [
        {"kind": kind, "name": path.name, "sha256": sha256_of(path)} for kind, paths in kinds.items() for path in paths
    ]


def _stacked(arrays: Sequence[np.ndarray], kind: type[np.generic]) -> np.ndarray:
    """Arrays of all partitions end to end."""
    return np.concatenate(arrays) if arrays else np.zeros(0, kind)


def _joined(columns: Sequence[pa.Array]) -> pa.DictionaryArray:
    """Word columns of all partitions end to end, under one vocabulary."""
    if not columns:
        return pa.array([], pa.string()).dictionary_encode()
    whole = pa.chunked_array([column.cast(pa.dictionary(pa.int32(), pa.string())) for column in columns])
    whole = whole.unify_dictionaries()
    return whole.chunk(0) if whole.num_chunks == 1 else pa.concat_arrays(whole.chunks)


def _ordered(tables: Sequence[pa.Table], schema: pa.Schema, keys: Sequence[str]) -> pa.Table:
    """Tables end to end, in the order of `keys`; partitions that already follow each other are not sorted again."""
    whole = pa.concat_tables(tables).unify_dictionaries() if tables else schema.empty_table()
    whole = whole.combine_chunks()
    key = whole.column(str(keys[0]))
    if len(key) > 1 and not pc.all(pc.less_equal(key.slice(0, len(key) - 1), key.slice(1))).as_py():
        whole = whole.take(pc.sort_indices(key.combine_chunks()))
    return whole
