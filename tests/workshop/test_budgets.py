"""The budgets of the house: short modules and functions, few kernel arguments, each column named once."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / "cape_engine", ROOT / "kernels" / "cape_kernels", ROOT / "fixtures" / "cape_fixtures"]
FOLDERS = [*PACKAGES, ROOT / "benchmarks", ROOT / "tests"]
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_KERNEL_ARGUMENTS = 9

pytestmark = pytest.mark.skipif(
    not all(folder.is_dir() for folder in PACKAGES), reason="budgets are about the source tree, which is not here"
)


def named(file: Path) -> str:
    """The file as it is called from the top of the project."""
    return file.relative_to(ROOT).as_posix()


def modules(*folders: Path) -> list[Path]:
    """All Python files below `folders`."""
    return sorted(file for folder in folders for file in folder.rglob("*.py"))


def parsed(file: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions of a tree, methods and inner functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def docstring(node: ast.AST) -> ast.Constant | None:
    """The node of the docstring that opens `node`."""
    body = getattr(node, "body", None)
    if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        return body[0].value
    return None


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body, its docstring not counted."""
    body = function.body[1:] if docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def decorators(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """The plain names of a function's decorators."""
    calls = [node.func if isinstance(node, ast.Call) else node for node in function.decorator_list]
    return {node.id for node in calls if isinstance(node, ast.Name)}


def exceptions(kind: str) -> dict[str, str]:
    """The exceptions of one kind, each with its reason."""
    text = (Path(__file__).parent / "exceptions.toml").read_text(encoding="utf-8")
    found: dict[str, str] = tomllib.loads(text)[kind]
    return found


def declared_names() -> list[str]:
    """Every name declared in the schema that is no ordinary word: those with an underscore."""
    literals = (
        node.args[0].value
        for file in modules(ROOT / "cape_engine" / "schema")
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Column"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    )
    return [name for name in literals if isinstance(name, str) and "_" in name]


def test_modules__open_with_a_sentence() -> None:
    """Every module says in its first line what it is responsible for."""
    silent = [named(file) for file in modules(*FOLDERS) if docstring(parsed(file)) is None]
    assert not silent


def test_modules__at_most_400_lines() -> None:
    """No module is longer than 400 lines."""
    lengths = {named(file): len(file.read_text(encoding="utf-8").splitlines()) for file in modules(*FOLDERS)}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_MODULE_LINES} == {}


def test_functions__at_most_60_lines() -> None:
    """No function body is longer than 60 lines, but for those listed with a reason."""
    long = {
        f"{named(file)}:{function.name}": body_lines(function)
        for file in modules(*FOLDERS)
        for function in functions(parsed(file))
        if body_lines(function) > MAX_FUNCTION_LINES
    }
    allowed = exceptions("long_functions")
    assert {name: lines for name, lines in long.items() if name not in allowed} == {}
    assert set(allowed) <= set(long), "an exception that is no longer needed"
    assert all(allowed.values())


def test_kernels__at_most_nine_arguments() -> None:
    """No kernel and no helper of one takes more than nine arguments: a tenth means that two hide in it."""
    wide = {
        f"{named(file)}:{function.name}": len(function.args.args)
        for file in modules(PACKAGES[1])
        for function in functions(parsed(file))
        if len(function.args.args) > MAX_KERNEL_ARGUMENTS
    }
    assert wide == {}


def test_kernels__compiled_in_one_place_only() -> None:
    """Numba's decorators are named in `_compile.py` only, so that one file knows how kernels are compiled."""
    text = {file: file.read_text(encoding="utf-8") for file in modules(*PACKAGES) if file.name != "_compile.py"}
    pattern = re.compile(r"\b(njit|numba\.jit|guvectorize|vectorize|fastmath|prange)\b\s*[(=]|@(numba\.)?n?jit\b")
    assert [named(file) for file, words in text.items() if pattern.search(words)] == []


def test_schema__each_column_declared_once() -> None:
    """No two declarations in the schema carry the same name, but for those listed with a reason."""
    twice = {name for name, count in Counter(declared_names()).items() if count > 1}
    assert twice == set(exceptions("declared_twice"))


def test_columns__never_typed_as_a_string() -> None:
    """Outside the schema no column name stands as a string: it is imported from where it was declared."""
    names = set(declared_names())
    assert len(names) > 50, "the schema was not read"
    typed: set[str] = set()
    for file in modules(ROOT / "cape_engine", PACKAGES[1]):
        if (ROOT / "cape_engine" / "schema") in file.parents:
            continue
        tree = parsed(file)
        docs = {id(docstring(node)) for node in ast.walk(tree)}
        typed |= {
            f"{named(file)}:{node.value}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and node.value in names and id(node) not in docs
        }
    allowed = tuple(exceptions("typed_names"))
    assert sorted(name for name in typed if not name.startswith(allowed)) == []
    unused = [start for start in allowed if not any(name.startswith(start) for name in typed)]
    assert unused == [], "an exception that is no longer needed"


def test_switched_off_rules__say_why() -> None:
    """Each `noqa` names its rule and the reason on its own line."""
    reason = re.compile(r"# noqa: [A-Z]+\d+(, [A-Z]+\d+)* +(-|#) \S")
    silent = [
        f"{named(file)}:{number}"
        for file in modules(*FOLDERS)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if "# noqa" in line and '"# noqa' not in line and not reason.search(line)
    ]
    assert silent == []
