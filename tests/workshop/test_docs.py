"""The documentation says what the engine does: generated pages are up to date, links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def generator() -> ModuleType:
    """The script that writes the generated pages."""
    spec = importlib.util.spec_from_file_location("reference_pages", Path(__file__).parent / "reference_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["columns.md", "settings.md", "findings.md"])
def test_reference__is_up_to_date(name: str) -> None:
    """A page of `docs/reference` holds what the engine declares today; `make docs` writes it anew."""
    committed = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert committed == generator().pages()[name], "run `make docs` and commit docs/reference"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links__lead_to_files(page: Path) -> None:
    """Each relative link of a page leads to a file or folder of the project."""
    if not (ROOT / "cape_engine").is_dir():
        pytest.skip("the sources that pages link to are not here")
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock__names_versions_and_hashes_only(name: str) -> None:
    """The lock pins every package by version and hash, and names no index and no path of a machine."""
    if not (ROOT / name).is_file():
        pytest.skip("the lock files are not here")
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"://|^-|/", text, re.MULTILINE)
    packages = re.findall(r"^(\S+)", text, re.MULTILINE)
    pinned = re.findall(
        r"^([a-z0-9][a-z0-9._-]*)==\S+(?: ; .+)? \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE
    )
    assert len(pinned) == len(packages) > 10


def test_decisions__all_in_the_index() -> None:
    """Each decision record is linked from the index of the documentation."""
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    missing = [
        file.name for file in (ROOT / "docs" / "decisions").glob("*.md") if f"decisions/{file.name}" not in index
    ]
    assert missing == []
