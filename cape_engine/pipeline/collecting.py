"""Where the parts of a run go as they come: into memory, or into the files of a folder with a journal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.findings import Findings
from cape_engine.outputs.journal import ResultJournal
from cape_engine.outputs.row_groups import EncodedPart, RowGroups, result_row_groups
from cape_engine.pipeline.kept_sums import KeptSums
from cape_engine.pipeline.part import Part, Share
from cape_engine.pipeline.request import RunResult
from cape_engine.refund import Register, Sums
from cape_engine.schema import results as r
from cape_engine.schema.facts import ENTRY_NUMBER

GROWING: Mapping[str, pa.Schema] = {
    "entries": r.RESULT_ENTRIES_SCHEMA,
    "changes": r.RESULT_CHANGES_SCHEMA,
    "findings": r.RESULT_FINDINGS_SCHEMA,
}
"""Tables that grow with every partition; the others are made at the end."""

Ready = Any
"""A part as a worker hands it over: rows in memory, or encoded."""


class Collector(Protocol):
    """Takes parts in the order of the partitions."""

    reused: int
    ignored: str | None
    """Why results of an earlier run in the same folder are not used, if they are not."""

    def holds(self, key: str) -> bool:
        """Whether an earlier run or attempt finished a part."""

    def at_hand(self, key: str) -> bool:
        """Whether the share of a part is known without reading anything."""

    def known(self, key: str) -> Share | None:
        """The share of a part that an earlier run or attempt finished."""

    def reuse(self, key: str) -> None:
        """Take over the next part as it was finished earlier."""

    def prepared(self, part: Part) -> Ready:
        """Make a part ready in the thread of its worker."""

    def append(self, key: str, ready: Ready, share: Share) -> None:
        """Take the next part."""

    def finish(
        self,
        tables: Mapping[str, pa.Table],
        tails: Mapping[str, pa.Table],
        manifest: Callable[[], dict[str, object]],
        sums: Callable[[], Iterable[Sums]],
    ) -> RunResult:
        """The result, of small tables, rows that follow all parts, the manifest, asked for last, and kept sums."""

    def __enter__(self) -> Self:
        """Ready to take parts."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave everything as it is."""


