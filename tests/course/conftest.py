"""What several tests of grading begin with."""

import pytest


@pytest.fixture
def lesson(tmp_path):
    """Return the source of a small lesson."""
    from .test_grade import LESSON
    path = tmp_path / "07_small.py"
    path.write_text(LESSON, encoding="utf-8")
    return path
