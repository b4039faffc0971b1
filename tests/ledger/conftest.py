"""What the tests of the ledger share: a place for a ledger on SQLite or PostgreSQL, and declarations to put in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from cape_engine.ledger import Submission
from reference.entry_number import check_digit

DAY = dt.date(2026, 5, 4)
NOON = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)
Numbers = Callable[..., list[str]]
Submit = Callable[..., Submission]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.heavy, pytest.mark.postgres])])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a ledger may be made: the same tests on both kinds."""
    return str(tmp_path / "claims.ledger") if request.param == "sqlite" else request.getfixturevalue("postgres")


@pytest.fixture(scope="session")
def numbers() -> Numbers:
    """Made-up entry numbers with right check digits: `numbers(3)`, `numbers(3, start=10, filer="XYZ")`."""

    def make(size: int, *, start: int = 1, filer: str = "ABC") -> list[str]:
        bodies = (f"{filer}{number:07d}" for number in range(start, start + size))
        return [body + str(check_digit(body)) for body in bodies]

    return make


@pytest.fixture(scope="session")
def submit() -> Submit:
    """A declaration: `submit(entries, states, file="a", ...)`; one state for all, or one for each."""

    def make(
        entries: Sequence[str],
        states: str | Sequence[str] = "ACCEPTED",
        *,
        file: str = "a",
        filer: str = "ABC",
        on_day: dt.date = DAY,
        reasons: Sequence[str] | None = None,
        cents: int | None = 1_000_00,
        status: str = "Accepted",
        claim_number: str | None = None,
    ) -> Submission:
        listed = [states] * len(entries) if isinstance(states, str) else list(states)
        table = pa.table(
            {
                "entry_number": pa.array(entries, pa.string()),
                "state": pa.array(listed, pa.string()),
                "reason": pa.array(reasons or [""] * len(entries), pa.string()),
                "importer_number": pa.array(["12-345678900"] * len(entries), pa.string()),
                "principal_cents": pa.array([cents] * len(entries), pa.int64()),
            }
        )
        name = f"{file}.csv"
        sha = (file.encode().hex() + "0" * 64)[:64]
        return Submission(name, sha, "broker", filer, on_day, NOON, status, table, claim_number)

    return make
