"""The opponents of the benchmarks as independent oracles: four engines, two layouts, our answer to the cent."""

from __future__ import annotations

import datetime as dt
import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cape_engine
import cape_fixtures
from cape_engine import intake, rules
from cape_engine.settings import Settings

ROOT = Path(__file__).parents[2]
PEERS = ("duckdb", "polars", "datafusion", "pandas")
DAYS = (dt.date(2026, 4, 20), dt.date(2026, 7, 20))
ENTRIES = 1000

pytestmark = pytest.mark.skipif(
    not (ROOT / "benchmarks" / "peers").is_dir(), reason="the opponents live in the source tree, which is not here"
)


def peers(module: str) -> Any:
    """A module of `benchmarks.peers`; the source tree comes last on the path, after an installed wheel."""
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    return importlib.import_module(f"benchmarks.peers.{module}")


@pytest.fixture(scope="module", params=DAYS, ids=str)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Entries of every scenario filed on one day, in a store of several partitions, with our answer."""
    day = request.param
    folder = tmp_path_factory.mktemp("peers")
    made = cape_fixtures.generate(ENTRIES, 11, as_of=day, mix="all_rules")
    files = cape_fixtures.write(made, folder / "files", format="parquet", layout="canonical")
    store, _found = intake.build_store(
        files.rows,
        folder / "store",
        headers=[files.headers],
        ruleset=rules.load(),
        settings=Settings.build(None, None),
        partition_lines=20_000,
    )
    ours = cape_engine.run(store.folder, importers=files.importers, as_of=day, detail="none")
    inputs = peers("inputs")
    return {
        "day": day,
        "answer": peers("contender").answer_of(ours),
        "store": inputs.open_store(store.folder, files.importers),
        "best": peers("layout").write_layout(store.folder, folder / "best", files.importers),
    }


@pytest.mark.parametrize("layout", ["store", "best"])
@pytest.mark.parametrize("engine", PEERS)
def test_run__equals_ours(case: dict[str, Any], engine: str, layout: str) -> None:
    """Disposition and money of every entry, and every refund, are ours, though only the rule files are shared."""
    found = peers(f"{engine}_peer").run(case[layout], case["day"], case["day"])
    assert len(case["store"].pieces) > 1
    assert found.entries.to_pydict() == case["answer"].entries.to_pydict()
    assert found.refunds.to_pylist() == case["answer"].refunds.to_pylist()
    assert peers("answer").same(found, case["answer"])


def test_same__sees_a_cent(case: dict[str, Any]) -> None:
    """One cent in one refund makes another answer."""
    answer = peers("answer")
    ours = case["answer"]
    changed = ours.refunds.to_pydict()
    changed["interest_cents"][0] += 1
    other = answer.Answer(ours.entries, ours.refunds.from_pydict(changed, schema=ours.refunds.schema))
    assert not answer.same(ours, other)


def test_law__each_rate_once_a_day() -> None:
    """No tariff number has two rates of one programme on one day."""
    rates = peers("law").law(DAYS[0], DAYS[0]).rates
    rates = rates.sort_by([(name, "ascending") for name in ("hts8", "spi", "first_day")])
    numbers, spi = rates["hts8"].to_numpy(), rates["spi"].to_numpy(zero_copy_only=False)
    first, last = rates["first_day"].to_numpy(), rates["last_day"].to_numpy()
    again = (numbers[1:] == numbers[:-1]) & (spi[1:] == spi[:-1])
    assert again.any()
    assert (last[:-1][again] < first[1:][again]).all()


def test_grown_cents__exact_in_64_bits() -> None:
    """The limbs of pandas give what whole numbers of any size give, an exact half cent included."""
    entries = peers("pandas_entries")
    cases = [(9_999_999_999_999, 10**24 - 1), (9_125, 493_150_684_931_506_849_316), (1, 5 * 10**24), (0, 7)]
    principal = np.array([case[0] for case in cases], np.int64)
    limbs = [np.array([growth * 100 // 10 ** (9 * place) % 10**9 for _, growth in cases]) for place in range(3)]
    expected = [(amount * growth + 5 * 10**24) // 10**25 for amount, growth in cases]
    assert entries.grown_cents(principal, limbs).tolist() == expected
