"""The tables of a packing: declarations, their entries, what is left out and why, corrections to file first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_DAY
from cape_engine.claim_portal import corrections, packing, precheck
from cape_engine.pipeline.packing.precheck import Arrays, Bench, Importers
from cape_engine.schema import ledger as l
from cape_engine.schema import packing as p
from cape_engine.schema.claims import DO_BY, PSC_UNTIL, ROUTE, WHAT_TO_DO, WINDOW_UNTIL
from cape_engine.schema.column import Column
from cape_engine.schema.facts import ENTRY_DATE, ENTRY_NUMBER, FILER_CODE, IMPORTER_NUMBER, SCHEDULED_LIQUIDATION_DATE
from cape_engine.schema.results import MESSAGES, PRINCIPAL_CENTS, REASON_CODES

_FILER = 3


def files_table(packed: packing.Packed, hashes: dict[str, str], arrays: Arrays, importers: Importers) -> pa.Table:
    """One row per declaration.

    Args:
        packed: what was packed.
        hashes: SHA-256 by file name.
        arrays: the candidates, in the order in which they were given to `pack`.
        importers: how importer numbers are shown.
    """
    order = packed.order
    first = np.array([file.first for file in packed.files], np.int64)
    count = np.array([file.entries for file in packed.files], np.int64)
    dated = np.concatenate([[0], np.cumsum(packed.candidates.days_left[order] != packing.UNLIQUIDATED)])
    money = np.concatenate([[0], np.cumsum(arrays.principal_cents[order])])
    columns = {
        l.FILE_NAME: pa.array([file.name for file in packed.files], pa.string()),
        l.FILE_SHA256: pa.array([hashes[file.name] for file in packed.files], pa.string()),
        FILER_CODE: pa.array([file.filer_code for file in packed.files], pa.string()),
        IMPORTER_NUMBER: pa.array([importers.shown[file.importer] for file in packed.files], pa.string()),
        l.DECLARED_ENTRIES: pa.array(count),
        p.URGENT_ENTRIES: pa.array(dated[first + count] - dated[first]),
        WINDOW_UNTIL: bridge.dates(_window(packed, arrays)[first]),
        PRINCIPAL_CENTS: pa.array(money[first + count] - money[first]),
    }
    return _table(columns, p.PACKED_FILES_SCHEMA)


def packed_entries_table(packed: packing.Packed, arrays: Arrays) -> pa.Table:
    """One row per packed entry, in the order of the files."""
    counts = np.array([file.entries for file in packed.files], np.int64)
    which = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    first = np.array([file.first for file in packed.files], np.int64)
    columns = {
        ENTRY_NUMBER: packed.entry_numbers(),
        l.FILE_NAME: bridge.words(which, [file.name for file in packed.files]),
        p.POSITION: pa.array((np.arange(len(which)) - first[which] + 1).astype(np.int32)),
        WINDOW_UNTIL: bridge.dates(_window(packed, arrays)),
        PRINCIPAL_CENTS: pa.array(arrays.principal_cents[packed.order]),
    }
    return _table(columns, p.PACKED_ENTRIES_SCHEMA)


def _window(packed: packing.Packed, arrays: Arrays) -> bridge.Int32s:
    """Last filing day of each packed entry that has one."""
    order = packed.order
    urgent = packed.candidates.days_left[order] != packing.UNLIQUIDATED
    return np.where(urgent, arrays.window[order], NO_DAY).astype(np.int32)


def left_out_table(arrays: Arrays, bench: Bench, importers: Importers, live: pa.Table | None) -> pa.Table:
    """One row per entry that stays behind, in entry number order, with every reason and the way on.

    Args:
        arrays: these entries.
        bench: words and routes.
        importers: how importer numbers are shown.
        live: claims that hold entries (`schema.ledger.LIVE`), of these entries at least.
    """
    found = precheck.reasons(arrays.failed, arrays.own, arrays.days, ruleset=bench.ruleset, as_of=bench.request.as_of)
    columns = {
        **_who(arrays, importers),
        REASON_CODES: found.codes,
        MESSAGES: found.messages,
        ROUTE: found.route,
        WHAT_TO_DO: found.remedy,
        DO_BY: found.deadline,
        PRINCIPAL_CENTS: pa.array(arrays.principal_cents),
    }
    if live is None:
        columns |= {c: pa.nulls(len(arrays.keys), c.type) for c in (l.DECLARATION, l.CLAIM_NUMBER, l.STATE)}
    else:
        place = pc.index_in(columns[ENTRY_NUMBER], live.column(str(ENTRY_NUMBER)).combine_chunks())
        columns |= {c: live.column(str(c)).take(place).combine_chunks() for c in (l.DECLARATION, l.CLAIM_NUMBER)}
        columns[l.STATE] = live.column(str(l.STATE)).cast(pa.string()).take(place).combine_chunks().dictionary_encode()
    return _table(columns, p.LEFT_OUT_SCHEMA)


def corrections_table(arrays: Arrays, bench: Bench, importers: Importers) -> pa.Table:
    """One row per entry and edit of ACE that it will meet, the most pressing first."""
    possible = corrections.psc_possible(arrays.psc, arrays.liquidated, bench.request.as_of)
    plan = corrections.corrections(
        arrays.trial,
        arrays.failed,
        possible=possible,
        last_days=arrays.psc,
        principal_cents=arrays.principal_cents,
        keys=arrays.keys,
        ruleset=bench.ruleset,
    )
    rows = arrays.rows(plan.rows)
    routes = {route.rule_id: route for route in bench.ruleset.failure_routes}
    early = [routes[edit.reason].remedy for edit in corrections.EDITS]
    late = [routes[edit.reason].late_remedy for edit in corrections.EDITS]
    kind = plan.edit.astype(np.int32)
    which = np.where(possible[plan.rows], kind, kind + len(early)).astype(np.int32)
    columns = {
        **_who(rows, importers),
        p.EDIT: bridge.words(kind, [edit.reason.upper() for edit in corrections.EDITS]),
        p.BLOCKS: pa.array(plan.blocks),
        p.PSC_POSSIBLE: pa.array(possible[plan.rows]),
        PSC_UNTIL: bridge.dates(rows.psc),
        ENTRY_DATE: bridge.dates(rows.entered),
        SCHEDULED_LIQUIDATION_DATE: bridge.dates(rows.scheduled),
        PRINCIPAL_CENTS: pa.array(rows.principal_cents),
        WHAT_TO_DO: bridge.words(which, early + late),
    }
    return _table(columns, p.CORRECTIONS_SCHEMA)


def _who(arrays: Arrays, importers: Importers) -> dict[Column, pa.Array]:
    """Entry number, filer code and importer of entries."""
    numbers = packing.key_texts(arrays.keys)
    return {
        ENTRY_NUMBER: numbers,
        FILER_CODE: pc.utf8_slice_codeunits(numbers, 0, _FILER).dictionary_encode(),
        IMPORTER_NUMBER: bridge.words(arrays.importer, importers.shown),
    }


def _table(columns: Mapping[Any, pa.Array], schema: pa.Schema) -> pa.Table:
    """The columns in the order and types of a schema, words of a vocabulary of their own."""
    arrays = [columns[name] for name in schema.names]
    return pa.table(
        [
            array if array.type == field.type else _cast(array, field.type)
            for array, field in zip(arrays, schema, strict=True)
        ],
        schema=schema,
    )


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The column in another type; words spelt out become words by number."""
    if pa.types.is_dictionary(kind) and not pa.types.is_dictionary(array.type):
        return array.dictionary_encode()
    return array.cast(kind)
