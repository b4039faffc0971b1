"""`cape refund files` as a whole: same bytes again, whole or not at all, secrets stay in bank files, clear refusals."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cape_engine
from cape_engine.errors import InputError, OutputError, Stopped, UsageError
from cape_engine.outputs.files import write_results
from cape_engine.refund.payment_files import nacha
from cape_engine.refund.payment_files.shown import KEY_VARIABLE, opened
from payment_files.made import (
    ACCENTED,
    GOOD,
    NAMES,
    ORIGINATOR,
    PLAIN,
    ROUTING,
    SAVINGS,
    account,
    bank_files,
    importers_file,
    made_files,
    originator_file,
    payments,
    run_folder,
)
from reference import nacha as reader

ROWS = [(GOOD, 123, "ready"), (SAVINGS, 5, "ready"), ("77-1", 9, "ready"), (ACCENTED, 70, "held_no_ach")]
KEY = "0123456789abcdef" * 8


def cape(*words: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "cape_engine", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=env,
    )


def words(folder: Path, *more: object) -> list[object]:
    """A command line over files of the folder, made here."""
    run_folder(folder / "run", payments(ROWS))
    importers_file(folder / "importers.csv")
    originator_file(folder / "originator.toml")
    given: dict[str, object] = {
        "--results": folder / "run",
        "--importers": folder / "importers.csv",
        "--originator": folder / "originator.toml",
        "--on": "2026-06-22",
        "--out": folder / "out",
    }
    return ["refund", "files", *(word for pair in given.items() for word in pair), *more]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_command__writes_and_says(tmp_path: Path) -> None:
    """JSON lines for machines: findings, files and sums; exit code 1 because somebody is held."""
    done = cape(*words(tmp_path, "--format", "both", "--json"))
    assert done.returncode == 1, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines if line["event"] == "file"] == ["file"] * 2
    last = lines[-1]
    assert last["event"] == "files"
    assert last["counts"] == {
        "payments_given": 4,
        "payments_written": 2,
        "payments_held": 2,
        "payments_waiting": 0,
        "cents_given": 207,
        "cents_written": 128,
        "cents_held": 79,
        "cents_waiting": 0,
    }
    assert {line["code"] for line in lines if line["event"] == "finding"} >= {"ACCOUNT_NOT_LISTED"}
    held = (tmp_path / "out" / "held.csv").read_text(encoding="utf-8").splitlines()
    assert held[0].startswith('"payment_id","recipient","liquidation_date","part","parts","amount_cents","status"')
    assert [line.split(",")[-1] for line in held[1:]] == ['"ACCOUNT_NOT_LISTED"', '"held_no_ach"']


def test_command__quiet_and_bad_usage(tmp_path: Path) -> None:
    """`--quiet` prints nothing; what is missing or wrong is one clear line and exit code 2, nothing written."""
    done = cape(*words(tmp_path, "--quiet"))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    for more in (
        ["--format", "mt940"],
        ["--effective", "2026-06-28"],
        ["--first-trace", "0"],
        ["--prenotes", "--format", "both"],
    ):
        line = words(tmp_path, *more)
        line[line.index("--out") + 1] = tmp_path / "nothing"
        bad = cape(*line)
        assert bad.returncode == 2
        assert "Traceback" not in bad.stderr
        assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("how", ["masked", "none", "encrypted"])
def test_numbers__stand_in_bank_files_only(tmp_path: Path, how: str) -> None:
    """No plain account or routing number, and no name, in stdout, stderr, tables, findings or manifest."""
    (tmp_path / "key").write_text(KEY + "\n", encoding="utf-8")
    bad = account("44-444444400", account_number="9998887776665554443")
    swapped = account("33-333333300", routing_number="111222333444", account_number="123456780")
    line = words(tmp_path, "--format", "both", "--json", "--set", f"refund.account_numbers={how}")
    rows = [*(account(number) for number in PLAIN), bad, swapped, account(ACCENTED, account_number="1010101010")]
    importers_file(tmp_path / "importers.csv", rows)
    done = cape(*line, "--account-key", tmp_path / "key")
    assert done.returncode == 1, done.stderr
    secrets = {row[key] for row in rows for key in ("account_number", "routing_number", "name")} | {"000111222333"}
    secrets |= {KEY[:32]}
    found = contents(tmp_path / "out")
    found["stdout"], found["stderr"] = done.stdout.encode(), done.stderr.encode()
    plain = [name for name in found if name.endswith((".ach", ".xml"))]
    assert len(plain) == 2
    assert all(PLAIN[GOOD].encode() in found[name] for name in plain), "the test can see what it looks for"
    for name in set(found) - set(plain):
        spread = found[name]
        if name.endswith(".parquet"):
            spread = str(pq.read_table(tmp_path / "out" / name).to_pylist()).encode()
        assert [secret for secret in secrets if secret.encode() in spread] == [], name


def test_numbers__errors_show_none(tmp_path: Path) -> None:
    """Broken files that hold numbers are refused without quoting them."""
    line = words(tmp_path)
    for text in (
        ORIGINATOR.replace('"000111222333"', '"000111222333!!"'),
        ORIGINATOR.replace('debtor_account = "000111222333"', "debtor_account = 000111222333"),
        ORIGINATOR + "debtor_acount = '000111222333'\n",
    ):
        originator_file(tmp_path / "originator.toml", text)
        for more in ([], ["--json"]):
            done = cape(*line, *more)
            assert done.returncode == 2
            assert "000111222333" not in done.stdout + done.stderr


def test_numbers__tracebacks_show_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours in the middle of writing, with everything at hand, prints no number."""

    def broken(self: nacha.NachaWriter, payments_: Any) -> nacha.Placed:
        one = payments_[0].account
        raise RuntimeError(f"broken at {one} of {payments_}")

    monkeypatch.setattr(nacha.NachaWriter, "add", broken)
    with pytest.raises(RuntimeError) as wrong:
        made_files(tmp_path, payments(ROWS))
    said = "".join(traceback.format_exception(wrong.value))
    assert "****5678" in said
    assert [number for number in (*PLAIN.values(), ROUTING) if number in said] == []
    assert contents(tmp_path / "out") == {}


