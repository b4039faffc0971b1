"""Writes the pages of `docs/reference` from what the engine declares: columns, settings, findings, states of an entry.

Run as `python tests/workshop/reference_pages.py FOLDER` (`make docs`); a test holds the committed pages to it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from cape_engine import findings, rules, settings
from cape_engine.schema import (
    books,
    claims,
    consolidation,
    conventions,
    facts,
    life,
    outlook,
    packing,
    payment_files,
    payments,
    reconciliation,
    results,
    review,
    rows,
)
from cape_engine.schema.column import Column

NOTE = "Written by `make docs` from {origin}; change that, not this page."


def cell(value: object) -> str:
    """A value as the text of one table cell."""
    return str(value).replace("|", "\\|").replace("\n", " ")


def table(head: Sequence[str], body: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in body]
    return "\n".join(lines) + "\n"


def type_name(type_: pa.DataType) -> str:
    """The Arrow type in short words."""
    if pa.types.is_dictionary(type_):
        return "word"
    return {"string": "text", "date32[day]": "day", "bool": "yes/no"}.get(str(type_), str(type_))


def bounds(column: Column) -> str:
    """What a column may hold: its words, or its smallest and largest number."""
    if column.words:
        return ", ".join(word or "(blank)" for word in column.words)
    if column.low is None and column.high is None:
        return ""
    low = "" if column.low is None else f"{column.low:,}"
    high = "" if column.high is None else f"{column.high:,}"
    return f"{low} to {high}" if low and high else f"from {low}" if low else f"to {high}"


def column_table(columns: Iterable[Column]) -> str:
    """The columns of one table of the engine."""
    head = ("column", "type", "null", "holds", "meaning", "source")
    return table(
        head,
        ((f"`{c}`", type_name(c.type), "yes" if c.nullable else "", bounds(c), c.meaning, c.source) for c in columns),
    )


def collections(module: object, prefix: str) -> list[tuple[str, tuple[Column, ...]]]:
    """The declared tables of a schema module: its tuples of columns whose names begin with `prefix`."""
    return [
        (name, value)
        for name, value in vars(module).items()
        if name.startswith(prefix) and isinstance(value, tuple) and value and isinstance(value[0], Column)
    ]


def title(name: str) -> str:
    """A constant's name as a heading."""
    return name.replace("_", " ").capitalize()


def columns_page() -> str:
    """Every column that can be read, is stored, or is written."""
    parts = ["# Columns", "", NOTE.format(origin="`cape_engine/schema`"), ""]
    parts += [
        "A number's unit is in its name: `_cents`, `_dollars`, `_e2` (hundredths), `_e9` (billionths), `_days`.",
        "",
    ]
    for heading, module, prefix in (
        ("What a file of rows may carry", rows, "CANONICAL"),
        ("What a file about entries, importers or deposits may carry", facts, ""),
        ("What the store holds", rows, "STORE"),
        ("What a run writes", results, "RESULT"),
        ("What a check of declarations writes", claims, "RESULT"),
        ("What packing and the loop write", packing, ""),
        ("What the ledger knows of the life of entries", life, ""),
        ("What payment files take, show and hold back", payment_files, ""),
        ("What manual review shows, takes and keeps", review, ""),
        ("What the commands of payments take, keep and show", payments, ""),
        ("What a what-if writes", outlook, "WHATIF"),
        ("What a risk report writes", outlook, "RISK"),
        ("What a comparison of interest writes", conventions, "COMPARED"),
        ("What an accrual writes", books, "ACCRUAL"),
        ("What an accrual writes of entries without a day", books, "WITHOUT"),
        ("What a statement writes", books, "STATEMENT"),
        ("What a forecast writes", books, "FORECAST"),
        ("What a forecast takes as history", books, "HISTORY"),
        ("What the load test of consolidation hands in", consolidation, "ENTRY"),
        ("What the load test of consolidation expects", consolidation, "VERSIONED"),
        ("What a reconciliation writes", reconciliation, "RECONCILED"),
    ):
        parts += [f"## {heading}", ""]
        for name, columns in collections(module, prefix):
            parts += [f"### {title(name)}", "", column_table(columns)]
    return "\n".join(parts)


