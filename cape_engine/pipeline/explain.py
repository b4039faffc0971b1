"""The story of one entry: why each number, date and cent of its answer is what it is."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cape_engine import intake, mass_processing, refund, rules
from cape_engine.errors import InputError, UsageError
from cape_engine.findings import Findings
from cape_engine.money import cents_text, rate_text
from cape_engine.outputs.files import MANIFEST
from cape_engine.outputs.result_groups import table_path
from cape_engine.pipeline.request import Request
from cape_engine.pipeline.road import execute
from cape_engine.schema import facts as f
from cape_engine.schema import results as r
from cape_engine.schema import rows as s
from cape_engine.store import Store, StoreWriter, is_store

ROUNDING = (
    "Each number's duty is rounded half up to cents once, then numbers are added (CATAIR AE note (hh), 19 CFR 159.3)."
)


@dataclass(slots=True)
class Section:
    """A heading, sentences, and a table under it."""

    title: str
    sentences: list[str] = field(default_factory=list)
    head: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Told:
    """What an explanation draws on.

    Attributes:
        entry: the entry's row of the results.
        changes: its rows of the changes table.
        findings: its rows of the findings table.
        refund: the row of its cohort, if it is paid.
        manifest: of the run.
        column1: how column 1 was found, by (line number, ordinal), when the sources are at hand.
    """

    entry: dict[str, Any]
    changes: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    refund: dict[str, Any] | None
    manifest: dict[str, Any]
    column1: Mapping[tuple[int, int], list[str]]


def plain_number(text: str) -> str:
    """An entry number without dashes and blanks, in capitals."""
    return "".join(letter for letter in text if letter.isalnum()).upper()


def from_results(entry_number: str, folder: Path) -> Told:
    """What the results in a folder say about an entry.

    Raises:
        InputError: the folder holds no results.
        UsageError: the entry is not among them.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        only = [(str(f.ENTRY_NUMBER), "=", entry_number)]
        tables = {
            name: pq.read_table(table_path(folder, name), filters=only) for name in ("entries", "changes", "findings")
        }
        refunds = pq.read_table(folder / "refunds.parquet")
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(
            f"{folder} holds no results of a run ({error}); name the --out folder of `cape run`"
        ) from error
    return _told(entry_number, tables, refunds, manifest, {})


def from_sources(entry_number: str, request: Request) -> Told:
    """Run the whole road for one entry of the sources.

    Raises:
        CapeError: as `run` does.
        UsageError: the entry is not in the sources.
    """
    ruleset = rules.load(request.rules)
    with ExitStack() as stack:
        store, found = _small_store(entry_number, request, ruleset, stack)
        alone = replace(request, sources=(store.folder,), headers=(), mapping=None, out=None, detail="full")
        result = execute(alone)
        tables = result.tables()
        tables["findings"] = pa.concat_tables([found.to_table(), result.findings]).unify_dictionaries()
        of_entry = pc.equal(tables["findings"].column(str(f.ENTRY_NUMBER)), entry_number)
        tables["findings"] = tables["findings"].filter(pc.fill_null(of_entry, fill_value=False))
        computed: dict[tuple[int, int], list[str]] = {}
        for name in store.partitions:
            computed |= mass_processing.explain_column1(
                store.read(name),
                ruleset=ruleset,
                settings=request.settings,
                as_of=request.as_of,
                column1=None if request.column1 is None else mass_processing.load_column1(request.column1),
            )
        return _told(entry_number, tables, result.refunds, result.manifest, computed)


