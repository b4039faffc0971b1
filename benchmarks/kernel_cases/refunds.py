"""Cases of the kernels of refunds: interest, recipients and their payments, sums over days to come."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.kernel_cases.data import AMOUNTS, Case, Data, of_module
from cape_engine import bridge, rules
from cape_engine.bridge import NO_DAY, readonly
from cape_engine.refund import Register
from cape_engine.refund.accumulator import RunningSums
from cape_engine.refund.deposits import Slices
from cape_engine.refund.growth import SimpleTable
from cape_engine.refund.keys import payment_keys
from cape_engine.refund.outlook import Claimed, Outlook, Stretches
from cape_engine.refund.rates import KINDS, SLACK, interest_table
from cape_engine.refund.reconciliation.solver import MOST, sums_of
from cape_engine.refund.sums import summed
from cape_engine.schema import facts as f
from cape_engine.settings import Settings
from cape_fixtures.consolidation_load import Load, numbers
from cape_kernels import consolidation, interest, outlook

_DAYS = 90
_PLANS = 500


def _interest(data: Data, name: str) -> Case:
    """A million amounts, deposited and refunded on random days of the rate table."""
    table = interest_table(rules.load())
    random = np.random.default_rng(2026)
    amount = readonly(random.integers(0, 10**8, AMOUNTS))
    first, last = bridge.days(data.partition.entries, f.ENTRY_DATE).max(), table.last
    start = readonly(random.integers(first - 400, first, AMOUNTS).astype(np.int32))
    end = readonly(random.integers(first + 1, min(first + 150, last), AMOUNTS).astype(np.int32))
    kind = readonly(random.integers(0, len(KINDS), AMOUNTS).astype(np.int8))
    pair, status = np.empty(AMOUNTS, np.int64), np.empty(AMOUNTS, np.int8)
    finding = (start, end, kind, amount, table.origin, table.gaps, pair, status)
    if name == "find_pairs":
        return AMOUNTS, interest.find_pairs, finding
    interest.find_pairs(*finding)
    out = np.zeros(AMOUNTS, np.int64)
    if name == "apply_factors":
        factors = np.full(len(KINDS) * table.points * table.points, 14_680_663)
        return AMOUNTS, interest.apply_factors, (amount, readonly(pair), readonly(factors), out)
    if name == "apply_two_growths":  # the second basket of each amount bears the rates of the other kind
        upper, other = readonly(amount // 3), np.empty(AMOUNTS, np.int64)
        interest.find_pairs(start, end, readonly(1 - kind), upper, table.origin, table.gaps, other, status)
        high, low, place = table.growth_of(np.concatenate([pair, other]))
        places = readonly(place[:AMOUNTS]), readonly(place[AMOUNTS:])
        growth = high, low, np.uint64(SLACK)
        return AMOUNTS, interest.apply_two_growths, (amount, places[0], upper, places[1], *growth, out, status)
    high, low, place = table.growth_of(readonly(pair))
    return AMOUNTS, interest.apply_growth, (amount, place, high, low, np.uint64(SLACK), out, status)


def _cohorts(data: Data, name: str) -> Case:
    """A million refunds of ten thousand recipients on sixty days; kernels that work together are measured together."""
    del data
    load = Load(AMOUNTS, 10_000, 60, seed=2026, chunk=AMOUNTS)
    register = Register()
    places = register.learn(numbers(load.recipients))
    chunk = next(iter(load.generate()))
    who, yes = places[chunk.recipient], np.ones(AMOUNTS, np.int8)
    refunds = consolidation.Refunds(who, who, chunk.day, chunk.principal_cents, chunk.interest_cents, yes, yes)
    if name == "sum_refunds":
        return AMOUNTS, summed, (refunds, register)
    if name in {"deal_refunds", "totals_of_refunds"}:
        return AMOUNTS, RunningSums(register).add_refunds, (refunds,)
    if name in {"add_sums", "collect", "order_sums", "merge_sums"}:  # the importers are somebody else
        refunds = refunds._replace(importer=np.roll(who, 1))
    if name == "wide_sums":  # every recipient has refunds of its own, and some of another importer
        refunds = refunds._replace(importer=np.where(np.arange(AMOUNTS) % 10 == 0, np.roll(who, 1), who))
    sums, running = summed(refunds, register)[0], RunningSums(register)
    running.add(sums)
    if name in {"deal_sums", "add_sums", "totals"}:
        return len(sums), running.add, (sums,)

    def made() -> None:
        again = RunningSums(register)
        again.add(sums)
        for make in again.work("", apart=False):
            make()

    return len(sums), made, ()


def _parties(data: Data, name: str) -> Case:
    """A hundred thousand importer numbers: found again, or written as they are shown."""
    del data
    register, words = Register(), pa.array(numbers(100_000))
    places = register.learn(words)
    if name == "fill_slots":
        return len(words), lambda: Register().learn(words), ()
    call, argument = (register.shown, places) if name == "copy_texts" else (register.learn, words)
    return len(words), call, (argument,)


def _keys(data: Data, name: str) -> Case:
    """A hundred thousand keys of payments."""
    del data, name
    register = Register()
    places = register.learn(numbers(100_000))
    days = readonly((20_600 + places % 100).astype(np.int32))
    return len(places), payment_keys, (register, places, days, np.ones(len(places), np.int32))


def _growing(data: Data, name: str) -> Case:
    """A million pairs of days: growth of the law, or that of simple interest."""
    del data
    table = interest_table(rules.load())
    random = np.random.default_rng(2026)
    kind = random.integers(0, len(KINDS), AMOUNTS)
    start = random.integers(0, table.points // 2, AMOUNTS)
    end = random.integers(table.points // 2, table.points, AMOUNTS)
    return AMOUNTS, (table if name == "grow" else SimpleTable(table.periods)).grown, (kind, start, end)


def _stretches(random: np.random.Generator) -> tuple[Stretches, int]:
    """Plans of entries over ninety acceptance days, and the first of these days."""
    first = interest_table(rules.load()).last - 2 * _DAYS
    accepted = np.arange(_DAYS) < random.integers(1, _DAYS + 1, (_PLANS, 1))
    liquidation = first + np.arange(_DAYS) // 7 * 7 + random.integers(0, _DAYS // 2, (_PLANS, 1))
    return Stretches.of(accepted, np.where(accepted, liquidation, NO_DAY).astype(np.int32)), first


def _outlook(data: Data, name: str) -> Case:
    """Two hundred thousand entries of ten groups or of twenty thousand recipients, five hundred plans."""
    del data
    rows, random = AMOUNTS // 5, np.random.default_rng(2026)
    stretches, first = _stretches(random)
    plan = random.integers(0, _PLANS, rows).astype(np.int32)
    if name == "count_refunds":
        who = np.sort(random.integers(1, 20_001, rows)).astype(np.int32)
        met = np.zeros((len(stretches.liquidation_days), _DAYS), np.int32)
        arguments = (readonly(who), readonly(plan), stretches.plans, met, np.zeros(_DAYS, np.int64))
        return rows, outlook.count_refunds, arguments
    cents: npt.NDArray[np.int64] = random.integers(1, 10**8, rows)
    days = random.integers(first - 400, first, rows).astype(np.int32)
    nothing = np.zeros(0, np.bool_)
    parts = Slices(np.arange(rows), cents, days, True, nothing, nothing, nothing, nothing)  # noqa: FBT003 - `single`
    group, kind = random.integers(0, 10, rows).astype(np.int32), random.integers(0, len(KINDS), rows).astype(np.int8)
    claimed = Claimed(plan, group, kind, cents, cents, parts)
    return rows, Outlook(stretches, ruleset=rules.load(), settings=Settings.build()).sums, (claimed, 10)


def _adding_up(data: Data, name: str) -> Case:
    """As many amounts as are tried together, all even, for an odd sum: no set adds up, so all are looked through."""
    del data, name
    amounts = 2 * np.random.default_rng(2026).integers(1, 10**8, MOST)
    return MOST, sums_of, (amounts, int(amounts.sum()) // 20 * 2 + 1)


CASES = {
    **of_module("interest", _interest, "find_pairs apply_factors apply_growth apply_two_growths"),
    **of_module("consolidation", _cohorts, "sum_refunds add_sums collect totals"),
    **of_module("buckets", _cohorts, "deal_refunds deal_sums put_back totals_of_refunds"),
    **of_module("packing", _cohorts, "begin_records count_records deal_records pack plain_cohorts wide_sums"),
    **of_module("cohorts", _cohorts, "merge_sums order_sums"),
    **of_module("parties", _parties, "copy_texts fill_slots number_texts spell"),
    **of_module("payment_keys", _keys, "payment_keys"),
    **of_module("growth", _growing, "grow multiply"),
    **of_module("outlook", _outlook, "sum_outlook count_refunds"),
    **of_module("sums", _adding_up, "find_sums"),
}