def default(value: object) -> str:
    """A default as a user would type it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def settings_page() -> str:
    """Every setting with its default, by group."""
    parts = ["# Settings", "", NOTE.format(origin="`cape_engine/settings/settings.toml`"), ""]
    parts += ["Set one with `--set name=value`, several with `--settings FILE.toml`, or in Python.", ""]
    groups: dict[str, list[settings.Setting]] = {}
    for setting in settings.catalogue().values():
        groups.setdefault(setting.name.split(".", maxsplit=1)[0], []).append(setting)
    for group, members in groups.items():
        body = (
            (
                f"`{s.name}`",
                s.type,
                f"`{default(s.default)}`",
                ", ".join(s.choices),
                s.meaning + (f" (fixed here: {s.only_default})" if s.only_default else ""),
                s.source,
            )
            for s in members
        )
        parts += [f"## {group}", "", table(("setting", "type", "default", "takes", "decides", "source"), body)]
    return "\n".join(parts)


def findings_page() -> str:
    """Every kind of finding with its words."""
    body = (
        (f"`{kind.code}`", kind.severity, kind.message, kind.remedy)
        for kind in sorted(findings.catalogue().values(), key=lambda kind: kind.code)
    )
    parts = ["# Findings", "", NOTE.format(origin="`cape_engine/findings/catalogue`"), ""]
    parts += ["Bad data is never an exception and never a silent zero: it is a row of `findings.parquet`.", ""]
    return "\n".join([*parts, table(("code", "severity", "message", "what to do"), body)])


def diagram(ruleset: rules.Ruleset) -> str:
    """The life of an entry as a Mermaid diagram: every state, every step with who takes it, begin and ends."""
    states, steps = ruleset.entry_states, ruleset.transitions
    left = {step.from_state for step in steps}
    lines = ["```mermaid", "stateDiagram-v2", "    direction TB", f"    [*] --> {states[0].state}"]
    lines += [f"    {step.from_state} --> {step.to_state} : {step.who}" for step in steps]
    lines += [f"    {row.state} --> [*]" for row in states if row.state not in left]
    free = ",".join(row.state for row in states if not row.live)
    return "\n".join([*lines, "    classDef free stroke-dasharray: 4 4", f"    class {free} free", "```", ""])


def states_page() -> str:
    """The states of an entry, the steps between them, and the diagram of both."""
    ruleset = rules.load()
    origin = "`entry_states.csv` and `state_transitions.csv` in `cape_engine/rules/data`"
    parts = ["# States of an entry", "", NOTE.format(origin=origin), ""]
    parts += [
        "An arrow names who takes the step. A claim in a dashed state no longer holds the entry: another may name it.",
        "",
    ]
    parts += [diagram(ruleset), "## States", ""]
    head = ("state", "meaning", "claim holds the entry", "moved into by", "CBP's word", "source")
    held = {True: "yes", False: ""}
    states = (
        (f"`{s.state}`", s.meaning, held[s.live], ", ".join(s.moved_by), ", ".join(s.cbp_word), s.source)
        for s in ruleset.entry_states
    )
    parts += [table(head, states), "## Steps", ""]
    parts += ["A step that is not in this table is refused with the reason, whoever asks for it.", ""]
    steps = ((f"`{t.from_state}`", f"`{t.to_state}`", t.who, t.guard, t.source) for t in ruleset.transitions)
    parts += [table(("from", "to", "who", "what must hold", "source"), steps)]
    return "\n".join(parts)


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {
        "columns.md": columns_page(),
        "settings.md": settings_page(),
        "findings.md": findings_page(),
        "states.md": states_page(),
    }


def write(folder: Path) -> None:
    """Write every page into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
