"""Mass processing: accepted entries without their IEEPA numbers, the duty worked out again, the next version."""

from cape_engine.mass_processing.column1 import Column1Row, Column1Table, load_column1
from cape_engine.mass_processing.explain import explain_column1
from cape_engine.mass_processing.result import RULES, MassResult, Tallies, tally_findings
from cape_engine.mass_processing.stage import process

__all__ = [
    "RULES",
    "Column1Row",
    "Column1Table",
    "MassResult",
    "Tallies",
    "explain_column1",
    "load_column1",
    "process",
    "tally_findings",
]
