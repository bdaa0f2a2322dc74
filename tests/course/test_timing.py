"""The page on how long lessons run: read from the last test run, and honest where there was none."""

import re
import subprocess

import pytest

from fercourse.course import timing
from fercourse.course.notebooks import sources
from fercourse.errors import InputError

MADE = {"system": "Linux", "processor": "x86_64", "cores": 2, "gpu": None, "threads": "1", "python": "3.12.3",
        "torch": "2.6.0"}
LESSONS = ["00_faces", "01_baseline"]


def left(folder, name, time=90.0, tests=2, errors=0, failures=0):
    """Write a JUnit file as nbval leaves it."""
    (folder / f"{name}.xml").write_text(
        f'<?xml version="1.0"?><testsuites><testsuite name="pytest" errors="{errors}" failures="{failures}" '
        f'skipped="0" tests="{tests}" time="{time}" timestamp="2026-01-02T08:03:46" hostname="secret"/>'
        '</testsuites>')


def test_nothing_is_claimed_without_a_run(tmp_path):
    text = timing.page(tmp_path, LESSONS, MADE)
    assert "Not yet recorded" in text and "|" not in text


def test_minutes_are_those_of_the_run(tmp_path):
    left(tmp_path, "00_faces", 90)
    left(tmp_path, "01_baseline", 183)
    text = timing.page(tmp_path, LESSONS, MADE)
    assert "| 00_faces | 1.5, 2026-01-02 |" in text and "| 01_baseline | 3.0, 2026-01-02 |" in text
    assert "| 2 of 2, one after another | 4.5 |" in text
    for fact in ("2 x86_64 cores, 1 thread(s)", "Linux", "Python 3.12.3", "PyTorch 2.6.0", "Ran 2026-01-02 on"):
        assert fact in text
    assert "secret" not in text


def test_a_lesson_that_was_not_run_says_so(tmp_path):
    left(tmp_path, "01_baseline")
    text = timing.page(tmp_path, LESSONS, MADE)
    assert "| 00_faces | not yet recorded |" in text and "| 1 of 2, one after another | 1.5 |" in text


@pytest.mark.parametrize("wrong", [{"errors": 1}, {"failures": 1}, {"tests": 0}])
def test_a_run_that_was_cut_off_tells_no_time(tmp_path, wrong):
    left(tmp_path, "00_faces", **wrong)
    with pytest.raises(InputError, match="tells no time"):
        timing.page(tmp_path, LESSONS, MADE)


@pytest.mark.parametrize("text", ["", "<x/>", "<testsuites><testsuite/></testsuites>"])
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "00_faces.xml").write_text(text)
    with pytest.raises(InputError, match="no JUnit file"):
        timing.page(tmp_path, LESSONS, MADE)


def test_the_command_writes_the_page(tmp_path, capsys):
    left(tmp_path, "00_faces")
    timing.main(tmp_path, tmp_path / "timing.md")
    assert "| 00_faces | 1.5" in (tmp_path / "timing.md").read_text() and "PyTorch" in capsys.readouterr().out
    assert {"torch", "python", "threads", "gpu"} <= timing.this_machine().keys()


def test_the_committed_page_tells_of_every_lesson_and_keeps_the_promise():
    minutes = dict(re.findall(r"^\| (\d\d_\w+) \| ([\d.]+), ", timing.PAGE.read_text("utf-8"), re.MULTILINE))
    assert list(minutes) == [source.stem for source in sources()]
    assert max(map(float, minutes.values())) <= 4 and sum(map(float, minutes.values())) <= 30


def test_git_ignores_what_the_tests_leave():
    if not (timing.ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    assert subprocess.run(["git", "check-ignore", "-q", timing.LEFT / "00_faces.xml"], cwd=timing.ROOT).returncode == 0
