"""A file of any kind opened for reading, and its parts read by a few threads in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from cape_engine.findings import Findings
from cape_engine.intake import files
from cape_engine.intake.block import Block, Table
from cape_engine.intake.csv_file import CsvFile
from cape_engine.intake.headings import Headings
from cape_engine.intake.parquet_file import ParquetFile
from cape_engine.intake.xlsx_file import XlsxFile

_T = TypeVar("_T")

_READERS: dict[str, Callable[[Path, Headings, Findings], Table]] = {
    files.CSV: CsvFile,
    files.XLSX: XlsxFile,
    files.PARQUET: ParquetFile,
}


def open_table(path: Path, headings: Headings, findings: Findings) -> tuple[str, Table]:
    """(csv, xlsx or parquet, the file open for reading).

    Raises:
        Unreadable: it is not a table with the needed columns.
    """
    kind = files.kind_of(path)
    return kind, _READERS[kind](path, headings, findings)


def _call(read: Callable[[], Block], work: Callable[[Block], _T]) -> _T:
    """Read a part and work on it."""
    return work(read())


def in_parallel(blocks: Iterator[Callable[[], Block]], work: Callable[[Block], _T]) -> Iterator[_T]:
    """The chunks of a file in order, a few parts at a time; kernels and Arrow hold no lock."""
    threads = max(os.cpu_count() or 1, 1)
    waiting: deque[Future[_T]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for block in blocks:
            waiting.append(pool.submit(_call, block, work))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
