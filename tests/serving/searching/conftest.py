"""One small index that tests read and do not change."""

from __future__ import annotations

import pytest

from helpers.indexes import SmallIndex, small_index


@pytest.fixture(scope="package")
def index(tmp_path_factory: pytest.TempPathFactory) -> SmallIndex:
    return small_index(tmp_path_factory.mktemp("indexes"), prompts={"query": "find the "})
