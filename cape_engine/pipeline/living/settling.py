"""What a run day decided becomes money: interest to that day, refunds and payments (handbook 7.1 to 7.4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge, refund
from cape_engine.bridge import NO_DAY, Bools
from cape_engine.ledger import Ledger
from cape_engine.liquidation.life import RELIQUIDATED, STATES
from cape_engine.pipeline.living.world import World
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import ledger as led
from cape_engine.schema import life
from cape_engine.schema import results as r
from cape_engine.settings import Settings

REASON_CODE = "36"
"""Reason of a CAPE liquidation in ACE (handbook 1.5, ESQ v26)."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Entries that were decided, as money.

    Attributes:
        places: which entries, ascending.
        decisions: columns `schema.life.DECISIONS`, row by row these.
        refunds: columns `schema.life.COHORTS`.
        payments: columns `schema.life.PAYMENTS`.
        paid: they are in a refund.
        known: the rates of their interest are known; the others wait.
    """

    places: npt.NDArray[np.int64]
    decisions: pa.Table
    refunds: pa.Table
    payments: pa.Table
    paid: Bools
    known: Bools


def settle(
    ledger: Ledger, world: World, places: npt.NDArray[np.int64], ruleset: Ruleset, settings: Settings
) -> Settled:
    """Interest, refunds and payments of decided entries, by the components of a run on the facts of the ledger."""
    facts = world.facts.take(pa.array(places)).combine_chunks()
    days = world.alive.day[places]
    principal = bridge.integers(facts, r.PRINCIPAL_CENTS, 0)
    entries, deposits = _as_entries(facts, principal)
    register = refund.Register()
    priced = refund.price(
        entries,
        principal_cents=principal,
        payable=np.ones(len(places), np.bool_),
        liquidation_day=bridge.readonly(days),
        ruleset=ruleset,
        settings=settings,
        deposits=deposits,
        register=register,
    )
    known = priced.interest_known
    if not known.all():
        priced = refund.price(
            entries, principal_cents=principal, payable=known, liquidation_day=bridge.readonly(days), ruleset=ruleset,
            settings=settings, deposits=deposits, register=register,
        )  # fmt: skip
    key = pc.fill_null(pc.cast(priced.payment_id, pa.string()), None)
    together = refund.consolidate([priced.sums], [], settings=settings, register=register)
    refunds, payments, renamed = _versions(ledger, together)
    for old, new in renamed.items():
        key = pc.if_else(pc.equal(key, old), new, key)
    again = world.alive.state[places] == STATES.index(RELIQUIDATED)
    decisions = {
        led.DECLARATION: pa.array(world.declaration[places]),
        f.ENTRY_NUMBER: bridge.single(facts, f.ENTRY_NUMBER),
        led.ON_DAY: bridge.dates(days),
        r.ACTION: bridge.words(again.astype(np.int32), ["liquidate", "reliquidate"]),
        life.REASON_CODE: bridge.words(np.zeros(len(places), np.int32), [REASON_CODE]),
        r.NEW_VERSION: bridge.single(facts, r.NEW_VERSION),
        r.PRINCIPAL_CENTS: pa.array(principal),
        r.INTEREST_CENTS: bridge.maybe_integers(priced.interest_cents, known),
        r.INTEREST_FROM: bridge.known_only(priced.interest_from, priced.interest_from != NO_DAY, pa.date32()),
        r.RECIPIENT: priced.recipient,
        life.REFUND: key,
    }
    table = pa.table({str(column): values for column, values in decisions.items()}).cast(life.DECISIONS_SCHEMA)
    return Settled(places, table, refunds, payments, pc.is_valid(key).to_numpy(zero_copy_only=False), known)


def _as_entries(facts: pa.Table, principal: npt.NDArray[np.int64]) -> tuple[pa.Table, pa.Table | None]:
    """Facts as entries of a store, and the deposits of those that have several."""
    dates = bridge.single(facts, life.DEPOSIT_DATES)
    amounts = bridge.single(facts, life.DEPOSIT_AMOUNTS)
    lengths = pc.fill_null(pc.list_value_length(dates), 0).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(lengths)), lengths)
    cents, day = amounts.flatten().to_numpy(), bridge.filled(dates.flatten(), np.int32, NO_DAY)
    plain = (lengths[row] == 1) & (cents == principal[row])
    deposit = np.full(len(lengths), NO_DAY, np.int32)
    deposit[row[plain]] = day[plain]
    numbers = bridge.single(facts, f.ENTRY_NUMBER)
    importer, recipient = bridge.single(facts, f.IMPORTER_NUMBER), bridge.single(facts, r.RECIPIENT)
    other = pc.fill_null(pc.not_equal(importer.cast(pa.string()), recipient.cast(pa.string())), fill_value=True)
    entries = pa.table(
        {
            str(f.ENTRY_NUMBER): numbers,
            str(f.IMPORTER_NUMBER): importer,
            str(f.IMPORTER_KIND): bridge.single(facts, f.IMPORTER_KIND),
            str(f.ENTRY_DATE): bridge.single(facts, f.ENTRY_DATE),
            str(f.DEPOSIT_DATE): bridge.known_only(deposit, deposit != NO_DAY, pa.date32()),
            str(f.NOTIFY_PARTY): recipient,
            str(f.NOTIFY_PARTY_ON_PROFILE): other,
            str(f.PRIOR_REFUND_CENTS): pa.nulls(len(numbers), pa.int64()),  # deposits are those of what is left
        }
    )
    if plain.all():
        return entries, None
    several = np.flatnonzero(~plain)
    listed = {
        str(f.ENTRY_NUMBER): numbers.take(pa.array(row[several])),
        str(f.DEPOSIT_DATE): bridge.known_only(day[several], day[several] != NO_DAY, pa.date32()),
        str(f.AMOUNT_CENTS): pa.array(cents[several]),
    }
    return entries, pa.table(listed)


def _versions(ledger: Ledger, together: refund.Consolidated) -> tuple[pa.Table, pa.Table, dict[str, str]]:
    """Refunds and payments as the ledger keeps them; keys that are new because the cohort has a refund already.

    A cohort is refunded a second time only when the interest of some of its entries was not known the first time.
    """
    refunds = together.refunds
    recipients = bridge.single(refunds, r.RECIPIENT).cast(pa.string()).to_pylist()
    days = bridge.single(refunds, r.RESULT_LIQUIDATION_DATE)
    latest: dict[tuple[str, object], int] = {}
    for day in days.unique().to_pylist():
        earlier = ledger.refunds(day)
        columns = (earlier.column(str(column)).to_pylist() for column in (r.RECIPIENT, life.COHORT_VERSION))
        for recipient, version in zip(*columns, strict=True):
            latest[recipient, day] = max(latest.get((recipient, day), 0), version)
    versions = []
    for cohort in zip(recipients, days.to_pylist(), strict=True):
        latest[cohort] = latest.get(cohort, 0) + 1
        versions.append(latest[cohort])
    payments = together.payments
    parts = refunds.column(str(r.PARTS)).to_numpy()
    own = np.repeat(np.arange(len(versions)), parts)
    before = payments.column(str(r.PAYMENT_KEY)).to_pylist()
    keys = [refund.later_key(key, versions[row]) for key, row in zip(before, own.tolist(), strict=True)]
    first = np.cumsum(parts) - parts
    refund_keys = pa.array([keys[place] for place in first.tolist()], pa.string())
    renamed = {before[place]: keys[place] for place in first.tolist() if before[place] != keys[place]}
    money = (r.ENTRIES, r.PRINCIPAL_CENTS, r.INTEREST_CENTS, r.AMOUNT_CENTS)
    made = [refund_keys, pa.array(recipients, pa.string()).dictionary_encode(), days, pa.array(versions, pa.int64())]
    cohorts = pa.table([*made, *(refunds.column(str(column)) for column in money)], names=life.COHORTS_SCHEMA.names)
    shares = [refund_keys.take(pa.array(own)), *(payments.column(str(column)) for column in (r.PART, r.PARTS))]
    listed = [pa.array(keys, pa.string()), *shares, payments.column(str(r.AMOUNT_CENTS))]
    whole = pa.table(listed, names=life.PAYMENTS_SCHEMA.names)
    return cohorts.cast(life.COHORTS_SCHEMA), whole.cast(life.PAYMENTS_SCHEMA), renamed
