"""A database becomes a ledger, or is seen to be one of this engine's version."""

from __future__ import annotations

from cape_engine import __version__
from cape_engine.errors import LedgerError, LedgerFormatError, LedgerVersionError
from cape_engine.ledger.database import Database, apply_migrations, newest, refuse_newer, schema_version, transaction
from cape_engine.ledger.states import Life


def prepare(database: Database, life: Life, *, create: bool) -> None:
    """See that the tables are there and are of this engine's version; an empty database becomes a ledger."""
    with transaction(database, write=False):
        version = schema_version(database)
        missing = [] if version == 0 else _missing_states(database, life)
    refuse_version(database, version)
    if version == 0 and not create:
        raise LedgerError(
            f"{database.url}: there is no ledger. Look at the path; `cape check` and `cape pack` make new ones."
        )
    if version == 0 or (missing and create):
        with transaction(database, write=True):
            database.begin_life()
            apply_migrations(database, __version__)
            keep_states(database, life)


def refuse_version(database: Database, version: int) -> None:
    """Refuse a ledger of another schema than this engine's; 0 is one without tables yet."""
    refuse_newer(database, version)
    if 0 < version < newest():
        raise LedgerVersionError(
            f"{database.url}: the ledger has schema version {version}, this engine writes version {newest()}. "
            f"Bring it forward with `cape ledger migrate {database.url}`; make a backup first."
        )


def refuse_other(database: Database) -> None:
    """Refuse to migrate what is not a ledger."""
    if schema_version(database) == 0:
        raise LedgerError(f"{database.url}: there is no ledger to migrate. Name another one.")


def _missing_states(database: Database, life: Life) -> list[tuple[int, str, int]]:
    """States of the rules that the ledger does not keep yet.

    Raises:
        LedgerFormatError: a code means something else there than in the rules.
    """
    kept = {code: (state, live) for code, state, live in database.rows("SELECT code, state, live FROM states")}
    wanted = {code: (state, int(state in life.live)) for code, state in life.names.items()}
    for code, meaning in kept.items():
        if wanted.get(code, meaning) != meaning:
            raise LedgerFormatError(
                f"{database.url}: code {code} is the state {meaning[0]} there, and {wanted[code][0]} in "
                "entry_states.csv. Use the rules the ledger was made with; a code never changes its meaning."
            )
    return [(code, *meaning) for code, meaning in sorted(wanted.items()) if code not in kept]


def keep_states(database: Database, life: Life) -> None:
    """Write the states of the rules into the ledger, so that its codes can be read without an engine."""
    for row in _missing_states(database, life):
        database.run("INSERT INTO states (code, state, live) VALUES (?, ?, ?)", row)
