"""Who is paid: the importer of record, or the party of CBP Form 4811 (handbook 7.3, clarifications 7 and 15)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cape_engine.bridge import Bools, Int8s, Int32s, codes, either, filled, flags, known_only, stored
from cape_engine.refund.rates import KINDS
from cape_engine.refund.register import NOBODY, Register
from cape_engine.schema.column import Column
from cape_engine.schema.facts import IMPORTER_KIND, IMPORTER_NUMBER, NOTIFY_PARTY, NOTIFY_PARTY_ON_PROFILE
from cape_engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Parties:
    """Importer and recipient of each entry, as places in a register.

    Attributes:
        register: the numbers of the run.
        importer: int32[entries], place of the importer; `NOBODY` when unknown.
        recipient: int32[entries], place of the recipient; `NOBODY` when unknown.
        met: int32, places of all numbers of the partition, in the order of its vocabularies.
    """

    register: Register
    importer: Int32s
    recipient: Int32s
    met: Int32s

    def recipients(self) -> pa.DictionaryArray:
        """The recipient of each entry as a word column."""
        number = np.full(len(self.register), -1, np.int32)
        # Backwards, so that the first of several spellings of one number counts: no place stands twice.
        number[self.met[::-1]] = np.arange(len(self.met), dtype=np.int32)[::-1]
        number[NOBODY] = -1
        firsts = number[self.met] == np.arange(len(self.met))
        distinct = self.met[firsts]
        number[distinct] = np.arange(len(distinct), dtype=np.int32)
        return pa.DictionaryArray.from_arrays(
            known_only(number[self.recipient], self.recipient != NOBODY, pa.int32()), self.register.shown(distinct)
        )


def parties(entries: pa.Table, register: Register) -> Parties:
    """Importer and recipient of every entry.

    The 4811 party is paid only if its number stands on the 7501 and on the importer's ACE profile (CSMS 67648307).

    Args:
        entries: rows of the store's entries.
        register: the numbers of the run; those of the entries are added.
    """
    importer, met = _places(entries, IMPORTER_NUMBER, register)
    notified, also = _places(entries, NOTIFY_PARTY, register)
    if len(also):
        named = (notified != NOBODY) & (flags(entries, NOTIFY_PARTY_ON_PROFILE) == 1)
        return Parties(register, importer, either(named, notified, importer), np.concatenate([met, also]))
    return Parties(register, importer, importer, met)


def _places(entries: pa.Table, column: Column, register: Register) -> tuple[Int32s, Int32s]:
    """Place of each entry's number, and of each word of the vocabulary."""
    values = stored(entries, column)
    if values is None:
        return np.full(entries.num_rows, NOBODY, np.int32), np.zeros(0, np.int32)
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    met = register.learn(values.dictionary)
    return np.append(met, np.int32(NOBODY))[filled(values.indices, np.int32, -1)], met  # unknown takes the last one


def kinds(entries: pa.Table, parties_: Parties, settings: Settings) -> tuple[Int8s, Bools]:
    """Place in `rates.KINDS` for each entry, and whether it was assumed.

    The entry's own fact counts before the importers file, that before `refund.default_importer_kind`; it is always the
    importer's kind, never the 4811 party's (clarification 15).
    """
    own_codes, words = codes(entries, IMPORTER_KIND)
    own = np.array([*(KINDS.index(word) if word in KINDS else -1 for word in words), -1], np.int8)[own_codes]
    kind = either(own >= 0, own, parties_.register.kinds()[parties_.importer])
    assumed = kind < 0
    default = KINDS.index(settings.text("refund.default_importer_kind"))
    return either(assumed, default, kind).astype(np.int8), assumed
