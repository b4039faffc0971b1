"""Column 1 rates that the export prints: read for numbers our tables do not know, compared with the table elsewhere."""

from __future__ import annotations

import numpy as np

from cape_engine import bridge
from cape_engine.bridge import Int32s, Int64s, Partition
from cape_engine.mass_processing.numbers import Book
from cape_engine.mass_processing.result import Tallies
from cape_engine.rules.rate_text import parse_rate_text, resolve
from cape_engine.rules.rows import Rate
from cape_engine.schema import facts as f
from cape_engine.schema import rows as t

_NOT_READ = -1


def text_rows(
    partition: Partition, book: Book, numbers: tuple[Int32s, list[str]], offsets: Int64s, tallies: Tallies
) -> Int32s:
    """Rate row read from `column1_rate_text` for each line, -1 where there is none; disagreements are tallied.

    The column holds the present rate, not the one of the entry date (es003_columns.csv): `mass.column1_source` says
    which counts first where the table knows the number too.

    Args:
        partition: lines with their texts.
        book: rows are added to it.
        numbers: number of each tariff as code and vocabulary.
        offsets: int64 tariffs of each line.
        tallies: grows by COLUMN1_TEXT_UNREADABLE and COLUMN1_DISAGREES.
    """
    texts, words = bridge.codes(partition.lines, t.COLUMN1_RATE_TEXT)
    result = np.full(len(texts), _NOT_READ, np.int32)
    if not words or texts.max(initial=_NOT_READ) < 0:
        return bridge.readonly(result)
    codes, vocabulary = numbers
    base = np.array([number[:2] < "98" and number.isdigit() for number in vocabulary] + [False], np.bool_)[codes]
    of_tariff = np.flatnonzero(base)
    line = np.searchsorted(offsets, of_tariff, side="right") - 1
    has = texts[line] >= 0
    line, of_tariff = line[has], of_tariff[has]
    if len(line) == 0:
        return bridge.readonly(result)
    pair = codes[of_tariff].astype(np.int64) * len(words) + texts[line]
    pairs, first, inverse, counts = np.unique(pair, return_index=True, return_inverse=True, return_counts=True)
    entry_offsets = bridge.offsets(partition.entries, t.LINE_COUNT)
    places = np.full(len(pairs), _NOT_READ, np.int32)
    for place, (both, at, count) in enumerate(zip(pairs.tolist(), first.tolist(), counts.tolist(), strict=True)):
        number, text = vocabulary[both // len(words)], words[both % len(words)]
        if not text.strip():
            continue
        entry = int(np.searchsorted(entry_offsets, line[at], side="right")) - 1
        name = partition.entries.column(str(f.ENTRY_NUMBER))[entry].as_py()
        rate = _read(book, number, text)
        if rate is None:
            tallies.add("COLUMN1_TEXT_UNREADABLE", str(t.COLUMN1_RATE_TEXT), text, count, name, number)
            continue
        held = book.ruleset.base(number)
        if held and all(_figures(row.general) != _figures(rate) for row in held):
            tallies.add("COLUMN1_DISAGREES", str(t.COLUMN1_RATE_TEXT), text, count, name, number)
        places[place] = book.text_row(rate, number)
    result[line] = places[inverse.reshape(-1)]
    return bridge.readonly(result)


def _read(book: Book, number: str, text: str) -> Rate | None:
    """The rate a text says for a number; None when it cannot be read or its units do not fit."""
    parts = parse_rate_text(text)
    if parts is None:
        return None
    held = book.ruleset.base(number)
    return resolve(parts, held[0].units if held else ("", "", ""), book.ruleset)


def _figures(rate: Rate) -> tuple[int, int, int, str]:
    """What two rates must share to be the same duty."""
    return rate.specific_e9, rate.ad_valorem_e9, rate.other_e9, "X" if rate.code == "X" else ""
