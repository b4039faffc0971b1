"""What a case is made from, and what it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from cape_engine import rules
from cape_engine.bridge import Partition, readonly

AMOUNTS = 1_000_000
"""Rows of a case that needs no entries."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The CSV export as bytes, and its columns as text by the names of es003_columns.csv."""

    data: Any
    columns: dict[str, pa.Array]


@dataclass(frozen=True)
class Data:
    """Generated entries, read when a case asks for them.

    Attributes:
        lots: what `conftest.lots` made.
    """

    lots: Any

    @cached_property
    def texts(self) -> Texts:
        """A generated export before anything is parsed."""
        path = self.lots.csv.files.rows[0]
        names = {row.source_column: row.canonical for row in rules.load().es003_columns}
        with path.open(encoding="utf-8") as file:
            header = file.readline().strip().replace('"', "").split(",")
        options = pacsv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False)
        table = pacsv.read_csv(path, convert_options=options).combine_chunks()
        columns = {names[name]: table.column(name).chunk(0) for name in header}
        return Texts(readonly(np.fromfile(path, np.uint8)), columns)

    @cached_property
    def partition(self) -> Partition:
        """The first partition of the store, all of it in memory."""
        store = self.lots.store
        found: Partition = store.read(store.partitions[0])
        return found


Case = tuple[int, Callable[..., Any], tuple[Any, ...]]
"""Rows, kernel (or the function of the engine that calls it) and its arguments."""
Made = Callable[[Data, str], Case]
"""Makes the case of a kernel that is named without its module."""


def of_module(module: str, made: Made, kernels: str) -> dict[str, Made]:
    """The same way to make a case for some kernels of a module, by `module.kernel`."""
    return {f"{module}.{name}": made for name in kernels.split()}