def test_numbers__encrypted_ones_open(tmp_path: Path) -> None:
    """With the key the numbers come back; not for another recipient, with another key or a changed text."""
    (tmp_path / "key").write_text(KEY, encoding="utf-8")
    result = made_files(
        tmp_path,
        payments(ROWS),
        settings={"refund.account_numbers": "encrypted"},
        account_key=tmp_path / "key",
    )
    rows = pq.read_table(result.folder / "instructions.parquet").to_pylist()
    key = bytes.fromhex(KEY)
    for row, number in zip(rows, (GOOD, SAVINGS), strict=True):
        plain = number.replace("-", "")
        assert opened(row["account_shown"], plain, key) == PLAIN[number]
        assert opened(row["routing_shown"], plain, key) == ROUTING
        for text, who, other in (
            (row["account_shown"], "12345678999", key),
            (row["account_shown"], plain, bytes(64)),
            ("A" + row["account_shown"][1:], plain, key),
            ("%%%", plain, key),
        ):
            with pytest.raises(UsageError, match="does not open"):
                opened(text, who, other)


def test_numbers__encryption_needs_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key, or with one that is none, nothing is written; the variable will do."""
    how = {"refund.account_numbers": "encrypted"}
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with pytest.raises(UsageError, match="needs a key"):
        made_files(tmp_path, payments(ROWS), settings=how)
    (tmp_path / "key").write_text("0123", encoding="utf-8")
    with pytest.raises(UsageError, match="hexadecimal digits") as wrong:
        made_files(tmp_path, payments(ROWS), settings=how, account_key=tmp_path / "key")
    assert "0123" not in str(wrong.value)
    with pytest.raises(UsageError, match="cannot be read"):
        made_files(tmp_path, payments(ROWS), settings=how, account_key=tmp_path / "none")
    assert not (tmp_path / "out" / "manifest.json").exists()
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    assert made_files(tmp_path, payments(ROWS), settings=how).manifest["counts"]["payments"]["written"] == 2


def test_numbers__encryption_needs_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package, the message names the extra."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(UsageError, match=r"cape-engine\[accounts\]"):
        made_files(tmp_path, payments(ROWS), settings={"refund.account_numbers": "encrypted"})


@pytest.mark.parametrize("how", ["masked", "encrypted"])
def test_files__same_inputs_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Again into the same folder: every file byte for byte, the manifest too; elsewhere all that names no path."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    options: dict[str, Any] = {"format": "both", "settings": {"refund.account_numbers": how}}
    first = contents(made_files(tmp_path, payments(ROWS), **options).folder)
    again = contents(made_files(tmp_path, payments(ROWS), **options).folder)
    (tmp_path / "other").mkdir()
    other = contents(made_files(tmp_path / "other", payments(ROWS), **options).folder)
    assert first == again
    apart = {"findings.parquet", "manifest.json"}  # findings name the file as it was given, and the manifest their hash
    assert {name: first[name] for name in set(first) - apart} == {name: other[name] for name in set(other) - apart}
    assert len(first) == len(other) == 6


def test_files__earlier_ones_do_not_linger(tmp_path: Path) -> None:
    """A call that makes fewer files removes those of an earlier call; what is not ours stays."""
    made_files(tmp_path, payments(ROWS), format="both")
    (tmp_path / "out" / "notes.txt").write_text("mine", encoding="utf-8")
    made_files(tmp_path, payments(ROWS))
    assert sorted(contents(tmp_path / "out")) == [
        "findings.parquet",
        "held.csv",
        "instructions.parquet",
        "manifest.json",
        "nacha-20260622-001.ach",
        "notes.txt",
    ]


def test_files__folder_of_others_is_refused(tmp_path: Path) -> None:
    """A folder with the results of a run is not written into, and a folder with payment files is none for a run."""
    write_results(tmp_path / "out", {}, {"command": "cape_engine.run"})
    before = contents(tmp_path / "out")
    with pytest.raises(UsageError, match="choose another folder"):
        made_files(tmp_path, payments(ROWS))
    assert contents(tmp_path / "out") == before
    (tmp_path / "b").mkdir()
    ours = made_files(tmp_path / "b", payments(ROWS)).folder
    with pytest.raises(UsageError, match="cape files"):
        cape_engine.run(tmp_path / "none.csv", out=ours)


def test_files__changed_payments_are_refused(tmp_path: Path) -> None:
    """Payments that are not those of the manifest are not paid; neither is a run that did not finish."""
    made_files(tmp_path, payments(ROWS))
    before = contents(tmp_path / "out")
    given = {"importers": tmp_path / "importers.csv", "originator": tmp_path / "originator.toml", "on": "2026-06-22"}
    pq.write_table(payments([(GOOD, 999, "ready")]), tmp_path / "run" / "payments.parquet")
    with pytest.raises(InputError, match="somebody changed it"):
        cape_engine.refund_files(tmp_path / "run", out=tmp_path / "out", **given)  # type: ignore[arg-type]
    (tmp_path / "run" / "payments.parquet").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        cape_engine.refund_files(tmp_path / "run", out=tmp_path / "out", **given)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no finished run"):
        cape_engine.refund_files(tmp_path, out=tmp_path / "out", **given)  # type: ignore[arg-type]
    assert contents(tmp_path / "out") == before


def test_files__a_payment_twice_is_refused(tmp_path: Path) -> None:
    """A payment_id that stands twice would be paid twice: nothing is written."""
    table = pa.concat_tables([payments(ROWS), payments(ROWS[:1])])
    with pytest.raises(InputError, match="paid twice"):
        made_files(tmp_path, table)
    assert contents(tmp_path / "out") == {}


def test_files__sums_that_do_not_add_up_are_not_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a writer to lose a payment, the command would notice before anything is in place."""

    def forgetful(self: nacha.NachaWriter, payments_: Any) -> nacha.Placed:
        placed = real(self, payments_.slice(0, 1))
        return nacha.Placed(placed.trace.repeat(len(payments_)), placed.file.repeat(len(payments_)))

    real = nacha.NachaWriter.add
    monkeypatch.setattr(nacha.NachaWriter, "add", forgetful)
    with pytest.raises(OutputError, match="do not add up"):
        made_files(tmp_path, payments(ROWS))
    assert contents(tmp_path / "out") == {}


