"""Columns that many rule files share."""

from __future__ import annotations

from cape_engine.rules import read as p

PERIOD = ("effective_from", "effective_to")
SOURCE: tuple[tuple[str, p.Parser], ...] = (("source", p.needed), ("confidence", p.needed))
DATED: tuple[tuple[str, p.Parser], ...] = (("effective_from", p.maybe_day), ("effective_to", p.maybe_day))
DATED_FROM: tuple[tuple[str, p.Parser], ...] = (("effective_from", p.day), ("effective_to", p.maybe_day))
