"""The face of the commands: exit codes, JSON lines, help, signals, full disks, and homes that cannot be written."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import cape_engine
import cape_fixtures
from cape_engine.cli import COMMANDS
from face import exports
from face.exports import AS_OF, BAD, GOOD, entry
from road import es003

Capture = pytest.CaptureFixture[str]
TABLES = {f"{name}.parquet" for name in ("entries", "changes", "refunds", "payments", "findings")}
RULE_COMMANDS = (["rules", "show"], ["rules", "diff"], ["rules", "check"])
LEDGER_COMMANDS = tuple(
    ["ledger", name] for name in ("show", "history", "verify", "export", "import", "backup", "migrate")
)


def environment(**more: str) -> dict[str, str]:
    """The environment of a process that finds the modules this one has found."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **more}


def process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """`python -m cape_engine` to its end, with no terminal."""
    command = [sys.executable, "-m", "cape_engine", *map(str, arguments)]
    options = {"stdin": subprocess.DEVNULL, "env": environment(), **options}
    ran: subprocess.CompletedProcess[str] = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, **options
    )
    assert "Traceback" not in ran.stderr + ran.stdout, ran.stderr
    assert "internal fault" not in ran.stderr, ran.stderr
    return ran


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """The good rows as an export."""
    return exports.good_alone(tmp_path)


@pytest.mark.parametrize("command", [[name] for name in COMMANDS] + [*RULE_COMMANDS, *LEDGER_COMMANDS], ids=" ".join)
def test_help__shows_an_example(command: list[str], capsys: Capture) -> None:
    """Every command explains itself and gives an example to copy."""
    for option in ("--help", "-h"):
        said = es003.cape(capsys, *command, option)
        assert said.code == 0
        assert f"cape {' '.join(command)}" in said.out
        assert "Example" in said.out
        group = command in (["rules"], ["bench"], ["ledger"], ["review"], ["refund"])
        assert "--json" in said.out or group
        assert "--quiet" in said.out or group


