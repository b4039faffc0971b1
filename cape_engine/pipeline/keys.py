"""Keys of partitions: a hash of everything a partition's results depend on, so that equal keys mean equal results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import cape_engine
from cape_engine import bridge
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.store import Store
from cape_kernels import _jit

if TYPE_CHECKING:
    from cape_engine.pipeline.stages import Context


@cache
def engine_hash() -> str:
    """SHA-256 (hex) over the sources of the engine and its kernels: other code, other keys."""
    return _jit.sources_digest(Path(cape_engine.__file__).parent, _jit.SOURCES_HASH)


def partition_keys(store: Store, context: Context) -> list[str]:
    """The key of each partition, in the store's order.

    What concerns single entries (header files, declarations, deposits) counts only where its entry number lies between
    the first and the last of the partition: one declaration more, and only the partitions it names run again.
    """
    shared = _shared(context)
    sliced = [_Sliced(table) for table in (context.headers, context.deposits, _declared(context)) if table is not None]
    keys = []
    for record in store.manifest["partitions"]:
        digest = hashlib.sha256(shared)
        digest.update(f"{record['content_sha256']} {record['provenance_sha256']}".encode())
        for one in sliced:
            digest.update(one.between(record["first_entry"], record["last_entry"]))
        keys.append(digest.hexdigest())
    return keys


def _shared(context: Context) -> bytes:
    """What all partitions depend on."""
    request = context.request
    record: dict[str, Any] = {
        "engine": engine_hash(),
        "rules": context.ruleset.hash,
        "settings": request.settings.in_force(),
        "as_of": request.as_of.isoformat(),
        "accepted_on": request.accepted_on.isoformat(),
        "detail": request.detail,
        "claimed": context.declared is not None,
        "importers": _file_hashes(request.importers),
        "spellings": context.register.digest(),
        "column1": _file_hashes(() if request.column1 is None else (request.column1,)),
    }
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).digest()


def _file_hashes(paths: Sequence[Path]) -> list[str]:
    """SHA-256 of each file, of the files in a folder one by one."""
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()]


def _declared(context: Context) -> pa.Table | None:
    """The declared entry numbers as a table."""
    return None if context.declared is None else pa.table({str(ENTRY_NUMBER): context.declared})


class _Sliced:
    """A table by entry number, of which each partition depends on a stretch."""

    def __init__(self, table: pa.Table) -> None:
        numbers = bridge.single(table, ENTRY_NUMBER).cast(pa.string())
        order = pc.sort_indices(numbers)
        self._table = table.take(order)
        self._numbers = np.asarray(numbers.take(order).to_numpy(zero_copy_only=False), dtype="S")

    def between(self, first: str | None, last: str | None) -> bytes:
        """Hash of the rows whose entry number lies between two, themselves included."""
        if first is None or last is None:
            return b""
        begin = int(np.searchsorted(self._numbers, first.encode(), "left"))
        end = int(np.searchsorted(self._numbers, last.encode(), "right"))
        if begin == end:
            return b""
        digest = hashlib.sha256()
        for name, column in zip(self._table.column_names, self._table.columns, strict=True):
            digest.update(name.encode())
            digest.update(json.dumps(column.slice(begin, end - begin).to_pylist(), default=str).encode())
        return digest.digest()