class Assembled(Mapping[str, pa.Table]):
    """Tables by name; those that came in parts are put together when somebody asks for them.

    A run gives texts that repeat as words of a dictionary. Spelt out they take several times the memory of the parts,
    and as long as half the run, which is lost on callers who only look at entries and refunds.

    Args:
        parts: tables in parts, in the order of the partitions.
        tables: whole tables.
    """

    def __init__(self, parts: Mapping[str, Sequence[pa.Table]], tables: Mapping[str, pa.Table]) -> None:
        self._parts = dict(parts)
        self._whole = dict(tables)
        self._names = (*self._whole, *self._parts)
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> pa.Table:
        with self._lock:
            if name in self._parts:
                rows = self._parts[name]
                self._whole[name] = _findings(rows) if name == "findings" else _ordered(rows, GROWING[name])
                del self._parts[name]
            return self._whole[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __reduce__(self) -> tuple[type[Assembled], tuple[dict[str, Any], dict[str, pa.Table]]]:
        """To another process whole tables go."""
        return Assembled, ({}, dict(self))


class InMemory:
    """Keeps all rows; for runs without a folder."""

    def __init__(self) -> None:
        self._rows: dict[str, list[pa.Table]] = {name: [] for name in GROWING}
        self.reused = 0
        self.ignored: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def holds(self, key: str) -> bool:
        """Nothing is known of earlier runs."""
        del key
        return False

    at_hand = holds

    def known(self, key: str) -> Share | None:
        """As above."""
        del key
        return None

    def reuse(self, key: str) -> None:
        """Never called, because nothing is known."""
        raise KeyError(key)

    def prepared(self, part: Part) -> Mapping[str, pa.Table]:
        """The rows as they are."""
        return part.tables

    def append(self, key: str, ready: Mapping[str, pa.Table], share: Share) -> None:
        """Keep the rows."""
        del key, share
        for name, table in ready.items():
            self._rows[name].append(table)

    def finish(
        self,
        tables: Mapping[str, pa.Table],
        tails: Mapping[str, pa.Table],
        manifest: Callable[[], dict[str, object]],
        sums: Callable[[], Iterable[Sums]],
    ) -> RunResult:
        """All tables, entries and changes in the order of their entry numbers; sums are not kept."""
        del sums
        for name, tail in tails.items():
            self._rows[name].append(tail)
        return RunResult(manifest(), Assembled(self._rows, tables))


class InFolder:
    """Writes rows as they come and keeps what is finished for the same command after a stop, and for later runs."""

    def __init__(self, out: Path, keys: Sequence[str], register: Register, *, full: bool, apart: bool) -> None:
        self._register = register
        self._groups: dict[str, RowGroups] = result_row_groups()
        self._out = out
        self.reused = 0
        self._journal = ResultJournal(out, self._groups, keys, full=full, apart=apart)
        self.ignored = self._journal.ignored
        try:
            self._sums = KeptSums(out, keys, register, self._journal.holds, self._journal.known, full=full)
        except BaseException:
            self._journal.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sums.close()
        self._journal.close()

    def holds(self, key: str) -> bool:
        """Whether an earlier run or attempt finished a part."""
        return self._journal.holds(key)

    def at_hand(self, key: str) -> bool:
        """Whether the sums of a part are kept with those of others."""
        return self._sums.holds(key)

    def known(self, key: str) -> Share | None:
        """The share of a part that an earlier run or attempt finished; one has the sums of all that are kept."""
        if (kept := self._sums.share(key)) is not None:
            return kept
        record = self._journal.known(key)
        if record is None:
            return None
        share = Share.from_bytes(record, self._register)
        self._sums.take(key, share)
        return share

    def reuse(self, key: str) -> None:
        """Take over the next part byte by byte."""
        self._journal.reuse(key)
        self.reused += 1

    def prepared(self, part: Part) -> tuple[dict[str, EncodedPart], bytes]:
        """The part as row groups, and its share as bytes."""
        encoded = {name: self._groups[name].encode(table) for name, table in part.tables.items()}
        return encoded, part.share.to_bytes()

    def append(self, key: str, ready: tuple[dict[str, EncodedPart], bytes], share: Share) -> None:
        """Write the part."""
        self._journal.append(key, *ready)
        self._sums.take(key, share)

    def finish(
        self,
        tables: Mapping[str, pa.Table],
        tails: Mapping[str, pa.Table],
        manifest: Callable[[], dict[str, object]],
        sums: Callable[[], Iterable[Sums]],
    ) -> RunResult:
        """Complete the files, the manifest last."""
        encoded = {name: self._groups[name].encode(table) for name, table in tails.items()}
        with ThreadPoolExecutor(1, thread_name_prefix="cape-sums") as pool:
            kept = pool.submit(self._sums.write, sums)
            done = self._journal.finish(tables, manifest, tails=encoded)
            kept.result()
        return RunResult(done, {}, self._out)


def _findings(tables: Sequence[pa.Table]) -> pa.Table:
    """All findings in the order that depends on their content only."""
    whole = Findings()
    for table in tables:
        whole.append_table(table)
    return whole.to_table()


def _ordered(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """Tables end to end in entry number order; partitions that already follow each other are not sorted again."""
    parts = [table for table in tables if table.num_rows]
    if not parts:
        return schema.empty_table()
    with ThreadPoolExecutor(thread_name_prefix="cape-assemble") as pool:
        rows = list(pool.map(lambda table: table.cast(schema), parts))
        ends = pa.concat_tables([end for table in rows for end in (table.slice(0, 1), table.slice(table.num_rows - 1))])
        ordered = all(pool.map(_ascending, [*rows, ends]))
    whole = pa.concat_tables(rows).unify_dictionaries()
    return whole if ordered else whole.take(pc.sort_indices(whole, [(str(ENTRY_NUMBER), "ascending")]))


def _ascending(table: pa.Table) -> bool:
    """Whether rows stand in the order of their entry numbers, those of one entry side by side."""
    key = table.column(str(ENTRY_NUMBER))
    follows = pc.less_equal(key.slice(0, max(len(key) - 1, 0)), key.slice(1))
    return bool(pc.all(pc.fill_null(follows, fill_value=False), min_count=0).as_py())
