"""A table of results, in one file or in a folder of files: where it stands, and its row groups."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cape_engine.errors import InputError
from cape_engine.outputs.files import MANIFEST

_HIDDEN = (".", "_")
"""What names of files begin with that no reader of Parquet takes for a part of a table."""


def table_path(folder: Path, name: str) -> Path:
    """The file or the folder of a table of results.

    A reader of a folder takes what is there: without a part, or with one too many, its sums would be wrong and nobody
    would be told.

    Args:
        folder: what `cape run --out` wrote.
        name: of the table.

    Raises:
        InputError: the parts are not those that the manifest lists.
    """
    path = folder / f"{name}.parquet"
    noted = _parts(folder, path.name)
    if noted is not None:
        found = _parts_of(path) if path.is_dir() else []
        for part in sorted(noted.keys() - {file.name for file in found}):
            raise InputError(f"{path}: {part}, which the manifest lists, is missing; run it again")
        for file in found:
            if file.name not in noted:
                raise InputError(f"{file} is no part that the manifest lists; take it away, or run again with --full")
    return path


def _parts(folder: Path, name: str) -> Mapping[str, object] | None:
    """What the manifest of a folder says about the parts of a table; None of a single file."""
    try:
        noted = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"][name].get("parts")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # readers say what is wrong with a manifest
        return None
    return noted if isinstance(noted, dict) else None


def _parts_of(path: Path) -> Sequence[Path]:
    """The files of a table that is a folder, in order."""
    return sorted(file for file in path.iterdir() if not file.name.startswith(_HIDDEN))


@dataclass(frozen=True, slots=True)
class ResultGroups:
    """The row groups of a table that a run wrote, in the order of its partitions.

    Attributes:
        path: the file or the folder.
        rows: how many rows each has.
    """

    path: Path
    rows: Sequence[int]
    _places: Sequence[tuple[Path, pq.FileMetaData, int]]

    @classmethod
    def of(cls, path: Path) -> ResultGroups:
        """The row groups of a table.

        Raises:
            InputError: there is none, or a file cannot be read.
        """
        places: list[tuple[Path, pq.FileMetaData, int]] = []
        try:
            for file in _parts_of(path) if path.is_dir() else [path]:
                metadata = pq.read_metadata(file)
                places += [(file, metadata, group) for group in range(metadata.num_row_groups)]
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(path, error) from error
        return cls(path, [metadata.row_group(group).num_rows for _, metadata, group in places], places)

    def read(self, place: int, columns: Sequence[str], *, words: Sequence[str] = ()) -> pa.Table:
        """Some columns of a row group; threads may ask at once.

        Args:
            place: of the row group.
            columns: names.
            words: columns, by their path in the file, that come as words of a dictionary.

        Raises:
            InputError: the file cannot be read.
        """
        file, metadata, group = self._places[place]
        try:
            with pq.ParquetFile(file, metadata=metadata, memory_map=True, read_dictionary=list(words)) as opened:
                return opened.read_row_group(group, columns=list(columns), use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(self.path, error) from error

    def range_of(self, place: int, column: str) -> tuple[Any, Any] | None:
        """Least and greatest value of a column in a row group, None where the file does not say."""
        _, metadata, group = self._places[place]
        described = metadata.row_group(group)
        for number in range(described.num_columns):
            if described.column(number).path_in_schema == column:
                found = described.column(number).statistics
                return (found.min, found.max) if found is not None and found.has_min_max else None
        return None


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be read ({error}); run it again")
