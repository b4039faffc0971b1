"""What the tests of the life of entries share: a run over made-up entries."""

from __future__ import annotations

import pytest

from living.made import Made, made


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A run over 600 entries of every kind, some of them reviewed by a sample."""
    folder = tmp_path_factory.mktemp("run")
    return made(folder, 600, mix="all_rules", settings={"schedule.review_sample": 200})
