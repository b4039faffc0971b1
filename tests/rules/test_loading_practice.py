"""Files about calendars and review: what each of them could say, and what only all of them together can."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from cape_engine.errors import RuleFileError
from cape_engine.rules import default_folder, load

YEARS = ("2027-.*\n", "", "statutory_holidays.csv", r"2027: only 0 days closed at CBP\. A year has at least 10")
BEGUN = (
    r"\Z",
    "2031-01-01,New Year's Day,Y,Y,5 USC 6103,D\n",
    "statutory_holidays.csv",
    "2031: only 1 days closed at CBP",
)
BEYOND = (
    r"\Z",
    "2031-12-24,EO,Christmas Eve,all,made up,D,\n",
    "federal_closures.csv",
    "date=2031-12-24: the table of holidays runs from 2024 to 2030",
)
STRANGE = (",BILL_FLAG,", ",BILL_FLAGS,", "review_rules.csv", "rule=bill: BILL_FLAGS is not a flag of an entry")
BARE = (",BILL_FLAG,", ",,", "review_rules.csv", "rule=bill: flags stand with the kind flag, and only there")
NO_AMOUNT = ("\namount,.*", "", "review_rules.csv", "kind=amount: not exactly one rule")
KIND = ("\nsample,sample,", "\nsample,dice,", "review_rules.csv", "column kind: 'dice' is not one of 'flag', 'amount'")


@pytest.mark.parametrize(("old", "new", "file", "message"), [YEARS, BEGUN, BEYOND, STRANGE, BARE, NO_AMOUNT, KIND])
def test_load__refuses(tmp_path: Path, old: str, new: str, file: str, message: str) -> None:
    """A year without its holidays, a closure outside the table and a review rule that cannot pick are refused."""
    folder = Path(shutil.copytree(default_folder(), tmp_path / "rules"))
    before = (folder / file).read_text(encoding="utf-8")
    after = re.sub(old, new, before)
    assert after != before
    (folder / file).write_text(after, encoding="utf-8")
    with pytest.raises(RuleFileError, match=re.escape(file) + ".*" + message):
        load(folder)
