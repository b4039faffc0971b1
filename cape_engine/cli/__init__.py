"""The command line: parse, call one function, print, return an exit code; each command is loaded when it is used."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click

from cape_engine import __version__
from cape_engine.cli.lazy import LazyGroup
from cape_engine.cli.spared import spare
from cape_engine.cli.voices import voices
from cape_engine.errors import CapeError, Stopped

EXIT_CANNOT_RUN = 2
_WORK_DONE = frozenset({0, 1})
_COLLECT_AFTER = 200_000
_SWITCH_SECONDS = 50e-6
STOPPED = "stopped; nothing half-written counts: run the same command again"

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("cape_engine.cli.demo", "Run the whole road on generated entry summaries and show the answer."),
    "import": ("cape_engine.cli.import_", "Read exports into a store that runs read again and again."),
    "export": ("cape_engine.cli.export", "Write a store as flat Parquet or CSV for other programs."),
    "run": ("cape_engine.cli.run", "Claim checks, removal, schedule and refunds for exports or a store."),
    "check": ("cape_engine.cli.check", "The claim portal's answer to declarations, entry by entry."),
    "pack": ("cape_engine.cli.pack", "Write declarations of every eligible entry, and lists of all others."),
    "schedule": ("cape_engine.cli.schedule", "Give accepted entries their place in the schedule."),
    "advance": ("cape_engine.cli.advance", "Play the days of the ledger up to a day."),
    "answers": ("cape_engine.cli.answers", "Take CBP's answers into the ledger: what moved, what failed, what next."),
    "refund": ("cape_engine.cli.refund", "Interest side by side, payment files and the life of payments."),
    "forecast": ("cape_engine.cli.forecast", "Cash by week with ranges, from the filer's own history of days."),
    "reconcile": ("cape_engine.cli.reconcile", "What CBP paid against what we expected, with the cause of each gap."),
    "whatif": ("cape_engine.cli.whatif", "What each acceptance day leads to: eligible set, principal, interest."),
    "risk": ("cape_engine.cli.risk", "What leaves which window when, and the entries to file first."),
    "explain": ("cape_engine.cli.explain", "Say why one entry comes out as it does, number by number."),
    "review": ("cape_engine.cli.review", "Entries that wait for an officer: list, assign, decide."),
    "ledger": ("cape_engine.cli.ledger", "What was ever filed, decided and paid: show, prove, carry away."),
    "rules": ("cape_engine.cli.rules", "Show, check and compare the dated rules."),
    "bench": ("cape_engine.cli.bench", "Data of national size with a known answer, and measurements."),
    "warm": ("cape_engine.cli.warm", "Compile the kernels into the cache, for images and batch machines."),
}


EPILOG = """Examples:

\b
  cape demo
  cape run export.csv --headers headers.csv --as-of 2026-05-04 --out results
  cape explain ABC12345676 --results results
  cape rules show 9903.01.25 --on 2025-08-07

Exit codes: 0 done; 1 done, with findings or rejected entries; 2 cannot run, nothing written;
3 stopped part-way, run the same command again."""


@click.group(cls=LazyGroup, rooms=COMMANDS, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cape")
def cape() -> None:
    """Give back wrongly collected tariffs, exactly to the cent, with every cent explained."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with the exit code of the contract; no traceback reaches a user."""
    # A command makes few cycles and imports much: the collector would walk the same modules again and again (0.2 s).
    gc.set_threshold(_COLLECT_AFTER)
    # A thread that comes back from a kernel needs the interpreter for microseconds, and may wait 5 ms for one that is
    # busy in Python: a sixth of the idle time of a run, 2 to 3 % of its time.
    sys.setswitchinterval(_SWITCH_SECONDS)
    spare()
    words = list(sys.argv[1:] if arguments is None else arguments)
    # A batch system stops with SIGTERM, whose default would leave temporary folders behind and say nothing.
    signal.signal(signal.SIGTERM, _interrupt)
    with voices() as out:
        try:
            code = invoke(words)
            _deaf_to_signals()
        except KeyboardInterrupt:  # one more, while the first was being answered
            _deaf_to_signals()
            code = _complain(Stopped(STOPPED), as_json="--json" in words)
        if code in _WORK_DONE and (lost := out.lost()) is not None:
            code = _complain(lost, as_json="--json" in words)
        if arguments is None:
            _leave(code)
    sys.exit(code)


def _leave(code: int) -> NoReturn:
    """End the process at once: every file is closed and durable, and taking compiler and Arrow apart costs 0.4 s."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # the reader went away, or there never was one
            stream.flush()
    os._exit(code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Treat SIGTERM as Ctrl-C."""
    del number, frame
    raise KeyboardInterrupt


def _deaf_to_signals() -> None:
    """Let no signal change the exit code once the work is done or given up."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def invoke(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    as_json = "--json" in arguments
    try:
        result = cape.main(arguments, prog_name="cape", standalone_mode=False)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _complain(Stopped(STOPPED), as_json=as_json)
    except click.ClickException as wrong:
        if as_json:
            return _complain(wrong, as_json=True)
        wrong.show()
        return EXIT_CANNOT_RUN
    except CapeError as wrong:
        return _complain(wrong, as_json=as_json)
    except Exception as fault:
        if os.environ.get("CAPE_DEBUG"):
            raise
        said = f"internal fault: {type(fault).__name__}: {fault}; set CAPE_DEBUG=1 to see where, and report it"
        return _complain(CapeError(said), as_json=as_json)
    return result if isinstance(result, int) else 0


def _complain(wrong: Exception, *, as_json: bool) -> int:
    """Print one clear message on standard error and return the exit code that goes with it."""
    code = getattr(wrong, "exit_code", EXIT_CANNOT_RUN)
    said = wrong.format_message() if isinstance(wrong, click.ClickException) else str(wrong)
    if as_json:
        import json

        click.echo(
            json.dumps({"event": "error", "kind": type(wrong).__name__, "message": said, "exit_code": code}), err=True
        )
    else:
        click.echo(f"cape: {said}", err=True)
    return int(code)
