"""The project is installed, and its packages can be imported."""

from __future__ import annotations

import importlib

import pytest


@pytest.mark.parametrize("name", ["cape_engine", "cape_kernels", "cape_fixtures"])
def test_import__package(name: str) -> None:
    """Each package of the wheel can be imported and says what it is for."""
    assert importlib.import_module(name).__doc__