def _small_store(
    entry_number: str, request: Request, ruleset: rules.Ruleset, stack: ExitStack
) -> tuple[Store, Findings]:
    """The entry alone, with the facts of the header files, as a store that goes when `stack` closes; what was found."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cape-explain-")))
    if len(request.sources) != 1 or not is_store(request.sources[0]):
        return intake.build_store(
            request.sources,
            folder,
            headers=request.headers,
            mapping=request.mapping,
            ruleset=ruleset,
            settings=request.settings,
            only_entry=entry_number,
        )
    store = intake.select_entry(Store.open(request.sources[0]), entry_number, stack)
    if not request.headers:
        return store, Findings()
    headers, found = intake.read_headers(request.headers, ruleset)
    writer = StoreWriter(folder)
    for name in store.partitions:
        partition, more = intake.overlay_headers(store.read(name), headers)
        writer.write(partition)
        found.extend(more)
    return writer.finish(store.sources, store.facts_given), found


def _told(
    entry_number: str,
    tables: dict[str, pa.Table],
    refunds: pa.Table,
    manifest: dict[str, Any],
    column1: Mapping[tuple[int, int], list[str]],
) -> Told:
    """The rows of one entry as plain records."""
    entries = tables["entries"].to_pylist()
    if not entries:
        raise UsageError(f"entry {entry_number} is not there; write its 11 letters and digits as the export has them")
    entry = entries[0]
    cohort = None
    if entry[r.PAYMENT_ID] is not None:
        day = refunds.column(str(r.RESULT_LIQUIDATION_DATE))
        same = pc.and_(
            pc.equal(refunds.column(str(r.RECIPIENT)).cast(pa.string()), entry[r.RECIPIENT]),
            pc.equal(day, entry[r.RESULT_LIQUIDATION_DATE]),
        )
        cohort = next(iter(refunds.filter(same).to_pylist()), None)
    return Told(entry, tables["changes"].to_pylist(), tables["findings"].to_pylist(), cohort, manifest, column1)


def story(told: Told, ruleset: rules.Ruleset) -> list[Section]:
    """The explanation of an entry, in the order of the road.

    Args:
        told: what the run decided.
        ruleset: the law it was decided by; the loaded one, which the manifest's hash should name.
    """
    sections = [_facts(told), _claim(told, ruleset), *_lines(told, ruleset), _sums(told)]
    if told.entry[r.DISPOSITION] == "accepted":
        sections += [_schedule(told), *_interest(told, ruleset), _payment(told)]
    if told.findings:
        found: list[tuple[str, ...]] = [
            (row[r.SEVERITY], row[r.CODE], row[r.MESSAGE], row[r.REMEDY]) for row in told.findings
        ]
        sections.append(Section("Findings", [], ("severity", "code", "what", "what to do"), found))
    if told.manifest.get("ruleset_hash") != ruleset.hash:
        sections[0].sentences.append("The rules loaded now are not those of the run; sources below may differ.")
    return sections


def _facts(told: Told) -> Section:
    """Who, what and when."""
    entry = told.entry
    words = [
        (
            f"Importer {entry[f.IMPORTER_NUMBER] or 'not given'}, filer {entry[f.FILER_CODE]}, "
            f"type {entry[f.ENTRY_TYPE] or '01 (assumed)'}, entry date {entry[f.ENTRY_DATE] or 'not given'}."
        ),
        f"Filing day {told.manifest['as_of']}, acceptance day {told.manifest['accepted_on']}.",
    ]
    if entry[r.NEW_VERSION]:
        words.append(f"The removal writes version {entry[r.NEW_VERSION]} (minor part plus one; CSMS 68340863).")
    if entry[r.FLAGS]:
        words.append(f"Flags: {', '.join(entry[r.FLAGS])}.")
    return Section(f"Entry {entry[f.ENTRY_NUMBER]}", words)


def _claim(told: Told, ruleset: rules.Ruleset) -> Section:
    """Accepted or not, each failed rule with its dates and source."""
    entry = told.entry
    if entry[r.DISPOSITION] == "accepted":
        return Section("Claim checks", ["Accepted: no rule in force on the filing day refuses it."])
    if entry[r.DISPOSITION] == "not_claimed":
        return Section("Claim checks", ["Not claimed: no declaration of this run lists it."])
    rows: list[tuple[str, ...]] = []
    for code, message in zip(entry[r.REASON_CODES], entry[r.MESSAGES], strict=True):
        rule = ruleset.rule(code.lower())
        since = (
            ""
            if rule is None
            else f"{rule.effective_from} to {'now' if rule.effective_to is None else rule.effective_to}"
        )
        rows.append((code, message, since, "our own rule" if rule is None else rule.source))
    return Section(
        "Claim checks",
        ["Rejected; the first message is CBP's answer."],
        ("rule", "message", "in force", "source"),
        rows,
    )


def _law(change: dict[str, Any], on: dt.date | None, ruleset: rules.Ruleset) -> str:
    """What the rule files say of an IEEPA number on the entry date; all its rates where no row holds that day."""
    rows = ruleset.ieepa(change[s.HTS_NUMBER])
    if not rows:
        return ""
    rows = tuple(row for row in rows if on is not None and row.applies(on)) or rows
    first = rows[0]
    rates = sorted({f"{rate_text(row.rate_e9 * 100)} %" for row in rows if row.rate_e9})
    return f"{first.program}, {first.kind}{', ' + ' / '.join(rates) if rates else ''}; {first.authority}"


def _lines(told: Told, ruleset: rules.Ruleset) -> Iterable[Section]:
    """Every line with its numbers: filed, new, rule, law, file and row."""
    lines: dict[int, list[dict[str, Any]]] = {}
    for change in told.changes:
        lines.setdefault(change[s.LINE_NUMBER], []).append(change)
    for number, changes in sorted(lines.items()):
        section = Section(f"Line {number}", [], ("no.", "HTS number", "change", "filed", "new", "rule", "law", "from"))
        for change in sorted(changes, key=lambda row: row[s.ORDINAL]):
            section.rows.append(
                (
                    str(change[s.ORDINAL]),
                    change[s.HTS_NUMBER],
                    change[r.CHANGE],
                    cents_text(change[r.FILED_DUTY_CENTS]),
                    cents_text(change[r.RECALCULATED_DUTY_CENTS]),
                    change[r.RULE],
                    _law(change, told.entry[f.ENTRY_DATE], ruleset),
                    f"{Path(change[r.SOURCE]).name} row {change[s.SOURCE_ROW]}",
                )
            )
            section.sentences += told.column1.get((number, change[s.ORDINAL]), [])
        gap = changes[0][r.GAP_CENTS]
        if gap is None:
            section.sentences.append("A full recomputation (mode B) of this line is not possible.")
        elif gap:
            section.sentences.append(f"Mode A is {cents_text(gap)} above a full recomputation (mode B).")
        yield section


def _sums(told: Told) -> Section:
    """The arithmetic of the entry."""
    entry = told.entry
    section = Section("Duty", [ROUNDING], ("", "dollars"))
    section.rows.append(("duty filed", cents_text(entry[r.FILED_DUTY_CENTS])))
    if entry[r.DISPOSITION] != "accepted":
        section.sentences.append("Nothing is removed or paid, because the entry is not accepted.")
        return section
    section.rows += [
        ("- IEEPA duty removed", cents_text(entry[r.REMOVED_IEEPA_CENTS])),
        ("+ column 1 duty restored", cents_text(entry[r.RESTORED_COLUMN1_CENTS])),
        ("= duty of the new version", cents_text(entry[r.RECALCULATED_DUTY_CENTS])),
    ]
    held = entry[r.RECALCULATED_DUTY_CENTS] + entry[r.PRINCIPAL_CENTS] - entry[r.BILL_CENTS]
    if held != entry[r.FILED_DUTY_CENTS] and not (entry[r.PRINCIPAL_CENTS] == entry[r.BILL_CENTS] == 0):
        section.rows.append(("duty still held (paid, less earlier refunds)", cents_text(held)))
    section.rows.append(("principal to give back", cents_text(entry[r.PRINCIPAL_CENTS])))
    if entry[r.BILL_CENTS]:
        section.rows.append(("still owed (never billed automatically)", cents_text(entry[r.BILL_CENTS])))
    if entry[r.RECOMPUTED_DUTY_CENTS] is not None:
        section.rows.append(("full recomputation (mode B), for comparison", cents_text(entry[r.RECOMPUTED_DUTY_CENTS])))
    return section


def _schedule(told: Told) -> Section:
    """The planned day, or why there is none."""
    entry, settings = told.entry, told.manifest["settings"]
    day = entry[r.RESULT_LIQUIDATION_DATE]
    when = f"{day:%A, %Y-%m-%d}" if isinstance(day, dt.date) else "no day"
    run_days = ", ".join(settings["schedule.run_days"])
    days = settings["schedule.days_unliquidated"]
    target = dt.date.fromisoformat(told.manifest["accepted_on"]) + dt.timedelta(days=days)
    if isinstance(day, dt.date) and day < target:
        why = (
            f"the last run day ({run_days}, less CBP closures) before the deemed limit (19 USC 1504(a)) or an ordinary "
            f"liquidation already scheduled, which comes before acceptance plus {days} days"
        )
    else:
        why = f"acceptance plus {days} days (CSMS 68340863), on a run day ({run_days}, less CBP closures)"
    words = {
        "liquidate": f"Liquidation on {when}: {why}.",
        "reliquidate": (
            f"Reliquidation on {when}: the first run day ({run_days}, less CBP closures) after acceptance, within "
            f"{settings['schedule.reliq_limit']} days of the liquidation (19 USC 1501)."
        ),
        "wait": "Waits without a date: a hold or an officer's review; an event releases it.",
        "none": "No date: the 90-day window of 19 USC 1501 has passed; the entry leaves the automatic path.",
    }
    return Section("Schedule", [words[entry[r.ACTION]]])


def _interest(told: Told, ruleset: rules.Ruleset) -> Iterable[Section]:
    """Interest by segments of equal rate, for the importer kind that gives the run's figure."""
    entry = told.entry
    start, end = entry[r.INTEREST_FROM], entry[r.INTEREST_TO]
    if not isinstance(start, dt.date) or entry[r.INTEREST_CENTS] is None:
        if entry[r.INTEREST_CENTS] is None:
            yield Section("Interest", ["Unknown: a quarter of the period has no rate in the rule files."])
        return
    rounding = told.manifest["settings"]["refund.interest_rounding"]
    cut = bool(told.manifest["settings"]["refund.large_corporate_cut"])
    principal = entry[r.PRINCIPAL_CENTS]
    for kind in ("corporate", "noncorporate"):
        how = {"ruleset": ruleset, "rounding": rounding}
        amount = refund.interest(principal, start, end, kind, large_corporate_cut=cut, **how)
        if amount == entry[r.INTEREST_CENTS]:
            said = (
                f"{cents_text(amount)} on {cents_text(principal)}, {kind} overpayment rates "
                f"(26 USC 6621), daily compounding (26 USC 6622), {start} itself out, {end} itself in (19 CFR 24.36), "
                f"rounded half up {'once at the end' if rounding == 'final' else 'at each quarter'}."
            )
            above = principal - refund.LARGE_ABOVE_CENTS if cut and kind == "corporate" else 0
            if above > 0:
                said += f" {cents_text(above)} of it at F + 0.5 (26 USC 6621(a)(1), last sentence; a setting)."
            baskets = [(principal - max(above, 0), kind)] + ([(above, "corporate_large")] if above > 0 else [])
            rows = [
                _segment_row(segment)
                for cents, rate in baskets
                for segment in refund.explain_interest(cents, start, end, rate, **how)
            ]
            yield Section("Interest", [said], ("from", "to", "days", "rate", "a day", "balance"), rows)
            return
    yield Section("Interest", [f"{cents_text(entry[r.INTEREST_CENTS])} from {start} to {end}, over several deposits."])


