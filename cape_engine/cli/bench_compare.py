"""Payments of another system compared with the known answer of a load: who, which day, how many cents differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq

from cape_engine.cli.bench_files import COMMAND
from cape_engine.dates import date_of
from cape_engine.errors import InputError
from cape_engine.outputs.files import MANIFEST, sha256_of
from cape_engine.schema import life
from cape_engine.schema import results as r

KINDS = ("missing", "unexpected", "cents", "split", "repeated")
"""No payment of a refund that is due; one of a refund that is not; another sum; the same sum in other payments; the
same payment_id twice."""
MEANINGS = dict(
    zip(
        KINDS,
        ("not paid at all", "paid, but nothing is due", "another sum", "right sum, other payments", "payment_id twice"),
        strict=True,
    )
)
_NEEDED = (r.RECIPIENT, r.RESULT_LIQUIDATION_DATE, r.AMOUNT_CENTS)
_OPTIONAL = (r.PAYMENT_KEY, life.COHORT_VERSION)
_VERSION_BITS, _DAY_BITS = 8, 24


def compared(theirs: Path, folder: Path) -> dict[str, Any]:
    """Compare payments with those of a load.

    Args:
        theirs: Parquet or CSV with recipient, liquidation_date, amount_cents, one row a payment; with `version`,
            versions of a cohort are told apart, with `payment_id`, repeated payments are named.
        folder: what `cape bench consolidation --write` wrote.

    Returns:
        Counts by kind, cents expected and found, and `differences`: rows in the order of recipients and days.

    Raises:
        InputError: a file cannot be read, lacks a column, or is not what the manifest says.
    """
    expected = _expected(folder)
    found = _theirs(theirs)
    with_version = str(life.COHORT_VERSION) in found.column_names
    ours, other, words = _keys(expected, found, with_version=with_version)
    cents = [table.column(str(r.AMOUNT_CENTS)).to_numpy() for table in (expected, found)]
    keys, place = np.unique(np.concatenate([ours, other]), return_inverse=True)
    mine, yours = place[: len(ours)], place[len(ours) :]
    sums, parts = (
        [_added(where, values, len(keys)) for where, values in ((mine, cents[0]), (yours, cents[1]))],
        [np.bincount(where, minlength=len(keys)) for where in (mine, yours)],
    )
    split = _otherwise_split(mine, cents[0], yours, cents[1], len(keys))
    repeated = _repeated(found, yours, len(keys))
    kind = np.select(
        [parts[1] == 0, parts[0] == 0, repeated, sums[0] != sums[1], split], [0, 1, 4, 2, 3], default=-1
    ).astype(np.int64)
    rows = np.flatnonzero(kind >= 0)
    return {
        "payments": found.num_rows,
        "expected_payments": expected.num_rows,
        "expected_cents": int(sums[0].sum()),
        "found_cents": int(sums[1].sum()),
        "right_refunds": int((kind < 0).sum()),
        "counts": {word: int((kind == at).sum()) for at, word in enumerate(KINDS)},
        "differences": [
            {
                "kind": KINDS[kind[row]],
                str(r.RECIPIENT): words[keys[row] >> (_VERSION_BITS + _DAY_BITS)],
                str(r.RESULT_LIQUIDATION_DATE): date_of(int(keys[row] >> _VERSION_BITS) & ((1 << _DAY_BITS) - 1)),
                **({str(life.COHORT_VERSION): int(keys[row]) & ((1 << _VERSION_BITS) - 1)} if with_version else {}),
                "expected_cents": int(sums[0][row]),
                "found_cents": int(sums[1][row]),
                "expected_payments": int(parts[0][row]),
                "found_payments": int(parts[1][row]),
            }
            for row in rows[:MOST].tolist()
        ],
        "right": not len(rows),
    }


MOST = 10_000
"""Differences that are listed; all are counted."""


def _expected(folder: Path) -> pa.Table:
    """The payments of the answer, as they were written."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} holds no load ({error}); give the folder of --write with --against") from error
    if manifest.get("command") != COMMAND:
        raise InputError(f"{folder} was not written by `cape bench consolidation --write`")
    path = folder / "payments.parquet"
    try:
        if sha256_of(path) != manifest["files"][path.name]["sha256"]:
            raise InputError(f"{path} is not what the manifest says: somebody changed it; write the load again")
        return pq.read_table(path, columns=[str(column) for column in (*_NEEDED, life.COHORT_VERSION)])
    except (OSError, KeyError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read ({error}); write the load again") from error


def _theirs(path: Path) -> pa.Table:
    """The payments of the other system, with the columns that count."""
    try:
        table = pv.read_csv(path) if path.suffix.lower() == ".csv" else pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            f"{path} cannot be read as {'CSV' if path.suffix == '.csv' else 'Parquet'}: {error}"
        ) from error
    missing = [str(column) for column in _NEEDED if str(column) not in table.column_names]
    if missing:
        raise InputError(f"{path} lacks {', '.join(missing)}; it has: {', '.join(table.column_names)}")
    kept = [str(column) for column in (*_NEEDED, *_OPTIONAL) if str(column) in table.column_names]
    table = table.select(kept)
    kinds = {
        str(r.RECIPIENT): pa.string(),
        str(r.RESULT_LIQUIDATION_DATE): pa.date32(),
        str(r.AMOUNT_CENTS): pa.int64(),
        str(r.PAYMENT_KEY): pa.string(),
        str(life.COHORT_VERSION): pa.int64(),
    }
    try:
        table = table.cast(pa.schema([(name, kinds[name]) for name in kept]))
    except (pa.ArrowException, ValueError) as error:
        raise InputError(f"{path}: a column is of another kind ({error}); dates, whole cents and texts") from error
    for name in kept[: len(_NEEDED)]:
        if table.column(name).null_count:
            raise InputError(f"{path}: {name} is empty in {table.column(name).null_count} rows")
    if str(life.COHORT_VERSION) in kept:
        version = table.column(str(life.COHORT_VERSION))
        low, high = pc.min_max(pc.fill_null(version, 0)).as_py().values() if len(version) else (1, 1)
        if low is not None and (low < 1 or high >= 1 << _VERSION_BITS):
            raise InputError(f"{path}: version lies between 1 and {(1 << _VERSION_BITS) - 1}")
    return table


