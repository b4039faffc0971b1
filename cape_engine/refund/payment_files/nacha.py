"""NACHA CCD+ files: records of 94 characters in the order 1-5-6-7-8-9, blocks of ten (handbook 7.5)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Int32s, Int64s
from cape_engine.errors import UsageError
from cape_engine.refund.payment_files import nacha_records as records
from cape_engine.refund.payment_files.bank_file import BankFile, WrittenFile
from cape_engine.refund.payment_files.instructions import PaymentInstructions, exact_sum
from cape_engine.refund.payment_files.nacha_records import Cells, Control
from cape_engine.refund.payment_files.originator import LINE_ENDS, NachaOriginator
from cape_engine.schema import payment_files as p

MODIFIERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
"""Files of one day and minute, in this order (position 34)."""
MOST_TRACES = 9_999_999
_TRACE_DIGITS = 15
_AT_ONCE = 1 << 16
_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Limits:
    """What fits one batch and one file.

    Attributes:
        total_cents: of a batch or file: twelve digits, and a new one begins before it is passed.
        batch_entries: entry and addenda records of a batch are counted with six digits.
        file_entries: blocks of a file are counted with six digits.
    """

    total_cents: int = 999_999_999_999
    batch_entries: int = 499_999
    file_entries: int = 4_999_000


@dataclass(frozen=True, slots=True)
class Placed:
    """Where payments stand.

    Attributes:
        trace: int64[n], bank of the originator and sequence, 15 digits.
        file: int32[n], number of the file, from 0.
    """

    trace: Int64s
    file: Int32s

    def texts(self) -> pa.Array:
        """The traces as they stand in the file, with every leading zero."""
        return pc.utf8_lpad(pa.array(self.trace).cast(pa.string()), _TRACE_DIGITS, "0")


@dataclass(slots=True)
class _Open:
    """The file under way."""

    file: BankFile
    number: int
    first_trace: int
    batches: int = 0
    whole: Control = Control()  # noqa: RUF009 - never changed in place
    batch: Control = Control()  # noqa: RUF009 - never changed in place


class NachaWriter:
    """Writes payments into as many files as they need.

    Args:
        folder: where; files are made new.
        originator: who pays.
        cells: of the accounts that are paid to.
        on: creation day of the files.
        effective: day on which the money is to arrive, a day of the Federal Reserve.
        first_trace: sequence of the first entry, for several calls on one day.
        first_file: how many files of that day there are already; the modifier of the first is the next one.
        limits: what fits a batch and a file.
    """

    def __init__(
        self,
        folder: Path,
        originator: NachaOriginator,
        cells: Cells,
        *,
        on: dt.date,
        effective: dt.date,
        first_trace: int = 1,
        first_file: int = 0,
        limits: Limits | None = None,
    ) -> None:
        self.files: list[WrittenFile] = []
        self._folder = folder
        self._originator = originator
        self._cells = cells
        self._on, self._effective = on, effective
        self._next = first_trace
        self._first_file = first_file
        self._limits = limits or Limits()
        self._open: _Open | None = None
        self._end = LINE_ENDS[originator.line_end]

    def add(self, payments: PaymentInstructions) -> Placed:
        """Write payments, each with one addenda record; where they stand.

        Raises:
            UsageError: more traces or files than a day has.
        """
        reference = records.text_cells(payments.table.column(str(p.REFERENCE)).combine_chunks(), 80)
        return self._add(payments.place, payments.amounts, reference)

    def prenotes(self, place: Int32s) -> Placed:
        """Write entries over nothing that test accounts before money is sent (codes 23 and 33).

        Args:
            place: int32[n], accounts by their place.
        """
        return self._add(place, np.zeros(len(place), np.int64), None)

    def finish(self) -> list[WrittenFile]:
        """Close the last file; all of them."""
        if self._open is not None:
            self._close_file(self._open)
            self._open = None
        return self.files

    def give_up(self) -> None:
        """Let the file under way go; it is not whole."""
        if self._open is not None:
            self._open.file.give_up()
            self._open = None

    def name(self, number: int) -> str:
        """Name of a file by its number, from 0."""
        return f"nacha-{self._on:%Y%m%d}-{self._first_file + number + 1:03d}.ach"

    def _add(self, place: Int32s, amounts: Int64s, reference: npt.NDArray[np.uint8] | None) -> Placed:
        """Entries into batches and files."""
        count = len(place)
        if self._next + count - 1 > MOST_TRACES:
            raise UsageError(
                f"one bank has {MOST_TRACES:,} trace numbers a day, and more are needed: send the rest on another day"
            )
        trace, file = np.empty(count, np.int64), np.empty(count, np.int32)
        begin = 0
        while begin < count:
            now, room = self._room(amounts[begin : begin + _AT_ONCE])
            some = slice(begin, begin + room)
            sequence = np.arange(self._next, self._next + room)
            self._entries(now, place[some], amounts[some], sequence, None if reference is None else reference[some])
            trace[some], file[some] = sequence, now.number
            self._next += room
            begin += room
        return Placed(int(self._originator.odfi) * (MOST_TRACES + 1) + trace, file)

    def _room(self, amounts: Int64s) -> tuple[_Open, int]:
        """The file to write to with a batch open, and how many of the amounts fit there: at least one."""
        if self._open is None:
            self._open = self._new_file()
        now = self._open
        limits = self._limits
        fits = int(np.searchsorted(np.cumsum(amounts), limits.total_cents - now.whole.cents, "right"))
        fits = min(max(fits, not now.whole.entries), limits.file_entries - now.whole.entries)
        if fits <= 0:
            self._close_file(now)
            self._open = None
            return self._room(amounts)
        if now.batch.entries >= limits.batch_entries:
            self._close_batch(now)
        if not now.batch.entries:
            now.batches += 1
            now.file.write(self._line(records.batch_header(self._originator, self._on, self._effective, now.batches)))
        return now, min(fits, limits.batch_entries - now.batch.entries)

    def _entries(
        self, now: _Open, place: Int32s, amounts: Int64s, sequence: Int64s, reference: npt.NDArray[np.uint8] | None
    ) -> None:
        """Write entries of the open batch."""
        lines = records.entries(self._cells, place, amounts, sequence, reference, self._originator.odfi, self._end)
        now.file.write(lines.data.cast("B"))
        control = Control(
            len(place),
            len(place) * (1 if reference is None else 2),
            int(self._cells.hashed[place].sum()),
            exact_sum(amounts),
        )
        now.batch, now.whole = now.batch + control, now.whole + control

    def _new_file(self) -> _Open:
        """A file with its header."""
        number = len(self.files)
        minute, modifier = divmod(self._first_file + number, len(MODIFIERS))
        if minute >= _MINUTES:
            raise UsageError("a day has no room for so many files: send the rest on another day")
        now = _Open(BankFile(self._folder / self.name(number)), number, self._next)
        when = f"{self._on:%y%m%d}{minute // 60:02d}{minute % 60:02d}"
        now.file.write(self._line(records.file_header(self._originator, when, MODIFIERS[modifier])))
        return now

    def _close_batch(self, now: _Open) -> None:
        """The control record of a batch."""
        now.file.write(self._line(records.batch_control(self._originator, now.batch, now.batches)))
        now.batch = Control()

    def _close_file(self, now: _Open) -> None:
        """The last control records, and lines of 9 until the block is full."""
        if now.batch.entries:
            self._close_batch(now)
        lines = 2 + 2 * now.batches + now.whole.records
        blocks = -(-lines // records.BLOCK)
        now.file.write(self._line(records.file_control(now.whole, now.batches, blocks)))
        now.file.write(self._line("9" * records.WIDTH) * (blocks * records.BLOCK - lines))
        digest = now.file.close()
        last = now.first_trace + now.whole.entries - 1
        odfi = self._originator.odfi
        facts = {
            "batches": now.batches,
            "blocks": blocks,
            "entry_hash": f"{now.whole.hashed % records.HASHED:010d}",
            "first_trace": f"{odfi}{now.first_trace:07d}",
            "last_trace": f"{odfi}{last:07d}",
        }
        self.files.append(
            WrittenFile(now.file.path.name, digest, now.file.size, now.whole.entries, now.whole.cents, facts)
        )

    def _line(self, text: str) -> bytes:
        """A record with its line end."""
        return text.encode("ascii") + self._end
