"""Keys of payments: a short hash of recipient, day, cohort version and part, never of an amount (handbook 7.4)."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.bridge import Bools, Int32s, readonly
from cape_engine.dates import date_of
from cape_engine.refund.register import Register
from cape_kernels import payment_keys as kernels

VERSION = 1
"""Version of a cohort: a payment key stays the same when the same run is repeated (handbook 7.4)."""

_PART_LETTERS = 10
"""Digits of the largest part that 32 bits hold."""

Keys = npt.NDArray[np.uint16]
"""Keys as pairs of letters: uint16[n, KEY_LETTERS / 2]."""


def payment_key(recipient_key: str, day: int, part: int, importer_key: str | None = None) -> str:
    """Key of a payment, one at a time; eighty bits keep ten million cohorts apart.

    Args:
        recipient_key: the recipient as it is compared.
        day: liquidation day, days since 1970-01-01.
        part: number of the part, from 1.
        importer_key: the importer, when importers are kept apart (`refund.consolidate_4811` = importer).
    """
    text = f"{recipient_key}|{date_of(day).isoformat()}|{VERSION}|{part}"
    if importer_key is not None:
        text = f"{text}|{importer_key}"
    return hashlib.sha256(text.encode()).hexdigest()[: kernels.KEY_LETTERS].upper()


def payment_keys(
    register: Register, recipient: Int32s, day: Int32s, part: Int32s, importer: Int32s | None = None
) -> Keys:
    """Keys of many payments: what `payment_key` gives for each.

    Args:
        register: the numbers of the run.
        recipient: int32[n], place of each recipient.
        day: int32[n], days since 1970-01-01.
        part: int32[n], from 1.
        importer: int32[n], place of the importer, when importers are kept apart.
    """
    keys = np.empty((len(recipient), kernels.KEY_LETTERS // 2), np.uint16)
    if not len(recipient):
        return keys
    names = register.names()
    first = int(day.min())
    dates = np.arange(first, int(day.max()) + 1).astype("datetime64[D]")
    texts = "".join(f"|{date}|{VERSION}|" for date in np.datetime_as_string(dates).tolist())
    wanted = kernels.Wanted(
        readonly(recipient),
        readonly(np.full(len(recipient), -1, np.int32) if importer is None else importer),
        readonly(day - np.int32(first)),
        readonly(part),
    )
    longest = int(np.diff(names.starts).max(initial=0))
    width = len(texts) // len(dates)
    middles = _middles(np.frombuffer(texts.encode(), np.uint8).reshape(len(dates), width))
    letters = 2 * longest + 4 * middles.shape[2] + _PART_LETTERS + 1 + 9
    kernels.payment_keys(names, wanted, middles, width, _room(-(-letters // kernels.BLOCK)), keys)
    return keys


def _middles(texts: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """Texts of one width as big-endian words, with none to three letters before them: uint32[4, texts, words]."""
    count, width = texts.shape
    shifted = np.zeros((4, count, -(-(width + 3) // 4) * 4), np.uint8)
    for before in range(4):
        shifted[before, :, before : before + width] = texts
    return readonly(shifted.view(">u4").astype(np.uint32))


def _room(blocks: int) -> kernels.Room:
    """Scratch for texts of so many blocks."""
    message = np.zeros((16 * blocks, kernels.LANES), np.uint32)
    return kernels.Room(
        message.view(np.uint8).reshape(-1),
        message,
        np.empty((24, kernels.LANES), np.uint32),
        np.empty((8, kernels.LANES), np.uint32),
        np.zeros(kernels.LANES, np.int64),
    )


def later_key(key: str, version: int) -> str:
    """The key of a payment of a later version of its cohort; that of the first version is the run's own.

    Args:
        key: `payment_key`.
        version: of the cohort, from 1.
    """
    if version == VERSION:
        return key
    return hashlib.sha256(f"{key}|{version}".encode()).hexdigest()[: len(key)].upper()


def key_texts(keys: Keys, row: Int32s | None = None, given: Bools | None = None) -> pa.Array:
    """Keys as an Arrow text column.

    Args:
        keys: uint16[n, KEY_LETTERS / 2].
        row: int32[m], which key stands in each row of the column; all in order when not given.
        given: bool[m], where there is one at all; elsewhere the column is null.
    """
    count = len(keys) if row is None else len(row)
    filled = np.ones(count, np.bool_) if given is None else given
    chosen = keys if row is None else np.take(keys, row if filled.all() else row[filled], axis=0)
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(filled, out=offsets[1:])
    offsets *= kernels.KEY_LETTERS
    nulls = None if given is None else pa.py_buffer(np.packbits(given, bitorder="little"))
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(chosen)), nulls)
