"""The exceptions of the engine: a broken program, rule file or usage; bad data is never one of these.

CapeError
├── UsageError          the caller asked for something that cannot be done (exit code 2)
│   ├── SettingError    an unknown setting, or a value it does not take
│   └── MappingError    a column mapping that does not fit its file
├── InputError          a source that cannot be read at all (exit code 2)
├── RuleFileError       a rule file that breaks its own contract (exit code 2)
├── StoreError          a folder that is not a store, or one of another format (exit code 2)
├── LedgerError         a ledger that cannot be used (exit code 2)
│   ├── LedgerFormatError   not a ledger, damaged, or changed by another hand
│   ├── LedgerVersionError  written by a newer engine, or by an older one and not yet migrated
│   ├── LedgerLockedError   somebody else is writing (exit code 3: the same command may be run again)
│   └── LedgerWriteError    read-only, disk full, server gone (exit code 3); nothing of the transaction counts
├── OutputError         results that could not be written (exit code 3: the same command may be run again)
└── Stopped             a signal arrived; what is written is whole (exit code 3)

Bad *data* becomes a finding (`cape_engine.findings`), the run goes on, and nothing is guessed.
"""

from __future__ import annotations


class CapeError(Exception):
    """Base of every error of the engine; `exit_code` is what a command returns for it."""

    exit_code = 2


class UsageError(CapeError):
    """The call asks for something that cannot be done."""


class SettingError(UsageError):
    """A setting that does not exist, or a value it does not take."""


class MappingError(UsageError):
    """A column mapping that is not valid or does not fit its file."""


class InputError(CapeError):
    """A source that cannot be read at all."""


class RuleFileError(CapeError):
    """A rule file with an unknown key, a duplicate, a gap, an overlap or an unreadable value."""


class StoreError(CapeError):
    """A folder that is not a store of this engine, or one written in another format."""


class LedgerError(CapeError):
    """A ledger that cannot be used."""


class LedgerFormatError(LedgerError):
    """A file that is not a ledger, is damaged, or was changed by something else than an engine."""


class LedgerVersionError(LedgerError):
    """A ledger whose schema is newer than the engine, or older and not yet migrated."""


class LedgerLockedError(LedgerError):
    """Somebody else kept writing for as long as we were asked to wait; nothing was changed."""

    exit_code = 3


class LedgerWriteError(LedgerError):
    """The transaction could not be made durable; nothing of it counts, and the command may be repeated."""

    exit_code = 3


class OutputError(CapeError):
    """Results could not be written; nothing half-written counts, and the command may be repeated."""

    exit_code = 3


class Stopped(CapeError):  # noqa: N818 - not an error of anybody: a signal asked the run to stop
    """A signal arrived; what is written is whole, and the same command continues."""

    exit_code = 3
