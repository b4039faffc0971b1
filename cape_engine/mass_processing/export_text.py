"""Column 1 rates that the export prints: read for numbers our tables do not know, compared with the table elsewhere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cape_engine import bridge
from cape_engine.bridge import Bools, Int64s, Partition
from cape_engine.mass_processing.lines import Texts, entry_of
from cape_engine.mass_processing.numbers import Book
from cape_engine.mass_processing.result import Tallies
from cape_engine.rules.rate_text import parse_rate_text, resolve
from cape_engine.rules.rows import Rate
from cape_engine.schema import facts as f
from cape_engine.schema import rows as t
from cape_kernels import tables as k

_NOT_READ = -1
_DENSE_PAIRS = 1 << 22  # number and text: up to here a table of all pairs is faster than sorting them
_NO_TEXTS: Texts = np.zeros(0, np.int64), np.zeros(0, np.int32)


def text_rows(partition: Partition, book: Book, tallies: Tallies) -> Texts:
    """Lines whose `column1_rate_text` counts, and the rate row read from it; disagreements are tallied.

    The column holds the present rate, not the one of the entry date (es003_columns.csv): `mass.column1_source` says
    which counts first where the table knows the number too.

    Args:
        partition: lines with their texts.
        book: rows are added to it.
        tallies: grows by COLUMN1_TEXT_UNREADABLE and COLUMN1_DISAGREES.
    """
    if not bridge.is_given(partition.lines, t.COLUMN1_RATE_TEXT):
        return _NO_TEXTS
    texts, words = bridge.codes(partition.lines, t.COLUMN1_RATE_TEXT)
    codes, vocabulary = bridge.codes(partition.tariffs, t.HTS_NUMBER)
    counts = bridge.integers(partition.lines, t.TARIFF_COUNT, 0)
    base = np.array([number[:2] < "98" and number.isdigit() for number in vocabulary] + [False], np.bool_)
    of_tariff = np.flatnonzero(base[codes] & np.repeat(texts >= 0, counts))
    if len(of_tariff) == 0:
        return _NO_TEXTS
    line = np.repeat(np.arange(len(counts), dtype=np.int32), counts)[of_tariff]
    number = codes[of_tariff]
    pair = number.astype(np.int64) * len(words) + texts[line]
    pairs, first, times = _distinct(pair, len(vocabulary) * len(words))
    entries = entry_of(bridge.integers(partition.entries, t.LINE_COUNT, 0), line[first])
    rows = np.full(len(pairs), _NOT_READ, np.int32)
    for place, (both, entry, count) in enumerate(zip(pairs.tolist(), entries.tolist(), times.tolist(), strict=True)):
        hts, text = vocabulary[both // len(words)], words[both % len(words)]
        if not text.strip():
            continue
        rows[place], finding = book.text_row(hts, text, _read)
        if finding:
            name = partition.entries.column(str(f.ENTRY_NUMBER))[entry].as_py()
            tallies.add(finding, str(t.COLUMN1_RATE_TEXT), text, count, name, hts)
    counting = _counting(book, vocabulary)[number]
    if not counting.any():
        return _NO_TEXTS
    row = np.full(len(counts), _NOT_READ, np.int32)
    row[line] = rows[np.searchsorted(pairs, pair)]
    chosen = np.unique(line[counting]).astype(np.int64)
    chosen = chosen[row[chosen] >= 0]
    return chosen, row[chosen]


def _counting(book: Book, vocabulary: list[str]) -> Bools:
    """Numbers whose text counts: those our tables do not know, or all if the setting puts the text first."""
    if book.settings.text("mass.column1_source") == "export":
        return np.ones(len(vocabulary), np.bool_)
    places, _ = book.places(vocabulary)
    marks = book.tables()[0]["marks"][np.where(places < 0, -places - 1, places)]
    unknown: Bools = marks[:-1] & k.MARK_UNKNOWN != 0
    return unknown


def _distinct(pair: Int64s, most: int) -> tuple[Int64s, npt.NDArray[np.intp], Int64s]:
    """(distinct pairs ascending, place of the first of each, how many); pairs are below `most`."""
    if most > _DENSE_PAIRS:
        return np.unique(pair, return_index=True, return_counts=True)
    times = np.bincount(pair, minlength=most)
    first = np.empty(most, np.intp)
    first[pair[::-1]] = np.arange(len(pair) - 1, -1, -1)
    pairs = np.flatnonzero(times)
    return pairs, first[pairs], times[pairs]


def _read(book: Book, number: str, text: str) -> tuple[Rate | None, str]:
    """(rate a text says for a number, finding about it); no rate when it cannot be read or its units do not fit."""
    parts = parse_rate_text(text)
    held = book.ruleset.base(number)
    rate = None if parts is None else resolve(parts, held[0].units if held else ("", "", ""), book.ruleset)
    if rate is None:
        return None, "COLUMN1_TEXT_UNREADABLE"
    disagrees = bool(held) and all(_figures(row.general) != _figures(rate) for row in held)
    return rate, "COLUMN1_DISAGREES" if disagrees else ""


def _figures(rate: Rate) -> tuple[int, int, int, str]:
    """What two rates must share to be the same duty."""
    return rate.specific_e9, rate.ad_valorem_e9, rate.other_e9, "X" if rate.code == "X" else ""
