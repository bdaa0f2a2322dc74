"""What several tests of faces share."""

import pytest


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """Let the test have an empty cache of its own; returns the folder."""
    monkeypatch.setenv("FERCOURSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
