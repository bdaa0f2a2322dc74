"""The real FER2013 and FER+, where somebody put them beside the repository."""

from pathlib import Path

import pytest

from fercourse.faces.check import check

ROOT = Path(__file__).parents[2].parent / "shared" / "realdata"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not (ROOT / "fer2013.tar.gz").exists(), reason="no real data")]


def test_fer2013_straight_from_its_archive_has_the_published_counts():
    report = check("fer2013", ROOT)
    assert report.counts.keys() == {"train+val", "PublicTest"}
    assert all(report.counts[part] == report.published[part] for part in report.counts)
    assert "PrivateTest is absent (published: 3,589 faces)" in report.surprises
    assert any(surprise.startswith("13 blank images") for surprise in report.surprises)
    assert report.rejects == () and abs(report.splits["val"] - 2871) < 50


def test_ferplus_joins_on_the_row_and_reports_the_gap_in_fear():
    report = check("ferplus", ROOT)
    found, published = report.counts["PublicTest"], report.published["PublicTest"]
    assert found["contempt"] == published["contempt"] and found["disgust"] == published["disgust"]
    assert any(surprise.startswith("train+val: 112 faces of fear, published 532") for surprise in report.surprises)
    assert any("FER+ has no votes for them" in note for note in report.notes)
