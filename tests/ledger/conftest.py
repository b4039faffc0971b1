"""What the tests of the ledger share: places for ledgers on SQLite and PostgreSQL, and declarations to put in."""

from __future__ import annotations

import datetime as dt
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

import pyarrow as pa
import pytest

from cape_engine.ledger import Submission
from reference.entry_number import check_digit

DAY = dt.date(2026, 5, 4)
NOON = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)
Numbers = Callable[..., list[str]]
Submit = Callable[..., Submission]


def _programs() -> Path | None:
    """The folder of PostgreSQL's programs."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


def _as_server(command: list[str]) -> None:
    """Run one of PostgreSQL's programs; it refuses root, so root becomes `postgres`."""
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*user, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL server of our own on loopback, in a temporary folder; the URL of its first database."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL's programs are not installed here (Debian: apt-get install postgresql)")
    pytest.importorskip("adbc_driver_postgresql", reason="the driver of PostgreSQL is not installed here")
    if os.geteuid() == 0 and "postgres" not in {user.pw_name for user in pwd.getpwall()}:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres here")
    folder = Path(tempfile.mkdtemp(prefix="cape-pg-", dir="/tmp" if os.geteuid() == 0 else None))  # noqa: S108 - pytest's own folders are closed to the user postgres
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data, control = folder / "data", str(programs / "pg_ctl")
    options = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories={folder}"
    try:
        _as_server([str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "--no-sync"])
        _as_server([control, "-D", str(data), "-w", "-o", options, "-l", str(folder / "log"), "start"])
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            _as_server([control, "-D", str(data), "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_databases = count(1)


@pytest.fixture
def postgres(server: str) -> str:
    """The URL of an empty database."""
    from adbc_driver_postgresql import dbapi

    name = f"ledger{next(_databases)}"
    with dbapi.connect(server, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    return server.rsplit("/", 1)[0] + "/" + name


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
