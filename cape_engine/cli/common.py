"""What the commands share: options, parsing of days and settings, signals, and progress on a terminal or as JSON."""

from __future__ import annotations

import datetime as dt
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TextIO, TypeVar

import click

from cape_engine.errors import SettingError

F = TypeVar("F", bound=Callable[..., Any])
FILE = click.Path(path_type=Path)


class Day(click.ParamType[dt.date]):
    """A day written YYYY-MM-DD."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.date:
        """Parse, or fail with the way to write it."""
        if isinstance(value, dt.date):
            return value
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day; write it as YYYY-MM-DD", param, ctx)


def output_options(function: F) -> F:
    """`--json` and `--quiet`, on every command."""
    function = click.option("--quiet", is_flag=True, help="Print nothing but errors.")(function)
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="JSON lines, for machines; most commands print them anyway without a terminal.",
    )(function)


def input_options(function: F) -> F:
    """The files beside the sources, and settings."""
    options = (
        click.option(
            "--headers", multiple=True, type=FILE, help="Entry header file: facts an export lacks; may be repeated."
        ),
        click.option("--mapping", type=FILE, help="TOML with exact header names of another export."),
        click.option(
            "--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change one setting; may be repeated."
        ),
        click.option("--settings", "settings_file", type=FILE, help="TOML file with settings."),
        click.option("--rules", "rules_folder", type=FILE, help="Folder of rule files instead of the built-in ones."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def run_options(function: F) -> F:
    """The options of the whole road that `run` and `explain` share."""
    options = (
        click.option("--as-of", type=Day(), help="Filing day: rules of that day apply (default today)."),
        click.option("--accepted-on", type=Day(), help="Acceptance day: schedule and interest (default filing day)."),
        click.option(
            "--importers", multiple=True, type=FILE, help="Importers file: kind, ACH enrolment; may be repeated."
        ),
        click.option(
            "--deposits",
            multiple=True,
            type=FILE,
            help="Deposits file: entry_number, deposit_date, amount_cents; may be repeated.",
        ),
        click.option("--column1", type=FILE, help="Your own column 1 rates."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def outlook_options(function: F) -> F:
    """The options that `whatif` and `risk` share."""
    options = (
        click.option("--results", type=FILE, help="Finished run over the same entries: its principal is taken."),
        click.option("--facts", type=FILE, help="File that keeps faults and principal; made when it is missing."),
        click.option(
            "--by",
            multiple=True,
            type=click.Choice(["importer", "filer"]),
            help="Tables for each of them; may be repeated.",
        ),
        click.option("--out", type=FILE, help="Folder for tables and chart."),
        click.option(
            "--importers", multiple=True, type=FILE, help="Importers file: kind, ACH enrolment; may be repeated."
        ),
        click.option("--deposits", multiple=True, type=FILE, help="Deposits file, as for a run; may be repeated."),
        click.option("--column1", type=FILE, help="Your own column 1 rates."),
        click.option("--threads", type=click.IntRange(1), help="Worker threads (default: all cores)."),
        click.option(
            "--memory-limit", metavar="SIZE", help="Memory to stay within while files are read, such as 2GiB."
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def emit_outlook(event: str, result: Any) -> None:
    """The summary of a what-if or a risk report as a JSON line, findings by code before it."""
    counts = result.manifest["counts"]
    for code, count in counts["findings_by_code"].items():
        emit("findings", code=code, count=count)
    emit(
        event,
        exit_code=result.exit_code,
        out=None if result.folder is None else str(result.folder),
        result_hash=result.manifest["result_hash"],
        counts=counts,
        seconds=result.manifest["seconds"],
    )


def parsed_settings(changes: tuple[str, ...]) -> dict[str, object]:
    """`--set name=value` options as a mapping.

    Raises:
        SettingError: one of them has no `=`.
    """
    parsed: dict[str, object] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise SettingError(f"--set takes NAME=VALUE, not {change!r}; for example --set mass.mode=B")
        parsed[name.strip()] = value.strip()
    return parsed


def is_terminal() -> bool:
    """Whether a person is looking at standard output."""
    return _watched(sys.stdout)


def _watched(stream: TextIO | None) -> bool:
    """Whether a person is looking at a standard stream; there is none where it was closed."""
    return stream is not None and stream.isatty()


def emit(event: str, **values: object) -> None:
    """One JSON line on standard output."""
    click.echo(json.dumps({"event": event, **values}, default=str))


MOST_FINDINGS = 20


def told(counts: str) -> str:
    """Counts that stand as JSON, as words."""
    return ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in json.loads(counts).items())


def emit_findings(
    event: str, counts: Mapping[str, int], findings: Any, exit_code: int, *, as_json: bool, quiet: bool
) -> None:
    """Counts and findings of a command: JSON lines for machines, sentences for people.

    Args:
        event: name of the last line.
        counts: by name.
        findings: columns `RESULT_FINDINGS`.
        exit_code: of the command.
        as_json: for machines.
        quiet: nothing at all.
    """
    if quiet:
        return
    from cape_engine.schema import results as r

    rows = findings.to_pylist()
    if as_json or not is_terminal():
        for row in rows:
            emit("finding", **row)
        emit(event, exit_code=exit_code, counts=dict(counts))
        return
    for name, count in counts.items():
        click.echo(f"{count:>16,}  {name.replace('_', ' ')}")
    for row in rows[:MOST_FINDINGS]:
        place = ", ".join(
            str(row[name]) for name in (r.FINDING_SOURCE, r.ROW, r.FINDING_ENTRY) if row[name] is not None
        )
        click.echo(f"  {row[r.SEVERITY]} {row[r.CODE]}: {place}: {row[r.MESSAGE]}")
    if len(rows) > MOST_FINDINGS:
        click.echo(f"  and {len(rows) - MOST_FINDINGS:,} more findings (--json lists them all)")


@contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; a second signal leaves at once."""
    event = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class JsonProgress:
    """Progress as JSON lines on standard error, at most one a second within a stage."""

    def __init__(self) -> None:
        self._name = ""
        self._total: int | None = None
        self._done = 0
        self._said = 0.0

    def stage(self, name: str, total: int | None = None) -> None:
        """Say that a stage begins."""
        self._name, self._total, self._done = name, total, 0
        self._say()

    def advance(self, steps: int = 1) -> None:
        """Say how far it is, now and then."""
        self._done += steps
        if time.monotonic() - self._said >= 1.0:
            self._say()

    def _say(self) -> None:
        self._said = time.monotonic()
        line = {"event": "progress", "stage": self._name, "done": self._done, "total": self._total}
        click.echo(json.dumps(line), err=True)


@contextmanager
def watching(*, as_json: bool, quiet: bool) -> Iterator[Any]:
    """Progress for whoever watches: bars on a terminal, JSON lines elsewhere, nothing with `--quiet`."""
    if quiet:
        yield None
    elif as_json or not _watched(sys.stderr):
        yield JsonProgress()
    else:
        from cape_engine.cli.bars import Bars

        with Bars() as bars:
            yield bars
