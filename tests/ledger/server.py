"""A PostgreSQL server for the tests that want one: found here, started on loopback, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

_NEEDED = ("initdb", "pg_ctl", "postgres")


def _programs() -> Path | None:
    """The folder of PostgreSQL's programs: where the first `pg_ctl` on PATH lies, or Debian's, the newest first."""
    found = shutil.which("pg_ctl")
    near = [] if found is None else [Path(found).parent, Path(found).resolve().parent]
    places = [*near, *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    return next((place for place in places if all((place / name).exists() for name in _NEEDED)), None)


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
