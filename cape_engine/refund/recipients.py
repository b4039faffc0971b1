"""Who is paid: the importer of record, or the party of CBP Form 4811 (handbook 7.3, clarifications 7 and 15)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

from cape_engine.bridge import Bools, Int8s, Int32s, codes, flags, single
from cape_engine.refund.rates import KINDS
from cape_engine.schema.facts import (
    ACH_ENROLLED,
    IMPORTER_KIND,
    IMPORTER_NUMBER,
    NOTIFY_PARTY,
    NOTIFY_PARTY_ON_PROFILE,
)
from cape_engine.settings import Settings


@lru_cache(maxsize=1 << 16)  # every partition asks for much the same numbers, several times
def key_of(number: str | None) -> str:
    """An importer number as it is compared: without dashes and blanks, upper case; empty when nothing is known."""
    return "" if number is None else "".join(number.split()).replace("-", "").upper()


@dataclass(frozen=True, slots=True)
class Known:
    """What the importers file says about a number.

    Attributes:
        spelling: the number as that file gives it.
        kind: place in `rates.KINDS`, or None.
        ach_enrolled: whether its owner is enrolled for ACH refunds, or None.
    """

    spelling: str
    kind: int | None
    ach_enrolled: bool | None


_LAST: list[tuple[pa.Table, dict[str, Known]]] = []
"""The importers file that was read last: a run asks for the same one in every partition (45 ms for 9,000 importers)."""


def importers_by_key(importers: pa.Table | None) -> Mapping[str, Known]:
    """The importers file by compared number; of repeated rows the smallest spelling and the first known fact count.

    Where repeated rows contradict each other on enrolment, no enrolment counts: held money can still be paid.
    """
    if importers is None:
        return {}
    for table, remembered in _LAST:
        if table is importers:
            return remembered
    columns = [
        single(importers, column).to_pylist() if str(column) in importers.column_names else [None] * importers.num_rows
        for column in (IMPORTER_NUMBER, IMPORTER_KIND, ACH_ENROLLED)
    ]
    found: dict[str, Known] = {}
    for number, kind, enrolled in sorted(zip(*columns, strict=True), key=lambda row: (row[0] or "", row[1] or "~")):
        key = key_of(number)
        if not key:
            continue
        place = KINDS.index(kind) if kind in KINDS else None
        before = found.get(key, Known(number, None, None))
        known_ach = [fact for fact in (before.ach_enrolled, enrolled) if fact is not None]
        found[key] = Known(
            before.spelling,
            place if before.kind is None else before.kind,
            all(known_ach) if known_ach else None,
        )
    _LAST[:] = [(importers, found)]
    return found


def spellings(vocabularies: Iterable[Iterable[str | None]], importers: pa.Table | None) -> dict[str, str]:
    """One spelling for each number: that of the importers file, else the smallest given.

    Args:
        vocabularies: importer and 4811 party numbers as given, of all partitions.
        importers: rows of `schema.facts.IMPORTERS_FILE`.
    """
    smallest: dict[str, str] = {}
    for words in vocabularies:
        for word in words:
            key = key_of(word)
            if word is not None and key and (key not in smallest or word < smallest[key]):
                smallest[key] = word
    smallest.update({key: known.spelling for key, known in importers_by_key(importers).items()})
    return smallest


@dataclass(frozen=True, slots=True)
class Parties:
    """Importer and recipient of each entry, as places in one list of numbers.

    Attributes:
        keys: numbers as they are compared.
        shown: the same numbers as they are shown.
        importer: int32[entries], place of the importer; -1 when unknown.
        recipient: int32[entries], place of the recipient; -1 when unknown.
    """

    keys: list[str]
    shown: list[str]
    importer: Int32s
    recipient: Int32s

    def recipients(self) -> pa.DictionaryArray:
        """The recipient of each entry as a word column."""
        places = pa.array(self.recipient, pa.int32(), mask=self.recipient < 0)
        return pa.DictionaryArray.from_arrays(places, pa.array(self.shown, pa.string()))


def parties(entries: pa.Table, shown: Mapping[str, str]) -> Parties:
    """Importer and recipient of every entry.

    The 4811 party is paid only if its number stands on the 7501 and on the importer's ACE profile (CSMS 67648307).

    Args:
        entries: rows of the store's entries.
        shown: spelling by compared number; numbers that are not in it take the smallest spelling of the table.
    """
    importer_codes, importer_words = codes(entries, IMPORTER_NUMBER)
    notify_codes, notify_words = codes(entries, NOTIFY_PARTY)
    local = spellings([importer_words, notify_words], None)
    keys = sorted(local)
    places = {key: place for place, key in enumerate(keys)}
    importer = _places(importer_codes, importer_words, places)
    notified = _places(notify_codes, notify_words, places)
    named = (notified >= 0) & (flags(entries, NOTIFY_PARTY_ON_PROFILE) == 1)
    return Parties(
        keys,
        [shown.get(key, local[key]) for key in keys],
        importer,
        np.where(named, notified, importer).astype(np.int32),
    )


def _places(codes_: Int32s, words: list[str], places: Mapping[str, int]) -> Int32s:
    """Word codes as places in the list of keys; -1 for unknown and blank."""
    table = np.array([*(places.get(key_of(word), -1) for word in words), -1], np.int32)
    return table[codes_]


def kinds(
    entries: pa.Table, parties_: Parties, importers: Mapping[str, Known], settings: Settings
) -> tuple[Int8s, Bools]:
    """Place in `rates.KINDS` for each entry, and whether it was assumed.

    The entry's own fact counts before the importers file, that before `refund.default_importer_kind`; it is always the
    importer's kind, never the 4811 party's (clarification 15).
    """
    own_codes, words = codes(entries, IMPORTER_KIND)
    own = np.array([*(KINDS.index(word) if word in KINDS else -1 for word in words), -1], np.int8)[own_codes]
    facts = [importers.get(key) for key in parties_.keys]
    of_importer = np.array([*(-1 if fact is None or fact.kind is None else fact.kind for fact in facts), -1], np.int8)
    kind = np.where(own >= 0, own, of_importer[parties_.importer])
    assumed = kind < 0
    default = KINDS.index(settings.text("refund.default_importer_kind"))
    return np.where(assumed, default, kind).astype(np.int8), assumed
