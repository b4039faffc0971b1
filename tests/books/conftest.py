"""What the tests of the books share: a run over made-up entries, and positions made by hand."""

from __future__ import annotations

import pytest

from living.made import Made, made


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A run over 400 entries of every kind, some of them reviewed by a sample."""
    return made(tmp_path_factory.mktemp("books"), 400, mix="all_rules", settings={"schedule.review_sample": 200})