def test_files__after_a_kill(tmp_path: Path) -> None:
    """What a killed process left half-written is removed by the same command, and does not come into its files."""
    staging = tmp_path / "out" / ".staging"
    staging.mkdir(parents=True)
    (staging / "nacha-20260622-001.ach").write_text("half", encoding="ascii")
    (staging / "manifest.json").write_text("{}", encoding="ascii")
    result = made_files(tmp_path, payments(ROWS))
    assert len(bank_files(result)) == 1
    assert reader.read(bank_files(result)[0].read_bytes()).entries()[0].cents == 123
    assert not staging.exists()


def test_files__stopped_leaves_nothing(tmp_path: Path) -> None:
    """A signal before the end: no bank file, no manifest; the same call again finishes."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        made_files(tmp_path, payments(ROWS), stop=stop)
    assert not (tmp_path / "out").exists()
    stopping = Stopping(stop)
    stop.clear()
    with pytest.raises(Stopped):
        made_files(tmp_path, payments(ROWS), stop=stop, progress=stopping)
    assert contents(tmp_path / "out") == {}
    assert made_files(tmp_path, payments(ROWS)).manifest["counts"]["payments"]["written"] == 2


class Stopping:
    """Progress that asks to stop at the first step."""

    def __init__(self, event: threading.Event) -> None:
        self._event = event

    def stage(self, name: str, total: int | None = None) -> None:
        """Nothing."""

    def advance(self, steps: int = 1) -> None:
        """Ask to stop, however many steps were done."""
        del steps
        self._event.set()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "paper"}, "not 'paper'"),
        ({"colour": "red"}, "no option 'colour'"),
        ({"first_file": -1}, "0 or more"),
        ({"settings": {"refund.pain_version": "12"}}, "03 | 09"),
    ],
)
def test_call__wrong_options(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    """What cannot be done is refused before anything is read."""
    with pytest.raises(UsageError, match=said.replace("|", r"\|")):
        made_files(tmp_path, payments(ROWS), **options)
    assert not (tmp_path / "out").exists()


def test_files__of_a_real_run(tmp_path: Path) -> None:
    """Entries to bank file: the amounts of the run's ready payments arrive in the file, the rest is listed."""
    import cape_fixtures

    data = cape_fixtures.write(
        cape_fixtures.generate(300, seed=6, as_of=dt.date(2026, 5, 4), mix="realistic"), tmp_path / "data", format="csv"
    )
    first = cape_engine.run(data.rows, headers=data.headers, as_of="2026-05-04", out=tmp_path / "run")
    ready = [row for row in first.payments.to_pylist() if row["status"] == "ready"]
    assert ready
    importers = importers_file(
        tmp_path / "i.csv", [account(number) for number in sorted({str(row["recipient"]) for row in ready})]
    )
    result = cape_engine.refund_files(
        tmp_path / "run",
        importers=importers,
        originator=originator_file(tmp_path / "o.toml"),
        on="2026-09-01",
        out=tmp_path / "files",
    )
    entries = [entry for file in bank_files(result) for entry in reader.read(file.read_bytes()).entries()]
    assert [entry.cents for entry in entries] == [row["amount_cents"] for row in ready]
    assert result.held.num_rows == first.payments.num_rows - len(ready)
    assert result.manifest["run_result_hash"] == first.manifest["result_hash"]


def test_names__are_in_no_table(tmp_path: Path) -> None:
    """Names of owners reach bank files alone."""
    result = made_files(tmp_path, payments(ROWS))
    tables: Sequence[Path] = sorted(result.folder.glob("*.parquet"))
    said = "".join(str(pq.read_table(path).to_pylist()) for path in tables)
    assert [name for name in NAMES.values() if name in said or name.upper() in said] == []
