"""Delimited text: where each record begins, on which line of the file it stands, and how many cells it has.

Quotes count as Arrow's CSV reader counts them: only at the beginning of a cell, doubled inside; what follows the
closing quote belongs to the cell.
"""

from __future__ import annotations

from cape_kernels._jit import helper, kernel, types

RECORD_OK = 0
RECORD_EMPTY = 1
RECORD_BAD = 2

MOST_LINES = 100
"""Lines that one record may span; a longer one is a quote that was never closed."""

PLACE = 0
LINE = 1
RECORDS = 2
QUOTED_LINES = 3
STATE_LENGTH = 4

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_NUMBERS_OUT = types.Array(types.int64, 1, "C")
_SMALL_OUT = types.Array(types.int32, 1, "C")
_STATUS_OUT = types.Array(types.uint8, 1, "C")


@helper
def _line_end(data, place, end):  # type: ignore[no-untyped-def]  # compiled: types are in the caller's signature
    """The place behind the line end at `place` (LF, CR or CRLF)."""
    if data[place] == 13 and place + 1 < end and data[place + 1] == 10:
        return place + 2
    return place + 1


@helper
def _record(data, start, end, delimiter):  # type: ignore[no-untyped-def]
    """(place behind the record, cells, lines, anything in it, closed) of the record that begins at `start`."""
    place = start
    cells = 1
    lines = 1
    anything = False
    while place < end:  # once for each cell
        if data[place] == 34:
            place += 1
            while place < end:
                byte = data[place]
                if byte == 34:
                    if place + 1 == end or data[place + 1] != 34:
                        break
                    place += 1
                elif byte == 10 or byte == 13:
                    lines += 1
                    place = _line_end(data, place, end)
                    if lines > MOST_LINES:
                        return place, cells, lines, True, False
                    continue
                elif byte != 32:
                    anything = True
                place += 1
            if place == end:
                return place, cells, lines, anything, False
            place += 1
        while place < end:
            byte = data[place]
            if byte == delimiter:
                break
            if byte == 10 or byte == 13:
                return _line_end(data, place, end), cells, lines, anything, True
            anything |= byte != 32
            place += 1
        if place == end:
            return place, cells, lines, anything, True
        cells += 1
        place += 1
    return place, cells, lines, anything, True


@helper
def _first_line_end(data, start, end):  # type: ignore[no-untyped-def]
    """The place behind the first line end at or after `start`."""
    place = start
    while place < end and data[place] != 10 and data[place] != 13:
        place += 1
    return _line_end(data, place, end) if place < end else end


@kernel(
    types.void(
        _BYTES, types.int64, types.uint8, types.int32, _NUMBERS_OUT, _NUMBERS_OUT, _SMALL_OUT, _STATUS_OUT, _NUMBERS_OUT
    )
)
def scan_records(data, limit, delimiter, expected, starts, lines, cells, status, state):
    """Write start, line number, cells and status of the records that begin before `limit`, as many as fit.

    A record of several lines with a wrong number of cells, or whose quote is never closed, is a stray quote: its first
    line alone is reported as bad, and reading goes on with the next line.

    Args:
        data: the bytes of the file.
        limit: records that begin at or behind this place are left for the next call.
        delimiter: the byte between cells.
        expected: cells of a whole record.
        starts: place of each record out.
        lines: line of the file it begins on out, counted from 1.
        cells: its cells out; negative where a quote is never closed.
        status: `RECORD_*` out.
        state: in and out: place, line number there, records written, records that span lines (`PLACE` and so on).
    """
    place = state[PLACE]
    line = state[LINE]
    end = len(data)
    count = 0
    spanning = 0
    while place < limit and count < len(starts):
        behind, found, spanned, anything, closed = _record(data, place, end, delimiter)
        if not closed or (spanned > 1 and found != expected):
            behind = _first_line_end(data, place, end)
            spanned = 1
            anything = True
            found = found if closed else -found
            status[count] = RECORD_BAD
        elif not anything:
            status[count] = RECORD_EMPTY
        elif found != expected:
            status[count] = RECORD_BAD
        else:
            status[count] = RECORD_OK
            if spanned > 1:
                spanning += 1
        starts[count] = place
        lines[count] = line
        cells[count] = found
        line += spanned
        place = behind
        count += 1
    state[PLACE] = place
    state[LINE] = line
    state[RECORDS] = count
    state[QUOTED_LINES] = spanning
