"""The file in which a store keeps the shapes of the lines of a partition.

Rows are pairs of numbers: key and value of each line, behind them place and dollars of each value beside, behind them
place and day of each privileged status date. What the shapes say stands in the metadata.
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cape_engine.bridge import Bools, Int32s, Int64s, LineShapes, readonly
from cape_engine.errors import StoreError
from cape_engine.schema.column import Column
from cape_engine.schema.rows import LAST_VALUE, SHAPE_KEY
from cape_engine.store.loading import Loaded, opened_file
from cape_kernels import shapes as kernel

SHAPES_FILE = "shapes.parquet"
MOST_TEXT = 1 << 24
"""Bytes of metadata that a file may have. Where nearly every line has a shape of its own there is nothing to gain, and
readers of Parquet refuse metadata of 100 MB."""

_PAGE_BYTES = 1 << 17  # read in 1.9 ms a million lines, of 1 MiB in 2.2, in one page in 2.5 (memcpy: 1.2)
_INT32 = np.iinfo(np.int32)
_WHAT = b"cape.shapes"
_ARRAYS = {"size": "<i4", "before": "<i4", "words": "<i4", "valued": "|u1"}


def write_shapes(path: Path, shapes: LineShapes, tariffs: int, content: str) -> bool:
    """Write the shapes of a partition; whether there is a file now.

    Args:
        path: the file.
        shapes: of its lines.
        tariffs: numbers of these lines.
        content: hash of the partition they belong to.

    Raises:
        OSError: the disk does not take it.
    """
    arrays = {
        "size": shapes.size,
        "before": shapes.before,
        "words": np.concatenate(shapes.words),
        "valued": shapes.valued,
    }
    metadata = {
        _WHAT: json.dumps(
            {
                "content_sha256": content,
                "lines": len(shapes.key),
                "tariffs": tariffs,
                "beside": len(shapes.beside_tariff),
                "dated": len(shapes.dated_line),
                "bits": shapes.bits,
                "filler": shapes.filler,
                "shapes": len(shapes.size),
                "vocabulary": shapes.vocabulary,
                "word_lists": shapes.word_lists,
            },
            separators=(",", ":"),
        ).encode(),
        **{
            _name(name): base64.b64encode(np.ascontiguousarray(arrays[name], kind).data)
            for name, kind in _ARRAYS.items()
        },
    }
    if sum(map(len, metadata.values())) > MOST_TEXT:
        return False
    columns = (
        (SHAPE_KEY, (shapes.key, shapes.beside_tariff, shapes.dated_line)),
        (LAST_VALUE, (shapes.value, shapes.beside_value, shapes.dated_day)),
    )
    cells = [pa.array(_narrow(np.concatenate(parts))) for _column, parts in columns]
    fields = [
        pa.field(str(column), values.type, nullable=False)
        for (column, _parts), values in zip(columns, cells, strict=True)
    ]
    table = pa.table(cells, schema=pa.schema(fields))
    with pq.ParquetWriter(
        path,
        table.schema,
        compression="none",
        use_dictionary=False,
        data_page_size=_PAGE_BYTES,
        write_statistics=False,
        store_schema=False,
        version="2.6",
    ) as writer:
        writer.write_table(table, row_group_size=max(table.num_rows, 1))
        writer.add_key_value_metadata(metadata)
    return True


def read_shapes(path: Path, lines: int, tariffs: int, content: str, loaded: Loaded | None = None) -> LineShapes | None:
    """The shapes that a file keeps; None where there is no file.

    Args:
        path: the file.
        lines: lines of the partition.
        tariffs: its numbers.
        content: its hash.
        loaded: the file, all of it, if it is in memory.

    Raises:
        StoreError: it cannot be read, or belongs to other lines.
    """
    if not path.is_file():
        return None
    try:
        with opened_file(path, loaded) as file:
            texts = file.metadata.metadata
            table = file.read(use_threads=False)
        record = json.loads(texts[_WHAT])
        if (record["lines"], record["tariffs"], record["content_sha256"]) != (lines, tariffs, content):
            raise StoreError(f"{path} belongs to other lines; import the sources again")
        return _Reading(record, texts, table).shapes()
    except (OSError, pa.ArrowException, ValueError, LookupError, TypeError, binascii.Error) as error:
        raise StoreError(f"{path} cannot be read ({error}); import the sources again") from error


class _Reading:
    """A file that was read.

    Args:
        record: what it says by words.
        texts: all its metadata.
        table: its rows.
    """

    def __init__(self, record: dict[str, Any], texts: dict[bytes, bytes], table: pa.Table) -> None:
        self._record = record
        self._texts = texts
        self._pairs = tuple(_numbers(table, column) for column in (SHAPE_KEY, LAST_VALUE))

    def shapes(self) -> LineShapes:
        """The shapes, looked over: nothing in them points behind the end of anything.

        Raises:
            ValueError, LookupError, TypeError: the file does not say what it should.
        """
        record = self._record
        vocabulary, bits = record["vocabulary"], record["bits"]
        countries, programmes, parts, zones = record["word_lists"]
        word_lists = (countries, programmes, parts, zones)
        size, before = self._array("size"), self._array("before")
        one, two, three, four = self._array("words").reshape(4, len(size))
        length = np.maximum(size, 1) - 1
        start = np.cumsum(length) - length
        lines, beside, dated = record["lines"], record["beside"], record["dated"]
        ends = [lines, lines + beside, lines + beside + dated]
        places, values = (
            [pair[begin:end] for begin, end in zip([0, *ends], ends, strict=False)] for pair in self._pairs
        )
        sound = (
            all(len(pair) == ends[-1] for pair in self._pairs)
            and len(self._array("valued")) == len(size) == record["shapes"]
            and int(length.sum()) == len(before)
            and int(size.min(initial=0)) >= 0
            and _within(before, 0, len(vocabulary))
            and all(
                _within(codes, -1, len(words)) for codes, words in zip((one, two, three, four), word_lists, strict=True)
            )
            and _within(places[1], 0, record["tariffs"])
            and _within(places[2], 0, lines)
        )
        if not sound:
            raise ValueError("what it says does not hold together")
        return LineShapes(
            vocabulary,
            bits,
            self._keys(places[0], bits, len(size), len(vocabulary)),
            readonly(values[0]),
            readonly(size),
            readonly(start.astype(np.int32)),
            readonly(before),
            (readonly(one), readonly(two), readonly(three), readonly(four)),
            word_lists,
            self._flags(),
            record["filler"],
            readonly(places[1].astype(np.int32, copy=False)),
            readonly(values[1].astype(np.int64, copy=False)),
            readonly(places[2].astype(np.int32, copy=False)),
            readonly(values[2].astype(np.int32, copy=False)),
        )

    def _keys(self, keys: npt.NDArray[np.signedinteger], bits: int, shapes: int, words: int) -> Int32s | Int64s:
        """Keys as they are walked.

        Raises:
            ValueError: one of them names a shape or a number that is not there.
        """
        if keys.dtype == np.int32:
            most = np.zeros(3, np.int64)
            kernel.key_bounds(keys, (1 << bits) - 1, most)
            least, last, place = most.tolist()
        else:
            keys = np.ascontiguousarray(keys, np.int64)
            least, last = int(keys.min(initial=0)), int(keys.max(initial=0))
            place = int((keys & ((1 << bits) - 1)).max(initial=0))
        if len(keys) and (least < 0 or last >> bits >= shapes or place >= max(words, 1)):
            raise ValueError("a key names nothing")
        return readonly(keys)

    def _array(self, name: str) -> Int32s:
        """An array of the metadata."""
        return np.frombuffer(base64.b64decode(self._texts[_name(name)]), _ARRAYS[name])

    def _flags(self) -> Bools:
        """Which shapes are valued."""
        return readonly(self._array("valued") != 0)


def _name(array: str) -> bytes:
    """The key under which an array stands in the metadata."""
    return _WHAT + b"." + array.encode()


def _narrow(values: npt.NDArray[np.signedinteger]) -> npt.NDArray[np.signedinteger]:
    """Numbers as int32 where all of them fit."""
    fits = len(values) == 0 or (values.min() >= _INT32.min and values.max() <= _INT32.max)
    return values.astype(np.int32 if fits else np.int64, copy=False)


def _numbers(table: pa.Table, column: Column) -> npt.NDArray[np.signedinteger]:
    """A column of whole numbers without nulls, of either width.

    Raises:
        ValueError: it is anything else.
    """
    values = table.column(str(column))
    if values.type not in (pa.int32(), pa.int64()) or values.null_count:
        raise ValueError(f"{column} holds {values.type}")
    whole = values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()
    numbers: npt.NDArray[np.signedinteger] = whole.to_numpy(zero_copy_only=True)
    return readonly(numbers)


def _within(places: npt.NDArray[np.signedinteger], low: int, end: int) -> bool:
    """Whether all of some numbers are at least `low` and below `end`."""
    return len(places) == 0 or bool(places.min() >= low and places.max() < end)
