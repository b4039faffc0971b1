"""Facts of a line as the kernels want them: rate date, set, programme claimed, column 2, displaced 232."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int8s, Int32s, Int64s, Partition
from cape_engine.dates import date_of
from cape_engine.rules import Ruleset
from cape_engine.rules.dated import Dated
from cape_engine.schema import facts as f
from cape_engine.schema import rows as t
from cape_kernels import tables as k

_ENTRY_DATES = {str(column): column for column in (f.ENTRY_DATE, f.INBOND_DATE)}


def rate_days(partition: Partition, ruleset: Ruleset, of_entry: Int64s) -> tuple[Int32s, Bools]:
    """(rate date of each line, whether a privileged line lacks its date).

    Privileged FTZ goods take the day of that status; some entry types the entry date; the others the in-bond date
    first, then the entry date (CATAIR AE note (j), handbook 5.5). Dates no input carries are passed over.

    Args:
        partition: entries and lines.
        ruleset: which dates count for which entry types.
        of_entry: int64 entry of each line.
    """
    entry_days = _entry_days(partition.entries, ruleset)
    days = entry_days[of_entry]
    status, words = bridge.codes(partition.lines, t.FTZ_STATUS)
    privileged = among(status, words, {row.ftz_status for row in ruleset.rate_date_rules if row.ftz_status})
    missing = np.zeros(len(days), np.bool_)
    if privileged.any():
        own = bridge.days(partition.lines, t.PRIVILEGED_DATE)
        missing = privileged & (own == NO_DAY)
        days = np.where(privileged & ~missing, own, days)
    return bridge.readonly(days.astype(np.int32, copy=False)), missing


def _entry_days(entries: pa.Table, ruleset: Ruleset) -> Int32s:
    """Rate date of each entry, as far as its own dates give one."""
    types, words = bridge.codes(entries, f.ENTRY_TYPE)
    days = np.full(len(entries), NO_DAY, np.int32)
    open_ = np.ones(len(entries), np.bool_)
    for rule in ruleset.rate_date_rules:
        if rule.ftz_status:
            continue
        chosen = open_ & among(types, words, set(rule.entry_types)) if rule.entry_types else open_.copy()
        open_ &= ~chosen
        for name in rule.dates:
            if name in _ENTRY_DATES:
                found = bridge.days(entries, _ENTRY_DATES[name])
                days = np.where(chosen & (days == NO_DAY), found, days)
    return days


def among(codes: Int32s, words: Sequence[str], wanted: set[str]) -> Bools:
    """Which codes stand for one of the wanted words; false where nothing is known."""
    hit = np.array([word in wanted for word in words] + [False], np.bool_)
    return hit[codes]


def programmes(partition: Partition, ruleset: Ruleset, spis: Mapping[str, int], days: Int32s) -> Int8s:
    """Programme claimed on each line (-1 none); `SPI_UNKNOWN` if it is unknown or not in force on the rate date."""
    codes, words = bridge.codes(partition.lines, t.SPI_CODE)
    claimed = [word.strip().upper() for word in words]
    places = [spis.get(word, k.SPI_UNKNOWN) if word else k.SPI_NONE for word in claimed] + [k.SPI_NONE]
    result = np.array(places, np.int8)[codes]
    for code, word in enumerate(claimed):
        row = ruleset.spi(word)
        if row is None or (row.starts is None and row.lapsed_from is None):
            continue
        mine = np.flatnonzero(codes == code)
        held = {day: day == NO_DAY or row.in_force(date_of(day)) for day in np.unique(days[mine]).tolist()}
        lapsed = np.array([not held[day] for day in days[mine].tolist()], np.bool_)
        result[mine[lapsed]] = k.SPI_UNKNOWN
    return bridge.readonly(result)


def origins(partition: Partition) -> tuple[Int32s, list[str]]:
    """Country of origin of each line as code and vocabulary, upper case."""
    codes, words = bridge.codes(partition.lines, t.COUNTRY_OF_ORIGIN)
    return codes, [word.strip().upper() for word in words]


def _within(row: Dated, days: Int32s) -> Bools:
    """Lines whose rate date lies in the period of a row."""
    return (days >= row.from_day) & (days <= row.to_day)


def column2(ruleset: Ruleset, origin: tuple[Int32s, list[str]], days: Int32s) -> Int8s:
    """1 on lines of a country that takes column 2 (BY, CU, KP, RU) on the rate date, or without one."""
    result = np.zeros(len(days), np.bool_)
    codes, words = origin
    for row in ruleset.column2_countries:
        mine = among(codes, words, {row.country})
        if mine.any():
            result |= mine & (_within(row, days) | (days == NO_DAY))
    return bridge.readonly(result.astype(np.int8))


def displaced(ruleset: Ruleset, origin: tuple[Int32s, list[str]], days: Int32s) -> Int8s:
    """1 on lines whose origin and rate date lie where an IEEPA program displaced section 232 (handbook 5.7)."""
    result = np.zeros(len(days), np.bool_)
    codes, words = origin
    for row in ruleset.displaced_232:
        countries = {c for ieepa in ruleset.ieepa_rows if ieepa.program == row.program for c in ieepa.countries}
        mine = among(codes, words, countries)
        if mine.any():
            result |= mine & _within(row, days)
    return bridge.readonly(result.astype(np.int8))


def components(partition: Partition) -> Int8s:
    """1 on V lines: the components of a set carry no duty (CATAIR AE (k))."""
    codes, words = bridge.codes(partition.lines, t.SET_INDICATOR)
    return bridge.readonly(among(codes, words, {"V"}).astype(np.int8))


def entry_of_lines(offsets: npt.NDArray[np.int64]) -> Int64s:
    """Entry of each line."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