def test_help__loads_neither_arrow_nor_a_compiler() -> None:
    """`cape --help` and `--version` answer at once: nothing heavy is imported."""
    code = (
        "import sys; from cape_engine.cli import invoke; code = invoke(sys.argv[1:]); "
        "heavy = {'numba', 'pyarrow', 'numpy', 'pandas', 'rich'} & set(sys.modules); "
        "sys.exit(f'{heavy}' if heavy else code)"
    )
    for option in ("--help", "--version"):
        ran = subprocess.run(
            [sys.executable, "-c", code, option], capture_output=True, text=True, check=False, env=environment()
        )
        assert ran.returncode == 0, ran.stderr
        assert "cape" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "said_of"),
    [
        (["run"], "SOURCE"),
        (["run", "missing.csv"], "missing.csv"),
        (["run", "GOOD", "--colour", "blue"], "--colour"),
        (["run", "GOOD", "--set", "mass.colour=blue"], "mass.colour"),
        (["run", "GOOD", "--set", "mass.mode=C"], "mass.mode"),
        (["run", "GOOD", "--set", "mass.mode"], "NAME=VALUE"),
        (["run", "GOOD", "--set", "mass.tolerance_cents=many"], "mass.tolerance_cents"),
        (["run", "GOOD", "--set", "mass.tolerance_cents=99999999999999999999"], "mass.tolerance_cents"),
        (["run", "GOOD", "--set", "mass.tolerance_cents=--5"], "mass.tolerance_cents"),
        (["run", "GOOD", "--set", "mass.tolerance_cents=²"], "mass.tolerance_cents"),
        (["run", "GOOD", "--settings", "missing.toml"], "missing.toml"),
        (["run", "GOOD", "--as-of", "04.05.2026"], "YYYY-MM-DD"),
        (["run", "GOOD", "--as-of", "2026-04-19"], "2026-04-20"),
        (["run", "GOOD", "--as-of", "2026-05-04", "--accepted-on", "2026-05-03"], "2026-05-03"),
        (["run", "GOOD", "--threads", "0"], "--threads"),
        (["run", "GOOD", "--detail", "much"], "--detail"),
        (["run", "GOOD", "--headers", "missing.csv"], "missing.csv"),
        (["run", "GOOD", "--importers", "missing.csv"], "missing.csv"),
        (["run", "GOOD", "--deposits", "missing.csv"], "missing.csv"),
        (["run", "GOOD", "--column1", "missing.csv"], "missing.csv"),
        (["run", "GOOD", "--mapping", "missing.toml"], "missing.toml"),
        (["run", "GOOD", "--declaration", "missing.csv"], "missing.csv"),
        (["fly"], "fly"),
        (["explain", "ABC12345676"], "--results"),
        (["explain", "ABC12345676", "--results", "."], "results"),
        (["import", "GOOD"], "--store"),
        (["rules", "show", "nonsense"], "nonsense"),
        (["rules", "diff", "2026-06-24"], "DAY2"),
    ],
    ids=lambda word: " ".join(word)[:40] if isinstance(word, list) else "",
)
def test_usage__one_clear_message(
    arguments: list[str], said_of: str, export: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """What cannot be run is exit code 2, one message that names the cause, and nothing written."""
    monkeypatch.chdir(export.parent)
    before = set(export.parent.rglob("*"))
    words = [str(export) if word == "GOOD" else word for word in arguments]
    said = es003.cape(capsys, *words, *([] if "--as-of" in words or words[0] != "run" else AS_OF))
    assert said.code == 2
    assert said.out == ""
    assert said_of in "".join(line for line in said.err.splitlines(keepends=True) if "progress" not in line)
    assert set(export.parent.rglob("*")) == before


def test_usage__message_for_machines(export: Path, capsys: Capture) -> None:
    """With `--json` the message is a JSON line on standard error."""
    said = es003.cape(capsys, "run", export, "--set", "mass.colour=blue", "--json")
    error = [json.loads(line) for line in said.err.splitlines()][-1]
    assert (said.code, said.out, error["event"], error["exit_code"]) == (2, "", "error", 2)
    assert "mass.colour" in error["message"]
    said = es003.cape(capsys, "run", export, "--colour", "--json")
    error = [json.loads(line) for line in said.err.splitlines()][-1]
    assert (said.code, error["exit_code"]) == (2, 2)


def test_run__json_lines_all_parse(export: Path, tmp_path: Path, capsys: Capture) -> None:
    """Each line of both outputs is JSON; the last one on standard output is the result."""
    said = es003.cape(capsys, "run", export, *AS_OF, "--json", "--out", tmp_path / "out")
    assert said.code == 0
    assert said.lines[-1]["event"] == "result"
    assert said.lines[-1]["exit_code"] == 0
    assert [json.loads(line)["event"] for line in said.err.splitlines()] == ["progress"] * len(said.err.splitlines())
    refunds = [line for line in said.lines if line["event"] == "refunds_week"]
    assert sum(line["amount_cents"] for line in refunds) == said.result["totals_cents"]["refunds_amount_cents"]


def visible(out: Path) -> set[str]:
    """Names of the results in a folder; what a run keeps for the next one is hidden."""
    return {path.name for path in out.iterdir() if not path.name.startswith(".")} if out.exists() else set()


def test_run__quiet(export: Path, tmp_path: Path, capsys: Capture) -> None:
    """`--quiet` prints nothing; the answer is in the folder and in the exit code."""
    said = es003.cape(capsys, "run", export, *AS_OF, "--quiet", "--out", tmp_path / "out")
    assert (said.code, said.out, said.err) == (0, "", "")
    assert visible(tmp_path / "out") == {*TABLES, "manifest.json"}


def test_run__exit_codes(export: Path, tmp_path: Path, capsys: Capture) -> None:
    """0 without anything to report, 1 with a rejected entry or a warning, however good the rest is."""
    assert es003.cape(capsys, "run", export, *AS_OF, "--quiet").code == 0
    rejected = es003.write([*exports.good(), *entry(BAD, entry_type="08")], tmp_path / "more.csv")
    assert es003.cape(capsys, "run", rejected, *AS_OF, "--quiet").code == 1
    assert es003.cape(capsys, "run", export, export, *AS_OF, "--quiet").code in {0, 1}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_run__folder_not_writable(export: Path, tmp_path: Path, capsys: Capture) -> None:
    """A folder that may not be written is said before the work, with exit code 2: nothing was read or written."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    said = es003.cape(capsys, "run", export, *AS_OF, "--out", closed / "out")
    assert said.code == 2
    assert str(closed) in said.err
    assert "progress" not in said.err


def test_run__out_is_a_file(export: Path, tmp_path: Path, capsys: Capture) -> None:
    """An `--out` that is a file is refused before any source is read; the file stays as it is."""
    taken = tmp_path / "taken"
    taken.write_text("mine", encoding="utf-8")
    for out in (taken, taken / "below"):
        said = es003.cape(capsys, "run", export, *AS_OF, "--out", out)
        assert said.code == 2
        assert "taken is a file" in said.err
        assert "progress" not in said.err
    assert taken.read_text(encoding="utf-8") == "mine"


def test_run__disk_full(export: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up is exit code 3 and leaves no manifest and nothing half-written; then the command works."""
    out = tmp_path / "out"
    write = pq.write_table
    written: list[object] = []

    def full(table: object, stream: Any, **options: object) -> None:
        if len(written) == 2:
            stream.write(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(table)
        write(table, stream, **options)

    with monkeypatch.context() as patched:
        patched.setattr(pq, "write_table", full)
        said = es003.cape(capsys, "run", export, *AS_OF, "--quiet", "--out", out)
    assert said.code == 3
    assert "No space left" in said.err
    assert visible(out) == set()
    assert es003.cape(capsys, "run", export, *AS_OF, "--quiet", "--out", out).code == 0
    assert visible(out) == {*TABLES, "manifest.json"}


def test_run__disk_full_keeps_the_earlier_results(
    export: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results of an earlier run stay whole when a later one cannot be written."""
    out = tmp_path / "out"
    assert es003.cape(capsys, "run", export, *AS_OF, "--quiet", "--out", out).code == 0
    before = {name: (out / name).read_bytes() for name in visible(out)}

    def full(*given: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(pq, "write_table", full)
        assert es003.cape(capsys, "run", export, *AS_OF, "--quiet", "--out", out).code == 3
    assert {name: (out / name).read_bytes() for name in visible(out)} == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run__signal(number: signal.Signals, tmp_path: Path) -> None:
    """A signal in the middle is exit code 3 and no results; the same command then gives them whole."""
    made = cape_fixtures.generate(1_000, 5, as_of=exports.DAY)
    files = cape_fixtures.write(made, tmp_path / "made", format="csv")
    store = tmp_path / "store"
    assert process("import", *files.rows, "--store", store, "--partition-lines", "100", "--quiet").returncode in {0, 1}
    command = ["run", str(store), *AS_OF, "--json", "--threads", "1", "--out", str(tmp_path / "out")]
    running = subprocess.Popen(
        [sys.executable, "-m", "cape_engine", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert running.stderr is not None
    seen = ""
    for line in running.stderr:
        seen += line
        if "processing entries" in line:
            break
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 3, seen + err
    assert "Traceback" not in err
    assert out == ""
    assert json.loads(err.splitlines()[-1])["exit_code"] == 3
    assert visible(tmp_path / "out") == set()
    again = process(*command)
    assert again.returncode == 1
    assert visible(tmp_path / "out") == {*TABLES, "manifest.json"}


def test_run__second_signal_leaves_at_once(tmp_path: Path) -> None:
    """Two signals while files are read still end with exit code 3 and no results."""
    made = cape_fixtures.generate(4_000, 5, as_of=exports.DAY)
    files = cape_fixtures.write(made, tmp_path / "made", format="csv")
    running = subprocess.Popen(
        [sys.executable, "-m", "cape_engine", "run", *map(str, files.rows), *AS_OF, "--out", str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert running.stderr is not None
    running.stderr.readline()
    running.send_signal(signal.SIGINT)
    time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _out, err = running.communicate(timeout=60)
    assert running.returncode == 3, err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_run__standard_input_closed_and_home_read_only(export: Path, tmp_path: Path) -> None:
    """With no input, no home and no place for caches the command still works."""
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    closed = environment(HOME=str(home), XDG_CACHE_HOME=str(home / "none"), TERM="dumb")
    ran = process("run", export, *AS_OF, "--json", env=closed, stdin=None, preexec_fn=lambda: os.close(0))
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1])["event"] == "result"


def test_run__output_that_nobody_reads(export: Path) -> None:
    """A reader that goes away, as `| head` does, is no fault of the program."""
    running = subprocess.Popen(
        [sys.executable, "-m", "cape_engine", "rules", "show", "9903.01.25"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert running.stdout is not None
    running.stdout.close()
    running.stdout = None
    _out, err = running.communicate(timeout=60)
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


def test_run__tables_for_people(export: Path, capsys: Capture) -> None:
    """On a terminal the answer is tables; the amounts are dollars with cents."""
    from cape_engine.cli import show

    result = cape_engine.run(export, as_of=AS_OF[1])
    capsys.readouterr()
    show.result(result, None, as_json=False)
    out = capsys.readouterr().out
    assert "accepted" in out
    assert "2,000.00" in out
    assert "2026-06-15" in out


def test_import__then_run_equals_run_on_files(export: Path, tmp_path: Path, capsys: Capture) -> None:
    """A store gives the tables that its files give, with facts read at import or at run."""
    facts = es003.write_facts(
        [{"entry_number": number, "deposit_date": "2025-09-22"} for number in GOOD], tmp_path / "facts.csv"
    )
    assert es003.cape(capsys, "import", export, "--headers", facts, "--store", tmp_path / "with").code == 0
    assert es003.cape(capsys, "import", export, "--store", tmp_path / "without", "--partition-lines", 1).code == 0
    roads: dict[str, list[object]] = {
        "files": [export, "--headers", facts],
        "with": [tmp_path / "with"],
        "without": [tmp_path / "without", "--headers", facts],
    }
    for name, road in roads.items():
        said = es003.cape(capsys, "run", *road, *AS_OF, "--detail", "full", "--out", tmp_path / f"out-{name}")
        assert said.code == 0
    # Row groups follow partitions, which differ; what they say does not.
    rows = {
        name: {table: pq.read_table(tmp_path / f"out-{name}" / table).to_pylist() for table in TABLES} for name in roads
    }
    assert rows["files"] == rows["with"] == rows["without"]


def test_run__store_and_file_together(export: Path, tmp_path: Path, capsys: Capture) -> None:
    """A run takes one store or files, and says so."""
    assert es003.cape(capsys, "import", export, "--store", tmp_path / "store").code == 0
    said = es003.cape(capsys, "run", tmp_path / "store", export)
    assert said.code == 2
    assert "store" in said.err


@pytest.mark.parametrize("damage", ["manifest", "partition", "missing"])
def test_run__damaged_store(damage: str, export: Path, tmp_path: Path, capsys: Capture) -> None:
    """A store that was cut off or changed is exit code 2 with its name, never half an answer."""
    store = tmp_path / "store"
    assert es003.cape(capsys, "import", export, "--store", store).code == 0
    victims = [path for path in store.rglob("*") if path.is_file()]
    manifest = next(path for path in victims if path.name == "manifest.json")
    table = max((path for path in victims if path != manifest), key=lambda path: path.stat().st_size)
    if damage == "manifest":
        manifest.write_text(manifest.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    elif damage == "partition":
        table.write_bytes(table.read_bytes()[:-50])
    else:
        table.unlink()
    said = es003.cape(capsys, "run", store, *AS_OF, "--quiet", "--out", tmp_path / "out")
    assert said.code == 2
    assert "store" in said.err
    assert visible(tmp_path / "out") == set()


def test_run__folder_of_header_files(export: Path, tmp_path: Path, capsys: Capture) -> None:
    """Header files may be given as a folder; the manifest names and hashes each file in it."""
    folder = tmp_path / "facts"
    folder.mkdir()
    for number in GOOD:
        es003.write_facts([{"entry_number": number, "deposit_date": "2025-09-22"}], folder / f"{number}.csv")
    out = tmp_path / "out"
    assert es003.cape(capsys, "run", export, "--headers", folder, *AS_OF, "--quiet", "--out", out).code == 0
    assert all(row["interest_cents"] > 0 for row in es003.tables(out)["entries"])
    inputs = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["inputs"]
    names = [each["name"] for each in inputs if each["kind"] == "headers"]
    assert names == [f"{number}.csv" for number in sorted(GOOD)]
