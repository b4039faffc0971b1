"""The documentation says what the engine does: generated pages are up to date, links lead somewhere."""

from __future__ import annotations

import doctest
import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import click
import pytest

import cape_engine
import cape_fixtures
import cape_kernels
from cape_engine.cli import cape

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def generator() -> ModuleType:
    """The script that writes the generated pages."""
    spec = importlib.util.spec_from_file_location("reference_pages", Path(__file__).parent / "reference_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["columns.md", "settings.md", "findings.md", "states.md"])
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


def blocks(*languages: str) -> list[tuple[str, str]]:
    """Every fenced block in one of the languages, with the page that it stands on."""
    found = ((page, match) for page in PAGES for match in FENCE.finditer(page.read_text(encoding="utf-8")))
    return [(page.relative_to(ROOT).as_posix(), match[2]) for page, match in found if match[1] in languages]


def commands() -> list[str]:
    """Every `cape` command line that the documentation shows."""
    lines = (line for _, text in blocks("sh", "console") for line in text.replace("\\\n", " ").splitlines())
    return [line.removeprefix("$ ") for line in lines if line.removeprefix("$ ").startswith("cape ")]


@pytest.mark.parametrize("line", commands())
def test_commands__exist_with_their_options(line: str) -> None:
    """Each command that a page shows exists, and takes the options shown."""
    words = shlex.split(line.split("|", maxsplit=1)[0], comments=True)[1:]
    context = click.Context(cape, info_name="cape", resilient_parsing=True, **cape.context_settings)
    command = cape.get_command(context, words[0])
    assert command is not None, f"there is no command {words[0]}"
    command.make_context(words[0], words[1:], parent=context, resilient_parsing=True)


def python_pages() -> dict[str, str]:
    """The Python of each page, all its blocks in order."""
    pages: dict[str, str] = {}
    for page, text in blocks("python", "pycon"):
        pages[page] = pages.get(page, "") + text + "\n"
    return pages


@pytest.mark.parametrize(("page", "text"), python_pages().items(), ids=list(python_pages()))
def test_python__runs_or_compiles(page: str, text: str) -> None:
    """Examples with a prompt run and print what the page says; Python without a prompt can be compiled."""
    if ">>>" in text:
        example = doctest.DocTestParser().get_doctest(text, {}, page, page, 0)
        report: list[str] = []
        doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=report.append)
        assert report == []
    else:
        compile(text, f"<{page}>", "exec")


def modules_with_examples() -> list[str]:
    """Every module of the installed packages whose docstrings show an example."""
    found = []
    for package in (cape_engine, cape_fixtures, cape_kernels):
        folder = Path(next(iter(package.__path__)))
        for file in sorted(folder.rglob("*.py")):
            if "    >>> " in file.read_text(encoding="utf-8"):
                parts = file.relative_to(folder.parent).with_suffix("").parts
                found.append(".".join(part for part in parts if part != "__init__"))
    return found


@pytest.mark.parametrize("name", modules_with_examples())
def test_docstrings__examples_run(name: str) -> None:
    """Each example in a docstring prints what it says."""
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert (results.failed, results.attempted > 0) == (0, True)
