"""The pre-check of all entries of a store: each partition through trial removal and dated rules, as plain arrays."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge, claim_portal, intake, liquidation, mass_processing, rules
from cape_engine.bridge import Int32s, Int64s
from cape_engine.claim_portal import precheck
from cape_engine.claim_portal.deadlines import Deadlines
from cape_engine.claim_portal.entry_checks import UInt32s, UInt64s
from cape_engine.execution.threads import map_ordered
from cape_engine.findings import Findings
from cape_engine.intake.entries import keys_of_texts, wanted_check_digits
from cape_engine.intake.entry_facts import plain_number
from cape_engine.pipeline.packing.request import PackRequest
from cape_engine.schema import facts as f
from cape_engine.store import Store

_BASE = 36


class Arrays(NamedTuple):
    """What packing needs to know of entries, one value per entry.

    Attributes:
        keys: entry numbers as int64.
        importer: int32 place of the importer, -1 where unknown.
        failed: bits of the failed rules.
        own: bits of the reasons of packing (`claim_portal.precheck`).
        trial: what the trial removal saw.
        principal_cents: duty to give back.
        liquidated: day of the (re)liquidation, `NO_DAY` without one.
        entered: entry day.
        scheduled: day for which the ordinary liquidation is scheduled.
        psc, window, protest, court: last days (`claim_portal.Deadlines`).
        wrong_digit: whether the check digit does not fit.
    """

    keys: Int64s
    importer: Int32s
    failed: UInt64s
    own: UInt32s
    trial: UInt32s
    principal_cents: Int64s
    liquidated: Int32s
    entered: Int32s
    scheduled: Int32s
    psc: Int32s
    window: Int32s
    protest: Int32s
    court: Int32s
    wrong_digit: npt.NDArray[np.bool_]

    def rows(self, places: npt.NDArray[np.integer]) -> Arrays:
        """Some of the entries."""
        return Arrays(*(column[places] for column in self))

    @property
    def days(self) -> Deadlines:
        """Their last days."""
        return Deadlines(self.psc, self.window, self.protest, self.court)


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything beside the entries that the pre-check needs."""

    request: PackRequest
    ruleset: rules.Ruleset
    headers: pa.Table | None
    column1: mass_processing.Column1Table | None
    ahead: dict[str, set[str]] = field(default_factory=dict)
    """Columns that earlier partitions asked for, by table: the next one reads them at once."""


@dataclass(slots=True)
class Importers:
    """Importer numbers of all entries: compared without dashes and case, shown as given (clarification 15)."""

    places: dict[str, int] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)

    def learn(self, vocabulary: list[str]) -> npt.NDArray[np.int32]:
        """The place of each word, -1 for blank ones; of several spellings the first by sorting is shown."""
        found = np.full(len(vocabulary) + 1, -1, np.int32)
        for number, word in enumerate(vocabulary):
            plain = plain_number(word)
            if not plain:
                continue
            place = self.places.setdefault(plain, len(self.shown))
            if place == len(self.shown):
                self.shown.append(word.strip())
            self.shown[place] = min(self.shown[place], word.strip())
            found[number] = place
        return found


def prechecked(
    store: Store, bench: Bench, findings: Findings, stop: threading.Event | None, advance: object = None
) -> tuple[Arrays, Importers]:
    """Every entry of the store, in entry number order.

    Args:
        store: what to pack.
        bench: law, settings and files beside.
        findings: grows.
        stop: set it to stop between partitions.
        advance: called behind each partition.
    """
    importers = Importers()
    parts: list[Arrays] = []
    for arrays, vocabulary, found in _parts(store, bench, stop):
        findings.extend(found)
        places = importers.learn(vocabulary)[arrays.importer]
        own = arrays.own | np.where(places < 0, np.uint32(precheck.IMPORTER_UNKNOWN), np.uint32(0))
        parts.append(arrays._replace(importer=places, own=own))
        if callable(advance):
            advance()
    if not parts:
        return _empty(), importers
    whole = Arrays(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    if len(whole.keys) and (whole.keys[1:] < whole.keys[:-1]).any():
        whole = whole.rows(np.argsort(whole.keys, kind="stable"))
    return whole, importers


def _parts(store: Store, bench: Bench, stop: threading.Event | None) -> Iterator[tuple[Arrays, list[str], Findings]]:
    """The partitions in order."""

    def work(name: str) -> tuple[Arrays, list[str], Findings]:
        partition = store.opened(name, bench.ahead)
        done = _checked(partition, bench)
        for table, lazy in (("entries", partition.entries), ("lines", partition.lines), ("tariffs", partition.tariffs)):
            if not isinstance(lazy, pa.Table):
                bench.ahead[table] = bench.ahead.get(table, set()) | lazy.asked
        return done

    return map_ordered(work, store.partitions, threads=bench.request.threads, stop=stop)


def _checked(partition: bridge.Partition, bench: Bench) -> tuple[Arrays, list[str], Findings]:
    """One partition: its arrays, the words of its importers, findings."""
    request, ruleset, settings = bench.request, bench.ruleset, bench.request.settings
    findings = Findings()
    if bench.headers is not None:
        partition, found = intake.overlay_headers(partition, bench.headers)
        findings.extend(found)
    entries = partition.entries
    mass = mass_processing.process(
        partition, ruleset=ruleset, settings=settings, as_of=request.as_of, column1=bench.column1, detail=False
    )
    day = request.as_of
    standing, found = liquidation.standing(entries, ruleset=ruleset, settings=settings, as_of=day, accepted_on=day)
    claim = claim_portal.check(
        entries, mass.trial, standing, ruleset=ruleset, settings=settings, as_of=day, accepted_on=day
    )
    for more in (found, claim.findings):
        findings.extend(more)
    days = claim_portal.deadlines(entries, standing, ruleset=ruleset, settings=settings, as_of=day)
    keys, _ = keys_of_texts(bridge.single(entries, f.ENTRY_NUMBER))
    importer, vocabulary = bridge.codes(entries, f.IMPORTER_NUMBER)
    own = precheck.unknown_facts(entries, settings)
    level = settings.text("claim.check_digit")
    wrong = np.zeros(len(keys), np.bool_) if level == "off" else wanted_check_digits(keys) != keys % _BASE
    if level == "reject":
        own |= np.where(wrong, np.uint32(precheck.CHECK_DIGIT), np.uint32(0))
    arrays = Arrays(
        keys,
        importer,
        claim.failed,
        own,
        mass.trial,
        mass.principal_cents,
        standing.liquidated_day,
        bridge.days(entries, f.ENTRY_DATE),
        bridge.days(entries, f.SCHEDULED_LIQUIDATION_DATE),
        days.psc,
        days.window,
        days.protest,
        days.court,
        wrong,
    )
    return arrays, vocabulary, findings


def _empty() -> Arrays:
    """No entry."""
    kinds = (np.int64, np.int32, np.uint64, np.uint32, np.uint32, np.int64, *[np.int32] * 7, np.bool_)
    return Arrays(*(np.zeros(0, kind) for kind in kinds))
