"""`cape demo`: the whole road on generated entry summaries whose right answer is known."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cape_engine.cli import STOPPED, common
from cape_engine.errors import CapeError, Stopped, UsageError

if TYPE_CHECKING:
    from cape_fixtures import Generated

EXAMPLE = """Examples:

\b
  cape demo
  cape demo --entries 20000 --seed 7 --out demo-out

The entries are made up; the generator knows what is right without asking the engine, and the demo compares."""


class _FilingDay(click.Option):
    """The filing day, whose help says what the generator allows; the generator is loaded only to say so."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The lines of the help, with the days."""
        from cape_fixtures import FIRST_FILING, LAST_FILING

        self.help = f"Filing day, {FIRST_FILING} to {LAST_FILING}."
        return super().get_help_record(ctx)


@click.command("demo", epilog=EXAMPLE, short_help="Run the whole road on generated entry summaries.")
@click.option("--entries", type=click.IntRange(1, 5_000_000), default=2_000, show_default=True, help="Entries to make.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Another seed makes other entries.")
@click.option("--as-of", cls=_FilingDay, type=common.Day(), default="2026-05-04", show_default=True)
@click.option("--out", type=common.FILE, default="demo-out", show_default=True, help="Folder for inputs and results.")
@click.option("--threads", type=click.IntRange(1), help="Worker threads (default: all cores).")
@common.output_options
def command(
    *, entries: int, seed: int, as_of: dt.date, out: Path, threads: int | None, as_json: bool, quiet: bool
) -> int:
    """Generate entry summaries as ES-003 exports, run the whole road on them, and compare with the known answer."""
    _refuse_other_days(as_of)
    from cape_kernels import ahead

    ahead.compile_all()
    import cape_engine
    import cape_fixtures
    from cape_engine.cli import show
    from cape_engine.outputs.files import writing
    from cape_engine.report.html import REPORT, write_report

    results = out / "results"
    with common.watching(as_json=as_json, quiet=quiet) as progress, common.stop_on_signal() as stop:
        if progress is not None:
            progress.stage("generating entry summaries")
        made = _generated(entries, seed, as_of, stop)
        with writing(out):
            files = cape_fixtures.write(made, out / "inputs", format="csv", layout="es003", dirty=True)
        result = cape_engine.run(
            files.rows,
            headers=files.headers,
            importers=files.importers,
            as_of=as_of,
            out=results,
            threads=threads,
            progress=progress,
            stop=stop,
        )
    with writing(out):
        report = write_report(results / REPORT, result.tables(), result.manifest)
    if not quiet:
        if as_json:
            show.lines(result, results)
        else:
            show.tables(result, results)
        show.known_answer(result, made.totals, as_json=as_json)
        show.said(f"Inputs in {out / 'inputs'}; open {report} in a browser", as_json=as_json)
    if not show.agrees(result, made.totals):
        raise CapeError("the totals differ from the generator's known answer; please report this seed")
    return result.exit_code


def _refuse_other_days(as_of: dt.date) -> None:
    """Say which days the generator knows the answer for.

    Raises:
        UsageError: `as_of` is none of them.
    """
    from cape_fixtures import FIRST_FILING, LAST_FILING

    if not FIRST_FILING <= as_of <= LAST_FILING:
        raise UsageError(
            f"the demo knows the right answer for filing days from {FIRST_FILING} to {LAST_FILING}, not for {as_of}: "
            "choose one of them with --as-of"
        )


def _generated(entries: int, seed: int, as_of: dt.date, stop: threading.Event) -> Generated:
    """The entry summaries, unless a signal comes while they are made.

    Raises:
        Stopped: it came.
    """
    import cape_fixtures

    def watch() -> None:
        if stop.is_set():
            raise Stopped(STOPPED)

    return cape_fixtures.generate(entries, seed, as_of=as_of, watch=watch)