def _segment_row(segment: refund.InterestSegment) -> tuple[str, ...]:
    """Days of one rate as a row of words; the balance is exact, shown to a millionth of a cent."""
    rate = "" if segment.rate_e9 is None else f"{segment.rate_e9 * 100 / 10**9:g} %"
    balance = ""
    if segment.balance_cents is not None:
        micro = segment.balance_cents.numerator * 10**6 // segment.balance_cents.denominator
        balance = f"${micro // 10**8:,}.{micro % 10**8:08d}"
    return (str(segment.first), str(segment.last), str(segment.days), rate, f"1/{segment.base}", balance)


def _payment(told: Told) -> Section:
    """Who is paid, and with which other entries."""
    entry, cohort = told.entry, told.refund
    if cohort is None:
        return Section("Refund", ["No payment is planned for this entry."])
    counted = "1 entry" if cohort[r.ENTRIES] == 1 else f"{cohort[r.ENTRIES]:,} entries"
    return Section(
        "Refund",
        [
            (
                f"Recipient {entry[r.RECIPIENT]}; payment {entry[r.PAYMENT_ID]}, "
                f"{cohort[r.PARTS]} part(s), status {cohort[r.STATUS]}."
            ),
            (
                f"One refund of {cents_text(cohort[r.AMOUNT_CENTS])} for {counted} of this recipient "
                f"liquidated on {cohort[r.RESULT_LIQUIDATION_DATE]} (CSMS 68340863)."
            ),
        ],
    )
