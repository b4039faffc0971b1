"""Where the parts of a run go as they come: into memory, or into the files of a folder with a journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.findings import Findings
from cape_engine.outputs.journal import ResultJournal
from cape_engine.outputs.row_groups import EncodedPart, RowGroups, result_row_groups
from cape_engine.pipeline.blocks import ShareBlocks
from cape_engine.pipeline.part import Part, Share
from cape_engine.pipeline.request import RunResult
from cape_engine.refund import Register
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

    def known(self, key: str) -> Share | None:
        """The share of a part that an earlier run or attempt finished."""

    def reuse(self, key: str) -> None:
        """Take over the next part as it was finished earlier."""

    def prepared(self, part: Part) -> Ready:
        """Make a part ready in the thread of its worker."""

    def append(self, key: str, ready: Ready, share: Share) -> None:
        """Take the next part."""

    def finish(
        self, tables: Mapping[str, pa.Table], tails: Mapping[str, pa.Table], manifest: Callable[[], dict[str, object]]
    ) -> RunResult:
        """The result, of small tables, rows that follow all parts, and the manifest, which is asked for last."""

    def __enter__(self) -> Self:
        """Ready to take parts."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave everything as it is."""


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

    def known(self, key: str) -> Share | None:
        """Nothing is known of earlier runs."""
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
        self, tables: Mapping[str, pa.Table], tails: Mapping[str, pa.Table], manifest: Callable[[], dict[str, object]]
    ) -> RunResult:
        """All tables, entries and changes in the order of their entry numbers."""
        held = dict(tables)
        for name, schema in GROWING.items():
            rows = [*self._rows[name], *([tails[name]] if name in tails else [])]
            held[name] = _findings(rows) if name == "findings" else _ordered(rows, schema)
        return RunResult(manifest(), held)


class InFolder:
    """Writes rows as they come and keeps what is finished for the same command after a stop, and for later runs."""

    def __init__(self, out: Path, keys: Sequence[str], register: Register, *, full: bool) -> None:
        self._register = register
        self._groups: dict[str, RowGroups] = result_row_groups()
        self._out = out
        self.reused = 0
        self._journal = ResultJournal(out, self._groups, keys, full=full)
        self.ignored = self._journal.ignored
        self._blocks = ShareBlocks(out, keys, register, self._journal.holds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._blocks.close()
        self._journal.close()

    def known(self, key: str) -> Share | None:
        """The share of a part that an earlier run or attempt finished, or of several parts for the first of them."""
        if (several := self._blocks.share(key)) is not None:
            return several
        record = self._journal.known(key)
        if record is None:
            return None
        share = Share.from_bytes(record, self._register)
        self._blocks.take(key, share)
        return share

    def reuse(self, key: str) -> None:
        """Take over the next part byte by byte."""
        self._journal.reuse(key)
        self._blocks.passed(key)
        self.reused += 1

    def prepared(self, part: Part) -> tuple[dict[str, EncodedPart], bytes]:
        """The part as row groups, and its share as bytes."""
        encoded = {name: self._groups[name].encode(table) for name, table in part.tables.items()}
        return encoded, part.share.to_bytes()

    def append(self, key: str, ready: tuple[dict[str, EncodedPart], bytes], share: Share) -> None:
        """Write the part."""
        self._journal.append(key, *ready)
        self._blocks.take(key, share)
        self._blocks.passed(key)

    def finish(
        self, tables: Mapping[str, pa.Table], tails: Mapping[str, pa.Table], manifest: Callable[[], dict[str, object]]
    ) -> RunResult:
        """Complete the files, the manifest last."""
        self._blocks.ending()
        encoded = {name: self._groups[name].encode(table) for name, table in tails.items()}
        done = self._journal.finish(tables, manifest, tails=encoded)
        self._blocks.finish()
        return RunResult(done, {}, self._out)


def _findings(tables: Sequence[pa.Table]) -> pa.Table:
    """All findings in the order that depends on their content only."""
    whole = Findings()
    for table in tables:
        whole.append_table(table)
    return whole.to_table()


def _ordered(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """Tables end to end in entry number order; partitions that already follow each other are not sorted again."""
    rows = [table.cast(schema) for table in tables if table.num_rows]
    if not rows:
        return schema.empty_table()
    whole = pa.concat_tables(rows).unify_dictionaries().combine_chunks()
    key = whole.column(str(ENTRY_NUMBER))
    later, earlier = key.slice(1), key.slice(0, len(key) - 1)
    if len(key) > 1 and not pc.all(pc.fill_null(pc.less_equal(earlier, later), fill_value=False)).as_py():
        whole = whole.take(pc.sort_indices(key.combine_chunks()))
    return whole