def _keys(
    expected: pa.Table, found: pa.Table, *, with_version: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], list[str]]:
    """Recipient, day and version of each payment as one number, and the recipients in their order."""
    columns = [_compared(table.column(str(r.RECIPIENT))) for table in (expected, found)]
    whole = pa.chunked_array([*columns[0].chunks, *columns[1].chunks], pa.string()).combine_chunks()
    code = whole.dictionary_encode()
    code = code.combine_chunks() if isinstance(code, pa.ChunkedArray) else code
    order = pc.sort_indices(code.dictionary).to_numpy()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    recipient = rank[code.indices.to_numpy()]
    made = []
    begin = 0
    for table in (expected, found):
        who = recipient[begin : begin + table.num_rows]
        begin += table.num_rows
        day = table.column(str(r.RESULT_LIQUIDATION_DATE)).cast(pa.int32()).to_numpy().astype(np.int64)
        key = (who << _DAY_BITS | np.clip(day, 0, (1 << _DAY_BITS) - 1)) << _VERSION_BITS
        made.append(key | table.column(str(life.COHORT_VERSION)).to_numpy() if with_version else key)
    return made[0], made[1], code.dictionary.take(pa.array(order)).to_pylist()


def _compared(words: pa.ChunkedArray) -> pa.ChunkedArray:
    """Importer numbers as they are compared: without dashes and blanks, upper case."""
    plain = words.cast(pa.string())
    for mark in ("-", " "):
        plain = pc.replace_substring(plain, mark, "")
    return pc.utf8_upper(plain)


def _added(where: npt.NDArray[np.int64], values: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    """Values added up by place."""
    sums = np.zeros(size, np.int64)
    np.add.at(sums, where, values)
    return sums


def _otherwise_split(
    mine: npt.NDArray[np.int64],
    ours: npt.NDArray[np.int64],
    yours: npt.NDArray[np.int64],
    theirs: npt.NDArray[np.int64],
    size: int,
) -> npt.NDArray[np.bool_]:
    """Whether the amounts of a refund's payments differ, in whatever order they stand."""
    other = np.bincount(mine, minlength=size) != np.bincount(yours, minlength=size)
    sides = []
    for where, cents in ((mine, ours), (yours, theirs)):
        kept = ~other[where]
        order = np.lexsort((cents[kept], where[kept]))
        sides.append((where[kept][order], cents[kept][order]))
    differ: npt.NDArray[np.bool_] = other
    differ[sides[0][0][sides[0][1] != sides[1][1]]] = True
    return differ


def _repeated(found: pa.Table, place: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.bool_]:
    """Refunds with a payment_id that stands twice."""
    marks = np.zeros(size, np.bool_)
    if str(r.PAYMENT_KEY) in found.column_names:
        code = pc.fill_null(found.column(str(r.PAYMENT_KEY)), "").combine_chunks().dictionary_encode()
        code = code.combine_chunks() if isinstance(code, pa.ChunkedArray) else code
        number = code.indices.to_numpy()
        known = np.array([word != "" for word in code.dictionary.to_pylist()], np.bool_)
        marks[place[(np.bincount(number)[number] > 1) & known[number]]] = True
    return marks
