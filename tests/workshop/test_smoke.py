"""The project is installed, and what is tested is what was installed."""

from __future__ import annotations

import importlib
import sysconfig
from pathlib import Path

import pytest


@pytest.mark.parametrize("name", ["cape_engine", "cape_kernels", "cape_fixtures"])
def test_import__package(name: str) -> None:
    """Each package of the wheel can be imported and says what it is for."""
    assert importlib.import_module(name).__doc__


@pytest.mark.parametrize("name", ["cape_engine", "cape_kernels", "cape_fixtures"])
def test_import__from_the_wheel_where_the_sources_are_not(name: str) -> None:
    """Away from the source tree the tests run on the installed wheel, and on nothing else."""
    if (Path(__file__).parents[2] / "cape_engine").is_dir():
        pytest.skip("the sources are here: this is the editable install")
    file = importlib.import_module(name).__file__
    assert file is not None
    assert Path(file).is_relative_to(sysconfig.get_paths()["purelib"])
