"""Files of a load: entry refunds to feed another system with, and the refunds and payments that must come out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

import cape_engine
from cape_engine import bridge
from cape_engine.cli.bench_measure import SCHEMAS, Versioned
from cape_engine.outputs.files import (
    MANIFEST,
    move_results,
    refuse_other_results,
    sha256_of,
    staged,
    write_json,
    writing,
)
from cape_engine.outputs.growing import GrowingFile
from cape_engine.outputs.row_groups import MAGIC, EncodedPart, GroupPiece, RowGroups
from cape_engine.schema import consolidation as c
from cape_engine.schema import results as r
from cape_engine.settings import Settings
from cape_fixtures.consolidation_load import Chunk, Load, numbers
from cape_fixtures.national.numbers import entry_numbers

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

COMMAND = "bench.consolidation"
INPUTS = ("entry_refunds", "late_entry_refunds")


class _Joined:
    """A Parquet file that grows by row groups encoded elsewhere.

    Args:
        path: of the file.
        groups: how they are encoded.
    """

    def __init__(self, path: Path, groups: RowGroups) -> None:
        self.groups = groups
        self.rows = 0
        self._file = GrowingFile(path)
        self._file.write(MAGIC)
        self._placed: list[tuple[GroupPiece, int]] = []

    def add(self, part: EncodedPart) -> None:
        """Append a row group, if it has rows."""
        if part.piece is not None:
            self._placed.append((part.piece, self._file.size))
            self._file.write(part.data)
            self.rows += part.rows

    def finish(self) -> dict[str, object]:
        """Write the footer and make the file durable; its hash and rows, as the manifest lists them."""
        self._file.write(self.groups.template.footer(self._placed))
        self._file.sync()
        found: dict[str, object] = {"sha256": self._file.sha256(), "rows": self.rows}
        self._file.close()
        return found

    def close(self) -> None:
        """Close the file as it is."""
        self._file.close()


class Files:
    """Inputs and expected outputs of a load in a folder, whole or not at all.

    Args:
        folder: made if it is missing.
        load: whose they are.

    Raises:
        OutputError: the folder cannot be written.
        UsageError: it holds the results of another command.
    """

    def __init__(self, folder: Path, load: Load) -> None:
        refuse_other_results(folder, "consolidation")
        self.folder, self._load = folder, load
        self._leaving = ExitStack()
        self._staging = self._leaving.enter_context(staged(folder))
        words = pa.array(numbers(load.numbers))
        self._words = words
        with writing(folder):
            schemas = {**dict.fromkeys(INPUTS[: 2 if load.late else 1], c.ENTRY_REFUNDS_SCHEMA), **SCHEMAS}
            self._open = {name: _Joined(self._path(name), RowGroups(schema)) for name, schema in schemas.items()}
        self._batches: list[tuple[bool, int]] = []
        self._files: dict[str, dict[str, object]] = {}

    def _path(self, name: str) -> Path:
        return self._staging / f"{name}.parquet"

    def encoded_inputs(self, chunk: Chunk, first: int) -> list[EncodedPart]:
        """The entry refunds of a chunk as row groups: those in time, then the late ones; for any thread.

        Args:
            chunk: of the load.
            first: how many entries the chunks before it have.
        """
        import numpy as np

        index = np.arange(first, first + len(chunk.day), dtype=np.int64)
        names = entry_numbers(index, self._load.entries)[0]
        parts = []
        for late in range(2 if self._load.late else 1):
            which = chunk.late == bool(late)
            some = chunk.only(which)
            table = pa.table(
                [
                    names.filter(pa.array(which)),
                    self._shown(some.importer),
                    self._shown(some.recipient),
                    bridge.dates(some.day),
                    pa.array(some.principal_cents),
                    pa.array(some.interest_cents),
                ],
                names=c.ENTRY_REFUNDS_SCHEMA.names,
            )
            parts.append(self._open[INPUTS[late]].groups.encode(table))
        return parts

    def _shown(self, number: npt.NDArray[np.int32]) -> pa.DictionaryArray:
        """Numbers of a load as words, with a dictionary of those that occur."""
        import numpy as np

        met, code = np.unique(number, return_inverse=True)
        return pa.DictionaryArray.from_arrays(pa.array(code.astype(np.int32)), self._words.take(pa.array(met)))

    def add_inputs(self, parts: Iterable[list[EncodedPart]]) -> None:
        """Append encoded inputs in their order."""
        with writing(self.folder):
            for some in parts:
                for name, part in zip(INPUTS, some, strict=False):
                    self._open[name].add(part)

    def encoded_outputs(self, batch: Versioned) -> list[EncodedPart]:
        """Refunds, payments and subtotals of a batch as row groups; for any thread."""
        return [self._open[name].groups.encode(getattr(batch, name)) for name in SCHEMAS]

    def add_outputs(self, parts: list[EncodedPart], *, late: bool) -> None:
        """Append encoded outputs in their order."""
        with writing(self.folder):
            for name, part in zip(SCHEMAS, parts, strict=True):
                self._open[name].add(part)
        self._batches.append((late, parts[-1].rows))

    def close_outputs(self) -> None:
        """Write the footers of refunds, payments and subtotals, and make them durable."""
        with writing(self.folder):
            for name in SCHEMAS:
                self._files[f"{name}.parquet"] = self._open.pop(name).finish()

    def read_again(self) -> Iterator[Versioned]:
        """What stands in the files, batch by batch."""
        with pq.ParquetFile(self._path("refunds")) as refunds, pq.ParquetFile(self._path("payments")) as payments:
            subtotals, done = pq.read_table(self._path("subtotals")), 0
            for group, (late, rows) in enumerate(self._batches):
                made = refunds.read_row_group(group), payments.read_row_group(group)
                yield Versioned(*made, subtotals.slice(done, rows), late)
                done += rows

    def bank_files(self) -> dict[str, Any]:
        """Write the payments as NACHA files too, and the accounts they go to; figures for the record."""
        from cape_engine.cli.bench_bank import IMPORTERS, write_importers, write_nacha

        with writing(self.folder):
            rows = write_importers(self._staging / IMPORTERS, self._load)
            self._files[IMPORTERS] = {"sha256": sha256_of(self._staging / IMPORTERS), "rows": rows}
            files, figures = write_nacha(self._staging, self._load, self._path("payments"))
        self._files |= {file.name: {"sha256": file.sha256, "rows": file.payments} for file in files}
        return figures

    def finish(self, record: dict[str, Any]) -> dict[str, Any]:
        """Write the manifest and move everything into place; nothing counts if the answer was wrong.

        Args:
            record: of `measured`.
        """
        with writing(self.folder):
            for name in list(self._open):
                self._files[f"{name}.parquet"] = self._open.pop(name).finish()
            manifest = {
                "engine": "cape_engine",
                "engine_version": cape_engine.__version__,
                "command": COMMAND,
                "load": {name: record[name] for name in LOAD},
                "settings": Settings.build(None, None).in_force(),
                "totals": {name: record[name] for name in TOTALS},
                "files": dict(sorted(self._files.items())),
            }
            write_json(self._staging / MANIFEST, manifest)
            move_results(self._staging, self.folder, list(self._files))
        self.close()
        return manifest

    def close(self) -> None:
        """Leave nothing unfinished behind."""
        for file in self._open.values():
            file.close()
        self._open = {}
        self._leaving.close()


LOAD = ("entries", "recipients", "days", "seed", "skew", "parties", "late_days")
TOTALS = (
    "cohorts",
    "payments",
    "subtotals",
    "later_versions",
    str(r.PRINCIPAL_CENTS),
    str(r.INTEREST_CENTS),
    "total_cents",
)
